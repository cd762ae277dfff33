"""The segments' checksum against a slow reading of its definition."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.dvr.media.checksum import BLOCK, Checksum


def reference(data: bytes) -> str:
    """Word by word."""
    plain = weighted = 0
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at : at + 8], "little")
        plain += word
        weighted += word * (at // BLOCK + 1)
    return f"sum64:{weighted % 2**64:016x}{plain % 2**64:016x}"


def of(data: bytes) -> str:
    """In one go."""
    checksum = Checksum()
    checksum.update(data)
    return checksum.text()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 30_000), st.lists(st.integers(0, 9000), max_size=12))
def test_it_is_what_its_definition_says_however_the_data_is_cut(
    seed: int, size: int, cuts: list[int]
) -> None:
    data = random.Random(seed).randbytes(size)
    checksum = Checksum()
    at = 0
    for length in [*cuts, size]:
        checksum.update(memoryview(data)[at : at + length])
        at = min(size, at + length)
    assert checksum.text() == of(data) == reference(data)


def test_a_flipped_bit_a_lost_tail_and_two_blocks_exchanged_change_it() -> None:
    data = random.Random(1).randbytes(10 * BLOCK)
    flipped = bytearray(data)
    flipped[12_345] ^= 8
    exchanged = data[BLOCK : 2 * BLOCK] + data[:BLOCK] + data[2 * BLOCK :]
    assert len({of(data), of(bytes(flipped)), of(exchanged), of(data[:-BLOCK])}) == 4
