"""Recordings in the state database: reading them as structs, queueing their changes. No rules live here.

Times are Unix seconds inside and aware datetimes (UTC) at the edge.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from gatewayd.dvr.media.measures import Measures
from gatewayd.dvr.media.messages import MediaStream, Range, Slice, StreamErrors
from gatewayd.dvr.model import (
    Recording,
    RecordingChanged,
    RecordingGap,
    RecordingSpan,
    RecordingState,
)
from gatewayd.dvr.quality import quality
from gatewayd.dvr.spans import Span
from gatewayd.store.database import Database, Unit

_SPANS = msgspec.json.Decoder(tuple[Span, ...])
_MEASURES = msgspec.json.Decoder(Measures)
_STREAMS = msgspec.json.Decoder(tuple[MediaStream, ...])


class Item(NamedTuple):
    """An unfinished recording as the reconciler needs it; `start` and `stop` without padding."""

    id: str
    channel: str
    start: float
    stop: float
    state: RecordingState
    ended: bool
    pad_before: float = 0.0
    pad_after: float = 0.0
    trashed: float | None = None

    @property
    def begins(self) -> float:
        """The first moment to be kept."""
        return self.start - self.pad_before

    @property
    def ends(self) -> float:
        """Where it ends, padding included; in the trash it ended when it was put there."""
        end = self.stop + self.pad_after
        return end if self.trashed is None else max(self.begins + 0.001, min(end, self.trashed))

    @property
    def range(self) -> Range:
        """What the recorder is asked to keep."""
        return Range(id=self.id, start=self.begins, stop=self.ends)


class Outcome(NamedTuple):
    """How a recording ended, as the finisher worked it out."""

    state: RecordingState
    bytes: int
    errors: StreamErrors
    gaps: tuple[Span, ...]
    slices: tuple[Slice, ...]
    streams: tuple[MediaStream, ...]
    digest: str | None
    reason: str | None
    measures: Measures | None = None


class Library:
    """All queries and statements on `dvr_recordings` and `dvr_slices` but retention's (`stock.py`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recording(self, recording: str) -> Recording | None:
        """One recording as stored, or None."""
        row = await self._database.fetch_one("SELECT * FROM dvr_recordings WHERE id = ?", (recording,))
        return None if row is None else recording_of(row)

    async def recordings(
        self, state: RecordingState | None, before: tuple[float, str] | None, limit: int
    ) -> list[Recording]:
        """A page of recordings, the latest start first, beyond (start, id); the trash only by its name."""
        start, identifier = before or (math.inf, "")
        rows = await self._database.fetch_all(
            "SELECT * FROM dvr_recordings WHERE (start, id) < (?2, ?3) "
            "AND CASE WHEN ?1 IS NULL THEN trashed IS NULL ELSE shown = ?1 END "
            "ORDER BY start DESC, id DESC LIMIT ?4",
            (state, start, identifier, limit),
        )
        return [recording_of(row) for row in rows]

    async def beneath(self, recording: str) -> RecordingState:
        """The state that a recording in the trash returns to. The recording must be there."""
        row = await self._database.fetch_one("SELECT state FROM dvr_recordings WHERE id = ?", (recording,))
        assert row is not None
        state: RecordingState = row["state"]
        return state

    async def count(self) -> dict[str, int]:
        """How many recordings are in each state."""
        rows = await self._database.fetch_all(
            "SELECT shown, count(*) AS items FROM dvr_recordings GROUP BY shown"
        )
        return {row["shown"]: row["items"] for row in rows}

    async def open_items(self) -> list[Item]:
        """All recordings that run or wait, by start; from the trash only what has not ended yet."""
        rows = await self._database.fetch_all(
            "SELECT * FROM dvr_recordings WHERE unfinished AND (trashed IS NULL OR state = 'recording') "
            "ORDER BY start, id"
        )
        return [
            Item(
                row["id"],
                row["channel"],
                row["start"],
                row["stop"],
                row["state"],
                bool(row["ended"]),
                row["pad_before"],
                row["pad_after"],
                row["trashed"],
            )
            for row in rows
        ]

    async def slices(self, recording: str) -> tuple[Slice, ...]:
        """A finished recording's bytes, in order."""
        rows = await self._database.fetch_all(
            "SELECT * FROM dvr_slices WHERE recording = ? ORDER BY position", (recording,)
        )
        return tuple(
            Slice(segment=row["segment"], from_byte=row["from_byte"], to_byte=row["to_byte"]) for row in rows
        )

    # --- changes that people make

    def add(self, unit: Unit, recording: Recording) -> None:
        """Queues a new recording and its event."""
        unit.execute(
            "INSERT INTO dvr_recordings "
            "(id, channel, title, start, stop, state, pad_before, pad_after, keep, locked, reason) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                recording.id,
                recording.channel,
                recording.title,
                recording.start.timestamp(),
                recording.stop.timestamp(),
                recording.state,
                recording.pad_before,
                recording.pad_after,
                recording.keep,
                recording.locked,
                recording.reason,
            ),
        )
        _changed(unit, recording.id, recording.channel, recording.state)

    def replace(self, unit: Unit, recording: Recording, *, again: bool = False) -> None:
        """Queues what people may change of a recording; with `again` the recorder goes on with it.

        The state that it has underneath the trash is the recorder's business and stays.
        """
        unit.execute(
            "UPDATE dvr_recordings SET title = ?1, start = ?2, stop = ?3, pad_before = ?4, pad_after = ?5, "
            "keep = ?6, locked = ?7, trashed = ?8, revision = ?9, ended = ended AND NOT ?10, "
            "state = CASE WHEN ?10 THEN 'recording' ELSE state END WHERE id = ?11",
            (
                recording.title,
                recording.start.timestamp(),
                recording.stop.timestamp(),
                recording.pad_before,
                recording.pad_after,
                recording.keep,
                recording.locked,
                recording.trashed and recording.trashed.timestamp(),
                recording.revision,
                again,
                recording.id,
            ),
        )
        _changed(unit, recording.id, recording.channel, recording.state)

    def remove(self, unit: Unit, recording: str, channel: str) -> None:
        """Queues that a recording is gone for good; its segments go when nothing else refers to them."""
        unit.execute("DELETE FROM dvr_recordings WHERE id = ?", (recording,))
        _changed(unit, recording, channel, None)

    # --- what happens to them

    def begin(self, unit: Unit, item: Item) -> None:
        """Queues that a scheduled recording is running now."""
        unit.execute(
            "UPDATE dvr_recordings SET state = 'recording' "
            "WHERE id = ? AND state = 'scheduled' AND trashed IS NULL",
            (item.id,),
        )
        _changed(unit, item.id, item.channel, "recording")

    def end(self, unit: Unit, item: Item) -> None:
        """Queues that the recorder has all that it will get of a recording."""
        unit.execute("UPDATE dvr_recordings SET ended = 1 WHERE id = ? AND unfinished", (item.id,))

    def finish(self, unit: Unit, item: Item, result: Outcome) -> None:
        """Queues the outcome; nothing happens to a recording that was deleted or prolonged meanwhile."""
        same = (item.id, item.stop, item.pad_after)
        unit.execute(
            "DELETE FROM dvr_slices WHERE recording = "
            "(SELECT id FROM dvr_recordings WHERE id = ? AND unfinished AND ended AND stop = ? "
            "AND pad_after = ?)",
            same,
        )
        for position, part in enumerate(result.slices):
            unit.execute(
                "INSERT INTO dvr_slices (recording, position, segment, from_byte, to_byte) "
                "SELECT id, ?, ?, ?, ? FROM dvr_recordings "
                "WHERE id = ? AND unfinished AND ended AND stop = ? AND pad_after = ?",
                (position, part.segment, part.from_byte, part.to_byte, *same),
            )
        errors = result.errors
        unit.execute(
            "UPDATE dvr_recordings SET state = ?1, bytes = ?2, continuity = ?3, transport = ?4, sync = ?5, "
            "gaps = ?6, streams = ?7, digest = ?8, measures = ?9, "
            "reason = CASE ?1 WHEN 'done' THEN ?10 ELSE coalesce(?10, reason) END "
            "WHERE id = ?11 AND unfinished AND ended AND stop = ?12 AND pad_after = ?13",
            (
                result.state,
                result.bytes,
                errors.continuity,
                errors.transport,
                errors.sync,
                msgspec.json.encode(result.gaps).decode(),
                msgspec.json.encode(result.streams).decode(),
                result.digest,
                None if result.measures is None else msgspec.json.encode(result.measures).decode(),
                result.reason,
                *same,
            ),
        )
        _changed(unit, item.id, item.channel, result.state if item.trashed is None else "trash")


def moment(seconds: float) -> datetime:
    """Unix seconds as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def missing(spans: Iterable[Span]) -> tuple[RecordingGap, ...]:
    """Spans as the API tells them."""
    return tuple(RecordingGap(start=moment(start), stop=moment(stop)) for start, stop in spans)


def recording_of(row: sqlite3.Row) -> Recording:
    """A recording as stored; what grows while it runs is added by the service."""
    return Recording(
        id=row["id"],
        title=row["title"],
        channel=row["channel"],
        start=moment(row["start"]),
        stop=moment(row["stop"]),
        state=row["shown"],
        pad_before=row["pad_before"],
        pad_after=row["pad_after"],
        padded=RecordingSpan(
            start=moment(row["start"] - row["pad_before"]), stop=moment(row["stop"] + row["pad_after"])
        ),
        bytes=row["bytes"],
        gaps=missing(_SPANS.decode(row["gaps"])),
        errors=StreamErrors(continuity=row["continuity"], transport=row["transport"], sync=row["sync"]),
        digest=row["digest"],
        streams=_STREAMS.decode(row["streams"]),
        reason=row["reason"],
        keep=row["keep"],
        locked=bool(row["locked"]),
        trashed=row["trashed"] and moment(row["trashed"]),
        revision=row["revision"],
        quality=None if row["measures"] is None else quality(_MEASURES.decode(row["measures"])),
    )


def _changed(unit: Unit, recording: str, channel: str, state: RecordingState | None) -> None:
    unit.emit(RecordingChanged(recording=recording, channel=channel, state=state))
