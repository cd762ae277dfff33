"""What measures mean."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.media.measures import Measures
from gatewayd.dvr.quality import Grade, StreamQuality, quality

CLEAN = Measures(
    packets=100_000,
    null=5_000,
    seconds=120.0,
    pcr=3001,
    pcr_intervals=120.0,
    pcr_interval_most=0.0401,
    pcr_jitter_most=2e-6,
    pcr_off=3,
    steady=100.0,
    pat=1200,
    pat_interval_most=0.1,
    pmt=1200,
    pmt_interval_most=0.1,
)


def counts(found: StreamQuality) -> dict[str, int | None]:
    return {row.number: row.count for row in found.indicators}


def test_every_indicator_of_the_first_two_priorities_is_there_with_its_number() -> None:
    found = quality(CLEAN)
    assert list(counts(found)) == [
        *("1.1", "1.2", "1.3", "1.4", "1.5", "1.6"),
        *("2.1", "2.2", "2.3a", "2.3b", "2.4", "2.5", "2.6"),
    ]
    assert all(row.priority == int(row.number[0]) for row in found.indicators)
    assert counts(found)["2.4"] == 3
    unmeasured = [row for row in found.indicators if row.count is None]
    assert [row.number for row in unmeasured] == ["2.5"]
    assert all(row.note for row in unmeasured)
    assert found.grade == "good"
    assert (found.pcr_interval_average_ms, found.pcr_interval_most_ms) == (40.0, 40.1)
    assert found.pcr_jitter_most_us == 2.0


@pytest.mark.parametrize(
    ("change", "grade"),
    [
        ({"continuity": 2}, "fair"),
        ({"continuity": 3}, "poor"),
        ({"sync_bytes": 1, "sync_losses": 1}, "fair"),
        ({"pcr_late": 500, "pcr_off": 500}, "good"),
        ({"scrambled": 60_000}, "poor"),
        ({"packets": 0}, "unknown"),
        ({"seconds": 0.0, "transport": 1}, "poor"),
    ],
)
def test_the_grade_follows_what_is_seen_and_heard(change: dict[str, int], grade: Grade) -> None:
    assert quality(msgspec.structs.replace(CLEAN, **change)).grade == grade


def test_what_cannot_be_said_is_not_said() -> None:
    found = quality(msgspec.structs.replace(CLEAN, steady=0.0, pcr=0, pcr_intervals=0.0))
    assert counts(found)["2.4"] is counts(found)["2.3a"] is counts(found)["2.3b"] is None
    assert found.pcr_jitter_most_us is found.pcr_interval_average_ms is None
    assert set(counts(quality(Measures())).values()) == {None}


@given(
    st.builds(
        Measures,
        packets=st.integers(0, 10**9),
        seconds=st.floats(0, 1e6),
        pcr=st.integers(0, 10**6),
        pcr_intervals=st.floats(0, 1e6),
        continuity=st.integers(0, 10**9),
        scrambled=st.integers(0, 10**9),
    )
)
def test_any_measures_have_a_meaning_that_can_be_sent(measures: Measures) -> None:
    found = quality(measures)
    assert msgspec.json.decode(msgspec.json.encode(found), type=StreamQuality) == found
    assert found.sentence
