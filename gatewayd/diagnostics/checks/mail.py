"""Can the mail servers be reached?"""

from __future__ import annotations

import asyncio

import msgspec

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AnchorAnswer, InternetResult, MailResult

TIMEOUT = 3.0
_MOST = 4


class MailCheck(Check[MailResult]):
    """A connection to each mail server's port; one that fails is tried twice."""

    result = MailResult
    needs = (InternetResult,)
    limit = 2 * TIMEOUT + 4.0

    async def run(self, around: Surroundings) -> MailResult:
        servers = around.targets.mail_servers[:_MOST]
        if not servers:
            return self.without("skipped", "No mail servers are set.")
        asked = await asyncio.gather(*(_reached(around, one) for one in servers))
        answers = [one for one in asked if one is not None]
        if not answers:
            return self.without("skipped", "This line leads to no address of the mail servers.")
        missed = [one.target for one in answers if one.outcome != "connected"]
        return MailResult(
            status="failed" if missed else "ok",
            detail=f"Not reached: {', '.join(missed)}." if missed else "The mail servers answer.",
            servers=tuple(answers),
        )


async def _reached(around: Surroundings, server: str) -> AnchorAnswer | None:
    """None for a server without an address that this line leads to: that is the resolver's affair."""
    host, _, port = server.rpartition(":")
    address = await around.address_of(host)
    if address is None:
        return None
    literal = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    answer = await around.world.connect(literal, TIMEOUT)
    if answer.outcome != "connected":
        answer = await around.world.connect(literal, TIMEOUT)
    return msgspec.structs.replace(answer, target=server)
