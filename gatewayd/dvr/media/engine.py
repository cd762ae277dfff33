"""How a channel's bytes are got: the Protocol that every kind of source fulfils, and the beat.

An engine opens a source and returns a Flow of transport stream bytes. HTTP and the test card are the
engines of today; what is not MPEG-TS gets an engine that lets a worker remux it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from gatewayd.dvr.media.messages import Source

BEAT = 0.4
"""Seconds between two readings of a flow: what a killed recorder may lose, less than 0.5 s."""


class StreamRestarts(Exception):
    """What comes next is another stream than before, by the source's own word: reading may go on."""


class Flow(Protocol):
    """An open source."""

    async def read(self, patience: float) -> bytes:
        """What has come since the last call, waiting for the next beat and for a byte; b"" at the end.

        Raises TimeoutError when nothing came for about `patience` seconds (reading may go on), and
        GatewayError (a dotted `dvr.` code) when the source breaks, and StreamRestarts.
        """
        ...


class Tap(Protocol):
    """What a flow lends to the thread that writes: there the source's bytes need no taking apart."""

    def take(self, buffer: memoryview) -> int:
        """Puts what has come at the beginning of `buffer`; how much, 0 for nothing now. In any thread.

        Raises GatewayError (`dvr.source_ended`) at the end.
        """
        ...

    def close(self) -> None:
        """Nothing is taken any more; the flow may be read again. In the event loop."""
        ...


@runtime_checkable
class Tappable(Protocol):
    """A flow that may lend its source."""

    def tap(self) -> Tap | None:
        """Lends it until the tap is closed, and must not be read meanwhile; None when that cannot be now."""
        ...


class Engine(Protocol):
    """Opens sources of one kind."""

    def open(self, source: Source) -> AbstractAsyncContextManager[Flow]:
        """The flow of a source; leaving the context closes it.

        Entering raises GatewayError: `dvr.source_unreachable`, `dvr.source_http_status`,
        `dvr.forbidden_address`.
        """
        ...


class Beat:
    """One timer for all flows, so that the process wakes a few times a second however many it reads.

    Wake-ups are what copying a stream costs, not bytes. Between beats the kernel holds what comes.
    """

    def __init__(self, period: float = BEAT) -> None:
        self._period = period
        self._flows: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def join(self, struck: Callable[[], None]) -> None:
        """Calls `struck` at every beat from now on."""
        self._flows.append(struck)
        if self._timer is None:
            self._wind()

    def leave(self, struck: Callable[[], None]) -> None:
        """Ends that; without flows there is no timer."""
        self._flows.remove(struck)
        if not self._flows and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = loop.call_at(now - now % self._period + self._period, self._strike)

    def _strike(self) -> None:
        self._wind()
        for struck in tuple(self._flows):
            struck()
