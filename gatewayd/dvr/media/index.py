"""The index beside each segment: when which bytes came, and what was wrong with them.

`<segment>.idx` is a magic, the length of a msgpack header and the header, then fixed records, one for
each batch that was written: (Unix time at which it was read, end offset in the segment, continuity,
transport and sync errors found in it). A record is written after its bytes; a torn one is cut off.
A segment that was closed has its measures behind the records: msgpack, its length and a mark, so that it
is found from the end.
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import NamedTuple

import msgspec

from gatewayd.dvr.media.measures import Measures
from gatewayd.dvr.media.messages import BITRATE_SECONDS, Slice, StreamErrors

_MAGIC = b"GWDX1\0"
_HEAD = struct.Struct("<6sH")
PACKET = 188
"""Bytes of a transport stream packet; a segment begins with one (ISO/IEC 13818-1, 2.4.3.2)."""
RECORD = struct.Struct("<dQIII")
_TAIL = struct.Struct("<I4s")
_MARK = b"GWDM"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Whose segment it is; `first` is the time of its first bytes, from which the first record counts."""

    channel: str
    first: float


class Record(NamedTuple):
    """One batch: it ends at byte `end` and came after the record before it and not after `time`."""

    time: float
    end: int
    continuity: int = 0
    transport: int = 0
    sync: int = 0


class Index(NamedTuple):
    """A segment's index as it was read back."""

    header: Header
    records: list[Record]
    measures: Measures | None = None

    @property
    def last(self) -> float:
        """Time of the last bytes."""
        return self.records[-1].time if self.records else self.header.first

    @property
    def size(self) -> int:
        """Bytes that the index covers."""
        return self.records[-1].end if self.records else 0

    @property
    def errors(self) -> StreamErrors:
        """All that was counted in the segment."""
        return total(self.records)


def header_bytes(header: Header) -> bytes:
    """What an index file begins with."""
    raw = msgspec.msgpack.encode(header)
    return _HEAD.pack(_MAGIC, len(raw)) + raw


def record_bytes(record: Record) -> bytes:
    """One record."""
    return RECORD.pack(*record)


def measures_bytes(measures: Measures) -> bytes:
    """What a closed segment's index ends with."""
    raw = msgspec.msgpack.encode(measures)
    return raw + _TAIL.pack(len(raw), _MARK)


def total(records: list[Record]) -> StreamErrors:
    """The sum of the records' faults."""
    return StreamErrors(
        continuity=sum(record.continuity for record in records),
        transport=sum(record.transport for record in records),
        sync=sum(record.sync for record in records),
    )


def read_index(path: Path) -> Index:
    """The index in `path`; a torn last record is left out. Raises ValueError when it is none, OSError."""
    raw = path.read_bytes()
    if len(raw) < _HEAD.size:
        raise ValueError("an index without a header")
    magic, length = _HEAD.unpack_from(raw)
    begin = _HEAD.size + length
    if magic != _MAGIC or len(raw) < begin:
        raise ValueError("not an index")
    try:
        header = msgspec.msgpack.decode(raw[_HEAD.size : begin], type=Header)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    end, measures = len(raw), None
    if raw.endswith(_MARK) and end - begin >= _TAIL.size:
        length, _ = _TAIL.unpack(raw[-_TAIL.size :])
        end = max(begin, end - _TAIL.size - length)
        with contextlib.suppress(msgspec.MsgspecError):
            measures = msgspec.msgpack.decode(raw[end : -_TAIL.size], type=Measures)
    whole = (end - begin) // RECORD.size * RECORD.size
    records = [Record(*fields) for fields in RECORD.iter_unpack(raw[begin : begin + whole])]
    return Index(header, records, measures)


def mend(data: Path, index: Path) -> Index:
    """Makes the index of a segment tell the truth about its data after a crash; returns it.

    Bytes without a record get one, with the data file's time of modification (the kernel's time of
    the last write, so the last byte's). Records beyond the data (lost with the power) are dropped.
    No byte of data is touched; measures are dropped, for they may be of other bytes. Raises ValueError or
    OSError as `read_index`.
    """
    found = read_index(index)
    status = data.stat()
    kept = [record for record in found.records if record.end <= status.st_size]
    if status.st_size > (kept[-1].end if kept else 0):
        earliest = kept[-1].time if kept else found.header.first
        kept.append(Record(max(status.st_mtime, earliest), status.st_size))
    mended = Index(found.header, kept)
    with open(index, "r+b") as file:
        content = header_bytes(mended.header) + b"".join(map(record_bytes, kept))
        file.write(content)
        file.truncate(len(content))
        file.flush()
        os.fsync(file.fileno())
    return mended


def locate(segment: str, index: Index, start: float, stop: float) -> tuple[Slice | None, list[Record]]:
    """The bytes that came in [start, stop), to the batch, never too few; and their records."""
    begin, records, before = 0, [], index.header.first
    for record in index.records:
        if record.time <= start:
            begin = record.end
        elif before < stop:
            records.append(record)
        before = record.time
    if not records or records[-1].end <= begin:
        return None, []
    return Slice(segment=segment, from_byte=begin, to_byte=records[-1].end), records


def whole_packets(piece: Slice, size: int) -> Slice:
    """The slice of a segment of `size` bytes with the packets whole that it begins and ends in."""
    begin = piece.from_byte - piece.from_byte % PACKET
    end = min(size, piece.to_byte + -piece.to_byte % PACKET)
    return Slice(segment=piece.segment, from_byte=begin, to_byte=end)


def weigh(weights: dict[int, int], records: list[Record], begin: int, start: float) -> None:
    """Adds a segment's records, of bytes from `begin` on, to the bytes of each stretch since `start`."""
    for record in records:
        stretch = max(0, int((record.time - start) // BITRATE_SECONDS))
        weights[stretch] = weights.get(stretch, 0) + record.end - begin
        begin = record.end


def bitrates(weights: dict[int, int], start: float, stop: float) -> tuple[tuple[float, float], ...]:
    """(from, bit/s) of each stretch, in time order; the batch that reached over the end is left out."""
    found = []
    for stretch, size in sorted(weights.items()):
        begin = start + stretch * BITRATE_SECONDS
        seconds = min(BITRATE_SECONDS, stop - begin)
        if seconds > 0:
            found.append((begin, size * 8 / seconds))
    return tuple(found)
