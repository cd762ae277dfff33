"""Tools on a line with a long delay and with loss, which the kernel's netem makes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.diagnostics.line import FAR, ShapedLine

pytestmark = [pytest.mark.netem, pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def line() -> Iterator[ShapedLine]:
    with ShapedLine() as made:
        made.serve()
        yield made


def test_delay_and_loss_are_what_they_are(line: ShapedLine) -> None:
    line.isp.netem("eth1", "delay", "40ms", "loss", "25%")
    request = json.dumps({"target": FAR, "count": 100, "interval": 0.1, "timeout": 1.0})
    result = json.loads(line.run("tests.diagnostics.tools_in_namespace", "ping", request))[-1]
    assert result["stamps"] == "kernel"
    assert 40.0 <= result["min_ms"] < 45.0
    assert result["median_ms"] < 50.0
    # 100 tries at a quarter: 25 give or take four standard deviations of 4.3
    assert 0.08 <= result["loss"] <= 0.42
    assert [one["ms"] is None for one in result["replies"]].count(True) == 100 - result["received"]


def test_a_long_line_is_filled_or_nothing_is_said_of_it(line: ShapedLine) -> None:
    """50 ms there and back: a stream that is read too seldom for its window would not fill it.

    An emulated processor often cannot keep up with its own event loop; then the box has to withhold what it
    measured, for the reason that it sees.
    """
    for interface in ("eth0", "eth1"):
        line.isp.netem(interface, "delay", "25ms", "rate", "3mbit", "limit", "100")
    result = line.test(even_if_busy=True, timeout=120)
    assert result.idle is not None
    assert result.idle.ms >= 50.0
    for way in (result.down, result.up):
        assert way is not None
        if way.rate is None:
            assert way.limited
            assert result.state == "device_limited"
        else:
            assert abs(way.rate / 3e6 - 1) <= 0.03, way
    assert result.state in ("done", "device_limited")
