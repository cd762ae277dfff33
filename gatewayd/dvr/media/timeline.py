"""Time stamps that a muxer survives, out of time stamps as they come. Pure.

Muxers refuse, misplace or abort the process at time stamps that go back or leap. Here they always rise,
and no leap is longer than LEAP: a source's new clock is joined to the end of the old one, for all its
streams alike, so that sound and picture stay together.
"""

from __future__ import annotations

from fractions import Fraction

LEAP = 10
"""Seconds; a longer step forward is taken for a new clock, not for a pause."""
SLIP = Fraction(1, 2)
"""Seconds back that are a stray packet, which is dropped, rather than a new clock."""
_CLOCKS = 3


class Timeline:
    """One output's time. Give it each packet in the order in which it came."""

    def __init__(self) -> None:
        self._clocks: list[Fraction] = []  # what is added to the source's time; the newest first
        self._last: dict[int, Fraction] = {}
        self._ticks: dict[int, int] = {}
        self.joints = 0
        """How many new clocks there were after the first."""

    def place(
        self, stream: int, dts: int, pts: int | None, duration: int, tick: Fraction
    ) -> tuple[int, int] | None:
        """(dts, pts) for the output, in ticks of `tick` seconds as the arguments are; None: drop it."""
        clock = self._clock(stream, dts * tick)
        if clock is None:
            return None
        shifted = dts + round(clock / tick)
        before = self._ticks.get(stream)
        if shifted < 0 or (before is not None and shifted <= before):
            return None
        self._ticks[stream] = shifted
        self._last[stream] = shifted * tick + max(0, min(duration, round(1 / tick))) * tick
        ahead = 0 if pts is None else pts - dts
        return shifted, shifted + (ahead if 0 <= ahead * tick <= LEAP else 0)

    def _clock(self, stream: int, moment: Fraction) -> Fraction | None:
        if not self._clocks:
            self._clocks.append(-moment)
            return -moment
        newest = max(self._last.values(), default=Fraction(0))
        last = self._last.get(stream)
        fitting = []
        for clock in self._clocks:
            step = moment + clock - (newest if last is None else last)
            if -SLIP <= step <= LEAP and abs(moment + clock - newest) <= LEAP:
                fitting.append((abs(step), clock))
        if fitting:  # around a joint packets of both clocks come: each goes where it follows best
            return min(fitting)[1]
        clock = newest - moment
        self._clocks = [clock, *self._clocks][:_CLOCKS]
        self.joints += 1
        return clock
