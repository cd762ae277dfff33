"""A checksum of a segment at a third of the price of CRC-32 or Adler-32 (a seventh of all).

It is meant against the disk (a flipped bit, a lost or misplaced block), not against people: for those
there is SHA-256 on request.
"""

from __future__ import annotations

import struct

import numpy as np

_WORD = 8
_MASK = (1 << 64) - 1
BLOCK = 4096
"""Bytes of one weight: what a disk loses or puts in the wrong place is a block."""


class Checksum:
    """Two sums over the data as little-endian 64-bit words (the last one filled with zeros), modulo 2^64.

    The first is of the words, the second of the words times the number of their block of BLOCK bytes,
    from 1. How the data was cut into updates makes no difference.
    """

    def __init__(self) -> None:
        self._plain = 0
        self._weighted = 0
        self._size = 0
        self._rest = b""

    def update(self, data: bytes | memoryview) -> None:
        """Adds bytes; the sum is cheapest where len of all before plus the data's address is even to 8."""
        view = memoryview(data)
        if self._rest:
            need = _WORD - len(self._rest)
            word = self._rest + view[:need]
            if len(word) < _WORD:
                self._rest = word
                return
            self._add_word(word)
            view = view[need:]
        whole = len(view) // _WORD * _WORD
        self._rest = bytes(view[whole:])
        edge = -self._size % BLOCK
        if edge:
            self._add(view[: min(edge, whole)])
            view, whole = view[min(edge, whole) :], max(0, whole - edge)
        blocks = whole // BLOCK
        if blocks:
            self._add_blocks(view[: blocks * BLOCK], blocks)
        self._add(view[blocks * BLOCK : whole])

    def text(self) -> str:
        """`sum64:` and both sums in hexadecimal, the weighted one first."""
        last = int.from_bytes(self._rest, "little")
        plain = self._plain + last & _MASK
        weighted = self._weighted + last * (self._size // BLOCK + 1) & _MASK
        return f"sum64:{weighted:016x}{plain:016x}"

    def _add_word(self, word: bytes) -> None:
        (value,) = struct.unpack("<Q", word)
        self._count(value)
        self._size += _WORD

    def _add(self, view: memoryview) -> None:
        """Words of one block."""
        if view:
            self._count(int(np.add.reduce(np.frombuffer(view, "<u8"))))
            self._size += len(view)

    def _add_blocks(self, view: memoryview, blocks: int) -> None:
        sums = np.add.reduce(np.frombuffer(view, "<u8").reshape(blocks, BLOCK // _WORD), axis=1)
        first = self._size // BLOCK + 1
        weights = np.arange(first, first + blocks, dtype=np.uint64)
        self._plain = self._plain + int(np.add.reduce(sums)) & _MASK
        self._weighted = self._weighted + int(np.add.reduce(sums * weights)) & _MASK
        self._size += len(view)

    def _count(self, value: int) -> None:
        self._plain = self._plain + value & _MASK
        self._weighted = self._weighted + value * (self._size // BLOCK + 1) & _MASK
