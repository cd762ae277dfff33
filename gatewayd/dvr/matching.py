"""Which channel of today's lineup is which of yesterday's. Pure.

A channel's id is in recordings, rules and favourites: it has to survive that a provider renames,
renumbers or moves it. So pairs are looked for from the surest likeness to the weakest, and a weaker
one counts only where it is unique on both sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from gatewayd.dvr.lineup import Known
from gatewayd.dvr.playlist import Entry

Likeness = Callable[[Entry], Hashable | None]


class Matched(NamedTuple):
    """Positions in today's lineup: `kept` with the id each had, `added` without; ids that are `gone`."""

    kept: list[tuple[int, str]]
    added: list[int]
    gone: list[str]


def match(known: Sequence[Known], entries: Sequence[Entry]) -> Matched:
    """Pairs what was known with what there is. Every id and every entry is used once."""
    old = dict(enumerate(known))
    new = dict(enumerate(entries))
    kept: list[tuple[int, str]] = []

    def pair(at: int, position: int) -> None:
        kept.append((position, old.pop(at).id))
        del new[position]

    for here, there in _groups(old, new, lambda entry: entry):
        for at, position in zip(here, there, strict=False):  # twins keep their order
            pair(at, position)
    for likeness in _LIKENESSES:
        if not old or not new:
            break
        for here, there in _groups(old, new, likeness):
            if len(here) == len(there) == 1 and not _strangers(old[here[0]].entry, new[there[0]], likeness):
                pair(here[0], there[0])
    return Matched(sorted(kept), sorted(new), [channel.id for channel in old.values()])


def _groups(
    old: dict[int, Known], new: dict[int, Entry], likeness: Likeness
) -> list[tuple[list[int], list[int]]]:
    """Positions on both sides that are alike."""
    groups: dict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for at, channel in old.items():
        if (key := likeness(channel.entry)) is not None:
            groups[key][0].append(at)
    for position, entry in new.items():
        if (key := likeness(entry)) is not None:
            groups[key][1].append(position)
    return [group for group in groups.values() if group[0] and group[1]]


def _strangers(before: Entry, now: Entry, likeness: Likeness) -> bool:
    """An address that now belongs to another entry of the guide has another channel on it."""
    contradict = before.guide_id is not None and now.guide_id is not None and before.guide_id != now.guide_id
    return contradict and likeness is _by_url


def _by_url(entry: Entry) -> Hashable:
    return entry.url


_LIKENESSES: tuple[Likeness, ...] = (
    lambda entry: entry.guide_id and (entry.guide_id, entry.name),
    lambda entry: entry.guide_id and (entry.guide_id, entry.url),
    lambda entry: entry.guide_id,
    lambda entry: entry.number and (entry.number, entry.name),
    lambda entry: entry.number and (entry.number, entry.url),
    lambda entry: (entry.url, entry.name),
    _by_url,
    lambda entry: entry.name,
)
