"""Takes the recorder's journal into the state database: each page and its number in one transaction.

Every entry may be applied twice with the same result, so that a journal can be replayed from any point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gatewayd.dvr.media.messages import Entry, Gap, RangeDone, SegmentClosed, SegmentOpened, SourceFailed
from gatewayd.dvr.model import SourceFailed as SourceFailedEvent
from gatewayd.dvr.spans import Span, clip
from gatewayd.errors import ERRORS
from gatewayd.store.database import Database, Unit

AGREED = 1.0
"""Seconds by which the stop that the recorder reached may differ from the stop that we know."""

MEMORY = 20 * 3600.0
"""Seconds of television by which a channel's rate is judged."""

SLACK = 5.0
"""Seconds by which a segment may lie outside a recording and still hold some of its bytes."""

# SQL that this file, `stock.py` and `recovery.py` put together; no part of it comes from outside.
WANTED = " ".join(
    (
        "SELECT s.id FROM dvr_recordings r JOIN dvr_segments s ON s.channel = r.channel",
        f"AND s.last >= r.start - r.pad_before - {SLACK} AND s.first <= r.stop + r.pad_after + {SLACK}",
        "WHERE r.unfinished",
    )
)
"""Closed segments that a recording which is not finished may still need."""

UNREFERENCED = " ".join(
    (
        "NOT s.held AND s.last IS NOT NULL",  # `held` first: what it leaves is little
        "AND NOT EXISTS (SELECT 1 FROM dvr_slices p WHERE p.segment = s.id)",
        f"AND s.id NOT IN ({WANTED})",
    )
)
"""A closed segment `s` that no recording holds a slice of and no unfinished one may still need."""


class Position(NamedTuple):
    """How far gatewayd and the recorder have come with one another."""

    generation: int
    journal: int


class JournalStore:
    """What the journal told: segments, gaps, faults, and which ranges are done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def position(self) -> Position:
        """The generation last sent and the entry last taken in."""
        row = await self._database.fetch_one("SELECT generation, journal FROM dvr_recorder")
        assert row is not None, "the migration writes this row"
        return Position(row["generation"], row["journal"])

    async def set_generation(self, generation: int) -> None:
        """Stored before it is sent: it never goes back."""
        async with self._database.unit() as unit:
            unit.execute("UPDATE dvr_recorder SET generation = max(generation, ?)", (generation,))

    async def restart(self) -> None:
        """The recorder has a new journal: take it in from its beginning."""
        async with self._database.unit() as unit:
            unit.execute("UPDATE dvr_recorder SET journal = 0")

    async def apply(self, entries: Sequence[Entry]) -> None:
        """Takes in one page. A fault that repeats within it is told once, as an event, per channel."""
        faults: dict[str, SourceFailed] = {}
        async with self._database.unit() as unit:
            for entry in entries:
                _apply(unit, entry)
                if isinstance(entry, SourceFailed):
                    faults[entry.channel] = entry
            for fault in faults.values():
                unit.emit(SourceFailedEvent(channel=fault.channel, code=fault.code, detail=fault.detail))
            unit.execute(
                "DELETE FROM dvr_gaps WHERE NOT EXISTS (SELECT 1 FROM dvr_recordings r "
                "WHERE r.channel = dvr_gaps.channel AND r.unfinished "
                "AND r.start - r.pad_before < dvr_gaps.stop)"
            )
            unit.execute("UPDATE dvr_recorder SET journal = ?", (entries[-1].seq,))

    async def gaps(self, channel: str, start: float, stop: float) -> tuple[Span, ...]:
        """What the recorder said is missing of [start, stop), merged."""
        rows = await self._database.fetch_all(
            "SELECT start, stop FROM dvr_gaps WHERE channel = ? AND start < ? AND stop > ?",
            (channel, stop, start),
        )
        return clip(((row["start"], row["stop"]) for row in rows), start, stop)

    async def unreferenced(self) -> list[str]:
        """Closed segments that no recording holds a slice of and no unfinished one may still need."""
        rows = await self._database.fetch_all(
            f"SELECT s.id FROM dvr_segments s WHERE {UNREFERENCED} LIMIT 100"  # noqa: S608
        )
        return [row["id"] for row in rows]

    async def forget(self, segments: Iterable[str]) -> None:
        """The recorder has removed these segments."""
        async with self._database.unit() as unit:
            for segment in segments:
                unit.execute("DELETE FROM dvr_segments WHERE id = ?", (segment,))

    async def used(self) -> int:
        """Bytes of all closed segments."""
        row = await self._database.fetch_one("SELECT coalesce(sum(bytes), 0) AS used FROM dvr_segments")
        return 0 if row is None else int(row["used"])


def _apply(unit: Unit, entry: Entry) -> None:
    match entry:
        case SegmentOpened():
            unit.execute(
                "INSERT OR IGNORE INTO dvr_segments (id, channel, first) VALUES (?, ?, ?)",
                (entry.segment, entry.channel, entry.time),
            )
            unit.execute("DELETE FROM dvr_faults WHERE channel = ?", (entry.channel,))
        case SegmentClosed():
            _rate(unit, entry)
            unit.execute(
                "INSERT INTO dvr_segments (id, channel, first, last, bytes, digest) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET first = excluded.first, "
                "last = excluded.last, bytes = excluded.bytes, digest = excluded.digest",
                (entry.segment, entry.channel, entry.first, entry.last, entry.bytes, entry.digest),
            )
        case Gap():
            unit.execute(
                "INSERT OR REPLACE INTO dvr_gaps (channel, start, stop, reason) VALUES (?, ?, ?, ?)",
                (entry.channel, entry.start, entry.stop, entry.reason),
            )
            unit.execute(
                "UPDATE dvr_recordings SET reason = coalesce(reason, ?) "
                "WHERE channel = ? AND unfinished AND start < ? AND stop > ?",
                (_sentence(entry.reason), entry.channel, entry.stop, entry.start),
            )
        case SourceFailed():
            unit.execute(
                "INSERT OR REPLACE INTO dvr_faults (channel, code, detail, time) VALUES (?, ?, ?, ?)",
                (entry.channel, entry.code, entry.detail, entry.time),
            )
            unit.execute(
                "UPDATE dvr_recordings SET reason = ? WHERE channel = ? AND state = 'recording' "
                "AND start - pad_before <= ? AND stop + pad_after > ?",
                (entry.detail, entry.channel, entry.time, entry.time),
            )
        case RangeDone():
            unit.execute(
                # One that was prolonged meanwhile has not ended with the stop that the recorder knew;
                # padding may have been given up for another recording.
                "UPDATE dvr_recordings SET ended = 1 WHERE id = ?1 AND unfinished "
                "AND min(stop, coalesce(trashed, stop)) <= ?2",
                (entry.range, entry.time + AGREED),
            )


def _rate(unit: Unit, entry: SegmentClosed) -> None:
    """Adds a segment to its channel's history, once; what is older than the last MEMORY fades."""
    seconds = entry.last - entry.first
    if seconds <= 0:
        return
    unit.execute(
        "INSERT INTO dvr_rates (channel, bytes, seconds) SELECT ?1, ?2, ?3 WHERE NOT EXISTS "
        "(SELECT 1 FROM dvr_segments WHERE id = ?4 AND last IS NOT NULL) "
        "ON CONFLICT (channel) DO UPDATE SET "
        "bytes = bytes * min(1.0, ?5 / (seconds + ?3)) + ?2, "
        "seconds = seconds * min(1.0, ?5 / (seconds + ?3)) + ?3",
        (entry.channel, float(entry.bytes), seconds, entry.segment, MEMORY),
    )


def _sentence(code: str) -> str:
    return f"{ERRORS[code].title}." if code in ERRORS else code
