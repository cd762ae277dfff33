"""Sizes, durations and times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.cli.nouns.tv import next_time, pick
from gatewayd.cli.refusals import Refused, printable
from gatewayd.cli.show import moment, rate, read_duration, size, span

NOW = datetime(2026, 11, 23, 12, 0).astimezone()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (999_600, "1.0 MB"),
        (5.4e9, "5.4 GB"),
        (2e15, "2000.0 TB"),
    ],
)
def test_sizes(count: float, said: str) -> None:
    assert size(count) == said


def test_rates() -> None:
    assert rate(8_123_000) == "8.1 Mbit/s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.42, "420 ms"),
        (1.5, "1.5 s"),
        (42, "42 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (4800, "1 h 20 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("1h30m", 5400), ("1h 30min", 5400), ("90s", 90), ("2H", 7200)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "1d", "-5m", "1m1h"])
def test_other_durations_are_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter):
        read_duration(text)


def test_times_are_local_and_as_short_as_they_can_be() -> None:
    assert moment(None) == ""
    assert moment(NOW.astimezone(UTC).isoformat(), NOW) == "12:00"
    assert moment((NOW - timedelta(days=3)).isoformat(), NOW) == "Fri 20 Nov 12:00"
    assert moment((NOW - timedelta(days=400)).isoformat(), NOW).startswith("2025-")


@given(hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_the_next_time_on_the_wall_is_within_a_day(hour: int, minute: int) -> None:
    found = next_time(f"{hour}:{minute:02d}", NOW)
    assert timedelta(0) < found - NOW <= timedelta(hours=25)
    assert (found.hour, found.minute) == (hour, minute)


@given(st.text())
def test_nothing_printed_steers_the_terminal(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)


CHANNELS: list[dict[str, Any]] = [
    {"id": "a", "number": "1", "name": "News"},
    {"id": "1x", "number": "2", "name": "News Extra"},
    {"id": "b", "number": None, "name": "Sport"},
]


@pytest.mark.parametrize(
    ("wanted", "found"), [("a", "a"), ("1", "a"), ("2", "1x"), ("news", "a"), ("NEWS E", "1x"), ("sp", "b")]
)
def test_a_channel_is_known_by_id_number_or_name(wanted: str, found: str) -> None:
    assert pick(CHANNELS, wanted) == found


@pytest.mark.parametrize("wanted", ["ne", "x", "None"])
def test_a_channel_that_is_not_clear_is_asked_for(wanted: str) -> None:
    with pytest.raises(Refused) as refused:
        pick(CHANNELS, wanted)
    assert refused.value.problem["field"] == "channel"
