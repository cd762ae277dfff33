"""Byte ranges: what a Range header asks for, whatever it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.api.playback import byte_range

SIZES = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 100)),
        ("bytes=99-", (99, 100)),
        ("bytes=50-1000", (50, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-100", (0, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes= 0 - 9", (0, 10)),
        ("bytes=100-", (100, 100)),
        ("bytes=100-200", (100, 100)),
        ("bytes=-0", (100, 100)),
    ],
)
def test_a_range(header: str, span: tuple[int, int]) -> None:
    """The last five: cut at the end; an empty span is one that nothing can be sent of."""
    assert byte_range(header, 100) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-5",
        "bytes=1-2,5-6",
        "bytes=a-b",
        "items=0-1",
        "bytes=0x1-2",
        "bytes=" + "9" * 19 + "-",
    ],
)
def test_what_is_no_range_is_ignored(header: str | None) -> None:
    assert byte_range(header, 100) is None


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True), SIZES)
def test_a_span_lies_within_the_bytes(header: str, size: int) -> None:
    span = byte_range(header, size)
    assert span is None or 0 <= span[0] <= span[1] <= size


@given(SIZES, SIZES, SIZES)
def test_first_and_last(first: int, last: int, size: int) -> None:
    expected = None if last < first else (min(first, size), min(last + 1, size))
    assert byte_range(f"bytes={first}-{last}", size) == expected
