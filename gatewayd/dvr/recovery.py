"""Brings the state into agreement with what really lies in the recorder's folder.

The journal tells of every segment, but a disk can lose segments, a full disk can cost the journal entries,
and the state can come from a backup. What is gone is told as a gap; what nobody knows any more because the
state is older than the recordings becomes a recording of its own instead of being deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from itertools import pairwise

import msgspec
import structlog

from gatewayd.dvr.journal import UNREFERENCED
from gatewayd.dvr.media.messages import Status, StoredSegment
from gatewayd.dvr.model import RecordingChanged
from gatewayd.dvr.recorder import Recorder
from gatewayd.dvr.spans import TOLERANCE, Span, clip, length, merge
from gatewayd.store.database import Database, Unit
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)

APART = 60.0
"""Seconds between two segments of a channel from which on they are taken for two recordings."""

_LOST = "Part of it is lost: the disk does not have it any more."
_FOUND = "Found on the disk after the state had been restored."
_SPANS = msgspec.json.Decoder(tuple[Span, ...])


class Recovery:
    """`compare` when a recorder was met, behind its journal and before anything is deleted."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self._database = database
        self._recorder = recorder

    async def compare(self, status: Status, *, older: bool) -> None:
        """`older`: the recorder has seen a newer state than ours."""
        row = await self._database.fetch_one("SELECT count(*) AS segments FROM dvr_segments")
        if not older and row is not None and row["segments"] == status.segments:
            return
        stored = {segment.segment: segment for segment in await self._stored()}
        rows = await self._database.fetch_all("SELECT id, channel, first, last FROM dvr_segments")
        known = {row["id"]: row for row in rows}
        strangers = [
            segment
            for name, segment in stored.items()
            if name not in known or (known[name]["last"] is None and not segment.open)
        ]
        gone = {name: row for name, row in known.items() if name not in stored}
        async with self._database.unit() as unit:
            self._meet(unit, strangers)
            for name in gone:
                unit.execute("DELETE FROM dvr_segments WHERE id = ?", (name,))
            spans = {name: (row["first"], row["last"]) for name, row in gone.items() if row["last"]}
            await self._tell_losses(unit, spans, stored)
        if strangers or gone:
            log.warning("dvr.segments_compared", unknown=len(strangers), lost=len(gone), older=older)
        if older:
            await self._adopt()

    async def _stored(self) -> list[StoredSegment]:
        found: list[StoredSegment] = []
        while page := await self._recorder.segments(found[-1].segment if found else ""):
            found += page
        return found

    def _meet(self, unit: Unit, segments: Iterable[StoredSegment]) -> None:
        for segment in segments:
            last = None if segment.open else segment.last
            unit.execute(
                "INSERT INTO dvr_segments (id, channel, first, last, bytes) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET last = excluded.last, bytes = excluded.bytes",
                (segment.segment, segment.channel, segment.first, last, 0 if segment.open else segment.bytes),
            )

    async def _tell_losses(self, unit: Unit, lost: dict[str, Span], stored: Container[str]) -> None:
        """Finished recordings that held these segments are what is left of them."""
        slices = await self._database.fetch_all(
            "SELECT p.*, r.channel, r.start - r.pad_before AS begins, r.stop + r.pad_after AS ends, r.gaps "
            "FROM dvr_slices p JOIN dvr_recordings r ON r.id = p.recording "
            "WHERE p.segment NOT IN (SELECT id FROM dvr_segments) OR p.segment IN "
            "(SELECT value FROM json_each(?))",
            (msgspec.json.encode(list(lost)).decode(),),
        )
        gaps: defaultdict[str, list[Span]] = defaultdict(list)
        slices = [row for row in slices if row["segment"] not in stored]
        for row in slices:
            item, segment = row["recording"], row["segment"]
            if segment in lost:
                gaps[item] += clip([lost[segment]], row["begins"], row["ends"])
            gaps[item] += _SPANS.decode(row["gaps"])
            unit.execute("DELETE FROM dvr_slices WHERE recording = ? AND segment = ?", (item, segment))
        for row in {row["recording"]: row for row in slices}.values():
            item = row["recording"]
            unit.execute(
                "UPDATE dvr_recordings SET digest = NULL, reason = ?1, gaps = ?2, bytes = "
                "(SELECT coalesce(sum(to_byte - from_byte), 0) FROM dvr_slices WHERE recording = ?3), "
                "state = CASE WHEN EXISTS (SELECT 1 FROM dvr_slices WHERE recording = ?3) "
                "THEN 'partial' ELSE 'failed' END WHERE id = ?3 AND NOT unfinished",
                (_LOST, msgspec.json.encode(merge(gaps[item])).decode(), item),
            )
            unit.emit(RecordingChanged(recording=item, channel=row["channel"], state="partial"))

    async def _adopt(self) -> None:
        """Makes recordings of closed segments that nothing refers to."""
        rows = await self._database.fetch_all(
            f"SELECT * FROM dvr_segments s WHERE {UNREFERENCED} AND bytes > 0 ORDER BY channel, first"  # noqa: S608
        )
        segments = [
            StoredSegment(
                segment=row["id"],
                channel=row["channel"],
                first=row["first"],
                last=row["last"],
                bytes=row["bytes"],
                open=False,
            )
            for row in rows
        ]
        async with self._database.unit() as unit:
            for group in together(segments):
                _found(unit, group)


def together(segments: Sequence[StoredSegment]) -> list[list[StoredSegment]]:
    """Segments, by channel and time, as the recordings that they seem to have been. Pure."""
    groups: list[list[StoredSegment]] = []
    for segment in segments:
        before = groups[-1][-1] if groups else None
        if before and before.channel == segment.channel and segment.first - before.last <= APART:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


def _found(unit: Unit, segments: Sequence[StoredSegment]) -> None:
    channel, start = segments[0].channel, segments[0].first
    stop = max(start + 0.001, segments[-1].last)
    covered = merge((segment.first, segment.last) for segment in segments)
    gaps = tuple((before[1], after[0]) for before, after in pairwise(covered))
    state = "partial" if length(gaps) > TOLERANCE else "done"
    item = new_id()
    unit.execute(
        "INSERT INTO dvr_recordings (id, channel, title, start, stop, state, ended, bytes, gaps, reason) "
        "VALUES (?1, ?2, coalesce((SELECT coalesce(own_name, name) FROM dvr_channels WHERE id = ?2), ?2), "
        "?3, ?4, ?5, 1, ?6, ?7, ?8)",
        (
            *(item, channel, start, stop, state, sum(segment.bytes for segment in segments)),
            *(msgspec.json.encode(gaps).decode(), _FOUND),
        ),
    )
    for position, segment in enumerate(segments):
        unit.execute(
            "INSERT INTO dvr_slices (recording, position, segment, from_byte, to_byte) "
            "VALUES (?, ?, ?, 0, ?)",
            (item, position, segment.segment, segment.bytes),
        )
    unit.emit(
        RecordingChanged(recording=item, channel=channel, state="done" if state == "done" else "partial")
    )
