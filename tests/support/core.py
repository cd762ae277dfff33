"""The core, built as app.py builds it, around a fresh database: what a feature's tests dispatch through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gatewayd.callers import INTERNAL, Caller
from gatewayd.errors import GatewayError
from gatewayd.events import Bus
from gatewayd.jobs import Jobs
from gatewayd.ledger import Ledger
from gatewayd.operations import Locks, Operation, Registry
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock, SystemClock
from gatewayd.tasks import Tasks
from tests.support.store import open_database


class ByScope:
    """An authoriser that knows scopes only."""

    def authorise(self, caller: Caller, operation: Operation, request: Mapping[str, Any]) -> None:
        if operation.scope is not None and operation.scope not in caller.scopes:
            raise GatewayError("access.forbidden", f"{operation.name} needs {operation.scope}.")


class AuditTable:
    """An auditor that writes the row and nothing else."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record(self, unit: Unit, caller: Caller, operation: str, target: str | None, outcome: str) -> None:
        unit.execute(
            "INSERT INTO audit (time, caller, role, via, operation, target, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._clock.now().timestamp(), caller.id, caller.role, caller.via, operation, target, outcome),
        )


@dataclass
class Core:
    """Everything below the features."""

    database: Database
    bus: Bus
    clock: Clock
    tasks: Tasks
    jobs: Jobs
    registry: Registry

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        caller: Caller = INTERNAL,
        key: str | None = None,
    ) -> Any:
        """Dispatches and returns the decoded JSON answer."""
        answer = await self.registry.dispatch(name, arguments or {}, caller, key=key)
        return msgspec.json.decode(answer.body)


@asynccontextmanager
async def open_core(folder: Path, clock: Clock | None = None) -> AsyncIterator[Core]:
    """A core on `folder`; its tasks are closed before its database."""
    clock = clock or SystemClock("always")
    bus = Bus(clock)
    async with open_database(folder, bus) as database:
        tasks, locks = Tasks(), Locks()
        jobs = Jobs(database, bus, clock, tasks, locks)
        await jobs.recover()
        registry = Registry(
            database=database,
            clock=clock,
            jobs=jobs,
            locks=locks,
            ledger=Ledger(database, clock, b"test"),
            authoriser=ByScope(),
            auditor=AuditTable(clock),
        )
        try:
            yield Core(database, bus, clock, tasks, jobs, registry)
        finally:
            await tasks.close()
