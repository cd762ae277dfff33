"""A ping's time when the kernel's stamps are missing, odd, or of a clock that was set in between."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.diagnostics.icmp import Echo, Pinger, _Asked, _offender, _wall

HOUR = 3_600_000_000_000


async def answered(left: int | None, stamp: int | None) -> Echo:
    """An answer at once; the stamps are nanoseconds after the question was asked."""
    pinger = Pinger("192.0.2.1")
    asked = pinger._asked[1] = _Asked(asyncio.get_running_loop().create_future())
    asked.left = None if left is None else asked.wall + left
    pinger._answer(1, "reply", "192.0.2.1", None if stamp is None else asked.wall + stamp)
    return await asked.answer


async def test_the_kernels_time_is_taken() -> None:
    echo = await answered(100_000, 350_000)
    assert (echo.ms, echo.stamped) == (0.25, True)


@pytest.mark.parametrize(
    ("left", "stamp"),
    [
        (None, 350_000),  # the driver stamps nothing that it sends
        (100_000, None),
        (100_000, HOUR),  # the clock was set forward
        (100_000, -HOUR),  # and back
    ],
)
async def test_else_the_process_own_time(left: int | None, stamp: int | None) -> None:
    echo = await answered(left, stamp)
    assert not echo.stamped
    assert 0 <= echo.ms < 5000


async def test_a_second_answer_changes_nothing() -> None:
    pinger = Pinger("192.0.2.1")
    asked = pinger._asked[1] = _Asked(asyncio.get_running_loop().create_future())
    pinger._answer(1, "reply", "192.0.2.1", None)
    pinger._answer(1, "exceeded", "192.0.2.9", None)
    pinger._answer(2, "reply", "192.0.2.1", None)
    assert (await asked.answer).kind == "reply"


@given(st.binary(max_size=64), st.binary(max_size=64), st.binary(max_size=64))
def test_whatever_comes_is_read_without_an_exception(data: bytes, value: bytes, stamps: bytes) -> None:
    pinger = Pinger("192.0.2.1")
    for level, kind in ((0, 11), (41, 25), (0, 2), (41, 52), (1, 37)):
        for control in ([(level, kind, value[:4].ljust(4, b"\0") + value[4:])], [(1, 37, stamps)]):
            pinger._take_error(data, control, ())
            pinger._take_reply(data, control, ("192.0.2.1", 0))
    _offender(value)
    _wall(stamps)


def test_who_sent_an_error() -> None:
    assert _offender(struct.pack("=HH4s8x", 2, 0, bytes([192, 0, 2, 9]))) == "192.0.2.9"
    assert _offender(struct.pack("=HHI", 10, 0, 0) + bytes(15) + b"\x01" + bytes(4)) == "::1"
    assert _offender(b"\0\0") == ""
