"""Is the clock right?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import OFFSET_WARN, OFFSET_WRONG
from gatewayd.diagnostics.results import AddressResult, ClockResult, LinkResult

TIMEOUT = 2.5


class ClockCheck(Check[ClockResult]):
    """One question to a time server."""

    result = ClockResult
    needs = (LinkResult, AddressResult)
    limit = TIMEOUT + 2.0

    async def run(self, around: Surroundings) -> ClockResult:
        server = around.targets.ntp_server
        if server is None:
            return self.without("skipped", "No time server is set.")
        offset = await around.world.clock_offset(server, await around.resolvers(), TIMEOUT)
        if offset is None:
            return ClockResult(
                status="unknown", detail=f"The time server {server} does not answer.", server=server
            )
        off = abs(offset)
        side = "slow" if offset > 0 else "fast"
        return ClockResult(
            status="failed" if off >= OFFSET_WRONG else "warn" if off > OFFSET_WARN else "ok",
            detail="The clock is right." if off <= OFFSET_WARN else f"The clock is {off:.0f} s {side}.",
            server=server,
            offset=offset,
        )
