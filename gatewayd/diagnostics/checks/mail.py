"""Can mail be read and sent, and has the domain's mail somewhere to go?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import MAIL_FAILS
from gatewayd.diagnostics.mail_server import USES, Exchangers
from gatewayd.diagnostics.results import InternetResult
from gatewayd.diagnostics.service_results import MailAnswer, MailResult
from gatewayd.diagnostics.words import Status

TIMEOUT = 3.0
_MOST, _MOST_EXCHANGERS = 4, 2


class MailCheck(Check[MailResult]):
    """Each mail server's greeting (one that fails is tried twice); the domain's MX records, their port 25.

    That port is often closed on a home's line by design: it is told, and no fault.
    """

    result = MailResult
    needs = (InternetResult,)
    limit = 2 * TIMEOUT + 4.0

    async def run(self, around: Surroundings) -> MailResult:
        servers, domain = around.targets.mail_servers[:_MOST], around.targets.mail_domain
        if not servers and domain is None:
            return self.without("skipped", "No mail servers are set.")
        asked, (found, delivered) = await asyncio.gather(
            asyncio.gather(*(_greeting(around, one) for one in servers)), _delivery(around, domain)
        )
        answers = [one for one in asked if one is not None]
        if not answers and found is None:
            return self.without("skipped", "This line leads to no address of the mail servers.")
        return MailResult(
            status=_status(answers, found),
            detail=_told(answers, delivered, domain, found),
            servers=(*answers, *delivered),
            domain=domain,
            exchangers=None if found is None else found.hosts,
            lookup=None if found is None else found.lookup,
        )


async def _greeting(around: Surroundings, server: str) -> MailAnswer | None:
    """None for a server without an address that this line leads to: that is the resolver's affair."""
    host, _, text = server.rpartition(":")
    address, port = await around.address_of(host), int(text)
    if address is None:
        return None
    greeting = await around.world.mail_server(host.strip("[]"), address, port, TIMEOUT)
    if greeting.outcome in MAIL_FAILS:
        greeting = await around.world.mail_server(host.strip("[]"), address, port, TIMEOUT)
    return MailAnswer(
        target=server,
        outcome=greeting.outcome,
        use=USES.get(port, "other"),
        ms=greeting.ms,
        secure=greeting.secure,
    )


async def _delivery(
    around: Surroundings, domain: str | None
) -> tuple[Exchangers | None, tuple[MailAnswer, ...]]:
    if domain is None:
        return None, ()
    found = await around.world.exchangers(domain, await around.resolvers())
    asked = await asyncio.gather(
        *(_greeting(around, f"{host}:25") for host in found.hosts[:_MOST_EXCHANGERS])
    )
    return found, tuple(one for one in asked if one is not None)


def _status(answers: Sequence[MailAnswer], found: Exchangers | None) -> Status:
    nowhere = found is not None and found.lookup in ("none", "refused")
    if nowhere or any(one.outcome in MAIL_FAILS for one in answers):
        return "failed"
    return "warn" if any(one.outcome == "untrusted" for one in answers) else "ok"


_SAYS = {
    "turned_away": "turns mail programs away",
    "mute": "takes connections and says nothing",
    "untrusted": "shows a certificate that is not its own",
    "refused": "is not there (nobody at that port)",
    "timeout": "does not answer",
    "unreachable": "is not reachable",
}


def _told(
    answers: Sequence[MailAnswer],
    delivered: Sequence[MailAnswer],
    domain: str | None,
    found: Exchangers | None,
) -> str:
    told = [f"{one.target} {_SAYS[one.outcome]}." for one in answers if one.outcome in _SAYS]
    told += [f"{one.target} offers no encryption." for one in answers if one.secure is False]
    if answers and not told:
        told.append("The mail servers greet.")
    match found.lookup if found is not None else None:
        case "none":
            told.append(f"{domain} names no mail server (no MX record).")
        case "refused":
            told.append(f"{domain} says that it takes no mail (null MX).")
        case "failed":
            told.append(f"Where mail for {domain} goes could not be looked up.")
    if delivered and all(one.outcome in MAIL_FAILS for one in delivered):
        told.append("Port 25 leads nowhere, as on many lines: mail programs do not need it.")
    return " ".join(told) or "Mail has somewhere to go."
