"""Weekly windows: by the wall clock of the household, also in the nights when it is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import InvalidField
from gatewayd.wifi.model import Window
from gatewayd.wifi.schedule import MOST_WINDOWS, check_schedule, is_on, next_switch

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = tuple(range(7))
TIMES = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
WINDOWS = st.lists(
    st.builds(
        Window,
        days=st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple),
        start=TIMES,
        end=TIMES,
    ),
    max_size=4,
).map(tuple)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
).map(ZoneInfo)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("window", "moment", "on"),
    [
        (Window(days=(0,), start="08:00", end="20:00"), "2026-11-23T07:59:59", False),  # a Monday
        (Window(days=(0,), start="08:00", end="20:00"), "2026-11-23T08:00", True),
        (Window(days=(0,), start="08:00", end="20:00"), "2026-11-23T20:00", False),
        (Window(days=(0,), start="08:00", end="20:00"), "2026-11-24T12:00", False),
        (Window(days=(6,), start="22:00", end="06:00"), "2026-11-22T23:00", True),  # Sunday, into Monday
        (Window(days=(6,), start="22:00", end="06:00"), "2026-11-23T05:59", True),
        (Window(days=(6,), start="22:00", end="06:00"), "2026-11-23T23:00", False),
        (Window(days=(2,), start="00:00", end="00:00"), "2026-11-25T23:59", True),  # all of Wednesday
        (Window(days=(2,), start="00:00", end="00:00"), "2026-11-26T00:00", False),
        # The same wall time in summer and in winter.
        (Window(days=DAILY, start="07:00", end="22:00"), "2026-07-01T21:59", True),
        (Window(days=DAILY, start="07:00", end="22:00"), "2026-12-01T21:59", True),
        (Window(days=DAILY, start="07:00", end="22:00"), "2026-07-01T22:00", False),
        # 29 March 2026: 02:30 does not exist and is taken as if the clocks had not been set: 03:30.
        (Window(days=(6,), start="02:30", end="05:00"), "2026-03-29T03:15", False),
        (Window(days=(6,), start="02:30", end="05:00"), "2026-03-29T03:30", True),
    ],
)
def test_a_window_is_wall_time(window: Window, moment: str, on: bool) -> None:
    assert is_on((window,), berlin(moment), BERLIN) is on


def test_an_hour_that_comes_twice_switches_once() -> None:
    """25 October 2026, 02:30: the first one ends the window, the second changes nothing."""
    until = (Window(days=(5,), start="20:00", end="02:30"),)
    assert is_on(until, berlin("2026-10-25T02:29"), BERLIN)
    assert not is_on(until, berlin("2026-10-25T02:31"), BERLIN)
    assert not is_on(until, berlin("2026-10-25T02:10", fold=1), BERLIN)
    assert next_switch(until, berlin("2026-10-25T00:00"), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_without_windows_it_is_always_on() -> None:
    assert is_on((), datetime(2026, 1, 1, tzinfo=UTC), BERLIN)
    assert next_switch((), datetime(2026, 1, 1, tzinfo=UTC), BERLIN) is None


@given(WINDOWS, MOMENTS, ZONES)
def test_nothing_switches_before_the_next_switch(
    windows: tuple[Window, ...], moment: datetime, zone: ZoneInfo
) -> None:
    now, switch = is_on(windows, moment, zone), next_switch(windows, moment, zone)
    end = switch or moment + timedelta(days=8)
    assert end > moment
    if switch is not None:
        assert is_on(windows, switch, zone) != now
    for part in range(20):
        assert is_on(windows, moment + (end - moment) * part / 20, zone) == now


@given(WINDOWS, MOMENTS, ZONES)
def test_away_from_the_nights_when_clocks_are_set_it_is_what_the_wall_clock_says(
    windows: tuple[Window, ...], moment: datetime, zone: ZoneInfo
) -> None:
    local = moment.astimezone(zone)
    around = {(moment + timedelta(days=day)).astimezone(zone).utcoffset() for day in range(-3, 4)}
    if not windows or len(around) > 1:
        return
    clock = f"{local:%H:%M}"
    today, yesterday = local.weekday(), (local.weekday() - 1) % 7

    def on(window: Window) -> bool:
        if window.start < window.end:
            return today in window.days and window.start <= clock < window.end
        late = today in window.days and clock >= window.start
        return late or (yesterday in window.days and clock < window.end)

    assert is_on(windows, moment, zone) == any(on(window) for window in windows)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"days": ()}, "schedule[0].days"),
        ({"days": (1, 1)}, "schedule[0].days"),
        ({"days": (-1,)}, "schedule[0].days"),
        ({"start": "24:00"}, "schedule[0].start"),
        ({"start": "7:00"}, "schedule[0].start"),
        ({"end": "07:00:00"}, "schedule[0].end"),
        ({"end": "٠٧:٠٠"}, "schedule[0].end"),
    ],
)
def test_what_is_no_window(changed: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"days": (0,), "start": "07:00", "end": "08:00"}
    check_schedule((Window(**good),))
    with pytest.raises(InvalidField) as refused:
        check_schedule((Window(**(good | changed)),))
    assert refused.value.field == field


def test_a_schedule_is_short() -> None:
    window = Window(days=(0,), start="07:00", end="08:00")
    check_schedule((window,) * MOST_WINDOWS)
    with pytest.raises(InvalidField, match="at most 28"):
        check_schedule((window,) * (MOST_WINDOWS + 1))
