"""One SQLite file: one writer, one reader, units of work.

The writer commits whole units in WAL mode with `synchronous=FULL`, so what was acknowledged survives
`kill -9` and a power cut. Reads go through a connection of their own and see committed state only.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import aiosqlite

from gatewayd.errors import GatewayError
from gatewayd.events import Bus, EventData
from gatewayd.store import migrate

Synchronous = Literal["FULL", "NORMAL"]


class Database:
    """An open database. Build it with `open`; `close` it."""

    def __init__(
        self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection, bus: Bus | None
    ) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._bus = bus
        self._writing = asyncio.Lock()
        self._outbox: Callable[[Unit, EventData], None] | None = None
        self._witnesses: list[Callable[[Unit, EventData], None]] = []

    @classmethod
    async def open(
        cls, path: Path, kind: str, *, bus: Bus | None = None, synchronous: Synchronous = "FULL"
    ) -> Self:
        """Opens (creates) `path` and brings its schema to the newest of migrations/`kind`.

        Raises GatewayError `store.newer_schema` (untouched) and `store.corrupt`.
        """
        await asyncio.to_thread(migrate.prepare, path, kind)
        writer = await aiosqlite.connect(path, isolation_level=None)
        await writer.execute("PRAGMA journal_mode=WAL")
        await writer.execute(f"PRAGMA synchronous={synchronous}")
        await writer.execute("PRAGMA foreign_keys=ON")
        await writer.execute("PRAGMA secure_delete=ON")
        reader = await aiosqlite.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        await reader.execute("PRAGMA query_only=ON")
        reader.row_factory = sqlite3.Row
        return cls(path, writer, reader, bus)

    async def close(self) -> None:
        """Waits for the unit under way, then closes both connections."""
        async with self._writing:
            await self._reader.close()
            await self._writer.close()

    def on_leaving(self, write: Callable[[Unit, EventData], None]) -> None:
        """Names who writes the outbox row of an event that leaves the box, in the change's own unit."""
        self._outbox = write

    def on_event(self, witness: Callable[[Unit, EventData], None]) -> None:
        """Names who sees each event of a unit before its commit, and may queue more into that unit: what
        follows from a change is written with it, or not at all."""
        self._witnesses.append(witness)

    async def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query on committed state."""
        return list(await self._reader.execute_fetchall(sql, parameters))

    async def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query on committed state, or None.

        The query runs to its end at once: a statement left open between two steps would hold every other
        reader of this connection to the state of that moment.
        """
        return next(iter(await self.fetch_all(sql, parameters)), None)

    def unit(self) -> Unit:
        """A new unit of work; `async with database.unit() as unit:` commits it at the end."""
        return Unit(self)

    async def scrub(self) -> None:
        """Leaves on disk what is in the tables now and nothing else: no freed page, no old page of the log.

        `secure_delete` overwrites cells as they are deleted; this also takes what was freed before, by a
        migration for example. Raises GatewayError `store.full`, and `store.busy` when a reader holds the log.
        """
        async with self._writing:
            try:
                await self._writer.execute("VACUUM")
                rows = list(await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)"))
            except sqlite3.OperationalError as error:
                raise GatewayError("store.full", f"the state could not be rewritten: {error}") from error
        if rows and rows[0][0]:
            raise GatewayError("store.busy", "the state is being read: try again")

    async def backup(self, target: Path) -> None:
        """A consistent copy of the whole database at `target`, checked before it counts."""
        async with aiosqlite.connect(target) as copy:
            await self._reader.backup(copy)
            await copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        if not await asyncio.to_thread(migrate.is_sound, target):
            target.unlink()
            raise GatewayError("store.corrupt", f"the copy of {self.path.name} is not sound")

    async def commit(self, unit: Unit) -> None:
        """Writes a unit in one transaction; then publishes its events and calls its callbacks.

        Once it has begun it ends, even when the caller is cancelled: the outcome is never half known.
        Raises GatewayError `store.full`; sqlite3.IntegrityError passes through, nothing written.
        """
        writing = asyncio.ensure_future(self._write(unit))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            if not writing.cancelled() and writing.exception() is None:
                self._tell(unit)
            raise
        self._tell(unit)

    def _tell(self, unit: Unit) -> None:
        if self._bus is not None:
            for data in unit.events:
                self._bus.publish(data)
        for callback in unit.callbacks:
            callback()

    async def _write(self, unit: Unit) -> None:
        for data in unit.events:  # grows while it is walked: a witness may tell of more
            for witness in self._witnesses:
                witness(unit, data)
            if self._outbox is not None and data.leaves_box:
                self._outbox(unit, data)
        if not unit.statements:
            return
        async with self._writing:
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                for sql, parameters in unit.statements:
                    await self._writer.execute(sql, parameters)
                await self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                if self._writer.in_transaction:
                    await self._writer.execute("ROLLBACK")
                if "full" in str(error) or "disk I/O" in str(error):
                    raise GatewayError("store.full", f"the state could not be written: {error}") from error
                raise


class Unit:
    """Writes that belong together, queued until the commit: one transaction, or nothing.

    Nothing is written, published or called before the commit. Read first, under the lock that
    protects what you read; then queue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[tuple[str, Sequence[Any]]] = []
        self.events: list[EventData] = []
        self.callbacks: list[Callable[[], None]] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Queues one statement."""
        self.statements.append((sql, parameters))

    def emit(self, data: EventData) -> None:
        """Queues an event, published after the commit."""
        self.events.append(data)

    def after(self, callback: Callable[[], None]) -> None:
        """Queues a call for after the commit, to wake a reconciler."""
        self.callbacks.append(callback)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self._database.commit(self)
