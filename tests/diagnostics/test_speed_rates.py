"""When a rate is known: pure, on made-up bins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.diagnostics import speed_rates as rates
from gatewayd.diagnostics.speed_rates import BIN, Bin

RATES = st.floats(min_value=1e4, max_value=1e10)


def bins(*values: float) -> list[Bin]:
    """Bins of half a second with these rates in bit/s."""
    return [Bin((number + 1) * BIN, BIN, value * BIN / 8) for number, value in enumerate(values)]


@given(RATES)
def test_a_steady_rate_is_found_as_soon_as_may_be(value: float) -> None:
    steady = bins(*[value] * 20)
    first = next(count for count in range(1, 21) if rates.settled(steady[:count]))
    # Two seconds are dropped, and four moving averages of four bins need seven more.
    assert first == 4 + 7
    assert rates.rate(steady[:first]) == pytest.approx(value)
    assert rates.confidence(steady[:first]) == "high"


@given(st.lists(RATES, min_size=1, max_size=20), RATES)
def test_the_start_does_not_count(start: list[float], value: float) -> None:
    slow = bins(*start[:4], *[value] * 12)
    if len(start) >= 4:
        assert rates.rate(slow) == pytest.approx(value)


@given(st.lists(RATES, min_size=0, max_size=40))
def test_nothing_raises_and_a_rate_lies_among_its_bins(values: list[float]) -> None:
    some = bins(*values)
    found = rates.rate(some)
    if values:
        assert min(values) * 0.999 <= found <= max(values) * 1.001
    else:
        assert found == 0.0
    assert rates.confidence(some) in ("high", "medium", "low")
    assert not (rates.settled(some) and rates.confidence(some) != "high")


def test_what_swings_is_not_settled() -> None:
    swinging = bins(*[90e6, 90e6, 90e6, 90e6, 100e6] * 4)
    assert not rates.settled(swinging)
    assert rates.confidence(swinging) == "medium"
    assert rates.confidence(bins(*[10e6, 100e6, 400e6, 900e6] * 5, 2e9, 3e9, 4e9)) == "low"


@pytest.mark.parametrize(
    ("values", "streams", "wanted"),
    [
        ((), 0, 4),
        ((10e6,), 4, 6),
        ((10e6, 12e6), 4, 6),
        ((10e6, 10.4e6), 4, 4),
        ((10e6, 20e6), 8, 8),
        ((0.9e9, 1.8e9), 8, 10),
        ((0.9e9, 1.8e9), 16, 16),
        ((10e6, 5e6), 6, 6),
    ],
)
def test_streams_are_added_while_they_help(values: tuple[float, ...], streams: int, wanted: int) -> None:
    assert rates.wanted_streams(bins(*values), streams) == wanted


def test_a_queue_that_still_fills_is_seen() -> None:
    filling = [(number / 10, 20.0 + number * 5) for number in range(40)]
    full = [(number / 10, 120.0) for number in range(40)]
    assert rates.still_rising(filling, 4.0)
    assert not rates.still_rising(full, 4.0)
    assert not rates.still_rising([], 4.0)


@given(st.lists(st.floats(min_value=0.01, max_value=1e5), min_size=1, max_size=200))
def test_a_trimmed_mean_leaves_out_the_worst(values: list[float]) -> None:
    found = rates.trimmed_mean(values)
    assert min(values) * 0.999 <= found <= sum(values) / len(values) * 1.001


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        rates.trimmed_mean([])
