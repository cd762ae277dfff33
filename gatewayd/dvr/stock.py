"""What is stored and what is coming, as retention and the forecast take it: queries, no rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from gatewayd.dvr.forecast import Coming
from gatewayd.dvr.journal import UNREFERENCED, WANTED
from gatewayd.dvr.model import RecordingChanged
from gatewayd.dvr.retention import DAY, Drop, Held
from gatewayd.dvr.storage_model import RecordingDropped
from gatewayd.store.database import Database, Unit

_NAMED = " ".join(
    (
        "SELECT p.recording, s.id, s.bytes FROM dvr_slices p JOIN dvr_segments s ON s.id = p.segment",
        "WHERE s.id IN (SELECT segment FROM dvr_slices GROUP BY segment HAVING count(*) > 1)",
        f"OR s.id IN ({WANTED})",
    )
)
_FINISHED = "state IN ('done', 'partial', 'failed')"


class Goods(NamedTuple):
    """Finished recordings, the bytes of their segments, and the segments that running ones need.

    Segments that only one recording holds are counted as one, named after it.
    """

    items: tuple[Held, ...]
    sizes: dict[str, int]
    wanted: frozenset[str]


class StockRows:
    """Reads recordings together with their segments, and queues what retention decides."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def goods(self) -> Goods:
        """Everything that is finished, the trash included."""
        fetch = self._database.fetch_all
        wanted = frozenset(row["id"] for row in await fetch(WANTED))
        sizes: dict[str, int] = {}
        segments: defaultdict[str, set[str]] = defaultdict(set)
        named = await fetch(_NAMED)
        for row in named:
            sizes[row["id"]] = row["bytes"]
            segments[row["recording"]].add(row["id"])
        whole = await fetch(
            "SELECT p.recording, sum(s.bytes) AS bytes FROM dvr_slices p "
            "JOIN dvr_segments s ON s.id = p.segment GROUP BY p.recording"
        )
        for row in whole:
            item, own = row["recording"], f"own:{row['recording']}"
            sizes[own] = row["bytes"] - sum(sizes[name] for name in segments[item])
            segments[item].add(own)
        items = await fetch(f"SELECT * FROM dvr_recordings WHERE {_FINISHED} ORDER BY id")  # noqa: S608
        return Goods(
            tuple(
                Held(
                    *(row["id"], row["title"], row["channel"], row["stop"], row["keep"], bool(row["locked"])),
                    row["trashed"],
                    frozenset(segments[row["id"]]),
                )
                for row in items
            ),
            sizes,
            wanted,
        )

    async def coming(self) -> list[Coming]:
        """What runs or waits, the trash not."""
        rows = await self._database.fetch_all(
            "SELECT * FROM dvr_recordings WHERE state IN ('scheduled', 'recording') AND trashed IS NULL "
            "AND NOT ended ORDER BY start, id"
        )
        return [
            Coming(
                id=row["id"],
                title=row["title"],
                channel=row["channel"],
                begins=row["start"] - row["pad_before"],
                ends=row["stop"] + row["pad_after"],
                stop=row["stop"],
                keep=row["keep"],
                locked=bool(row["locked"]),
            )
            for row in rows
        ]

    async def rates(self) -> dict[str, float]:
        """Bytes per second of each channel that has a history."""
        rows = await self._database.fetch_all("SELECT channel, bytes / seconds AS rate FROM dvr_rates")
        return {row["channel"]: row["rate"] for row in rows}

    async def pending(self) -> int:
        """Bytes of segments that nothing refers to any more: on their way out."""
        row = await self._database.fetch_one(
            f"SELECT coalesce(sum(s.bytes), 0) AS bytes FROM dvr_segments s WHERE {UNREFERENCED}"  # noqa: S608
        )
        return 0 if row is None else int(row["bytes"])

    async def overdue(self, now: float, trash_seconds: float) -> tuple[list[str], list[str]]:
        """Whose days are over (they go to the trash), and what has been in the trash for long enough."""
        expired = await self._database.fetch_all(
            f"SELECT id FROM dvr_recordings WHERE {_FINISHED} AND trashed IS NULL AND NOT locked "  # noqa: S608
            "AND keep LIKE 'days:%' AND stop + CAST(substr(keep, 6) AS INTEGER) * ? <= ?",
            (DAY, now),
        )
        waited = await self._database.fetch_all(
            "SELECT id FROM dvr_recordings WHERE trashed IS NOT NULL AND NOT locked AND state <> 'recording' "
            "AND (trashed <= ? OR (state IN ('scheduled', 'conflict') AND stop + pad_after <= ?))",
            (now - trash_seconds, now),
        )
        return [row["id"] for row in expired], [row["id"] for row in waited]

    def expire(self, unit: Unit, items: Iterable[Held], now: float) -> None:
        """Queues that recordings go to the trash because their days are over."""
        for item in items:
            unit.execute(
                "UPDATE dvr_recordings SET trashed = ?, revision = revision + 1 "
                "WHERE id = ? AND trashed IS NULL AND NOT locked",
                (now, item.id),
            )
            unit.emit(RecordingChanged(recording=item.id, channel=item.channel, state="trash"))

    def drop(self, unit: Unit, drops: Iterable[Drop]) -> None:
        """Queues that recordings are gone for good; one that was locked or restored meanwhile stays."""
        for drop in drops:
            item = drop.item
            unit.execute(
                "DELETE FROM dvr_recordings WHERE id = ? AND NOT locked AND (trashed IS NULL) = ?",
                (item.id, item.trashed is None),
            )
            unit.emit(RecordingChanged(recording=item.id, channel=item.channel, state=None))
            unit.emit(
                RecordingDropped(
                    recording=item.id,
                    title=item.title,
                    channel=item.channel,
                    reason=drop.reason,
                    bytes=drop.frees,
                )
            )

    def forget(self, unit: Unit, recordings: Iterable[str]) -> None:
        """Queues that waiting recordings leave the trash for good: there is nothing of them."""
        for recording in recordings:
            unit.execute("DELETE FROM dvr_recordings WHERE id = ? AND trashed IS NOT NULL", (recording,))
