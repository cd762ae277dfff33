"""A recording as one file: any stretch of it is that stretch of its slices, joined."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.media.messages import Slice
from gatewayd.dvr.reel import BLOCK, Reel, cut, length
from gatewayd.errors import GatewayError

PARTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=6)


def slices_of(parts: list[tuple[int, int]]) -> list[Slice]:
    return [
        Slice(segment=str(number), from_byte=start, to_byte=start + size)
        for number, (start, size) in enumerate(parts)
    ]


@given(PARTS, st.integers(0, 400), st.integers(0, 400))
def test_a_stretch_is_cut_from_its_slices(parts: list[tuple[int, int]], start: int, stop: int) -> None:
    slices = slices_of(parts)
    every = [(each.segment, byte) for each in slices for byte in range(each.from_byte, each.to_byte)]
    found = [
        (each.segment, byte)
        for each in cut(slices, start, stop)
        for byte in range(each.from_byte, each.to_byte)
    ]
    assert found == every[start:stop]
    assert length(slices) == len(every)


async def test_reading_over_the_joints(tmp_path: Path) -> None:
    first, second = bytes(range(256)) * 3000, b"second" * 1000
    (tmp_path / "a.ts").write_bytes(first)
    (tmp_path / "b.ts").write_bytes(second)
    reel = Reel(
        tmp_path,
        [Slice(segment="a", from_byte=5, to_byte=len(first)), Slice(segment="b", from_byte=0, to_byte=600)],
        b"ahead",
    )
    whole = b"ahead" + first[5:] + second[:600]
    assert reel.size == len(whole)
    for start, stop in ((0, len(whole)), (0, 3), (3, 9), (5, 5), (len(whole) - 601, len(whole))):
        pieces = [piece async for piece in reel.read(start, stop)]
        assert b"".join(pieces) == whole[start:stop]
        assert all(len(piece) <= BLOCK for piece in pieces)


async def test_bytes_that_are_gone_are_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_bytes(b"short")
    for name in ("a", "b"):
        reel = Reel(tmp_path, [Slice(segment=name, from_byte=0, to_byte=100)])
        with pytest.raises(GatewayError, match="segment_not_found"):
            _ = [piece async for piece in reel.read(0, 100)]
