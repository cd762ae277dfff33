"""Bytes on their way from a task that gets them to the channel that stores them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, final

from gatewayd.dvr.media.engine import Beat, StreamRestarts
from gatewayd.errors import GatewayError

MOST = 1 << 20
"""Bytes that may wait; then the task waits too, and with it the server."""


@final
class Fresh:
    """The bytes after this begin another stream: other counters, another clock."""


FRESH: Final = Fresh()
Piece = bytes | Fresh


class Feed:
    """A bounded queue with an end; one task puts, one reads at most once a beat. Close it."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._struck = asyncio.Event()
        beat.join(self._struck.set)
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._ended = False
        self._error: GatewayError | None = None
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    async def put(self, piece: Piece) -> None:
        """Hands a piece on; returns when there is room for another."""
        if piece == b"":
            return
        self._pieces.append(piece)
        if isinstance(piece, bytes):
            self._size += len(piece)
        self._filled.set()
        if self._size >= MOST:
            self._drained.clear()
            await self._drained.wait()

    def end(self, error: GatewayError | None) -> None:
        """Nothing more comes; readers get what waits, then `error` or the end."""
        self._ended, self._error = True, error
        self._filled.set()

    def close(self) -> None:
        """Leaves the beat."""
        self._beat.leave(self._struck.set)

    async def read(self, patience: float) -> bytes:
        """As Flow's; raises StreamRestarts at the point where FRESH was put."""
        self._struck.clear()
        await self._struck.wait()
        if not self._pieces and not self._ended:
            async with asyncio.timeout(patience):
                await self._filled.wait()
        if not self._pieces:
            if self._error is not None:
                raise self._error
            return b""
        if self._pieces[0] is FRESH:
            self._pieces.popleft()
            self._settle()
            raise StreamRestarts
        taken: list[bytes] = []
        while self._pieces and isinstance(piece := self._pieces[0], bytes):
            taken.append(piece)
            self._pieces.popleft()
        self._settle()
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _settle(self) -> None:
        """After something was taken."""
        self._size = sum(len(piece) for piece in self._pieces if isinstance(piece, bytes))
        if not self._pieces and not self._ended:
            self._filled.clear()
        self._drained.set()
