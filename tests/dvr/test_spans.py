"""Gap maps: the same time in fewer words, and what a recording has become."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.spans import TOLERANCE, TUNE_IN, Span, clip, length, merge, outcome

seconds = st.integers(0, 200).map(float)
spans = st.lists(st.tuples(seconds, seconds), max_size=20)


def covered(found: tuple[Span, ...] | list[Span], moment: float) -> bool:
    return any(start <= moment < stop for start, stop in found)


@given(spans)
def test_merged_spans_cover_the_same_time_and_lie_apart(found: list[Span]) -> None:
    merged = merge(found)
    for moment in range(201):
        assert covered(merged, moment + 0.5) == covered(found, moment + 0.5)
    assert all(before[1] < after[0] for before, after in pairwise(merged))


@given(spans, seconds, seconds)
def test_clipped_spans_stay_within(found: list[Span], start: float, stop: float) -> None:
    clipped = clip(found, start, stop)
    for moment in range(201):
        within = start <= moment + 0.5 < stop and covered(found, moment + 0.5)
        assert covered(clipped, moment + 0.5) == within
    assert length(clipped) <= max(0.0, stop - start)


@pytest.mark.parametrize(
    ("received", "gaps", "state"),
    [
        (0, (), "failed"),
        (0, ((100.0, 160.0),), "failed"),
        (1, (), "done"),
        (1, ((100.0, 100.0 + TUNE_IN),), "done"),
        (1, ((100.0, 100.5 + TUNE_IN + TOLERANCE),), "partial"),
        (1, ((120.0, 120.0 + TOLERANCE),), "done"),
        (1, ((120.0, 120.1 + TOLERANCE),), "partial"),
        (1, ((100.0, 104.0), (110.0, 110.9), (150.0, 150.2)), "partial"),
    ],
)
def test_outcome(received: int, gaps: tuple[Span, ...], state: str) -> None:
    assert outcome(100.0, 160.0, received, gaps) == state


def test_a_short_recording_that_missed_half_is_partial() -> None:
    assert outcome(0.0, 1.0, 188, ((0.3, 1.0),)) == "partial"
