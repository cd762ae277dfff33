"""Is the telephone let in, and registered?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import InternetResult
from gatewayd.diagnostics.service_results import PhoneOutcome, PhoneResult
from gatewayd.diagnostics.sip import Answer
from gatewayd.diagnostics.words import Status

TIMEOUT = 4.0
_STATUS: dict[PhoneOutcome, Status] = {
    "registered": "ok",
    "alive": "ok",
    "empty": "warn",
    "unclear": "warn",
    "account": "failed",
    "service": "failed",
    "refused": "failed",
    "silent": "failed",
    "untrusted": "failed",
    "unresolved": "skipped",
}


class PhoneCheck(Check[PhoneResult]):
    """SIP REGISTER with the account of the settings, OPTIONS without. See `sip.meaning` for the answers."""

    result = PhoneResult
    needs = (InternetResult,)
    limit = TIMEOUT + 4.0

    async def run(self, around: Surroundings) -> PhoneResult:
        server = around.targets.sip_server
        if server is None:
            return self.without("skipped", "No telephone server is set.")
        answer = await around.world.telephone(around.targets, await around.resolvers(), TIMEOUT)
        if answer.outcome == "unresolved":
            return self.without("skipped", f"This line leads to no address of {server}.")
        lost = answer.outcome == "empty" and around.learned.telephone
        return PhoneResult(
            status="failed" if lost else _STATUS[answer.outcome],
            detail=told(server, answer),
            server=server,
            sip_status=answer.status,
            outcome=answer.outcome,
            bindings=answer.bindings,
            lost=lost,
        )


def told(server: str, answer: Answer) -> str:
    """One sentence of what the server said."""
    match answer.outcome:
        case "registered":
            return f"{server} lets the account in; telephones registered: {answer.bindings}."
        case "empty":
            return f"{server} lets the account in, but knows no telephone of it."
        case "alive":
            return f"The telephone server {server} answers {answer.status}."
        case "account":
            return f"{server} turns the account away (status {answer.status})."
        case "service":
            status = "" if answer.status is None else f" (status {answer.status})"
            return f"The telephone server {server} answers with an error of its own{status}."
        case "unclear":
            return f"{server} answers {answer.status}, which says nothing of the account."
        case "refused":
            return f"Nobody listens at the telephone server {server}."
        case "untrusted":
            return f"The certificate that {server} shows is not its own."
        case "silent":
            return f"The telephone server {server} does not answer."
        case "unresolved":
            return f"No address of {server} is known."
