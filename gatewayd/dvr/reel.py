"""A recording as one file: its slices one behind the other, read in bounded pieces off the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path

from gatewayd.dvr.media.messages import Slice
from gatewayd.errors import GatewayError

BLOCK = 188 * 1392
"""Bytes that are read at a time: about 256 KiB, and whole packets."""


class Reel:
    """Bytes of slices in order, behind `ahead`; `size` of them in all. `folder` is the recorder's."""

    def __init__(self, folder: Path, slices: Sequence[Slice], ahead: bytes = b"") -> None:
        self._folder = folder
        self._slices = tuple(slices)
        self._ahead = ahead
        self.size = len(ahead) + length(slices)

    async def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Bytes [start, stop) in pieces. Raises GatewayError `dvr.segment_not_found` when some are gone."""
        first = len(self._ahead)
        if start < first:
            yield self._ahead[start:stop]
        for part in cut(self._slices, max(0, start - first), max(0, stop - first)):
            file = await asyncio.to_thread(_open, self._folder / f"{part.segment}.ts")
            try:
                position = part.from_byte
                while position < part.to_byte:
                    wanted = min(BLOCK, part.to_byte - position)
                    piece = await asyncio.to_thread(os.pread, file, wanted, position)
                    if not piece:
                        raise _gone()
                    yield piece
                    position += len(piece)
            finally:
                os.close(file)


def length(slices: Sequence[Slice]) -> int:
    """Bytes of all slices."""
    return sum(part.to_byte - part.from_byte for part in slices)


def cut(slices: Sequence[Slice], start: int, stop: int) -> Iterator[Slice]:
    """The slices, or parts of them, that bytes [start, stop) of the whole are in. Pure."""
    base = 0
    for part in slices:
        size = part.to_byte - part.from_byte
        begin, end = max(start - base, 0), min(stop - base, size)
        if begin < end:
            yield Slice(segment=part.segment, from_byte=part.from_byte + begin, to_byte=part.from_byte + end)
        base += size


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise _gone() from None


def _gone() -> GatewayError:
    return GatewayError("dvr.segment_not_found", "A part of this recording is no longer on the disk.")
