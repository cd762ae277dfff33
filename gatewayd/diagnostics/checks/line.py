"""Is the line busy already?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import BUSY
from gatewayd.diagnostics.results import LineResult, LinkResult

_SECONDS = 2.0


class LineCheck(Check[LineResult]):
    """What passes the WAN in two seconds, beside what was bought."""

    result = LineResult
    needs = (LinkResult,)
    limit = _SECONDS + 2.0

    async def run(self, around: Surroundings) -> LineResult:
        down_plan, up_plan = around.targets.plan_down_mbits, around.targets.plan_up_mbits
        interface = around.result(LinkResult).interface or ""
        if down_plan is None and up_plan is None:
            return self.without("skipped", "What was bought is not set.")
        before, started = await around.world.counters(interface), around.clock.monotonic()
        await around.clock.sleep(_SECONDS)
        after, ended = await around.world.counters(interface), around.clock.monotonic()
        if before is None or after is None:
            return self.without("unknown", f"Nobody counts what passes {interface}.")
        down, up = (
            max(0, last - first) * 8 / 1e6 / (ended - started)
            for first, last in zip(before, after, strict=True)
        )
        busy = down > BUSY * (down_plan or float("inf")) or up > BUSY * (up_plan or float("inf"))
        by = await around.house.busiest(max(down, up) * 1e6) if busy else None
        detail = f"{down:.1f} Mbit/s come in and {up:.1f} go out."
        return LineResult(
            status="warn" if busy else "ok",
            detail=f"{detail} Most of it is for {by}." if by is not None else detail,
            busiest=by,
            down_mbits=round(down, 3),
            up_mbits=round(up, 3),
            plan_down_mbits=down_plan,
            plan_up_mbits=up_plan,
        )
