"""When a channel is wanted: its ranges, and the time by which they are judged."""

from __future__ import annotations

import time
from collections.abc import Mapping

from gatewayd.dvr.media.messages import Range

LEAD = 2.0
"""Seconds before a range's start at which its source is opened."""
STEP = 0.5
"""Seconds by which wall time must differ from ours to have been set."""


class Agenda:
    """The ranges of one channel that are not done.

    Time is the wall clock of the moment at which it was last looked at plus the monotonic clock, and it is
    looked at only while no range runs: so a step of the wall clock neither ends nor prolongs a running
    recording, and the next one follows the new time.
    """

    def __init__(
        self, channel: str, ranges: tuple[Range, ...], told: Mapping[tuple[str, str], float]
    ) -> None:
        """`told`: when (channel, range) were done, as the journal remembers it from earlier processes."""
        self._channel = channel
        self._told = told
        self._done: dict[str, float] = {}
        self._offset = time.time() - time.monotonic()
        self.ranges = ranges

    def now(self) -> float:
        """Unix seconds."""
        return self._offset + time.monotonic()

    def look(self) -> bool:
        """Takes the wall clock's time, unless a range runs; whether it had been set."""
        if self.wanted() is not None:
            return False
        before, self._offset = self._offset, time.time() - time.monotonic()
        return abs(self._offset - before) > STEP

    def undone(self) -> list[Range]:
        """Ranges whose end has not been told."""
        return [span for span in self.ranges if self._done_at(span) < span.stop]

    def due(self) -> bool:
        """Whether a source should be open now."""
        now = self.now()
        return any(_opens(span) <= now < span.stop for span in self.undone())

    def opens(self) -> float | None:
        """In how many seconds (negative: ago) the source should be opened; None: never."""
        moment = min(map(_opens, self.undone()), default=None)
        return None if moment is None else moment - self.now()

    def wanted(self) -> float | None:
        """Since when a range that runs now has wanted bytes."""
        now = self.now()
        return min((span.start for span in self.undone() if span.start <= now < span.stop), default=None)

    def until_stop(self) -> float:
        """Seconds until the next end of a range; 0.0 without any."""
        return max(0.0, min((span.stop - self.now() for span in self.undone()), default=0.0))

    def ended(self) -> list[Range]:
        """Ranges whose end has come and was not told; from now on they count as done."""
        now = self.now()
        found = [span for span in self.undone() if span.stop <= now]
        for span in found:
            self._done[span.id] = now
        return found

    def _done_at(self, span: Range) -> float:
        return self._done.get(span.id) or self._told.get((self._channel, span.id), 0.0)


def _opens(span: Range) -> float:
    return span.start if span.prompt else span.start - LEAD
