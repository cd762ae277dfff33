"""The store: units, migrations, backup and last-good restore."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from gatewayd.errors import GatewayError
from gatewayd.events import Bus, EventData
from gatewayd.store import migrate
from gatewayd.store.database import Database
from gatewayd.store.keeper import Keeper
from tests.support.clock import FakeClock
from tests.support.store import open_database

PUT = "INSERT INTO facts (name, value) VALUES (?, ?)"


class Boiled(EventData, frozen=True, kw_only=True):
    topic: ClassVar[str] = "kettle.boiled"
    leaves_box: ClassVar[bool] = True


async def value(database: Database, name: str) -> str | None:
    row = await database.fetch_one("SELECT value FROM facts WHERE name = ?", (name,))
    return None if row is None else str(row["value"])


async def test_a_unit_is_all_or_nothing(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        with pytest.raises(sqlite3.IntegrityError):
            async with database.unit() as unit:
                unit.execute(PUT, ("a", "1"))
                unit.execute(PUT, ("a", "2"))
        assert await value(database, "a") is None
        with pytest.raises(KeyError):
            async with database.unit() as unit:
                unit.execute(PUT, ("a", "1"))
                raise KeyError
        assert await value(database, "a") is None
        async with database.unit() as unit:
            unit.execute(PUT, ("a", "3"))
        assert await value(database, "a") == "3"


async def test_events_and_callbacks_come_after_the_commit(tmp_path: Path) -> None:
    bus = Bus(FakeClock())
    seen: list[str] = []
    async with open_database(tmp_path, bus) as database:
        database.on_leaving(lambda unit, data: unit.execute(PUT, ("outbox", type(data).topic)))
        with pytest.raises(sqlite3.Error):
            async with database.unit() as unit:
                unit.emit(Boiled())
                unit.after(lambda: seen.append("never"))
                unit.execute("INSERT INTO nowhere VALUES (1)")
        assert (bus.seq, seen) == (0, [])
        async with database.unit() as unit:
            unit.emit(Boiled())
            unit.after(lambda: seen.append("after"))
        assert (bus.seq, seen) == (1, ["after"])
        assert await value(database, "outbox") == "kettle.boiled"


async def test_many_units_at_once(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:

        async def put(number: int) -> None:
            async with database.unit() as unit:
                unit.execute(PUT, (f"n{number}", "x"))

        await asyncio.gather(*(put(number) for number in range(50)))
        rows = await database.fetch_all("SELECT count(*) AS n FROM facts")
        assert rows[0]["n"] == 50


async def test_a_cancelled_caller_leaves_a_whole_unit(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        told: list[str] = []

        async def put() -> None:
            async with database.unit() as unit:
                for number in range(20):
                    unit.execute(PUT, (f"n{number}", "x"))
                unit.after(lambda: told.append("told"))

        task = asyncio.create_task(put())
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        rows = await database.fetch_all("SELECT count(*) AS n FROM facts")
        assert (rows[0]["n"], told) == (20, ["told"])


WRITER = """
import asyncio, sys
from pathlib import Path
from gatewayd.store.database import Database

async def main():
    database = await Database.open(Path(sys.argv[1]), "state")
    for number in range(100_000):
        async with database.unit() as unit:
            unit.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (f"a{number:06}", "x"))
            unit.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (f"b{number:06}", "x"))
        print(number, flush=True)

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        acknowledged = -1
        for line in writer.stdout:
            acknowledged = int(line)
            if acknowledged == 60:
                os.kill(writer.pid, signal.SIGKILL)
    assert acknowledged >= 60
    assert migrate.is_sound(path)
    with sqlite3.connect(path) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM facts")}
    connection.close()
    assert {f"a{number:06}" for number in range(acknowledged + 1)} <= names
    assert {name[1:] for name in names if name[0] == "a"} == {name[1:] for name in names if name[0] == "b"}


def test_migrations_are_numbered_one_by_one() -> None:
    numbers = [step.number for step in migrate.migrations("state")]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1


def test_a_newer_schema_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    migrate.prepare(path, "state")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=9999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(GatewayError) as caught:
        migrate.prepare(path, "state")
    assert caught.value.code == "store.newer_schema"
    assert path.read_bytes() == before


def test_a_faulty_migration_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    newest = migrate.prepare(path, "state")
    steps = [
        *migrate.migrations("state"),
        migrate.Migration(newest + 1, "half", "CREATE TABLE half (x);\nCREATE TABLE half (x);"),
    ]
    monkeypatch.setattr(migrate, "migrations", lambda kind: steps)
    with pytest.raises(GatewayError):
        migrate.prepare(path, "state")
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (newest,)
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchone() is None
    connection.close()


async def test_a_damaged_state_is_moved_aside_and_the_last_good_backup_comes_back(tmp_path: Path) -> None:
    clock = FakeClock()
    keeper = Keeper(tmp_path, clock)
    database = await keeper.open(Bus(clock))
    async with database.unit() as unit:
        unit.execute(PUT, ("kept", "yes"))
    for _ in range(3):
        await keeper.back_up(database, clock.now())
        await clock.advance(86_400)
    assert len(keeper.backups()) == 2
    await database.close()
    damaged = b"\0" * 8192
    (tmp_path / "state.db").write_bytes(damaged)

    keeper = Keeper(tmp_path, clock)
    database = await keeper.open(Bus(clock))
    assert await value(database, "kept") == "yes"
    assert keeper.restored_from is not None
    await database.close()
    (aside,) = tmp_path.glob("state.damaged-*.db")
    assert aside.read_bytes() == damaged


async def test_without_a_sound_backup_nothing_is_reset(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(GatewayError) as caught:
        await Keeper(tmp_path, FakeClock()).open(Bus(FakeClock()))
    assert caught.value.code == "store.corrupt"
    assert (tmp_path / "state.db").read_bytes().startswith(b"not a database")


async def test_the_daily_backup_waits_for_a_day(tmp_path: Path) -> None:
    clock = FakeClock()
    keeper = Keeper(tmp_path, clock)
    database = await keeper.open(Bus(clock))
    task = asyncio.create_task(keeper.back_up_daily(database))
    async with asyncio.timeout(5):
        while not keeper.backups():
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.close()
    assert oct((keeper.backups()[0]).stat().st_mode)[-3:] == "600"


async def test_what_was_committed_is_what_is_read_whoever_else_reads(tmp_path: Path) -> None:
    """A reader in mid-query must not pin the others to the state before a commit."""
    async with open_database(tmp_path) as database:
        done = asyncio.Event()

        async def read_on() -> None:
            while not done.is_set():
                await value(database, "n0")

        readers = [asyncio.create_task(read_on()) for _ in range(4)]
        for number in range(200):
            async with database.unit() as unit:
                unit.execute(PUT, (f"n{number}", "x"))
            assert await value(database, f"n{number}") == "x"
        done.set()
        await asyncio.gather(*readers)
