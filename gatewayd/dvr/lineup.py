"""Sources and channels in the state database: reading them as structs, queueing their changes.

No rules live here. Times are Unix seconds inside and aware datetimes (UTC) at the edge.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from gatewayd.dvr.model import DvrChannel, DvrFault, SourceType
from gatewayd.dvr.playlist import Entry
from gatewayd.store.database import Database, Unit

_PIECE = 1000


class SourceRow(NamedTuple):
    """A source as stored; `url` with the credentials that it may carry.

    `tuners` is what the device said, `own_tuners` what the household said. `tried` is the last attempt
    to read it and `failures` how many failed in a row; `fault` is what was wrong the last time.
    """

    id: str
    kind: SourceType
    url: str
    name: str
    channels: int = 0
    skipped: int = 0
    refreshed: float | None = None
    tried: float | None = None
    failures: int = 0
    fault: tuple[str, str] | None = None
    tuners: int | None = None
    own_tuners: int | None = None
    device: str | None = None
    model: str | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def pool(self) -> int | None:
        """How many channels it carries at once; None when nobody said."""
        return self.tuners if self.own_tuners is None else self.own_tuners


class Known(NamedTuple):
    """A stored channel as a refresh compares it with what the source says now."""

    id: str
    entry: Entry
    position: int = 0
    gone: bool = False


class Lineup:
    """All queries and statements on `dvr_sources`, `dvr_channels` and `dvr_faults` but the journal's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- reading

    async def sources(self, source: str | None = None) -> list[SourceRow]:
        """All sources in the order they were added, or only the one named."""
        rows = await self._database.fetch_all(
            "SELECT s.*, (SELECT count(*) FROM dvr_channels c "
            "WHERE c.source = s.id AND NOT c.gone) AS channels FROM dvr_sources s "
            "WHERE ?1 IS NULL OR s.id = ?1 ORDER BY s.id",
            (source,),
        )
        return [_source(row) for row in rows]

    async def has_url(self, url: str) -> bool:
        """Whether a source has this address."""
        return await self._database.fetch_one("SELECT 1 FROM dvr_sources WHERE url = ?", (url,)) is not None

    async def has_device(self, device: str) -> bool:
        """Whether a source is this network tuner."""
        sql = "SELECT 1 FROM dvr_sources WHERE device = ?"
        return await self._database.fetch_one(sql, (device,)) is not None

    async def channel_ids(self) -> set[str]:
        """Every channel's id."""
        return {row["id"] for row in await self._database.fetch_all("SELECT id FROM dvr_channels")}

    async def channels(
        self, after: str, limit: int, *, source: str | None = None, hidden: bool = True
    ) -> list[DvrChannel]:
        """A page of channels by id: of one source or all, with or without the hidden ones."""
        rows = await self._database.fetch_all(
            "SELECT * FROM dvr_channels WHERE id > ?1 AND (?3 IS NULL OR source = ?3) "
            "AND (?4 OR NOT hidden) ORDER BY id LIMIT ?2",
            (after, limit, source, hidden),
        )
        return [_channel(row) for row in rows]

    async def channel(self, channel: str) -> DvrChannel | None:
        """One channel, or None."""
        row = await self._database.fetch_one("SELECT * FROM dvr_channels WHERE id = ?", (channel,))
        return None if row is None else _channel(row)

    async def known(self, source: str, channel: str | None = None) -> list[Known]:
        """All channels of a source in its order, or only the one named, as the source named them."""
        rows = await self._database.fetch_all(
            "SELECT name, url, number, guide_id, logo, category, id, position, gone FROM dvr_channels "
            "WHERE source = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY position",
            (source, channel),
        )
        return await asyncio.to_thread(_known, rows)

    async def urls(self, channels: Iterable[str]) -> dict[str, str]:
        """The addresses of channels, with the credentials that they may carry."""
        rows = await self._database.fetch_all(
            "SELECT id, url FROM dvr_channels WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(channels)),),
        )
        return {row["id"]: row["url"] for row in rows}

    async def owners(self, channels: Iterable[str]) -> dict[str, str]:
        """Which source each of these channels belongs to; one that is not stored is left out."""
        rows = await self._database.fetch_all(
            "SELECT id, source FROM dvr_channels WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(channels)),),
        )
        return {row["id"]: row["source"] for row in rows}

    async def faults(self) -> dict[str, DvrFault]:
        """The newest fault of each channel that has one."""
        rows = await self._database.fetch_all("SELECT * FROM dvr_faults")
        return {
            row["channel"]: DvrFault(
                code=row["code"], detail=row["detail"], time=datetime.fromtimestamp(row["time"], UTC)
            )
            for row in rows
        }

    async def open_recordings(self, source: str) -> int:
        """How many recordings of a source's channels run, are scheduled or wait for a tuner."""
        row = await self._database.fetch_one(
            "SELECT count(*) AS items FROM dvr_recordings "
            "WHERE state IN ('scheduled', 'recording', 'conflict') AND trashed IS NULL "
            "AND channel IN (SELECT id FROM dvr_channels WHERE source = ?)",
            (source,),
        )
        return 0 if row is None else int(row["items"])

    # --- writing

    def add_source(self, unit: Unit, source: SourceRow, channels: Sequence[str]) -> None:
        """Queues a source with its channels, as `channel_rows` made them."""
        unit.execute(
            "INSERT INTO dvr_sources (id, kind, url, name, skipped, refreshed, tried, tuners, own_tuners, "
            "device, model, etag, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(source.id, source.kind, source.url, source.name, source.skipped, source.refreshed),
                *(source.tried, source.tuners, source.own_tuners, source.device, source.model),
                *(source.etag, source.modified),
            ),
        )
        self.set_channels(unit, source.id, channels)

    def set_channels(self, unit: Unit, source: str, channels: Sequence[str]) -> None:
        """Queues what a source says of channels, new ones and those that it had (`channel_rows`).

        A source that is gone by then gets none; an id that another source has stays that one's.
        """
        for rows in channels:
            unit.execute(
                "INSERT INTO dvr_channels "
                "(id, source, position, name, url, number, guide_id, logo, category) "
                "SELECT value ->> 0, s.id, value ->> 1, value ->> 2, value ->> 3, value ->> 4, "
                "value ->> 5, value ->> 6, value ->> 7 FROM json_each(?), dvr_sources s WHERE s.id = ? "
                "ON CONFLICT (id) DO UPDATE SET position = excluded.position, name = excluded.name, "
                "url = excluded.url, number = excluded.number, guide_id = excluded.guide_id, "
                "logo = excluded.logo, category = excluded.category, gone = 0 "
                "WHERE dvr_channels.source = excluded.source",
                (rows, source),
            )

    def drop_channels(self, unit: Unit, source: str, channels: Sequence[str]) -> None:
        """Queues that a source has these no more: removed, or `gone` where something refers to them."""
        unit.execute(
            "UPDATE dvr_channels SET gone = 1 WHERE source = ? AND id IN (SELECT value FROM json_each(?))",
            (source, json.dumps(channels)),
        )
        unit.execute(
            "DELETE FROM dvr_channels WHERE source = ? AND gone AND NOT hidden AND own_name IS NULL "
            "AND own_number IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM dvr_recordings r WHERE r.channel = dvr_channels.id)",
            (source,),
        )
        unit.execute("DELETE FROM dvr_faults WHERE channel NOT IN (SELECT id FROM dvr_channels)")

    def set_source(self, unit: Unit, source: SourceRow) -> None:
        """Queues everything that may change of a source."""
        code, detail = source.fault or (None, None)
        unit.execute(
            "UPDATE dvr_sources SET url = ?, name = ?, skipped = ?, refreshed = ?, tried = ?, failures = ?, "
            "fault_code = ?, fault_detail = ?, tuners = ?, own_tuners = ?, device = ?, model = ?, etag = ?, "
            "modified = ? WHERE id = ?",
            (
                *(source.url, source.name, source.skipped, source.refreshed, source.tried, source.failures),
                *(code, detail, source.tuners, source.own_tuners, source.device, source.model),
                *(source.etag, source.modified, source.id),
            ),
        )

    def set_channel(self, unit: Unit, channel: str, **own: str | bool | None) -> None:
        """Queues what the household says of a channel: `own_name`, `own_number`, `hidden`."""
        for column, value in own.items():
            if column not in ("own_name", "own_number", "hidden"):
                raise ValueError(column)
            unit.execute(f"UPDATE dvr_channels SET {column} = ? WHERE id = ?", (value, channel))  # noqa: S608

    def remove_source(self, unit: Unit, source: str) -> None:
        """Queues the removal of a source and its channels; what was recorded stays."""
        unit.execute(
            "DELETE FROM dvr_faults WHERE channel IN (SELECT id FROM dvr_channels WHERE source = ?)",
            (source,),
        )
        unit.execute("DELETE FROM dvr_sources WHERE id = ?", (source,))


def channel_rows(channels: Iterable[tuple[str, int, Entry]]) -> list[str]:
    """Channels (id, position, entry), as `Lineup` takes them: neither a statement for each nor one for all.

    Slow with thousands: call it in a thread. In pieces, for an encoder holds up every other thread.
    """
    rows = [[channel, position, *entry] for channel, position, entry in channels]
    return [json.dumps(rows[at : at + _PIECE]) for at in range(0, len(rows), _PIECE)]


def _known(rows: Iterable[sqlite3.Row]) -> list[Known]:
    """In a thread: tens of thousands hold up the event loop."""
    return [Known(row[6], Entry(*tuple(row)[:6]), row[7], bool(row[8])) for row in rows]


def _source(row: sqlite3.Row) -> SourceRow:
    own = ("id", "kind", "url", "name", "channels", "skipped", "refreshed", "tried", "failures")
    device = ("tuners", "own_tuners", "device", "model", "etag", "modified")
    return SourceRow(
        **{name: row[name] for name in (*own, *device)},
        fault=None if row["fault_code"] is None else (row["fault_code"], row["fault_detail"]),
    )


def _channel(row: sqlite3.Row) -> DvrChannel:
    return DvrChannel(
        id=row["id"],
        source=row["source"],
        name=row["own_name"] or row["name"],
        number=row["own_number"] or row["number"],
        guide_id=row["guide_id"],
        logo=row["logo"],
        category=row["category"],
        hidden=bool(row["hidden"]),
        gone=bool(row["gone"]),
    )
