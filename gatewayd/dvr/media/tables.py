"""Which programmes a stream says that it carries (ISO/IEC 13818-1, 2.4.4: PAT, PMT, CAT), and how often.

Only packets of these PIDs are looked at, and only those that differ from the last one are taken apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatewayd.dvr.media.measures import Measures

PAT_PID, CAT_PID = 0, 1
LATE = 0.5
"""TR 101 290, 1.3 and 1.5: PAT and PMT come at least every 0.5 s."""
ABSENT = 5.0
"""1.6: seconds without a packet after which a PID that is referred to is missing (the user chooses it)."""
_PIDS = 0x2000
_PAT_ID, _CAT_ID, _PMT_ID = 0, 1, 2
_SOUND_AND_PICTURE = {0x01, 0x02, 0x03, 0x04, 0x0F, 0x10, 0x11, 0x1B, 0x24, 0x81, 0x87}
"""Stream types that never pause for seconds; subtitles and data do."""
_LONGEST = 1024


class Tables:
    """Follows one stream's tables. `wanted` tells by PID which packets to bring; a new PAT replaces it."""

    def __init__(self) -> None:
        self.wanted = _marked(PAT_PID, CAT_PID)
        self._packets: dict[int, bytes] = {}
        self._sections: dict[int, bytes] = {}
        self._partial: dict[int, bytes] = {}
        self._good: dict[int, bool] = {}
        self._hits: list[tuple[int, int, bool]] = []  # where, which PID, whether something was wrong
        self._last: dict[int, int] = {}
        self._programmes: dict[int, frozenset[int]] = {}  # PMT PID: the PIDs of its sound and pictures
        self._absent: dict[int, float] = {}
        self._cat = False
        self._new = Measures()

    def bring(self, position: int, packet: bytes) -> None:
        """A whole packet of a wanted PID; `position` is its number."""
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        if packet[1] & 0x80 or (not packet[1] & 0x40 and pid not in self._partial):
            return
        scrambled = bool(packet[3] & 0xC0)
        if packet[1] & 0x40:
            if self._packets.get(pid) != packet[4:] or scrambled:
                self._packets[pid] = packet[4:]
                self._partial.pop(pid, None)
                self._begin(pid, packet)
            self._hits.append((position, pid, scrambled or not self._good.get(pid, True)))
        else:
            self._collect(pid, self._partial.pop(pid) + packet[_payload(packet) :])

    def judge(self, rate: float, present: set[int], into: Measures) -> None:
        """Counts what was brought since the last time; `rate` is seconds per packet (0.0: unknown)."""
        into.add(self._new)
        self._new = Measures()
        for position, pid, bad in self._hits:
            if pid == CAT_PID:
                continue
            interval = (position - self._last.get(pid, position)) * rate
            self._last[pid] = position
            wrong = bad + (interval > LATE)
            if pid == PAT_PID:
                into.pat += 1
                into.pat_errors += wrong
                into.pat_interval_most = max(into.pat_interval_most, interval)
            else:
                into.pmt += 1
                into.pmt_errors += wrong
                into.pmt_interval_most = max(into.pmt_interval_most, interval)
        self._hits.clear()
        if into.scrambled and not self._cat:
            into.cat_errors += 1
        self._look_for(present, into)

    def _look_for(self, present: set[int], into: Measures) -> None:
        referred = {PAT_PID, *self._programmes, *(pid for pids in self._programmes.values() for pid in pids)}
        for pid in referred:
            if pid in present:
                self._absent.pop(pid, None)
                continue
            before = self._absent.get(pid, 0.0)
            self._absent[pid] = before + into.seconds
            if pid == PAT_PID or pid in self._programmes:  # late by 1.3 and 1.5, for as long as it lasts
                late = int(self._absent[pid] / LATE) - int(before / LATE)
                into.pat_errors += late if pid == PAT_PID else 0
                into.pmt_errors += late if pid != PAT_PID else 0
            elif before < ABSENT <= self._absent[pid]:
                into.missing_pids += 1
        for pid in self._absent.keys() - referred:
            del self._absent[pid]

    def _begin(self, pid: int, packet: bytes) -> None:
        at = _payload(packet)
        if at >= len(packet):
            return
        self._collect(pid, packet[at + 1 + packet[at] :])

    def _collect(self, pid: int, data: bytes) -> None:
        length = 3 + ((data[1] & 0x0F) << 8 | data[2]) if len(data) >= 3 else _LONGEST
        if len(data) < length:
            if len(data) < _LONGEST:
                self._partial[pid] = data
            return
        section = data[:length]
        if self._sections.get(pid) == section:
            return
        right = crc32(section) == 0
        self._new.crc += not right
        expected = {PAT_PID: _PAT_ID, CAT_PID: _CAT_ID}.get(pid, _PMT_ID)
        self._good[pid] = not (pid == PAT_PID and section[0] != expected)
        if not right or section[0] != expected or len(section) < 12:
            return
        changed = pid in self._sections
        self._sections[pid] = section
        if pid == CAT_PID:
            self._cat = True
        elif pid == PAT_PID:
            self._new.pat_changes += changed
            self._programme_list(section)
        else:
            self._new.pmt_changes += changed
            self._programmes[pid] = frozenset(_streams(section))

    def _programme_list(self, section: bytes) -> None:
        entries = (section[at : at + 4] for at in range(8, len(section) - 7, 4))
        pids = {(one[2] & 0x1F) << 8 | one[3] for one in entries if one[:2] != b"\0\0"}
        self._programmes = {pid: self._programmes.get(pid, frozenset()) for pid in pids - {PAT_PID, CAT_PID}}
        self.wanted = _marked(PAT_PID, CAT_PID, *self._programmes)


def _marked(*pids: int) -> NDArray[np.bool_]:
    marks = np.zeros(_PIDS, np.bool_)
    marks[list(pids)] = True
    return marks


def _payload(packet: bytes) -> int:
    """Where a packet's payload begins (188: it has none)."""
    if not packet[3] & 0x10:
        return len(packet)
    return min(len(packet), 5 + packet[4]) if packet[3] & 0x20 else 4


def _streams(section: bytes) -> list[int]:
    """The PIDs of sound and pictures in a PMT."""
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    found = []
    while at + 5 <= len(section) - 4:
        if section[at] in _SOUND_AND_PICTURE:
            found.append((section[at + 1] & 0x1F) << 8 | section[at + 2])
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
    return found


def _remainders() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


_TABLE = _remainders()


def crc32(data: bytes) -> int:
    """CRC-32 of ISO/IEC 13818-1, annex A; 0 over a section with its own."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value
