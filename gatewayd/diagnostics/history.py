"""Measurements over time, thinned: as measured for a day, by 5 minutes for a month, hourly for two years.

A file of its own (`history.db`): what is lost there is a pity, not a promise broken. Written in batches,
because every write wears a memory card.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import structlog

from gatewayd.errors import GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
EVERY = 60.0
"""Seconds between two writes; at most so much is lost in a crash."""
DAY = 86_400
KEPT: dict[int, int] = {1: DAY, 300: 31 * DAY, 3600: 2 * 365 * DAY}
"""Each step in seconds and for how long its samples are kept."""
MOST_WAITING = 20_000
MOST_SERIES = 64
MOST_POINTS = 2000


class Point(NamedTuple):
    """What was measured within one step from `time` (Unix seconds) on."""

    time: int
    measured: int
    mean: float
    low: float
    high: float


class _Sample(NamedTuple):
    series: str
    time: int
    value: float


class History:
    """Owns `history.db`. Build it with `open`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[_Sample] = []
        self._watched: dict[str, float] = {}
        self._forget_before: float | None = None
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, folder: Path, clock: Clock) -> Self:
        """Opens `folder/history.db`. A damaged file is moved aside, and the log says so: measurements are no
        reason not to start. Raises GatewayError `store.newer_schema`."""
        path = folder / "history.db"
        try:
            database = await Database.open(path, "history", synchronous="NORMAL")
        except GatewayError as error:
            if error.code != "store.corrupt":
                raise
            aside = path.with_name(f"history.damaged-{int(clock.now().timestamp())}.db")
            await asyncio.to_thread(_move_aside, path, aside)
            log.error("history.damaged", moved_to=aside.name)
            database = await Database.open(path, "history", synchronous="NORMAL")
        return cls(database, clock)

    async def close(self) -> None:
        """Writes what waits, then closes."""
        await self.flush()
        await self._database.close()

    def add(self, series: str, value: float) -> None:
        """Notes a measurement of now. While the time cannot be believed it is left out: it would be found at
        the wrong place. `series` names what and its unit (`dns_ms`)."""
        if self._clock.trusted() and len(self._waiting) < MOST_WAITING:
            self._waiting.append(_Sample(series, int(self._clock.now().timestamp()), value))

    def add_watched(self, day: str, seconds: float) -> None:
        """The watch was looking for so long on a day (ISO date)."""
        if self._clock.trusted():
            self._watched[day] = self._watched.get(day, 0.0) + seconds

    def forget(self, before: float) -> None:
        """What is older than `before` (Unix seconds) goes with the next write."""
        self._forget_before = before

    async def run(self) -> None:
        """Runs for ever: writes and thins."""
        while True:
            await self._clock.sleep(EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Writes what waits as one transaction."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        watched, self._watched = self._watched, {}
        before, self._forget_before = self._forget_before, None
        if not waiting and not watched and before is None:
            return
        async with self._database.unit() as unit:
            for name in sorted({sample.series for sample in waiting}):
                unit.execute(
                    "INSERT INTO series (name) SELECT ?1 WHERE (SELECT count(*) FROM series) < ?2"
                    " ON CONFLICT (name) DO NOTHING",
                    (name, MOST_SERIES),
                )
            for (name, step, time), values in _grouped(waiting).items():
                unit.execute(_ADD, (name, step, time, len(values), sum(values), min(values), max(values)))
            for day, seconds in watched.items():
                unit.execute(
                    "INSERT INTO watched (day, seconds) VALUES (?, ?)"
                    " ON CONFLICT (day) DO UPDATE SET seconds = seconds + excluded.seconds",
                    (day, seconds),
                )
            self._thin(unit, before)

    def _thin(self, unit: Unit, before: float | None) -> None:
        now = self._clock.now().timestamp()
        if self._clock.trusted():
            for step, kept in KEPT.items():
                unit.execute("DELETE FROM samples WHERE step = ? AND time < ?", (step, now - kept))
        if before is not None:
            unit.execute("DELETE FROM samples WHERE time < ?", (before,))
            unit.execute("DELETE FROM watched WHERE day < date(?, 'unixepoch')", (before,))

    # --- reading ----------------------------------------------------------------------------------------

    async def series(self) -> tuple[str, ...]:
        """What is measured, what waits to be written too."""
        await self.flush()
        return tuple(row["name"] for row in await self._database.fetch_all("SELECT name FROM series"))

    async def read(self, series: str, start: float, end: float, step: int | None) -> tuple[int, list[Point]]:
        """The points of a series in [start, end), oldest first, and how many seconds each stands for: `step`,
        or what gives a readable number of points where it is None. Newest measurements, which are not written
        yet, are written first. Raises GatewayError `diagnostics.too_many_points`."""
        await self.flush()
        span = max(1.0, end - start)
        wanted = step if step is not None else max(1, int(span / 300))
        if span / wanted > MOST_POINTS:
            raise GatewayError(
                "diagnostics.too_many_points",
                f"{span / wanted:.0f} points; the limit is {MOST_POINTS}. Ask for a longer step.",
                field="step",
            )
        age = self._clock.now().timestamp() - start
        kept = next((kind for kind, seconds in KEPT.items() if age <= seconds), 3600)
        source = max((kind for kind in KEPT if kind <= wanted), default=1)
        source = max(source, kept)
        wanted = max(wanted, source)
        if source > 1:
            wanted = -(-wanted // source) * source
        rows = await self._database.fetch_all(
            "SELECT time / ?1 * ?1 AS bucket, sum(count) AS count, sum(sum) AS sum, min(low) AS low,"
            " max(high) AS high FROM samples WHERE series = (SELECT id FROM series WHERE name = ?2)"
            " AND step = ?3 AND time >= ?4 AND time < ?5 GROUP BY bucket ORDER BY bucket",
            (wanted, series, source, int(start) // source * source, int(end)),
        )
        return wanted, [
            Point(row["bucket"], row["count"], row["sum"] / row["count"], row["low"], row["high"])
            for row in rows
        ]

    async def watched(self, first: str, last: str) -> dict[str, float]:
        """Seconds watched by day, from the day `first` to `last`."""
        await self.flush()
        rows = await self._database.fetch_all(
            "SELECT day, seconds FROM watched WHERE day BETWEEN ? AND ? ORDER BY day", (first, last)
        )
        return {row["day"]: row["seconds"] for row in rows}

    # --- personal data ----------------------------------------------------------------------------------

    async def export(self) -> dict[str, list[dict[str, object]]]:
        """Everything, for the household: the finest samples there are of each time."""
        await self.flush()
        samples = await self._database.fetch_all(
            "SELECT name AS series, step, time, count, sum / count AS mean, low, high FROM samples"
            " JOIN series ON series.id = samples.series ORDER BY name, step, time"
        )
        days = await self._database.fetch_all("SELECT day, seconds FROM watched ORDER BY day")
        return {
            "measurements": [dict(zip(row.keys(), tuple(row), strict=True)) for row in samples],
            "watched": [dict(zip(row.keys(), tuple(row), strict=True)) for row in days],
        }

    async def erase(self) -> int:
        """Deletes everything, from the disk too; how many samples there were. Raises GatewayError
        `store.full` and `store.busy`."""
        async with self._writing:
            self._waiting, self._watched = [], {}
            row = await self._database.fetch_one("SELECT count(*) FROM samples")
            async with self._database.unit() as unit:
                for table in ("samples", "series", "watched"):
                    unit.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above
            await self._database.scrub()
            await asyncio.to_thread(_delete_damaged, self._database.path)
        return int(row[0]) if row is not None else 0


_ADD = (
    "INSERT INTO samples (series, step, time, count, sum, low, high)"
    " SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM series WHERE name = ?1"
    " ON CONFLICT (series, step, time) DO UPDATE SET count = count + excluded.count,"
    " sum = sum + excluded.sum, low = min(low, excluded.low), high = max(high, excluded.high)"
)


def _grouped(samples: Sequence[_Sample]) -> dict[tuple[str, int, int], list[float]]:
    found: dict[tuple[str, int, int], list[float]] = {}
    for sample in samples:
        for step in KEPT:
            found.setdefault((sample.series, step, sample.time // step * step), []).append(sample.value)
    return found


def _move_aside(path: Path, aside: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{path}{suffix}")
        if part.exists():
            os.replace(part, f"{aside}{suffix}")


def _delete_damaged(path: Path) -> None:
    for old in path.parent.glob("history.damaged-*"):
        old.unlink(missing_ok=True)
