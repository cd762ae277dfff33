"""Which segments are stored: known from the folder alone, so that no other file can disagree with it."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path
from typing import NamedTuple

import structlog

from gatewayd.dvr.media.index import (
    Index,
    Record,
    bitrates,
    locate,
    measures_bytes,
    mend,
    read_index,
    total,
    weigh,
    whole_packets,
)
from gatewayd.dvr.media.journal import Journal
from gatewayd.dvr.media.measures import Measures, merged
from gatewayd.dvr.media.messages import Located, SegmentClosed, SegmentOpened, Slice
from gatewayd.errors import GatewayError
from gatewayd.system.files import sync_folder

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class Stored(NamedTuple):
    """One segment; `last` and `size` of an open one are those of its last written batch."""

    segment: str
    channel: str
    first: float
    last: float
    size: int
    open: bool


class Catalogue:
    """All segments under one folder: `<segment>.ts` and `<segment>.idx`. Safe to use from several threads."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        """Reads what is there; segments that a crash left open are mended and closed in the journal.

        Blocks on the disk.
        """
        self._folder = folder
        self._journal = journal
        self._lock = threading.Lock()
        self._stored: dict[str, Stored] = {}
        self._used = 0
        for path in sorted(folder.glob("*.idx")):
            if _NAME.fullmatch(path.stem):
                self._adopt(path.stem)

    def data(self, segment: str) -> Path:
        """The file of a segment's bytes. Raises GatewayError `dvr.segment_not_found` for a bad name."""
        if not _NAME.fullmatch(segment):
            raise GatewayError("dvr.segment_not_found", "A segment's name is 26 characters of base 32.")
        return self._folder / f"{segment}.ts"

    def index(self, segment: str) -> Path:
        """The file of a segment's index."""
        return self.data(segment).with_suffix(".idx")

    def thumbnail(self, segment: str) -> Path:
        """The file of a segment's thumbnail; it goes with the segment."""
        return self.data(segment).with_suffix(".jpg")

    def present(self, segment: str) -> Path:
        """The file of a segment that is there. Raises GatewayError `dvr.segment_not_found`."""
        path = self.data(segment)
        with self._lock:
            if segment not in self._stored:
                raise GatewayError("dvr.segment_not_found", f"There is no segment {segment}.")
        return path

    def put(self, stored: Stored) -> None:
        """Adds or replaces what is known of a segment."""
        with self._lock:
            before = self._stored.get(stored.segment)
            self._used += stored.size - (before.size if before else 0)
            self._stored[stored.segment] = stored

    @property
    def used(self) -> int:
        """Bytes of all segments."""
        return self._used

    def page(self, after: str, limit: int) -> list[Stored]:
        """At most `limit` segments of all channels by name, on from `after`."""
        with self._lock:
            names = sorted(name for name in self._stored if name > after)[:limit]
            return [self._stored[name] for name in names]

    def __len__(self) -> int:
        return len(self._stored)

    def of(self, channel: str) -> list[Stored]:
        """A channel's segments in time order."""
        with self._lock:
            mine = [stored for stored in self._stored.values() if stored.channel == channel]
        return sorted(mine)

    def last(self, channel: str) -> float | None:
        """When the last byte of a channel came, if any is stored."""
        return max((stored.last for stored in self.of(channel)), default=None)

    def oldest(self) -> float:
        """When the first byte of all came; infinite when nothing is stored."""
        with self._lock:
            return min((stored.first for stored in self._stored.values()), default=float("inf"))

    def locate(
        self,
        channel: str,
        start: float,
        stop: float,
        missing: tuple[float, float] | None = None,
        now: Measures | None = None,
    ) -> Located:
        """Where [start, stop) lies. Blocks.

        `missing` is the channel's gap that has not ended yet, `now` what its open segment is like.
        """
        measured: list[Measures] = []
        weights: dict[int, int] = {}
        slices: list[Slice] = []
        found: list[Record] = []
        for stored in self.of(channel):
            if stored.last < start or stored.first >= stop:
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                index = read_index(self.index(stored.segment))
                piece, records = locate(stored.segment, index, start, stop)
                if piece is not None:
                    slices.append(whole_packets(piece, index.size))
                    found += records
                    weigh(weights, records, piece.from_byte, start)
                    measures = now if stored.open else index.measures
                    measured += [] if measures is None else [measures]
        gaps = [(gap.start, gap.stop) for gap in self._journal.gaps.get(channel, ())]
        if missing is not None:
            gaps.append(missing)
        clipped = ((max(begin, start), min(end, stop)) for begin, end in gaps)
        return Located(
            slices=tuple(slices),
            gaps=tuple(sorted((begin, end) for begin, end in clipped if begin < end)),
            errors=total(found),
            measures=merged(*measured) if measured else None,
            bitrates=bitrates(weights, start, stop),
        )

    def delete(self, segment: str) -> int:
        """Removes a closed segment; returns the bytes freed, 0 if it was gone. Blocks.

        Raises GatewayError `dvr.segment_in_use` while it is written, `dvr.disk_failed`; it is there then.
        """
        with self._lock:
            stored = self._stored.get(segment)
        if stored is None:
            return 0
        if stored.open:
            raise GatewayError("dvr.segment_in_use", f"Segment {segment} is still being written.")
        try:  # the index goes last: what is left of a crash is found by it
            for path in (self.thumbnail(segment), self.data(segment), self.index(segment)):
                path.unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            raise GatewayError("dvr.disk_failed", f"It cannot be deleted: {error.strerror}.") from error
        with self._lock:
            if self._stored.pop(segment, None) is not None:
                self._used -= stored.size
        return stored.size

    def _adopt(self, segment: str) -> None:
        data, path = self.data(segment), self.index(segment)
        opened = self._journal.open.get(segment)
        try:
            if not data.exists() and opened is None:  # its deletion was interrupted
                path.unlink()
                return
            index = read_index(path)
            if opened is not None or index.size != data.stat().st_size:
                index = mend(data, path)
        except (OSError, ValueError) as error:
            log.error("media.segment_unusable", segment=segment, reason=str(error))
            return
        self.put(Stored(segment, index.header.channel, index.header.first, index.last, index.size, False))
        if opened is not None:
            self._close(segment, index, data)
        elif index.measures is None:  # killed before its opening was told: nobody would know of it
            self._journal.append(
                lambda seq: SegmentOpened(
                    seq=seq, time=index.header.first, channel=index.header.channel, segment=segment
                )
            )
            self._close(segment, index, data)

    def _close(self, segment: str, index: Index, data: Path) -> None:
        from gatewayd.dvr.media.analyser import Analyser  # numpy: not in an idle recorder
        from gatewayd.dvr.media.checksum import Checksum

        checksum, analyser = Checksum(), Analyser()
        with open(data, "rb") as file:
            os.fdatasync(file.fileno())
            while piece := file.read(1 << 20):
                checksum.update(piece)
                analyser.feed(piece)
        analyser.finish()
        with open(self.index(segment), "ab") as file:
            file.write(measures_bytes(analyser.take()))
        self._journal.append(
            lambda seq: SegmentClosed(
                seq=seq,
                time=index.last,
                channel=index.header.channel,
                segment=segment,
                first=index.header.first,
                last=index.last,
                bytes=index.size,
                errors=index.errors,
                digest=checksum.text(),
            )
        )
