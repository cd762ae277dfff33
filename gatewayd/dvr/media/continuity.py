"""Continuity counters of all PIDs at once (ISO/IEC 13818-1, 2.4.3.3; TR 101 290, 1.4).

One stable sort by PID shows which packets do not simply follow the one before them; only those are
judged one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NULL_PID = 0x1FFF
FIELD, PAYLOAD, COUNTER = 0x20, 0x10, 0x0F
"""Bits of a header as a big-endian word: adaptation_field_control and continuity_counter."""
DISCONTINUITY = 0x800000
"""discontinuity_indicator in the second word, behind adaptation_field_length."""

_FOLLOWS = np.uint32(NULL_PID << 8 | PAYLOAD | COUNTER)

Words = NDArray[np.uint32]


class _Seen(NamedTuple):
    """The last packet of a PID: its payload flag and counter; whether it repeated the one before it."""

    word: int
    repeat: bool


class Continuity:
    """Follows the counters of one stream.

    Per PID, null packets excluded: the counter must rise by one with each packet that has a payload,
    except one repetition of a packet and after a discontinuity_indicator, and stay with one that
    has none.
    """

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def judge(self, headers: Words, fields: Words, order: NDArray[np.intp]) -> tuple[int, set[int]]:
        """Errors, and which PIDs were there. `headers` are sorted by PID; `order` is where they were."""
        words = headers & _FOLLOWS
        expected = (words & ~np.uint32(COUNTER)) | ((words + np.uint32(1)) & np.uint32(COUNTER))
        odd = np.empty(len(words), np.bool_)
        odd[0] = True
        odd[1:] = (expected[:-1] != words[1:]) | ((words[1:] & PAYLOAD) == 0)
        at = np.flatnonzero(odd)
        errors, pid, seen, last = 0, -1, None, 0
        present = set()
        for index, header, field, before in zip(
            at.tolist(), headers[at].tolist(), fields[order[at]].tolist(), words[at - 1].tolist(), strict=True
        ):
            behind = seen if seen is not None and last == index - 1 else _Seen(before & 0x1F, False)
            if header >> 8 & NULL_PID != pid:
                if pid >= 0:
                    self._seen[pid] = behind
                pid = header >> 8 & NULL_PID
                present.add(pid)
                earlier = self._seen.get(pid)
            else:
                earlier = behind
            restart = bool(header & FIELD and field >> 24 and field & DISCONTINUITY)
            right, seen = _judge(header & 0x1F, earlier, restart)
            errors += not right
            last = index
        tail = int(words[-1]) & 0x1F
        self._seen[pid] = seen if seen is not None and last == len(words) - 1 else _Seen(tail, False)
        return errors, present


def _judge(word: int, earlier: _Seen | None, restart: bool) -> tuple[bool, _Seen]:
    """Whether a packet may follow an earlier one of its PID."""
    if earlier is None or restart:
        return True, _Seen(word, False)
    if not word & PAYLOAD:
        return (word ^ earlier.word) & COUNTER == 0, _Seen(word, False)
    repeat = word == earlier.word
    risen = (earlier.word + 1 ^ word) & COUNTER == 0
    return risen or (repeat and not earlier.repeat), _Seen(word, repeat)
