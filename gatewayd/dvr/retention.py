"""Which recordings go when space is needed, and in which order. Pure.

First the trash, what was put there first; then what was to be kept for so many days that are over; then
what may stay until its space is needed, the oldest first. Never what is locked, kept for ever, or not
finished. Recordings that overlapped share segments: bytes become free when the last that holds them goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gatewayd.dvr.storage_model import DropReason

DAY = 86_400.0
RANKS: tuple[DropReason, ...] = ("trash", "expired", "space")


class Held(NamedTuple):
    """A finished recording as retention sees it: which segments it holds, and what was said about it."""

    id: str
    title: str
    channel: str
    stop: float
    keep: str
    locked: bool
    trashed: float | None
    segments: frozenset[str]
    watched: bool = False

    @property
    def expires(self) -> float | None:
        """When the days are over for which it is kept (Unix seconds)."""
        if self.trashed is not None or not self.keep.startswith("days:"):
            return None
        return self.stop + int(self.keep.removeprefix("days:")) * DAY

    def reason(self, now: float) -> DropReason | None:
        """Why it may go now; None when it may not."""
        if self.locked:
            return None
        if self.trashed is not None:
            return "trash"
        if self.expires is not None:
            return "expired" if self.expires <= now else None
        return "space" if self.keep == "until_space" else None


class Drop(NamedTuple):
    """One recording that goes; `frees` with those before it in the list gone."""

    item: Held
    reason: DropReason
    frees: int


def order(items: Iterable[Held], now: float) -> list[tuple[DropReason, Held]]:
    """All that may go, what goes first in front."""
    rows = [(reason, item) for item in items if (reason := item.reason(now)) is not None]
    return sorted(rows, key=lambda row: (RANKS.index(row[0]), not row[1].watched, _age(row[1]), row[1].id))


def plan(
    items: Sequence[Held],
    sizes: Mapping[str, int],
    need: int,
    now: float,
    wanted: frozenset[str] = frozenset(),
) -> tuple[Drop, ...]:
    """What to delete so that `need` bytes become free, or as near to that as can be.

    `sizes` are the segments' bytes; `wanted` segments stay although nothing finished holds them. None of
    the list is needless: without any one of them less would be free than is needed and can be freed.
    """
    if need <= 0:
        return ()
    holders = Counter(segment for item in items for segment in item.segments)
    holders.update(wanted)
    chosen: list[tuple[DropReason, Held]] = []
    freed = 0
    for row in order(items, now):
        if freed >= need:
            break
        chosen.append(row)
        freed += _release(row[1], holders, sizes)
    target = min(need, freed)
    for row in reversed(list(chosen)):  # those that one would rather keep are spared first
        back = _reclaim(row[1], holders, sizes)
        if freed - back >= target:
            freed -= back
            chosen.remove(row)
        else:
            _release(row[1], holders, sizes)
    return _told(chosen, items, sizes, wanted)


def freed(drops: Iterable[Drop]) -> int:
    """Bytes that a plan frees in all."""
    return sum(drop.frees for drop in drops)


def _told(
    chosen: Iterable[tuple[DropReason, Held]],
    items: Sequence[Held],
    sizes: Mapping[str, int],
    wanted: frozenset[str],
) -> tuple[Drop, ...]:
    holders = Counter(segment for item in items for segment in item.segments)
    holders.update(wanted)
    return tuple(Drop(item, reason, _release(item, holders, sizes)) for reason, item in chosen)


def _release(item: Held, holders: Counter[str], sizes: Mapping[str, int]) -> int:
    """Takes an item out; the bytes that nobody holds any more."""
    free = 0
    for segment in item.segments:
        holders[segment] -= 1
        if holders[segment] == 0:
            free += sizes.get(segment, 0)
    return free


def _reclaim(item: Held, holders: Counter[str], sizes: Mapping[str, int]) -> int:
    """Puts an item back; the bytes that are held again."""
    held = 0
    for segment in item.segments:
        if holders[segment] == 0:
            held += sizes.get(segment, 0)
        holders[segment] += 1
    return held


def _age(item: Held) -> float:
    return item.stop if item.trashed is None else item.trashed
