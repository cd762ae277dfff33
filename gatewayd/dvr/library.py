"""Television's rows in the state database: reading them as structs, queueing their changes.

No rules live here. Times are Unix seconds inside and aware datetimes (UTC) at the edge.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from gatewayd.dvr.media.messages import Errors, Range, Slice, Stream
from gatewayd.dvr.model import (
    DvrChannel,
    DvrFault,
    DvrSource,
    Recording,
    RecordingChanged,
    RecordingGap,
    RecordingState,
)
from gatewayd.dvr.playlist import Entry
from gatewayd.dvr.spans import Span
from gatewayd.store.database import Database, Unit

_SPANS = msgspec.json.Decoder(tuple[Span, ...])
_STREAMS = msgspec.json.Decoder(tuple[Stream, ...])


class Item(NamedTuple):
    """An unfinished recording as the reconciler needs it."""

    id: str
    channel: str
    start: float
    stop: float
    state: RecordingState
    ended: bool

    @property
    def range(self) -> Range:
        """What the recorder is asked to keep."""
        return Range(id=self.id, start=self.start, stop=self.stop)


class Outcome(NamedTuple):
    """How a recording ended, as the finisher worked it out."""

    state: RecordingState
    bytes: int
    errors: Errors
    gaps: tuple[Span, ...]
    slices: tuple[Slice, ...]
    streams: tuple[Stream, ...]
    digest: str | None
    reason: str | None


class Library:
    """All queries and statements on the `dvr_` tables but the journal's own (`journal.py`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- sources and channels

    async def sources(self, source: str | None = None) -> list[DvrSource]:
        """All sources in the order they were added, or only the one named."""
        rows = await self._database.fetch_all(
            "SELECT s.*, (SELECT count(*) FROM dvr_channels c WHERE c.source = s.id) AS channels "
            "FROM dvr_sources s WHERE ?1 IS NULL OR s.id = ?1 ORDER BY s.id",
            (source,),
        )
        return [
            DvrSource(
                id=row["id"],
                kind=row["kind"],
                url=row["url"],
                name=row["name"],
                channels=row["channels"],
                skipped=row["skipped"],
                refreshed=row["refreshed"] and moment(row["refreshed"]),
            )
            for row in rows
        ]

    async def has_url(self, url: str) -> bool:
        """Whether a source has this address."""
        return await self._database.fetch_one("SELECT 1 FROM dvr_sources WHERE url = ?", (url,)) is not None

    async def channel_ids(self) -> set[str]:
        """Every channel's id."""
        return {row["id"] for row in await self._database.fetch_all("SELECT id FROM dvr_channels")}

    async def channels(self, after: str, limit: int) -> list[DvrChannel]:
        """A page of channels by id."""
        rows = await self._database.fetch_all(
            "SELECT * FROM dvr_channels WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        )
        return [channel_of(row) for row in rows]

    async def channel(self, channel: str) -> DvrChannel | None:
        """One channel, or None."""
        row = await self._database.fetch_one("SELECT * FROM dvr_channels WHERE id = ?", (channel,))
        return None if row is None else channel_of(row)

    async def urls(self, channels: Iterable[str]) -> dict[str, str]:
        """The addresses of channels, with the credentials that they may carry."""
        rows = await self._database.fetch_all(
            "SELECT id, url FROM dvr_channels WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(channels)),),
        )
        return {row["id"]: row["url"] for row in rows}

    async def faults(self) -> dict[str, DvrFault]:
        """The newest fault of each channel that has one."""
        rows = await self._database.fetch_all("SELECT * FROM dvr_faults")
        return {
            row["channel"]: DvrFault(code=row["code"], detail=row["detail"], time=moment(row["time"]))
            for row in rows
        }

    def add_source(self, unit: Unit, source: DvrSource, channels: str) -> None:
        """Queues a source with its channels, as `channel_rows` made them."""
        unit.execute(
            "INSERT INTO dvr_sources (id, kind, url, name, skipped, refreshed) VALUES (?, ?, ?, ?, ?, ?)",
            (
                source.id,
                source.kind,
                source.url,
                source.name,
                source.skipped,
                source.refreshed and source.refreshed.timestamp(),
            ),
        )
        unit.execute(  # one statement: tens of thousands would hold the writer for seconds
            "INSERT INTO dvr_channels (id, source, position, name, url, number, guide_id, logo, category) "
            "SELECT value ->> 0, ?, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, "
            "value ->> 6, value ->> 7 FROM json_each(?)",
            (source.id, channels),
        )

    def remove_source(self, unit: Unit, source: str) -> None:
        """Queues the removal of a source and its channels; what was recorded stays."""
        unit.execute(
            "DELETE FROM dvr_faults WHERE channel IN (SELECT id FROM dvr_channels WHERE source = ?)",
            (source,),
        )
        unit.execute("DELETE FROM dvr_sources WHERE id = ?", (source,))

    # --- recordings

    async def recording(self, recording: str) -> Recording | None:
        """One recording as stored, or None."""
        row = await self._database.fetch_one("SELECT * FROM dvr_recordings WHERE id = ?", (recording,))
        return None if row is None else recording_of(row)

    async def recordings(
        self, state: RecordingState | None, before: tuple[float, str] | None, limit: int
    ) -> list[Recording]:
        """A page of recordings, the latest start first, beyond (start, id)."""
        start, identifier = before or (math.inf, "")
        rows = await self._database.fetch_all(
            "SELECT * FROM dvr_recordings WHERE (?1 IS NULL OR state = ?1) AND (start, id) < (?2, ?3) "
            "ORDER BY start DESC, id DESC LIMIT ?4",
            (state, start, identifier, limit),
        )
        return [recording_of(row) for row in rows]

    async def count(self) -> dict[str, int]:
        """How many recordings are in each state."""
        rows = await self._database.fetch_all(
            "SELECT state, count(*) AS items FROM dvr_recordings GROUP BY state"
        )
        return {row["state"]: row["items"] for row in rows}

    async def open_items(self, source: str | None = None) -> list[Item]:
        """All unfinished recordings by start, or those of one source's channels."""
        rows = await self._database.fetch_all(
            "SELECT id, channel, start, stop, state, ended FROM dvr_recordings WHERE unfinished AND "
            "(?1 IS NULL OR channel IN (SELECT id FROM dvr_channels WHERE source = ?1)) ORDER BY start, id",
            (source,),
        )
        return [
            Item(row["id"], row["channel"], row["start"], row["stop"], row["state"], bool(row["ended"]))
            for row in rows
        ]

    def add_recording(self, unit: Unit, recording: Recording) -> None:
        """Queues a new recording and its event."""
        unit.execute(
            "INSERT INTO dvr_recordings (id, channel, title, start, stop, state) VALUES (?, ?, ?, ?, ?, ?)",
            (
                recording.id,
                recording.channel,
                recording.title,
                recording.start.timestamp(),
                recording.stop.timestamp(),
                recording.state,
            ),
        )
        _changed(unit, recording.id, recording.channel, recording.state)

    def begin(self, unit: Unit, item: Item) -> None:
        """Queues that a scheduled recording is running now."""
        unit.execute(
            "UPDATE dvr_recordings SET state = 'recording' WHERE id = ? AND state = 'scheduled'", (item.id,)
        )
        _changed(unit, item.id, item.channel, "recording")

    def shorten(self, unit: Unit, recording: Recording) -> None:
        """Queues the earlier `stop` of a running recording."""
        unit.execute(
            "UPDATE dvr_recordings SET stop = ? WHERE id = ? AND state = 'recording' AND NOT ended",
            (recording.stop.timestamp(), recording.id),
        )
        _changed(unit, recording.id, recording.channel, "recording")

    def end(self, unit: Unit, item: Item) -> None:
        """Queues that the recorder has all that it will get of a recording."""
        unit.execute("UPDATE dvr_recordings SET ended = 1 WHERE id = ? AND unfinished", (item.id,))

    def finish(self, unit: Unit, item: Item, result: Outcome) -> None:
        """Queues the outcome; nothing happens to a recording that was deleted meanwhile."""
        errors = result.errors
        unit.execute(
            "UPDATE dvr_recordings SET state = ?1, bytes = ?2, continuity = ?3, transport = ?4, sync = ?5, "
            "gaps = ?6, streams = ?7, digest = ?8, "
            "reason = CASE ?1 WHEN 'done' THEN ?9 ELSE coalesce(?9, reason) END "
            "WHERE id = ?10 AND unfinished",
            (
                result.state,
                result.bytes,
                errors.continuity,
                errors.transport,
                errors.sync,
                msgspec.json.encode(result.gaps).decode(),
                msgspec.json.encode(result.streams).decode(),
                result.digest,
                result.reason,
                item.id,
            ),
        )
        for position, part in enumerate(result.slices):
            unit.execute(
                "INSERT INTO dvr_slices (recording, position, segment, from_byte, to_byte) "
                "SELECT id, ?, ?, ?, ? FROM dvr_recordings WHERE id = ?",
                (position, part.segment, part.from_byte, part.to_byte, item.id),
            )
        _changed(unit, item.id, item.channel, result.state)

    def delete(self, unit: Unit, recording: Recording) -> None:
        """Queues the removal of a recording; its segments go when nothing else refers to them."""
        unit.execute("DELETE FROM dvr_recordings WHERE id = ?", (recording.id,))
        _changed(unit, recording.id, recording.channel, None)


def moment(seconds: float) -> datetime:
    """Unix seconds as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def missing(spans: Iterable[Span]) -> tuple[RecordingGap, ...]:
    """Spans as the API tells them."""
    return tuple(RecordingGap(start=moment(start), stop=moment(stop)) for start, stop in spans)


def channel_rows(channels: Iterable[tuple[str, Entry]]) -> str:
    """New channels (id, entry) in their order, as `Library.add_source` takes them. Slow with thousands."""
    return json.dumps([[channel, position, *entry] for position, (channel, entry) in enumerate(channels)])


def channel_of(row: sqlite3.Row) -> DvrChannel:
    """A channel as stored."""
    names = ("id", "source", "name", "number", "guide_id", "logo", "category")
    return DvrChannel(**{name: row[name] for name in names})


def recording_of(row: sqlite3.Row) -> Recording:
    """A recording as stored; what grows while it runs is added by the service."""
    return Recording(
        id=row["id"],
        title=row["title"],
        channel=row["channel"],
        start=moment(row["start"]),
        stop=moment(row["stop"]),
        state=row["state"],
        bytes=row["bytes"],
        gaps=missing(_SPANS.decode(row["gaps"])),
        errors=Errors(continuity=row["continuity"], transport=row["transport"], sync=row["sync"]),
        digest=row["digest"],
        streams=_STREAMS.decode(row["streams"]),
        reason=row["reason"],
    )


def _changed(unit: Unit, recording: str, channel: str, state: RecordingState | None) -> None:
    unit.emit(RecordingChanged(recording=recording, channel=channel, state=state))
