"""The recorder's memory of what happened: an append-only file of JSON lines, each synced before it counts.

gatewayd reads it by sequence number, also what happened while gatewayd was dead. A line torn by a
crash was never told to anyone and is cut off at the next start.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from gatewayd.dvr.media.messages import Entry, Gap, RangeDone, SegmentClosed, SegmentOpened
from gatewayd.system.files import sync_folder, write_atomically

log = structlog.get_logger(__name__)

KEEP = 10_000
"""How many entries a compaction leaves (gaps of stored television are kept besides)."""


class Journal:
    """Appends and reads entries. Safe to use from several threads; blocks on the disk.

    What a restart must know is summed up while reading: `gaps` per channel, `done` (channel, range)
    with the time at which it was done, and `open` segments that were opened and not closed.
    """

    def __init__(self, path: Path, grew: Callable[[int], None] = lambda seq: None) -> None:
        """`grew` is called with the newest seq after each append, in the appending thread."""
        self._path = path
        self._grew = grew
        self._lock = threading.Lock()
        self._decoder = msgspec.json.Decoder(Entry)
        self._offsets: list[int] = []
        self._waiting: deque[Callable[[int], Entry]] = deque()
        self._end = 0
        self.seq = 0
        self.gaps: dict[str, list[Gap]] = {}
        self.done: dict[tuple[str, str], float] = {}
        self.open: dict[str, SegmentOpened] = {}
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._load()

    def append(self, make: Callable[[int], Entry]) -> None:
        """Stores `make(seq)` durably and tells about it.

        While the disk does not take it, it waits in memory for the next `append` or `retry`: an entry is
        late then, in its order, and lost only with the process.
        """
        with self._lock:
            self._waiting.append(make)
        self.retry()

    def retry(self) -> bool:
        """Stores what waits; whether nothing waits any more."""
        with self._lock:
            before = self.seq
            try:
                while self._waiting:
                    self._write(self._waiting[0](self.seq + 1))
                    self._waiting.popleft()
            except OSError as error:
                log.error("media.journal_not_written", waiting=len(self._waiting), reason=str(error))
            done, grown = not self._waiting, self.seq > before
        if grown:
            self._grew(self.seq)
        return done

    @property
    def waiting(self) -> int:
        """How many entries the disk has not taken yet."""
        return len(self._waiting)

    def _write(self, entry: Entry) -> None:
        line = msgspec.json.encode(entry) + b"\n"
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(f"{written} of {len(line)} bytes written")
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._took(entry, self._end)
        self._end += len(line)

    def read(self, after: int, limit: int) -> tuple[Entry, ...]:
        """At most `limit` entries with seq > `after`, oldest first."""
        with self._lock:
            first = self.seq - len(self._offsets) + 1
            at = max(0, after + 1 - first)
            if at >= len(self._offsets) or limit < 1:
                return ()
            until = at + limit
            start = self._offsets[at]
            stop = self._offsets[until] if until < len(self._offsets) else self._end
            raw = os.pread(self._file, stop - start, start)
        return tuple(entry for line in raw.splitlines() if (entry := self._decoded(line)) is not None)

    def compact(self, oldest: float) -> None:
        """Forgets what is long past: all but the newest KEEP entries, unless few enough; for the start.

        Gaps that end after `oldest` (the first byte that is stored) and open segments stay known.
        """
        if len(self._offsets) <= 2 * KEEP:
            return
        kept = self.read(self.seq - KEEP, KEEP)
        lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in kept)
        old = [
            gap for gaps in self.gaps.values() for gap in gaps if gap.seq < kept[0].seq and gap.stop > oldest
        ]
        gaps = b"".join(msgspec.json.encode(gap) + b"\n" for gap in old)
        write_atomically(self._path.with_suffix(".gaps"), gaps, mode=0o640)
        write_atomically(self._path, lines, mode=0o640)
        os.close(self._file)
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self._offsets, self._end, self.seq = [], 0, 0
        self.gaps.clear()
        self._load()

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _load(self) -> None:
        old = self._path.with_suffix(".gaps")
        if old.exists():
            for line in old.read_bytes().splitlines():
                gap = msgspec.json.decode(line, type=Gap)
                self.gaps.setdefault(gap.channel, []).append(gap)
        with open(self._path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                entry = self._decoded(line)
                if entry is None:  # a damaged sector costs its entries, not their numbers
                    log.error("media.journal_damaged", offset=self._end)
                    self.seq += 1
                    self._offsets.append(self._end)
                else:
                    self._took(entry, self._end)
                self._end += len(line)
        os.ftruncate(self._file, self._end)
        os.fdatasync(self._file)
        sync_folder(self._path.parent)

    def _decoded(self, line: bytes) -> Entry | None:
        try:
            entry: Entry = self._decoder.decode(line)
        except msgspec.MsgspecError:
            return None
        return entry

    def _took(self, entry: Entry, offset: int) -> None:
        self.seq = entry.seq
        self._offsets.append(offset)
        match entry:
            case Gap():
                self.gaps.setdefault(entry.channel, []).append(entry)
            case RangeDone():
                self.done[entry.channel, entry.range] = entry.time
            case SegmentOpened():
                self.open[entry.segment] = entry
            case SegmentClosed():
                self.open.pop(entry.segment, None)
