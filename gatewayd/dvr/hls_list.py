"""A recording as an HLS playlist (RFC 8216): fragments between random access points. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from gatewayd.dvr.media.cue_messages import Cue, Cues
from gatewayd.dvr.media.messages import Slice

CLOCK_WRAP = 2**33 / 90_000
TARGET = 6
"""EXT-X-TARGETDURATION, in seconds, as long as no fragment is longer: it must not change while it records."""
_TOUCH = 0.001
_PATIENCE = 30.0
"""Seconds that a stream's clock and the arrival of its bytes may differ before it counts as another clock:
sources begin with what they have kept, and stall."""


class Fragment(NamedTuple):
    """Bytes [start, stop) of the recording. `anew`: its time stamps do not go on from those before it.

    `shown` is how many seconds of fragments lie before it; `slice` counts the slice that it begins in.
    """

    start: int
    stop: int
    seconds: float
    anew: bool
    shown: float
    slice: int


class _Run:
    """Slices of one connection, one behind the other: cues with their place in the whole recording."""

    def __init__(self) -> None:
        self.cues: list[tuple[int, int, Cue]] = []  # place, slice, cue
        self.stop = 0
        self.end: float | None = None
        self.last = 0.0


def fragments(slices: Sequence[Slice], found: Sequence[Cues], *, whole: bool) -> tuple[Fragment, ...]:
    """The fragments, in order. Unless it is `whole`, what follows the last cue is still growing: left out.

    Bytes ahead of the first cue of a connection are in no fragment: no decoder could show them.
    """
    runs = _runs(slices, found)
    made: list[Fragment] = []
    shown = 0.0
    for number, run in enumerate(runs):
        closed = whole or number < len(runs) - 1
        steps = list(zip(run.cues, run.cues[1:], strict=False))
        anew = bool(made)
        for (place, index, cue), (after, _, following) in steps:
            seconds, leaps = _between(cue, following)
            made.append(Fragment(place, after, seconds, anew, shown, index))
            shown += seconds
            anew = leaps
        if closed and run.cues:
            place, index, cue = run.cues[-1]
            seconds = _rest(cue, run)
            made.append(Fragment(place, run.stop, seconds, anew, shown, index))
            shown += seconds
    return tuple(made)


def render(pieces: Sequence[Fragment], *, whole: bool, name: str = "part") -> str:
    """The playlist; a fragment's address is `{name}/{start}-{stop}.ts`, beside it."""
    longest = max((piece.seconds for piece in pieces), default=0.0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{max(TARGET, math.floor(longest + 0.5))}",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if whole else 'EVENT'}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-START:TIME-OFFSET=0",
    ]
    for piece in pieces:
        if piece.anew:
            lines.append("#EXT-X-DISCONTINUITY")
        lines.append(f"#EXTINF:{piece.seconds:.6f},")
        lines.append(f"{name}/{piece.start}-{piece.stop}.ts")
    if whole:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def at(pieces: Sequence[Fragment], seconds: float) -> Fragment | None:
    """The fragment that is shown then; the last one behind the end; None when there is none."""
    return next((each for each in reversed(pieces) if each.shown <= max(seconds, 0.0)), None)


def _runs(slices: Sequence[Slice], found: Sequence[Cues]) -> list[_Run]:
    runs: list[_Run] = []
    base, before = 0, None
    for index, (part, cues) in enumerate(zip(slices, found, strict=True)):
        goes_on = before is not None and abs(cues.first - before.last) < _TOUCH and _same(before, cues)
        if not goes_on:
            runs.append(_Run())
        run = runs[-1]
        run.cues += [(base + cue.byte - part.from_byte, index, cue) for cue in cues.cues]
        base += part.to_byte - part.from_byte
        run.stop, run.last = base, cues.last
        run.end = cues.end if cues.end is not None else run.end
        before = cues
    return runs


def _same(before: Cues, after: Cues) -> bool:
    """Whether a stretch is of the same programme as far as can be told."""
    return not before.tables or not after.tables or before.video == after.video


def _between(cue: Cue, following: Cue) -> tuple[float, bool]:
    """The seconds from one cue to the next, and whether the clock leapt: then as they came."""
    passed, came = (following.shown - cue.shown) % CLOCK_WRAP, max(0.0, following.came - cue.came)
    if 0.0 < passed <= came + _PATIENCE and came <= passed + _PATIENCE:
        return passed, False
    return max(came, 0.04), True


def _rest(cue: Cue, run: _Run) -> float:
    """The seconds from the last cue to the end."""
    came = max(0.04, run.last - cue.came)
    if run.end is None:
        return came
    left = (run.end - cue.shown) % CLOCK_WRAP
    return left if 0.0 < left <= came + _PATIENCE else came
