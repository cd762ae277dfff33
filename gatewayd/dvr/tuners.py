"""Who gets a tuner: never more channels of a source at once than it carries. Pure.

First come, first served: what runs goes on, then the recording that was asked for earlier wins. Recordings
of one channel share its tuner. Padding is given up before a recording is.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

LONGEST = 48 * 3600.0
"""Seconds: no recording is longer, padding included, so nothing that began earlier can be in the way."""


EARLY = 2.0
"""Seconds before a recording at which the recorder opens its channel if it may."""


class Want(NamedTuple):
    """A recording that wants `channel` of `pool` from `start` to `stop`; padded, from `begins` to `ends`."""

    id: str
    pool: str
    channel: str
    start: float
    stop: float
    begins: float
    ends: float
    running: bool = False


class Admission(NamedTuple):
    """`spans`: from when to when who has a tuner may use it; `blocked`: who has it instead of each other.

    `prompt`: who cannot have it EARLY, because it is taken until then.
    """

    spans: dict[str, tuple[float, float]]
    blocked: dict[str, tuple[str, ...]]
    prompt: set[str]


class _Use(NamedTuple):
    start: float
    stop: float
    channel: str
    id: str


def admit(wants: Iterable[Want], sizes: Mapping[str, int]) -> Admission:
    """Gives tuners to recordings; ids rise with the time at which they were asked for."""
    pools: dict[str, list[Want]] = defaultdict(list)
    for want in wants:
        pools[want.pool].append(want)
    found = Admission({}, {}, set())
    for pool, wanted in pools.items():
        part = _admit(sorted(wanted, key=lambda want: (not want.running, want.id)), sizes[pool])
        found.spans.update(part.spans)
        found.blocked.update(part.blocked)
        found.prompt.update(part.prompt)
    return found


def _admit(wanted: Sequence[Want], size: int) -> Admission:
    used: list[_Use] = []
    admitted: list[Want] = []
    blocked: dict[str, tuple[str, ...]] = {}
    for want in wanted:
        around = _around(used, want.start, want.stop)
        in_the_way = _in_the_way(around, want, size)
        if in_the_way:
            blocked[want.id] = in_the_way
        else:
            insort(used, _Use(want.start, want.stop, want.channel, want.id))
            admitted.append(want)
    spans: dict[str, tuple[float, float]] = {}
    for want in admitted:
        first, last = want.start, want.stop
        for start, stop in reversed(_steps(_around(used, want.begins, want.start), want.begins, want.start)):
            if not _fits(_channels(used, start), want.channel, size):
                break
            first = start
            insort(used, _Use(start, stop, want.channel, want.id))
        for start, stop in _steps(_around(used, want.stop, want.ends), want.stop, want.ends):
            if not _fits(_channels(used, start), want.channel, size):
                break
            last = stop
            insort(used, _Use(start, stop, want.channel, want.id))
        spans[want.id] = (first, last)
    early = [want._replace(start=spans[want.id][0] - EARLY, stop=spans[want.id][0]) for want in admitted]
    prompt = {want.id for want in early if _in_the_way(_around(used, want.start, want.stop), want, size)}
    return Admission(spans, blocked, prompt)


def _in_the_way(around: Sequence[_Use], want: Want, size: int) -> tuple[str, ...]:
    """The recordings that hold all tuners at the first moment at which `want` gets none."""
    for start, _ in _steps(around, want.start, want.stop):
        there = [use for use in around if use.start <= start < use.stop]
        if not _fits({use.channel for use in there}, want.channel, size):
            return tuple(dict.fromkeys(use.id for use in there))
    return ()


def _fits(channels: Collection[str], channel: str, size: int) -> bool:
    return channel in channels or len(channels) < size


def _around(used: Sequence[_Use], start: float, stop: float) -> list[_Use]:
    """Uses that overlap [start, stop); `used` is sorted by start."""
    low = bisect_left(used, (start - LONGEST,))
    high = bisect_left(used, (stop,))
    return [use for use in used[low:high] if use.stop > start]


def _channels(used: Sequence[_Use], moment: float) -> set[str]:
    low = bisect_left(used, (moment - LONGEST,))
    high = bisect_left(used, (moment, float("inf")))
    return {use.channel for use in used[low:high] if use.start <= moment < use.stop}


def _steps(around: Iterable[_Use], start: float, stop: float) -> list[tuple[float, float]]:
    """[start, stop) cut where a use begins or ends."""
    edges = {start, stop}
    for use in around:
        edges.update(edge for edge in (use.start, use.stop) if start < edge < stop)
    cuts = sorted(edges)
    return list(pairwise(cuts))
