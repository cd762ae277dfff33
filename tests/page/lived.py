"""A house that has been lived in for some weeks: what a box's pages look like on most days of their lives.

Diagnoses are the fault lab's recorded results, so that verdicts are what the box really says of such faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from gatewayd.diagnostics.model import DiagnosticsRun
from gatewayd.diagnostics.verdict import judge
from tests.diagnostics.test_recorded import RECORDED
from tests.support.daemon import Daemon, until

ZONE = ZoneInfo("Europe/Berlin")
_RUNS = ("weak Wi-Fi client", "DNS timeout", "healthy 1")
_SPEEDS = {"speed_down_bits": (91.0e6, 88.4e6, 93.7e6), "speed_up_bits": (38.1e6, 37.0e6, 38.9e6)}
_OUTAGES = (
    # days ago, scope, lines, minutes, cause
    (2, "internet", "v4,v6", 47.0, "probes"),
    (2, "dns", "dns", 6.5, "probes"),
    (9, "internet", "v4,v6", 3.5, "carrier"),
    (17, "v6", "v6", 140.0, "probes"),
    (24, "internet", "v4,v6", 95.0, "lease"),
)


async def lived_in(
    daemon: Daemon, *, runs: Sequence[str] = ("weak Wi-Fi client", "DNS timeout", "healthy 1")
) -> None:
    """Five weeks of watching, five outages, and diagnoses of the faults `runs`, the newest first."""
    await asyncio.to_thread(_state, daemon.folder, runs)
    await asyncio.to_thread(_history, daemon.folder)


async def busy(daemon: Daemon) -> None:
    """Somebody is at home: devices are on Wi-Fi, one programme is recorded and another one will be."""

    async def television() -> str | None:
        items = (await daemon.get("/dvr/channels"))["items"]
        return str(items[0]["id"]) if items else None

    async def somebody() -> bool | None:
        return len((await daemon.get("/wifi/stations"))["items"]) >= 2 or None

    channel = await until(television)
    await daemon.post("/dvr/recordings", {"channel": channel, "duration": 5400, "title": "The evening news"})
    later = datetime.now(UTC) + timedelta(hours=3)
    film = {"start": later.isoformat(), "stop": (later + timedelta(minutes=95)).isoformat()}
    await daemon.post(
        "/dvr/recordings", {"channel": channel, "title": "A film with a rather long title", **film}
    )
    await until(somebody, 40)


def recorded(fault: str, started: datetime) -> DiagnosticsRun:
    """What the box found in the fault lab when this was the fault."""
    [found] = [one for one in RECORDED if one.name == fault]
    seconds = max(one.seconds for one in found.results)
    return DiagnosticsRun(
        id=_ulid(started),
        started=started,
        diagnosis=judge(found.results, seconds=seconds),
        results=found.results,
    )


def _ulid(time: datetime) -> str:
    """An id that sorts where the box's own ids of that time do."""
    left, text = int(time.timestamp() * 1000), ""
    for _ in range(10):
        left, digit = divmod(left, 32)
        text = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[digit] + text
    return text + "0" * 16


def _state(folder: Path, runs: Sequence[str]) -> None:
    now = datetime.now(UTC)
    with contextlib.closing(sqlite3.connect(folder / "state.db", timeout=20)) as database, database:
        for number, fault in enumerate(runs):
            run = recorded(fault, now - timedelta(minutes=12 + 410 * number))
            database.execute(
                "INSERT INTO diagnostics_runs (id, started, verdict, run) VALUES (?, ?, ?, ?)",
                (run.id, run.started.timestamp(), run.diagnosis.verdict, msgspec.json.encode(run)),
            )
        for number, (ago, scope, lines, minutes, cause) in enumerate(reversed(_OUTAGES)):
            start = (now - timedelta(days=ago)).replace(hour=14, minute=2).timestamp()
            database.execute(
                "INSERT INTO outages (id, scope, lines, cause, boot, start_ran, ended_ran, start, ended,"
                " seconds, dated, alerted, quiet, certain)"
                " VALUES (?, ?, ?, ?, 'past', 0, ?, ?, ?, ?, 1, 1, 0, 1)",
                (
                    f"01A{number:023d}", scope, lines, cause, minutes * 60, start, start + minutes * 60,
                    minutes * 60,
                ),
            )  # fmt: skip


def _history(folder: Path) -> None:
    today = datetime.now(ZONE).date()
    with contextlib.closing(sqlite3.connect(folder / "history.db", timeout=20)) as database, database:
        for ago in range(1, 36):
            if ago != 30:  # a day without power
                database.execute(
                    "INSERT OR REPLACE INTO watched (day, seconds) VALUES (?, 86400)",
                    ((today - timedelta(days=ago)).isoformat(),),
                )
        for series, values in _SPEEDS.items():
            database.execute("INSERT OR IGNORE INTO series (name) VALUES (?)", (series,))
            for ago, value in zip((20, 11, 4), values, strict=True):
                time = int((datetime.now(UTC) - timedelta(days=ago)).timestamp())
                for step in (300, 3600):
                    database.execute(
                        "INSERT INTO samples SELECT id, ?, ?, 1, ?, ?, ? FROM series WHERE name = ?",
                        (step, time // step * step, value, value, value, series),
                    )
