"""Weekly windows in which a network is on, in the household's own wall time. Pure.

A window begins and ends at moments that exist once: an hour that the clocks skip is taken as if they had
not been set yet, of an hour that comes twice the first one counts. So nothing switches twice in a night.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gatewayd.errors import InvalidField
from gatewayd.wifi.model import Window

MOST_WINDOWS = 28
_DAYS = 7
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def check_schedule(windows: tuple[Window, ...]) -> None:
    """Raises InvalidField unless each window names its days once (0-6) and its times as `HH:MM`."""
    if len(windows) > MOST_WINDOWS:
        raise InvalidField(
            "schedule", f"A schedule has at most {MOST_WINDOWS} windows; this one has {len(windows)}."
        )
    for number, window in enumerate(windows):
        field = f"schedule[{number}]"
        if not window.days or len(set(window.days)) != len(window.days):
            raise InvalidField(f"{field}.days", "Name each day of a window once, at least one.")
        if any(not 0 <= day < _DAYS for day in window.days):
            raise InvalidField(f"{field}.days", "A day is a number from 0 (Monday) to 6 (Sunday).")
        for name, text in (("start", window.start), ("end", window.end)):
            if _TIME.fullmatch(text) is None:
                raise InvalidField(f"{field}.{name}", "A time is written HH:MM, from 00:00 to 23:59.")


def is_on(windows: tuple[Window, ...], moment: datetime, zone: ZoneInfo) -> bool:
    """Whether `moment` lies in a window; always without windows."""
    if not windows:
        return True
    return any(start <= moment < end for start, end in _spans(windows, moment, zone, ahead=1))


def next_switch(windows: tuple[Window, ...], moment: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment after this one at which `is_on` is different; None when it never is."""
    now = is_on(windows, moment, zone)
    edges = {edge for span in _spans(windows, moment, zone, ahead=_DAYS + 1) for edge in span}
    for edge in sorted(edges):
        if edge > moment and is_on(windows, edge, zone) != now:
            return edge
    return None


def _spans(
    windows: tuple[Window, ...], moment: datetime, zone: ZoneInfo, *, ahead: int
) -> Iterator[tuple[datetime, datetime]]:
    """What may touch `moment`, and what begins up to so many days later, in UTC."""
    today = moment.astimezone(zone).date()
    for offset in range(-2, ahead + 1):
        day = today + timedelta(days=offset)
        for window in windows:
            if day.weekday() in window.days:
                start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
                last = day if end > start else day + timedelta(days=1)
                yield _instant(day, start, zone), _instant(last, end, zone)


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall, zone).astimezone(UTC)
