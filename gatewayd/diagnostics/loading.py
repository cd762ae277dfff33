"""The speed test as the load of a diagnosis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from gatewayd.diagnostics.house import Load
from gatewayd.diagnostics.results import LoadFigures
from gatewayd.diagnostics.speed_model import SpeedtestResult, SpeedtestStart
from gatewayd.errors import GatewayError

_MOST_BYTES = 500_000_000
Test = Callable[[SpeedtestStart, Any], Awaitable[SpeedtestResult]]
"""A speed test that takes what is wanted and whom to tell how far it is."""


def load_by(test: Test) -> Load:
    """Fills the line with the speed test's streams; None where that has no server or cannot reach it."""

    async def load(way: Literal["down", "up"]) -> LoadFigures | None:
        wanted = SpeedtestStart(directions=(way,), even_if_busy=True, max_bytes=_MOST_BYTES)
        try:
            result = await test(wanted, lambda *_: None)
        except GatewayError:
            return None
        found = result.down if way == "down" else result.up
        if found is None:
            return None
        return LoadFigures(
            rounds=() if found.rate is None else (round(found.rate / 1e6, 3),),
            rpm=None if found.latency is None else float(found.latency.rpm),
            device_limited=found.rate is None,
        )

    return load
