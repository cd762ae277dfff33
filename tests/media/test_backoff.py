"""How long a source that fails again and again is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.media.channel import BRIEF, FIRST_PAUSE, STEADY, failures_after


@given(st.integers(0, 50), st.floats(0, 86_400))
def test_who_never_flows_is_left_alone_longer_and_longer(before: int, seconds: float) -> None:
    assert failures_after(before, False, seconds) == before + 1  # an opening that hung is no success


@given(st.integers(0, 50), st.floats(0, STEADY))
def test_who_flows_and_breaks_off_is_back_within_two_seconds(before: int, seconds: float) -> None:
    assert FIRST_PAUSE * 2 ** failures_after(before, True, seconds) <= 2.0
    assert failures_after(before, True, seconds) <= BRIEF


def test_who_flowed_for_long_starts_anew() -> None:
    assert failures_after(7, True, STEADY + 1) == 0
