"""When a rate is known, and how well: pure arithmetic on bins of bytes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from gatewayd.diagnostics.speed_model import Confidence

BIN = 0.5
"""Seconds of a bin."""
DROPPED = 2.0
"""Seconds at the start that do not count: slow start, and the shaper's full bucket."""
AVERAGED = 4
"""Bins in a moving average, and moving averages that have to agree."""
AGREE, NEARLY = 0.02, 0.1
LEAST, MOST = 4.0, 10.0
"""Seconds that a direction takes at least and at most."""
RISING = 0.05
FIRST_STREAMS, MORE_STREAMS, MOST_STREAMS, MOST_STREAMS_FAST = 4, 2, 8, 16
FAST = 1e9


class Bin(NamedTuple):
    """Bytes (of IP packets) within some seconds; `end` is since the start."""

    end: float
    seconds: float
    bytes: float

    @property
    def rate(self) -> float:
        """bit/s."""
        return self.bytes * 8 / self.seconds if self.seconds > 0 else 0.0


def counted(bins: Sequence[Bin]) -> tuple[Bin, ...]:
    """The bins after the start that is dropped."""
    return tuple(one for one in bins if one.end - one.seconds >= DROPPED - BIN / 10)


def averages(bins: Sequence[Bin]) -> tuple[float, ...]:
    """The moving averages over `AVERAGED` bins, each weighed by its length."""
    return tuple(_mean(bins[at : at + AVERAGED]) for at in range(len(bins) - AVERAGED + 1))


def spread(bins: Sequence[Bin]) -> float | None:
    """How far the last `AVERAGED` moving averages lie apart, as a share of their mean; None: too few."""
    last = averages(counted(bins))[-AVERAGED:]
    if len(last) < AVERAGED:
        return None
    mean = statistics.fmean(last)
    return (max(last) - min(last)) / mean if mean > 0 else None


def settled(bins: Sequence[Bin]) -> bool:
    """Whether more seconds would tell nothing more."""
    apart = spread(bins)
    return bool(bins) and bins[-1].end >= LEAST and apart is not None and apart < AGREE


def rate(bins: Sequence[Bin]) -> float:
    """bit/s over all that counts; over everything when nothing does."""
    return _mean(counted(bins) or tuple(bins))


def confidence(bins: Sequence[Bin]) -> Confidence:
    """`high`: settled; `medium`: nearly; `low`: it never held still, or was too short to say."""
    apart = spread(bins)
    if apart is None or apart >= NEARLY:
        return "low"
    return "high" if apart < AGREE else "medium"


def wanted_streams(bins: Sequence[Bin], streams: int) -> int:
    """How many streams to use from now on: more while that brings more."""
    if len(bins) >= 2 and bins[-1].rate <= bins[-2].rate * (1 + RISING):
        return streams
    most = MOST_STREAMS_FAST if bins and bins[-1].rate > FAST else MOST_STREAMS
    return max(streams, min(most, streams + MORE_STREAMS)) if bins else max(streams, FIRST_STREAMS)


def still_rising(times: Sequence[tuple[float, float]], now: float) -> bool:
    """Whether round trips `(when, ms)` of the last second are still longer than those of the second before.

    A queue that still fills means that the latency under load is not known yet.
    """
    last = [ms for when, ms in times if now - 1 <= when]
    before = [ms for when, ms in times if now - 2 <= when < now - 1]
    if len(last) < 2 or len(before) < 2:
        return False
    then = statistics.median(before)
    return statistics.median(last) > max(then * 1.1, then + 5)


def trimmed_mean(values: Sequence[float]) -> float:
    """The mean of the lowest 95 %, as the responsiveness draft has it. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return statistics.fmean(ordered[: max(1, int(len(ordered) * 0.95))])


def _mean(bins: Sequence[Bin]) -> float:
    seconds = sum(one.seconds for one in bins)
    return sum(one.bytes for one in bins) * 8 / seconds if seconds > 0 else 0.0
