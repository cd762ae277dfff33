"""Does the box itself measure well? Its findings qualify the others."""

from __future__ import annotations

import asyncio

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.model import SelfResult
from gatewayd.diagnostics.verdict import DISK_FREE, LAG_MS


class BoxCheck(Check[SelfResult]):
    """Lateness of the event loop and room on the disk."""

    result = SelfResult

    async def run(self, around: Surroundings) -> SelfResult:
        lag, free = await asyncio.gather(around.world.loop_lag_ms(), around.world.disk_free())
        full = free is not None and free < DISK_FREE
        late = lag > LAG_MS
        told = [f"The event loop is {lag:.0f} ms late at most times."]
        if free is not None:
            told.append(f"{free:.0%} of the disk is free.")
        return SelfResult(
            status="failed" if full else "warn" if late else "ok",
            detail=" ".join(told),
            loop_lag_ms=lag,
            disk_free=free,
        )
