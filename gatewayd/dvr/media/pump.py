"""Reading sources in the writing thread itself: one hand-over a beat and one buffer for all channels.

What a recording costs is mostly what happens around the bytes: waking a loop for each source, a fresh
buffer for each reading, handing it to another thread whose core has not seen it. Here the writing
thread takes the bytes from the kernel into a buffer that stays in its cache, stores and judges them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from gatewayd.dvr.media.disk import Disk, run_all
from gatewayd.dvr.media.engine import Tap
from gatewayd.errors import GatewayError

PATIENCE = 1.0
"""Seconds that the kernel holds what comes while a slow disk keeps the thread; then the loop reads."""
BUFFER = 1 << 20


class Draw:
    """One channel's part in a round; the writing thread calls it.

    `store` gets the bytes as a view that is good until it returns; it may raise GatewayError. Then, or at the
    source's end, `error` says why nothing more is drawn, and `wake` is called in the event loop.
    """

    def __init__(self, tap: Tap, store: Callable[[memoryview], None], wake: Callable[[], None]) -> None:
        self._tap = tap
        self._store = store
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self.error: GatewayError | None = None
        self.late = False

    def __call__(self, buffer: memoryview) -> None:
        """Stores all that has come."""
        error: GatewayError | None = GatewayError("dvr.disk_failed", "The recording pauses: see the log.")
        try:
            while self.error is None and (size := self._tap.take(buffer)):
                self._store(buffer[:size])
                if size < len(buffer):
                    break
            error = None
        except GatewayError as reason:
            error = reason
        finally:  # also after a crash, which the disk logs
            if error is not None:
                self.error = error
                self._loop.call_soon_threadsafe(self._wake)

    def relieve(self) -> None:
        """Says that the thread is kept by the disk."""
        self.late = True
        self._wake()


class Pump:
    """Draws from all that joined, every `period` seconds. Used in the event loop."""

    def __init__(self, period: float, disk: Disk) -> None:
        self._period = period
        self._disk = disk
        self._draws: tuple[Draw, ...] = ()
        self._buffer: memoryview | None = None
        self._finished = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def join(self, draw: Draw) -> None:
        """Takes part from the next round on."""
        self._draws = (*self._draws, draw)
        if len(self._draws) == 1:
            self._buffer = memoryview(bytearray(BUFFER))
            self._finished = time.monotonic()
            self._disk.every(self._period, self._round)
            self._look()

    def leave(self, draw: Draw) -> None:
        """Ends that; a round that runs may still call it."""
        self._draws = tuple(other for other in self._draws if other is not draw)
        if not self._draws:
            self._buffer = None
            self._disk.still()
            if self._watch is not None:
                self._watch.cancel()

    def once(self, draw: Draw) -> None:
        """Queues one more drawing behind all that is on its way to the disk."""
        buffer = self._buffer
        if buffer is not None:
            self._disk.write(lambda: draw(buffer))

    def _round(self) -> None:
        """In the writing thread."""
        buffer = self._buffer
        if buffer is not None:
            run_all([lambda draw=draw: draw(buffer) for draw in self._draws])  # type: ignore[misc]
        self._finished = time.monotonic()

    def _look(self) -> None:
        if time.monotonic() - self._finished > self._period + PATIENCE:
            for draw in self._draws:
                draw.relieve()
        self._watch = asyncio.get_running_loop().call_later(PATIENCE, self._look)
