"""The stream's own clock: intervals, jumps and jitter of its PCRs (ISO/IEC 13818-1, 2.4.2.2)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewayd.dvr.media.continuity import DISCONTINUITY, FIELD, NULL_PID, Words
from gatewayd.dvr.media.measures import Measures

HERTZ = 27_000_000
WRAP = (1 << 33) * 300
LATE = 0.040
"""TR 101 290, 2.3a: PCRs are at most 40 ms apart."""
JUMP = 0.100
"""2.3b: a greater step, or one back, needs a discontinuity_indicator."""
ACCURATE = 500e-9
"""2.4: a PCR is right to 500 ns."""
_HAS_PCR = 0x100000
_LENGTH = 7  # adaptation_field_length of the shortest field with a PCR


class _Pcr(NamedTuple):
    value: int
    position: int


class Clock:
    """Follows the PCRs of one stream. `rate` is seconds per packet, 0.0 as long as it is not known."""

    def __init__(self) -> None:
        self._last: dict[int, _Pcr] = {}
        self.rate = 0.0

    def judge(self, words: Words, first: int, broken: NDArray[np.bool_] | None, into: Measures) -> None:
        """Looks at the three words of each packet, numbered from `first`."""
        at = np.flatnonzero(words[0] & FIELD)
        if broken is not None:
            at = at[~broken[at]]
        fields = words[1][at]
        at = at[((fields >> 24) >= _LENGTH) & ((fields & _HAS_PCR) != 0)]
        if not len(at):
            return
        fields, rest = words[1][at].astype(np.int64), words[2][at].astype(np.int64)
        values = ((fields & 0xFFFF) << 17 | rest >> 15) * 300 + (rest & 0x1FF)
        pids = (words[0][at] >> 8) & NULL_PID
        restarts = (fields & DISCONTINUITY) != 0
        longest = 0.0
        for pid in set(pids.tolist()):
            mine = pids == pid
            seconds = self._follow(pid, values[mine], at[mine] + first, restarts[mine], into)
            longest = max(longest, seconds)
        into.seconds += longest

    def _follow(
        self,
        pid: int,
        values: NDArray[np.int64],
        positions: NDArray[np.intp],
        restarts: NDArray[np.bool_],
        into: Measures,
    ) -> float:
        """One PID; the seconds that passed on its clock."""
        into.pcr += len(values)
        last = self._last.get(pid)
        if last is not None:
            values = np.concatenate(([last.value], values))
            positions = np.concatenate(([last.position], positions))
            restarts = np.concatenate(([False], restarts))
        self._last[pid] = _Pcr(int(values[-1]), int(positions[-1]))
        if len(values) < 2:
            return 0.0
        steps = (values[1:] - values[:-1]) % WRAP / HERTZ
        told = ~restarts[1:]
        jumps = told & (steps > JUMP)  # a step back is one of nearly a whole turn
        smooth = told & ~jumps
        into.pcr_jumps += int(np.count_nonzero(jumps))
        into.pcr_late += int(np.count_nonzero(told & (steps > LATE) & (steps < WRAP / HERTZ / 2)))
        if not smooth.any():
            return 0.0
        intervals = steps[smooth]
        passed = float(intervals.sum())
        into.pcr_intervals += passed
        into.pcr_interval_most = max(into.pcr_interval_most, float(intervals.max()))
        packets = int((positions[1:] - positions[:-1])[smooth].sum())
        if packets:
            self.rate = passed / packets
        if into.null and not (into.continuity or into.sync_bytes) and smooth.all() and len(values) > 2:
            times = np.concatenate(([0.0], np.cumsum(steps)))
            off = np.abs(times - (positions - positions[0]) * (times[-1] / int(positions[-1] - positions[0])))
            into.pcr_jitter_most = max(into.pcr_jitter_most, float(off.max()))
            into.pcr_off += int(np.count_nonzero(off > ACCURATE))
            into.steady += passed
        return passed
