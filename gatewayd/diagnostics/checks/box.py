"""Does the box itself measure well? Its findings qualify the others."""

from __future__ import annotations

import asyncio

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import DISK_FREE, LAG_MS, PRESSURE
from gatewayd.diagnostics.results import SelfResult


class BoxCheck(Check[SelfResult]):
    """Lateness of the event loop, pressure on the processor, heat, and room on the disk."""

    result = SelfResult

    async def run(self, around: Surroundings) -> SelfResult:
        world = around.world
        lag, free, pressure, throttled = await asyncio.gather(
            world.loop_lag_ms(), world.disk_free(), world.pressure(), world.throttled()
        )
        full = free is not None and free < DISK_FREE
        pressed = pressure is not None and pressure > PRESSURE
        told = [f"The event loop is {lag:.0f} ms late at most times."]
        if pressure is not None:
            told.append(f"Programs waited for the processor {pressure:.0f} % of the time.")
        if throttled:
            told.append("It runs slower than it could: too hot, or its supply is weak.")
        if free is not None:
            told.append(f"{free:.0%} of the disk is free.")
        return SelfResult(
            status="failed" if full or pressed else "warn" if lag > LAG_MS or throttled else "ok",
            detail=" ".join(told),
            loop_lag_ms=lag,
            disk_free=free,
            pressure=pressure,
            throttled=throttled,
        )
