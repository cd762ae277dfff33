"""Which picture stands for a recording. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gatewayd.dvr.media.messages import Slice

ENOUGH = 4 * 1024 * 1024
"""Bytes in which a key frame is sure to be found, where there are so many."""
_PACKET = 188


def thumbnail_slice(slices: Sequence[Slice]) -> Slice | None:
    """From the middle of a recording on; the picture is kept beside its segment. None when it is empty."""
    left = sum(part.to_byte - part.from_byte for part in slices) // 2
    for part in slices:
        length = part.to_byte - part.from_byte
        if length > left:
            into = max(0, min(left, length - ENOUGH)) // _PACKET * _PACKET
            return Slice(segment=part.segment, from_byte=part.from_byte + into, to_byte=part.to_byte)
        left -= length
    return None
