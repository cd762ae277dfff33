"""Times as people type them for a network: `4h`, `3d`, `mon-fri 07:00-22:00`."""

from __future__ import annotations

import re
from typing import Any

import click

from gatewayd.cli.show import read_duration

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"(?P<days>\S+)\s+(?P<start>\d\d?:\d\d)-(?P<end>\d\d?:\d\d)")
_WHOLE_DAYS = re.compile(r"(\d{1,3})d")


class _Duration(click.ParamType[float]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if days := _WHOLE_DAYS.fullmatch(value):
            return int(days[1]) * 86_400.0
        return read_duration(value)


DURATION = _Duration()


def read_window(text: str) -> dict[str, Any]:
    """A window of a schedule from `mon-fri 07:00-22:00`, `sat,sun 09:00-01:00`, `daily 06:00-23:00`.

    Raises click.UsageError.
    """
    found = _WINDOW.fullmatch(text.strip().lower())
    if found is None:
        raise click.UsageError(f'{text!r}: write it as "mon-fri 07:00-22:00" or "daily 06:00-23:00".')
    days: list[int] = []
    for part in found["days"].split(","):
        first, _, last = part.partition("-")
        if part == "daily":
            days += range(7)
        elif first in _DAYS and (last or first) in _DAYS:
            begin, end = _DAYS.index(first), _DAYS.index(last or first)
            days += [day % 7 for day in range(begin, end + 1 + (7 if end < begin else 0))]
        else:
            raise click.UsageError(f"{part!r} is no day: write mon, tue, wed, thu, fri, sat, sun or daily.")
    return {
        "days": sorted(set(days)),
        "start": found["start"].zfill(5),
        "end": found["end"].zfill(5),
    }


def say_window(window: dict[str, Any]) -> str:
    """The same the other way round."""
    days = sorted(window["days"])
    if len(days) == len(_DAYS):
        names = "daily"
    elif len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        names = f"{_DAYS[days[0]]}-{_DAYS[days[-1]]}"
    else:
        names = ",".join(_DAYS[day] for day in days)
    return f"{names} {window['start']}-{window['end']}"
