"""A recording's bytes as one transport stream: its slices, one behind the other.

Whoever reads it while it is deleted gets `dvr.segment_not_found`, never other bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gatewayd.dvr.media.messages import Slice
from gatewayd.errors import GatewayError

BLOCK = 1 << 20


class Piece(NamedTuple):
    """Bytes [start, stop) of one file."""

    path: Path
    start: int
    stop: int


def pieces(slices: Iterable[Slice], folder: Path) -> tuple[Piece, ...]:
    """Where a recording's bytes lie below the recorder's folder, in order; empty ones are left out."""
    return tuple(
        Piece(folder / f"{part.segment}.ts", part.from_byte, part.to_byte)
        for part in slices
        if part.from_byte < part.to_byte
    )


def size(parts: Sequence[Piece]) -> int:
    """How many bytes the pieces are together."""
    return sum(part.stop - part.start for part in parts)


def between(parts: Sequence[Piece], start: int, stop: int) -> Iterator[Piece]:
    """The pieces of bytes [start, stop) of the whole, as an HTTP range asks for them."""
    position = 0
    for part in parts:
        length = part.stop - part.start
        first, last = max(start - position, 0), min(stop - position, length)
        if first < last:
            yield Piece(part.path, part.start + first, part.start + last)
        position += length


def blocks(parts: Iterable[Piece], most: int = BLOCK) -> Iterator[bytes]:
    """The bytes, at most `most` at a time. Blocks on the disk: run it in a thread.

    Raises GatewayError `dvr.segment_not_found` when a file is gone or shorter than its piece.
    """
    for part in parts:
        try:
            with open(part.path, "rb", buffering=0) as file:
                file.seek(part.start)
                left = part.stop - part.start
                while left:
                    data = file.read(min(left, most))
                    if not data:
                        raise GatewayError("dvr.segment_not_found", f"{part.path.name} is too short.")
                    left -= len(data)
                    yield data
        except FileNotFoundError:
            raise GatewayError("dvr.segment_not_found", f"{part.path.name} is gone.") from None
