"""Writing a channel's stream into rolling segments, once, however many recordings want it.

Byte-exact means: from the first packet boundary of a connection on, the segments' bytes in order are
the bytes that the source sent, none added, dropped or repaired, whatever they are. Segments are cut
at packet boundaries as long as the stream keeps them.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import threading
import time
from dataclasses import dataclass, field

import structlog

from gatewayd.dvr.media.analyser import PACKET, Analyser, Counts
from gatewayd.dvr.media.catalogue import Catalogue, Stored
from gatewayd.dvr.media.checksum import Checksum
from gatewayd.dvr.media.disk import Disk
from gatewayd.dvr.media.index import Header, Record, header_bytes, measures_bytes, mend, record_bytes
from gatewayd.dvr.media.journal import Journal
from gatewayd.dvr.media.measures import Measures, merged
from gatewayd.dvr.media.messages import Gap, SegmentClosed, SegmentOpened, StreamErrors
from gatewayd.dvr.media.pump import Pump
from gatewayd.dvr.media.room import Room
from gatewayd.errors import GatewayError
from gatewayd.system.files import sync_folder
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)

SEGMENT_SECONDS = 60.0
SEGMENT_BYTES = 64 * 1024 * 1024
SYNC_SECONDS = 4.0
SYNC_BYTES = 4 * 1024 * 1024
INDEX_SYNCS = 5
"""Every so many syncs of the data the index is synced too: `mend` replaces what a power cut takes of it."""
LATE = 2.0
"""Seconds that a source may take to open at the start of a range before that is called a gap."""
NO_ROOM = "what recordings may take of the disk is used up"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass
class Shelf:
    """What all channels' writers share."""

    catalogue: Catalogue
    journal: Journal
    disk: Disk
    room: Room
    pump: Pump


@dataclass
class Segment:
    """One open segment: its two files and what is known of its content so far."""

    name: str
    channel: str
    first: float
    data: int
    index: int
    last: float
    began: float
    size: int = 0
    checksum: Checksum = field(default_factory=Checksum)
    synced: int = 0
    synced_at: float = 0.0
    syncs: int = 0
    faults: list[int] = field(default_factory=lambda: [0, 0, 0])
    files: threading.Lock = field(default_factory=threading.Lock)
    safe: tuple[int, float] | None = None
    """How many bytes are on the disk itself for sure, and when the last of them came."""
    measures: Measures = field(default_factory=Measures)
    """What it is like, once it has ended."""
    trouble: OSError | None = None
    """Why the disk did not take what had been written."""

    def stored(self, *, is_open: bool) -> Stored:
        """What the catalogue shall know."""
        return Stored(self.name, self.channel, self.first, self.last, self.size, is_open)

    def append(self, piece: memoryview, moment: float) -> None:
        """Writes bytes that had come by `moment`; `note` must follow. Raises OSError."""
        written = 0
        try:
            while written < len(piece):
                written += os.write(self.data, piece[written:])
        finally:
            if written:
                self.checksum.update(piece[:written])
                self.size += written
                self.last = moment

    def note(self, counts: Counts, *, always: bool = False) -> None:
        """Adds an index record for what was written and found last, if anything was. Raises OSError."""
        if not always and counts[:3] == (0, 0, 0):
            return
        for number, count in enumerate(counts[:3]):
            self.faults[number] += count
        record = Record(self.last, self.size, counts.continuity, counts.transport, counts.sync)
        os.write(self.index, record_bytes(record))

    def sync(self, *, index: bool = True) -> None:
        """Waits until the bytes are on the disk itself and lets the page cache forget them."""
        with self.files:
            if self.data < 0:
                return
            size, last = self.size, self.last
            os.fdatasync(self.data)
            self.safe = (size, last)
            if index:
                os.fdatasync(self.index)
            os.posix_fadvise(self.data, 0, size, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Syncs and closes the files. When the disk lost bytes, the segment ends before them."""
        try:
            if self.trouble is None:
                os.write(self.index, measures_bytes(self.measures))
            self.sync()
        except OSError as error:
            self.trouble = self.trouble or error
        with self.files:
            if self.trouble is not None:
                self.size, self.last = self.safe or (0, self.first)
                with contextlib.suppress(OSError):
                    os.ftruncate(self.data, self.size)
            for file in (self.data, self.index):
                with contextlib.suppress(OSError):  # it is closed all the same
                    os.close(file)
            self.data = self.index = -1

    def closed(self, seq: int) -> SegmentClosed:
        """The journal's entry."""
        continuity, transport, sync = self.faults
        return SegmentClosed(
            seq=seq,
            time=self.last,
            channel=self.channel,
            segment=self.name,
            first=self.first,
            last=self.last,
            bytes=self.size,
            errors=StreamErrors(continuity=continuity, transport=transport, sync=sync),
            digest="" if self.trouble is not None else self.checksum.text(),
        )


class SegmentWriter:
    """Stores one channel. Its methods run in the disk's writing thread, in order.

    The event loop may read `failure` (why nothing can be stored now), `errors` and `size` (since the
    process began), and `last`, the time of the last stored byte.
    """

    def __init__(self, channel: str, shelf: Shelf) -> None:
        self._channel = channel
        self._shelf = shelf
        self._segment: Segment | None = None
        self._analyser = Analyser()
        self._before: Measures | None = None
        self._missing: tuple[float, str] | None = None
        self._told = 0.0
        self.failure: GatewayError | None = None
        self.errors = StreamErrors()
        self.size = 0
        self.last: float | None = shelf.catalogue.last(channel)

    def begin(self, wanted: float, reason: str) -> None:
        """A new connection whose first byte follows, at a packet boundary; bytes were wanted since `wanted`.

        Its first stored byte ends a gap if there is one, which `reason` explains.
        """
        self.end()
        self.failure = None
        self._analyser = Analyser()
        self._before = None
        self._missing = (wanted, reason)

    def renew(self) -> None:
        """Another stream follows on the same connection; nothing is missing between the two."""
        self.end()
        self._analyser = Analyser()

    @property
    def astray(self) -> int:
        """Bytes since packets stopped following one another; 0 while they do."""
        return self._analyser.astray

    def measures(self) -> Measures:
        """Of the open segment and the one before it on this connection."""
        return merged(self._before or Measures(), self._analyser.peek())

    def measured(self) -> Measures:
        """Of the open segment alone."""
        return self._analyser.peek()

    def missing(self, until: float, wanted: float) -> tuple[float, float] | None:
        """The span before `until` of which nothing is stored nor told yet, though wanted since `wanted`."""
        start = max(wanted, self.last or 0.0, self._told)
        late = start == wanted and until - start < LATE
        return None if start >= until or late else (start, until)

    def account(self, until: float, wanted: float, reason: str, least: float = 0.0) -> None:
        """Journals what is missing before `until`, once, if it is `least` seconds or more."""
        span = self.missing(until, wanted)
        if span is None or until - span[0] < least:
            return
        self._told = until
        start, stop = span
        self._shelf.disk.sync(
            lambda: self._shelf.journal.append(
                lambda seq: Gap(
                    seq=seq, time=until, channel=self._channel, start=start, stop=stop, reason=reason
                )
            )
        )

    def write(self, data: bytes | memoryview, moment: float) -> None:
        """Stores the next bytes, which had come by `moment`. After a failure nothing more is taken."""
        if self.failure is not None:
            return
        piece = memoryview(data)
        try:
            segment = self._segment or self._open(moment)
            if segment.trouble is not None:
                raise segment.trouble
            if moment - segment.began >= SEGMENT_SECONDS or segment.size >= SEGMENT_BYTES:
                cut = self._cut()
                segment.append(piece[:cut], moment)
                segment.note(Counts(), always=True)
                self.end()
                segment, piece = self._open(moment), piece[cut:]
            # Written first, sequentially: a kill loses less, and the bytes are in this core's cache after.
            segment.append(piece, moment)
            counts = self._analyser.feed(data)
            segment.note(counts, always=True)
        except OSError as error:
            self._failed(error)
            return
        self._stored(segment, len(data), counts)

    def end(self) -> None:
        """Closes the open segment, if any; its journal entry follows when it is on the disk."""
        segment, self._segment = self._segment, None
        if segment is not None:
            counts = self._analyser.finish()
            with contextlib.suppress(OSError):  # the disk is full: the segment ends all the same
                segment.note(counts)
            self._count(counts)
            self._before = segment.measures = self._analyser.take()
            self._shelf.catalogue.put(segment.stored(is_open=True))
            self._shelf.disk.sync(lambda: self._close(segment))

    def settle(self) -> None:
        """Queues a sync of the open segment."""
        if self._segment is not None:
            self._shelf.disk.sync(functools.partial(self._sync, self._segment, index=True))

    def _stored(self, segment: Segment, size: int, counts: Counts) -> None:
        self.size += size
        self.last = segment.last
        self._count(counts)
        self._shelf.catalogue.put(segment.stored(is_open=True))
        now = time.monotonic()
        if segment.size - segment.synced >= SYNC_BYTES or now - segment.synced_at >= SYNC_SECONDS:
            segment.synced, segment.synced_at = segment.size, now
            segment.syncs += 1
            index = segment.syncs % INDEX_SYNCS == 0
            self._shelf.disk.sync(functools.partial(self._sync, segment, index))
        if self._shelf.room.left() < 0:
            self._failed(OSError(errno.ENOSPC, NO_ROOM))

    def _count(self, counts: Counts) -> None:
        if counts[:3] != (0, 0, 0):
            self.errors = StreamErrors(
                continuity=self.errors.continuity + counts.continuity,
                transport=self.errors.transport + counts.transport,
                sync=self.errors.sync + counts.sync,
            )

    def _cut(self) -> int:
        """How many bytes of the next batch belong to a packet that has begun."""
        return -self._analyser.boundary % PACKET if self._analyser.locked else 0

    def _open(self, moment: float) -> Segment:
        if self._shelf.room.left() < 0:
            raise OSError(errno.ENOSPC, NO_ROOM)
        name = new_id()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        path = self._shelf.catalogue.data(name)
        header = Header(channel=self._channel, first=moment)
        index = os.open(path.with_suffix(".idx"), flags, 0o640)
        try:
            os.write(index, header_bytes(header))
            data = os.open(path, flags, 0o640)
        except OSError:
            os.close(index)
            path.with_suffix(".idx").unlink()
            raise
        if self._missing is not None:
            self.account(moment, *self._missing)
            self._missing = None
        now = time.monotonic()
        segment = Segment(name, self._channel, moment, data, index, moment, began=moment, synced_at=now)
        self._segment = segment
        self._shelf.catalogue.put(segment.stored(is_open=True))
        self._shelf.disk.sync(lambda: self._opened(segment))
        return segment

    def _opened(self, segment: Segment) -> None:
        sync_folder(self._shelf.catalogue.data(segment.name).parent)
        self._shelf.journal.append(
            lambda seq: SegmentOpened(
                seq=seq, time=segment.first, channel=segment.channel, segment=segment.name
            )
        )

    def _sync(self, segment: Segment, index: bool) -> None:
        """In the syncing thread; what goes wrong ends the segment with the next batch."""
        try:
            segment.sync(index=index)
        except OSError as error:
            segment.trouble = error

    def _close(self, segment: Segment) -> None:
        segment.close()
        if segment.trouble is not None:
            path = self._shelf.catalogue.data(segment.name)
            with contextlib.suppress(OSError, ValueError):
                mend(path, path.with_suffix(".idx"))
        self._shelf.catalogue.put(segment.stored(is_open=False))
        self._shelf.journal.append(segment.closed)

    def _failed(self, error: OSError) -> None:
        code = "dvr.disk_full" if error.errno in _FULL else "dvr.disk_failed"
        self.failure = GatewayError(code, f"The recording pauses: {error.strerror or error}.")
        segment = self._segment
        if segment is not None and error.errno in _FULL:
            self.last = segment.last
        elif segment is not None:  # only what was synced can be believed to be there
            segment.trouble = error
            self.last = (segment.safe or (0, segment.first))[1]
        self.end()
