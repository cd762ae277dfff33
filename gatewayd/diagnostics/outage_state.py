"""When a line is down, and when it is up again: a machine that is slow to accuse and slow to believe.

Pure: it is told what each round found and at which monotonic second the round began.
"""

from __future__ import annotations

from collections import deque

from gatewayd.diagnostics.outage_model import Cause, Line, LineState

ONLINE_EVERY = 15.0
SUSPECT_EVERY = 2.0
OFFLINE_EVERY = 5.0
OFFLINE_SOON = 300.0
"""Seconds for which a line that is down is asked every 5 s; later as often as one that is up."""
DROPPED_LATELY = 120.0
MISSES, MISSED_FOR = 5, 20.0
LOST_FOR = 5.0
"""Seconds without a signal or an address: nobody has to be asked then."""
GOODS, GOOD_FOR = 3, 15.0
MANY, WITHIN = 3, 900.0
"""So many transitions within so many seconds make a line unstable."""
CLEAN = 1800.0


class LineWatch:
    """One line. `start` and `end` are back-dated: the first round that failed, the first that worked again.

    A transition is a change that lasted: down, up again, a relapse while it came up, and a drop of two rounds
    or more that was too short to be an outage.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.state: LineState = "unwatched"
        self.start = 0.0
        self.end = float("-inf")
        self.cause: Cause = "probes"
        self.transitions: deque[float] = deque(maxlen=64)
        self._misses = 0
        self._goods = 0
        self._lost_since: float | None = None

    @property
    def down(self) -> bool:
        """Out, until it has proved to be back."""
        return self.state in ("offline", "recovering")

    @property
    def watched(self) -> bool:
        """Whether anything is known of it."""
        return self.state != "unwatched"

    def every(self, at: float) -> float:
        """Seconds until it wants to be asked again."""
        if self.state == "suspect":
            return SUSPECT_EVERY
        if self.state == "recovering":
            return OFFLINE_EVERY
        if self.state == "offline":
            return OFFLINE_EVERY if at - self.start < OFFLINE_SOON else ONLINE_EVERY
        if self.transitions and at - self.transitions[-1] < DROPPED_LATELY:
            return (
                OFFLINE_EVERY  # what comes and goes by the quarter of a minute must not fall between rounds
            )
        return ONLINE_EVERY

    def resume(self, start: float, cause: Cause) -> None:
        """Was down when the daemon ended."""
        self.state, self.start, self.cause = "offline", start, cause

    def resume_unstable(self, at: float) -> None:
        """Was coming and going when the daemon ended: it has to be clean from now on."""
        self.transitions.append(at)

    def forget(self, at: float) -> None:
        """It is not there any more, for a good reason."""
        if self.down:
            self.end = at
        self.state = "unwatched"

    def see(self, at: float, good: bool, lost: Cause | None = None) -> None:
        """One round that began `at`. `lost` says that there is no signal (`carrier`) or address (`lease`)."""
        if good:
            self._good(at)
        else:
            self._miss(at, lost)

    def unstable(self, at: float) -> float | None:
        """When it began to come and go, None while it does not."""
        return self.transitions[-self.recent(at)] if self.recent(at) >= MANY else None

    def recent(self, at: float) -> int:
        """How many transitions there were lately."""
        return sum(at - moment <= WITHIN for moment in self.transitions)

    def _good(self, at: float) -> None:
        self._lost_since = None
        if self.state == "offline":
            self.state, self.end, self._goods = "recovering", at, 1
        elif self.state == "recovering":
            self._goods += 1
            if self._goods >= GOODS and at - self.end >= GOOD_FOR:
                self.state = "online"
                self.transitions.append(at)
        else:
            if self.state == "suspect" and self._misses > 1:
                self.transitions.append(at)
            elif self.state == "unwatched":
                self.end = at
            self.state = "online"

    def _miss(self, at: float, lost: Cause | None) -> None:
        if lost is None:
            self._lost_since = None
        elif self._lost_since is None:
            self._lost_since = at
        if self.state == "recovering":
            self.state = "offline"
            self.transitions.append(at)
        elif self.state in ("online", "unwatched"):
            self.state, self.start, self._misses = "suspect", at, 1
        elif self.state == "suspect":
            self._misses += 1
            gone = self._lost_since is not None and at - self._lost_since >= LOST_FOR
            if gone or (self._misses >= MISSES and at - self.start >= MISSED_FOR):
                self.state = "offline"
                self.cause = lost if gone and lost is not None else "probes"
                self.transitions.append(at)
