"""What the rest of the box tells diagnostics of the home: Wi-Fi's devices, television, earlier outages.

Diagnostics knows none of those features: whoever composes the box fulfils `House`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, Protocol

from gatewayd.diagnostics.results import LoadFigures
from gatewayd.diagnostics.signal import TvSignal


class Station(NamedTuple):
    """A device on Wi-Fi. `retries` is the share (0..1) of frames that were sent again, `idle` seconds of
    silence; None where the radio does not tell."""

    name: str
    signal_dbm: int | None
    retries: float | None = None
    idle: float | None = None


class House(Protocol):
    """Each answers at once from what is known."""

    async def stations(self) -> tuple[Station, ...] | None:
        """The devices on Wi-Fi; None while the radio is away or there is none."""
        ...

    async def television(self) -> TvSignal | None:
        """The streams that are wanted now; None where there is no television."""
        ...

    async def transitions(self) -> int | None:
        """How often the line came or went in the last 15 minutes; None while nobody watches."""
        ...

    async def busiest(self, rate: float) -> str | None:
        """The device that most of `rate` (bit/s) on the line is for; None when that cannot be told."""
        ...


class EmptyHouse:
    """A House that knows nothing."""

    async def stations(self) -> tuple[Station, ...] | None:
        """Nothing known."""
        return None

    async def television(self) -> TvSignal | None:
        """Nothing known."""
        return None

    async def transitions(self) -> int | None:
        """Nothing known."""
        return None

    async def busiest(self, rate: float) -> str | None:
        """Nothing known."""
        return None


Load = Callable[[Literal["down", "up"]], Awaitable[LoadFigures | None]]
"""Loads the line for some seconds, one direction; None when no server is set. It must end within 15 s."""
