"""The speed test against lines of known rates."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from gatewayd.diagnostics.speed_model import DirectionResult
from tests.diagnostics.line import FAR, FAR6, PORT, ShapedLine

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]
WITHIN = 0.02


@pytest.fixture(scope="module")
def line() -> Iterator[ShapedLine]:
    with ShapedLine() as made:
        made.serve()
        yield made


def measured(line: ShapedLine, megabits: int, server: str = FAR) -> None:
    """Both directions are within 2 % of the shaped rate."""
    line.shape(megabits)
    result = line.test(even_if_busy=True, server=server)
    assert result.state == "done", result
    for way in (result.down, result.up):
        assert isinstance(way, DirectionResult)
        assert way.rate is not None
        off = way.rate / (megabits * 1e6) - 1
        print(f"{megabits:4} {way.way:4} {way.rate / 1e6:8.2f} {off:+.2%} {way.confidence} {way.seconds} s")
        assert abs(off) <= WITHIN, way
        assert way.goodput is not None
        assert way.goodput < way.rate
        assert way.latency is not None
        assert 4.0 <= way.seconds <= 11.0
    assert result.idle is not None
    assert result.down is not None
    assert result.down.latency is not None
    # The shaper's queue holds up to 50 ms, and four streams fill it.
    assert result.idle.ms < 10 < result.down.latency.ms


@pytest.mark.parametrize(("megabits", "server"), [(20, FAR), (100, f"[{FAR6}]")])
def test_a_shaped_line_is_measured_within_two_per_cent(line: ShapedLine, megabits: int, server: str) -> None:
    measured(line, megabits, server)


@pytest.mark.long
def test_a_fast_line_too(line: ShapedLine) -> None:
    for _ in range(3):
        measured(line, 500)


def test_a_starved_box_withholds_its_result(line: ShapedLine) -> None:
    line.open()
    result = line.test("starved", directions=["down"], even_if_busy=True, timeout=100)
    assert result.state == "device_limited", result
    assert result.down is not None
    assert result.down.limited
    assert (result.down.rate, result.down.goodput, result.down.line) == (None, None, None)
    assert "nothing about the line" in result.sentence


def test_a_line_in_use_is_not_tested_and_somebody_is_named(line: ShapedLine) -> None:
    line.shape(20)
    other = line.box.popen(
        sys.executable, "-c",
        f"import socket; s = socket.create_connection(('{FAR}', {PORT}));"
        f"s.sendall(b'GET /large HTTP/1.1\\r\\nHost: {FAR}\\r\\n\\r\\n')\nwhile s.recv(65536): pass",
    )  # fmt: skip
    time.sleep(1)
    try:
        result = line.test("plan=20000000", "by=the television")
        unknown = line.test("plan=20000000")
    finally:
        other.kill()
        other.wait()
    assert result.state == "busy", result
    assert result.busy is not None
    assert result.busy.by == "the television"
    assert result.busy.down > 10e6
    assert "the television" in result.sentence
    assert (result.down, result.up) == (None, None)
    assert unknown.busy is not None
    assert unknown.busy.by == "eth0"
