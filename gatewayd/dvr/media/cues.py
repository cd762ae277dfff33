"""Finding random access points in a stored segment, without reading all of it.

The segment's index tells which bytes came when, so only a few hundred kilobytes behind each moment are
looked at (ISO/IEC 13818-1: 2.4.3 packets and PES, 2.4.4 tables).
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gatewayd.dvr.media.cue_messages import Cue, Cues
from gatewayd.dvr.media.index import PACKET, Index, read_index

SPACING = 4.0
"""Seconds from one cue to the next at least."""
FARTHEST = 10.0
"""A greater step of the stream's clock means that the bytes came in a burst: then all of them are read."""
WRAP = 2**33 / 90_000
_LEAP = 3600.0
_BLOCK = 680 * PACKET
_TAIL = 4 * _BLOCK
_SYNC = 0x47
_VIDEO = {0x01, 0x02, 0x10, 0x1B, 0x24}
_AUDIO = {0x03, 0x04, 0x0F, 0x11, 0x81, 0x87}
_H264, _HEVC = 0x1B, 0x24
_LONGEST_TABLE = 6
"""Packets that a PAT or a PMT fills at most: sections have up to 1024 bytes."""


class Programme(NamedTuple):
    """The elementary stream that a player follows: its PID, its stream type, the packets of PAT and PMT."""

    pid: int
    kind: int
    tables: bytes


class Packets:
    """The packets of an open file up to `stop`, each with its position; lost sync is found again."""

    def __init__(self, file: int, stop: int) -> None:
        self._file = file
        self._stop = stop

    def after(self, start: int) -> Iterator[tuple[int, bytes]]:
        """All, from the first whole one at or behind `start` on. Raises OSError."""
        for position, run in self.runs(start):
            for at in range(0, len(run), PACKET):
                yield position + at, run[at : at + PACKET]

    def units(self, start: int, pid: int) -> Iterator[tuple[int, bytes]]:
        """Those of one PID that a unit begins in and that are not broken.

        They are few, and found by one byte of their header: a recorder has no time to look at each packet.
        """
        marks = (0x40 | pid >> 8, 0x60 | pid >> 8)  # payload_unit_start_indicator, and transport_priority
        low = pid & 0xFF
        for position, run in self.runs(start):
            heads = run[1::PACKET]
            found = [number for mark in marks for number in _places(heads, mark)]
            for number in sorted(found):
                at = number * PACKET
                if run[at + 2] == low:
                    yield position + at, run[at : at + PACKET]

    def runs(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Stretches of whole packets in a row, and where they are."""
        position, buffer = start, b""
        while True:
            behind = position + len(buffer)
            piece = os.pread(self._file, max(0, min(_BLOCK, self._stop - behind)), behind)
            buffer += piece
            at = 0
            while at + PACKET <= len(buffer):
                good = _in_sync(buffer, at)
                if good:
                    yield position + at, buffer[at : at + good * PACKET]
                    at += good * PACKET
                else:
                    found = buffer.find(_SYNC, at + 1)
                    at = len(buffer) if found < 0 else found
            if not piece:
                return
            position, buffer = position + at, buffer[at:]


def _in_sync(buffer: bytes, start: int) -> int:
    """How many whole packets follow one another from `start` on; one alone is believed only at the end."""
    marks = buffer[start : len(buffer) - PACKET + 1 : PACKET]
    good = len(marks) - len(marks.lstrip(b"\x47"))
    behind = start + good * PACKET
    if good < len(marks) or (behind < len(buffer) and buffer[behind] != _SYNC):
        good -= 1  # what follows the last one is none: neither may it be
    return max(0, good)


def _places(text: bytes, sign: int) -> Iterator[int]:
    at = text.find(sign)
    while at >= 0:
        yield at
        at = text.find(sign, at + 1)


def find(data: Path, index: Path, start: int, stop: int) -> Cues:
    """What `Cues` tells of bytes [start, stop) of a segment. Raises OSError, ValueError for a bad index."""
    known = read_index(index)
    file = os.open(data, os.O_RDONLY | os.O_CLOEXEC)
    try:
        packets = Packets(file, min(stop, known.size))
        programme = find_programme(packets.after(start))
        if programme is None:
            return Cues(first=known.header.first, last=known.last, cues=())
        end = _end(packets, programme, max(start, stop - _TAIL) // PACKET * PACKET)
        return Cues(
            first=known.header.first,
            last=known.last,
            cues=tuple(_walk(packets, programme, known, start, end)),
            end=end,
            tables=programme.tables,
            video=programme.kind if programme.kind in _VIDEO else None,
        )
    finally:
        os.close(file)


def _walk(
    packets: Packets, programme: Programme, index: Index, start: int, end: float | None
) -> Iterator[Cue]:
    """Cues that are SPACING apart by arrival; where the stream's clock went farther, by that."""
    times = [record.time for record in index.records]
    ends = [record.end for record in index.records]
    position, before = start, None
    while True:
        found = next(entries(packets.units(position, programme.pid), programme), None)
        reached = end if found is None else found[1]
        if before is not None and reached is not None and FARTHEST < (reached - before.shown) % WRAP < _LEAP:
            found = _densely(packets, programme, before, found)
        if found is None:
            return
        byte, shown = found
        record = min(bisect.bisect_right(ends, byte), len(times) - 1)
        came = times[record]
        before = Cue(byte=byte, came=came, shown=shown)
        yield before
        later = bisect.bisect_left(times, came + SPACING)
        position = max(byte + PACKET, ends[later - 1] // PACKET * PACKET if later else 0)


def _densely(
    packets: Packets, programme: Programme, before: Cue, farthest: tuple[int, float] | None
) -> tuple[int, float] | None:
    for byte, shown in entries(packets.units(before.byte + PACKET, programme.pid), programme):
        if farthest is not None and byte >= farthest[0]:
            break
        if SPACING <= (shown - before.shown) % WRAP < _LEAP:
            return byte, shown
    return farthest


def _end(packets: Packets, programme: Programme, start: int) -> float | None:
    """When the last picture (or sound) ends; the last two time stamps tell how long it lasts."""
    stamps = [
        shown for _, packet in packets.units(start, programme.pid) if (shown := stamp(packet)) is not None
    ]
    if not stamps:
        return None
    # Pictures come in the order of decoding; an unwrapped maximum is the last that is shown.
    base = stamps[0]
    steps = sorted({((each - base + WRAP / 2) % WRAP) - WRAP / 2 for each in stamps})
    length = steps[-1] - steps[-2] if len(steps) > 1 else 0.04
    return (base + steps[-1] + min(length, 1.0)) % WRAP


def entries(packets: Iterator[tuple[int, bytes]], programme: Programme) -> Iterator[tuple[int, float]]:
    """Where a decoder can begin, of packets in which units of the programme's stream begin: positions and
    presentation times."""
    for position, packet in packets:
        shown = stamp(packet)
        if shown is not None and (programme.kind in _AUDIO or _is_entry(packet, programme.kind)):
            yield position, shown


def _is_entry(packet: bytes, kind: int) -> bool:
    if packet[3] & 0x20 and packet[4] and packet[5] & 0x40:  # random_access_indicator
        return True
    at = _payload(packet)
    content = packet[at + 9 + packet[at + 8] :] if at + 9 <= PACKET else b""
    if kind in (_H264, _HEVC):
        units = (content[found + 3] for found in _starts(content) if found + 3 < len(content))
        if kind == _H264:
            return any(unit & 0x1F in (5, 7) for unit in units)  # IDR picture, sequence parameters
        return any(16 <= unit >> 1 & 0x3F <= 21 or unit >> 1 & 0x3F in (32, 33) for unit in units)
    return b"\0\0\1\xb3" in content  # sequence header


def _starts(content: bytes) -> Iterator[int]:
    at = content.find(b"\0\0\1")
    while at >= 0:
        yield at
        at = content.find(b"\0\0\1", at + 3)


def stamp(packet: bytes) -> float | None:
    """The PTS, in seconds, of the PES packet that begins in this packet; None when there is none."""
    at = _payload(packet)
    if packet[1] & 0x40 == 0 or at + 14 > PACKET or packet[at : at + 3] != b"\0\0\1":
        return None
    if not packet[at + 7] & 0x80:
        return None
    five = packet[at + 9 : at + 14]
    ticks = (five[0] >> 1 & 7) << 30 | five[1] << 22 | (five[2] >> 1) << 15 | five[3] << 7 | five[4] >> 1
    return ticks / 90_000


def find_programme(packets: Iterator[tuple[int, bytes]]) -> Programme | None:
    """The first programme with a picture, else the first with sound; None when no table tells of one."""
    tables: dict[int, list[bytes]] = {}
    wanted: set[int] = {0}
    order: list[int] = []
    sound: Programme | None = None
    for _, packet in packets:
        pid = _pid(packet)
        if pid not in wanted or packet[1] & 0x80:
            continue
        if packet[1] & 0x40:
            tables[pid] = []
        if pid in tables and len(tables[pid]) < _LONGEST_TABLE:
            tables[pid].append(packet)
        section = _section(tables.get(pid, []))
        if section is None:
            continue
        if pid == 0:
            order = _maps(section)
            wanted = {0, *order}
            continue
        streams = _streams(section)
        joined = b"".join((*tables[0], *tables[pid]))
        for stream, kind in streams:
            if kind in _VIDEO:
                return Programme(stream, kind, joined)
        heard = next(((stream, kind) for stream, kind in streams if kind in _AUDIO), None)
        sound = sound or (None if heard is None else Programme(*heard, joined))
        wanted.discard(pid)
        if len(wanted) == 1:
            return sound
    return sound


def _section(packets: list[bytes]) -> bytes | None:
    """The table that begins in the first of these packets, once it is whole."""
    if not packets:
        return None
    first = packets[0][_payload(packets[0]) :]
    body = first[1 + first[0] :] if first else b""
    body += b"".join(packet[_payload(packet) :] for packet in packets[1:])
    if len(body) < 3:
        return None
    length = 3 + ((body[1] & 0x0F) << 8 | body[2])
    return body[:length] if len(body) >= length >= 12 else None


def _maps(section: bytes) -> list[int]:
    """The PIDs of a PAT's programme maps."""
    rows = (section[at : at + 4] for at in range(8, len(section) - 7, 4))
    return [(row[2] & 0x1F) << 8 | row[3] for row in rows if row[:2] != b"\0\0"]


def _streams(section: bytes) -> list[tuple[int, int]]:
    """(PID, stream type) of a PMT's rows."""
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    found = []
    while at + 5 <= len(section) - 4:
        found.append(((section[at + 1] & 0x1F) << 8 | section[at + 2], section[at]))
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
    return found


def _pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def _payload(packet: bytes) -> int:
    """Where a packet's payload begins (188: it has none)."""
    if not packet[3] & 0x10:
        return PACKET
    return min(PACKET, 5 + packet[4]) if packet[3] & 0x20 else 4
