"""Does the telephone's server answer?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.results import InternetResult, PhoneResult

TIMEOUT = 4.0


class PhoneCheck(Check[PhoneResult]):
    """SIP OPTIONS. A server that asks who we are lives; one that cannot serve says so with a 5xx."""

    result = PhoneResult
    needs = (InternetResult,)
    limit = TIMEOUT + 2.0

    async def run(self, around: Surroundings) -> PhoneResult:
        server = around.targets.sip_server
        if server is None:
            return self.without("skipped", "No telephone server is set.")
        if await around.address_of(endpoint(server, 0)[0]) is None:
            return self.without("skipped", f"This line leads to no address of {server}.")
        status = await around.world.sip_options(server, await around.resolvers(), TIMEOUT)
        if status is None:
            return PhoneResult(
                status="failed", detail=f"The telephone server {server} does not answer.", server=server
            )
        bad = status == 403 or status >= 500
        return PhoneResult(
            status="failed" if bad else "ok",
            detail=f"The telephone server {server} answers {status}.",
            server=server,
            sip_status=status,
        )
