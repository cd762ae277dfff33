"""How much of each day and month the internet was there: seconds down against seconds watched. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from msgspec import Struct

from gatewayd.diagnostics.outage_model import Outage


class Availability(Struct, frozen=True, kw_only=True):
    """A day (`2026-11-23`) or a month (`2026-11`).

    `watched` and `down` are seconds, `down` of the whole internet, `partly` of one family or of names alone.
    `available` is a share from 0 to 1, None when nobody watched. `outages` began in it.
    """

    period: str
    watched: float
    down: float
    partly: float
    outages: int
    available: float | None


def days(
    outages: Sequence[Outage],
    watched: Mapping[str, float],
    zone: tzinfo,
    first: date,
    last: date,
    now: datetime,
) -> list[Availability]:
    """Each day from `first` to `last` in `zone`; an outage that lasts counts until `now`."""
    whole = merged([_span(one, now) for one in outages if one.scope == "internet"])
    partial = merged([_span(one, now) for one in outages if one.scope in ("v4", "v6", "dns")])
    found = []
    day = first
    while day <= last:
        begin, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        found.append(
            _availability(
                day.isoformat(),
                watched.get(day.isoformat(), 0.0),
                _within(whole, begin, end),
                _within(partial, begin, end),
                sum(begin <= one.start < end and one.scope != "unstable" for one in outages),
            )
        )
        day += timedelta(days=1)
    return found


def months(each: Sequence[Availability]) -> list[Availability]:
    """Days put together by month, in their order."""
    found: dict[str, list[Availability]] = {}
    for day in each:
        found.setdefault(day.period[:7], []).append(day)
    return [
        _availability(
            month,
            sum(day.watched for day in within),
            sum(day.down for day in within),
            sum(day.partly for day in within),
            sum(day.outages for day in within),
        )
        for month, within in found.items()
    ]


def merged(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Spans without their overlaps, by time."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def midnight(day: date, zone: tzinfo) -> datetime:
    """The beginning of a day, in UTC: a day of 23 or 25 hours is one."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _span(one: Outage, now: datetime) -> tuple[datetime, datetime]:
    return one.start, max(one.start, one.end or now)


def _within(spans: Sequence[tuple[datetime, datetime]], begin: datetime, end: datetime) -> float:
    return sum(
        max(0.0, (min(stop, end) - max(start, begin)).total_seconds()) for start, stop in spans
    )  # fmt: skip


def _availability(period: str, watched: float, down: float, partly: float, outages: int) -> Availability:
    # An outage that the box slept through was longer than the watch.
    seen = max(watched, down)
    return Availability(
        period=period,
        watched=round(seen, 1),
        down=round(down, 1),
        partly=round(partly, 1),
        outages=outages,
        available=None if seen <= 0 else round(1 - down / seen, 6),
    )
