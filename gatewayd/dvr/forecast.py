"""How much space the coming recordings will take, when that is too much, and what goes for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gatewayd.dvr.retention import DAY, Drop, Held, plan
from gatewayd.dvr.spans import Span, clip, length, merge

DAYS = 14
HORIZON = DAYS * DAY
AHEAD = 900.0
"""Seconds of recording for which there is room at any time: deleting begins so long before it is needed."""

GUESS = 1_000_000.0
"""Bytes per second of a channel of which nothing is known: 8 Mbit/s, an HDTV channel in H.264."""


class Coming(NamedTuple):
    """A recording that runs or waits; times are Unix seconds and include its padding."""

    id: str
    title: str
    channel: str
    begins: float
    ends: float
    stop: float
    keep: str = "until_space"
    locked: bool = False


class Stock(NamedTuple):
    """What is stored: finished recordings, the segments' bytes, and segments that running ones need.

    `room` is how many bytes may still be written, negative when there are too many; None: not known.
    """

    items: tuple[Held, ...]
    sizes: Mapping[str, int]
    wanted: frozenset[str]
    room: int | None
    trash_seconds: float


class Timed(NamedTuple):
    """A deletion and the moment (Unix seconds) at which it is due."""

    time: float
    drop: Drop


class Expected(NamedTuple):
    """What one recording takes yet, bytes shared with an earlier one included; `fits` says whether it can."""

    coming: Coming
    bytes: int
    fits: bool


@dataclass
class Forecast:
    """The next HORIZON. `full` is when deleting begins, `short` the bytes that no deletion can give."""

    expected: int = 0
    full: float | None = None
    short: int = 0
    recordings: list[Expected] = field(default_factory=list)
    deletions: list[Timed] = field(default_factory=list)


def forecast(coming: Sequence[Coming], rates: Mapping[str, float], stock: Stock, now: float) -> Forecast:
    """Plays the coming recordings through, each at its channel's rate (bytes per second; GUESS without)."""
    return _Play(rates, stock, now).run(coming)


def bytes_until(coming: Sequence[Coming], rates: Mapping[str, float], now: float, until: float) -> int:
    """What recordings write between now and then; overlapping ones of a channel share their bytes."""
    total = 0.0
    for channel in {item.channel for item in coming}:
        spans = merge((item.begins, item.ends) for item in coming if item.channel == channel)
        total += length(clip(spans, now, until)) * rates.get(channel, GUESS)
    return round(total)


class _Play:
    def __init__(self, rates: Mapping[str, float], stock: Stock, now: float) -> None:
        self._rates = rates
        self._now = now
        self._items = list(stock.items)
        self._sizes = dict(stock.sizes)
        self._wanted = stock.wanted
        self._trash_seconds = stock.trash_seconds
        self._room = stock.room
        self._covered: dict[str, tuple[Span, ...]] = {}
        self._running: list[tuple[float, Held]] = []
        self._told = Forecast()

    def run(self, coming: Sequence[Coming]) -> Forecast:
        for item in sorted(coming, key=lambda item: (item.begins, item.id)):
            begins = max(item.begins, self._now)
            if item.ends > begins and begins < self._now + HORIZON:
                self._take(item, begins)
        self._empty_trash(self._now + HORIZON)
        return self._told

    def _take(self, item: Coming, begins: float) -> None:
        rate = self._rates.get(item.channel, GUESS)
        before = self._covered.get(item.channel, ())
        covered = merge((*before, (begins, item.ends)))
        self._covered[item.channel] = covered
        new = round((length(covered) - length(before)) * rate)
        self._told.expected += new
        self._empty_trash(begins)
        self._settle(begins)
        lacking = self._make_room(new, begins, rate)
        held = Held(
            *(item.id, item.title, item.channel, item.stop, item.keep, item.locked, None),
            segments=frozenset({f"coming:{item.id}"}),
        )
        self._sizes[f"coming:{item.id}"] = new
        self._running.append((item.ends, held))
        whole = round((item.ends - begins) * rate)
        self._told.recordings.append(Expected(item, whole, not lacking))

    def _make_room(self, new: int, begins: float, rate: float) -> int:
        """Deletes for `new` bytes; how many of them find no room all the same."""
        if self._room is None:
            return 0
        need = new - self._room
        lacking = 0
        if need > 0:
            time = max(self._now, begins + max(0, self._room) / rate - AHEAD)
            if self._told.full is None:
                self._told.full = time
            for drop in plan(self._items, self._sizes, need, begins, self._wanted):
                self._drop(drop, time)
                need -= drop.frees
            lacking = max(0, need)
            self._told.short += lacking
        self._room -= new - lacking
        return lacking

    def _settle(self, time: float) -> None:
        """What has ended by then can be deleted like anything else."""
        self._items += [held for ends, held in self._running if ends <= time]
        self._running = [(ends, held) for ends, held in self._running if ends > time]

    def _empty_trash(self, time: float) -> None:
        due = [item for item in self._items if item.trashed is not None and not item.locked]
        for item in sorted(due, key=lambda item: item.trashed or 0.0):
            end = (item.trashed or 0.0) + self._trash_seconds
            if end <= time:
                others = frozenset().union(*(other.segments for other in self._items if other is not item))
                frees = sum(self._sizes.get(name, 0) for name in item.segments - others - self._wanted)
                self._drop(Drop(item, "trash", frees), max(self._now, end))

    def _drop(self, drop: Drop, time: float) -> None:
        self._items.remove(drop.item)
        self._told.deletions.append(Timed(time, drop))
        if self._room is not None:
            self._room += drop.frees
