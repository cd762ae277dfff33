"""What does the line carry when it is full, and who waits then?"""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import PLAN
from gatewayd.diagnostics.results import (
    LoadFigures,
    LoadResult,
    MtuResult,
    QualityResult,
    ping_figures,
)

_INTERVAL, _FIRST = 0.1, 1.5
"""Pings while the line is loaded; those of the first seconds, in which it fills, do not count."""
_ROUND, _TRIES = 13.0, 3
Way = Literal["down", "up"]


class LoadCheck(Check[LoadResult]):
    """Fills the line in each direction and pings meanwhile. Only where it was asked for."""

    result = LoadResult
    needs = (QualityResult,)
    after = (MtuResult,)
    limit = 3 * _ROUND
    late = True

    async def run(self, around: Surroundings) -> LoadResult:
        if not around.thorough:
            return self.without("skipped", "The line was not to be filled.")
        idle = around.result(QualityResult).line
        if around.load is None or idle is None:
            return self.without("skipped", "No server to fill the line from is set.")
        down = await _loaded(around, "down", idle.target)
        up = await _loaded(around, "up", idle.target)
        if down is None and up is None:
            return self.without("skipped", "No server to fill the line from is set.")
        return LoadResult(
            status="ok",
            detail=" ".join(_told(*one) for one in (("down", down), ("up", up))).strip(),
            idle_ms=idle.median_ms,
            down=down,
            up=up,
            plan_down_mbits=around.targets.plan_down_mbits,
            plan_up_mbits=around.targets.plan_up_mbits,
        )


async def _loaded(around: Surroundings, way: Way, target: str) -> LoadFigures | None:
    """Once; again when that was less than was bought, which one bad moment may explain. A round in which the
    box itself was the limit is thrown away."""
    plan = around.targets.plan_down_mbits if way == "down" else around.targets.plan_up_mbits
    kept: LoadFigures | None = None
    rates: tuple[float, ...] = ()
    for _ in range(_TRIES):
        found = await _once(around, way, target)
        if found is None:
            break
        rates += found.rounds
        kept = found if kept is None or kept.device_limited else kept
        if plan is None or len(rates) >= 2 or any(rate >= plan * PLAN for rate in rates):
            break
    return None if kept is None else msgspec.structs.replace(kept, rounds=rates)


async def _once(around: Surroundings, way: Way, target: str) -> LoadFigures | None:
    assert around.load is not None
    times: list[float | None] = []

    async def watch() -> None:
        await around.clock.sleep(_FIRST)
        while True:
            times.extend(await around.world.ping(target, count=5, interval=_INTERVAL, timeout=2.0))

    watching = asyncio.create_task(watch(), name="ping under load")
    try:
        async with asyncio.timeout(_ROUND):
            figures = await around.load(way)
    except TimeoutError:
        figures = None
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    if figures is None or figures.line is not None or not times:
        return figures
    return msgspec.structs.replace(figures, line=ping_figures(target, times))


def _told(way: str, figures: LoadFigures | None) -> str:
    if figures is None or not figures.rounds:
        return ""
    if figures.device_limited:
        return f"The box itself was the limit while loading {way}."
    told = f"{sorted(figures.rounds)[len(figures.rounds) // 2]:.1f} Mbit/s {way}"
    if figures.line is not None and figures.line.median_ms is not None:
        told += f", pings take {figures.line.median_ms:.0f} ms then"
    return f"{told}."
