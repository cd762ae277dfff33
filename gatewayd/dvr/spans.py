"""Arithmetic of time spans: what is missing of a recording, and what that makes of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Span = tuple[float, float]
"""Half open [from, to), Unix seconds."""

TUNE_IN = 5.0
"""Seconds at the head of a recording that opening a stream may cost without spoiling it."""

TOLERANCE = 1.0
"""Seconds that may be missing after the head before a recording counts as partial."""

TOUCHING = 0.001
"""Spans that are this close, in seconds, are one: times are rounded on their way."""


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time as few spans, in order; empty and backward ones count for nothing."""
    merged: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if merged and start - merged[-1][1] <= TOUCHING:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)


def clip(spans: Iterable[Span], start: float, stop: float) -> tuple[Span, ...]:
    """The parts of the spans that lie within [start, stop), merged."""
    return merge((max(start, first), min(stop, last)) for first, last in spans)


def length(spans: Iterable[Span]) -> float:
    """The time that the spans cover, in seconds; they must not overlap (`merge`)."""
    return sum(stop - start for start, stop in spans)


def outcome(
    start: float, stop: float, received: int, gaps: tuple[Span, ...]
) -> Literal["done", "partial", "failed"]:
    """What a recording of [start, stop) has become that got `received` bytes and missed `gaps` (merged).

    Up to TUNE_IN seconds at the head are forgiven, then up to TOLERANCE in all.
    """
    if received == 0:
        return "failed"
    missing = length(gaps)
    if gaps and gaps[0][0] - start <= TOUCHING:
        missing -= min(TUNE_IN, gaps[0][1] - gaps[0][0])
    return "partial" if missing > min(TOLERANCE, (stop - start) / 2) else "done"
