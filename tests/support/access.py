"""Access as app.py builds it, on a real database, with the core around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd.access import AccessService, AuditLog, ScopeAuthoriser, ensure_box_id, operations
from gatewayd.access.grants import OperatorKey
from gatewayd.access.passwords import Passwords
from gatewayd.callers import Caller, anonymous
from gatewayd.errors import GatewayError
from gatewayd.events import Bus
from gatewayd.jobs import Jobs
from gatewayd.ledger import Ledger
from gatewayd.operations import Locks, Registry
from gatewayd.store.database import Database
from gatewayd.tasks import Tasks
from tests.support.clock import FakeClock
from tests.support.store import open_database

NOBODY = anonymous("http")


@contextmanager
def refuses(code: str) -> Iterator[None]:
    """What runs inside must be refused with this code."""
    with pytest.raises(GatewayError) as error:
        yield
    assert error.value.code == code


@dataclass
class Access:
    """The service, its registry, and what they stand on."""

    service: AccessService
    registry: Registry
    database: Database
    bus: Bus
    clock: FakeClock

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        caller: Caller = NOBODY,
        key: str | None = None,
    ) -> Any:
        """Dispatches and returns the decoded JSON answer."""
        answer = await self.registry.dispatch(name, arguments or {}, caller, key=key)
        return msgspec.json.decode(answer.body)


@asynccontextmanager
async def open_access(
    folder: Path, clock: FakeClock, *, boot: str = "boot-1", operator: OperatorKey | None = None
) -> AsyncIterator[Access]:
    """Access on `folder`; entering it again on the same folder is a restart of the daemon."""
    bus = Bus(clock)
    async with open_database(folder, bus) as database:
        tasks, locks = Tasks(), Locks()
        service = AccessService(
            database=database,
            clock=clock,
            box_id=await ensure_box_id(database),
            fingerprint="c3BraQ",
            host=lambda: "192.0.2.7:8443",
            boot=boot,
            operator=operator,
            passwords=Passwords(memory_kib=64),
        )
        await service.load()
        audit = AuditLog(database, clock, service.alerts.changed)
        registry = Registry(
            database=database,
            clock=clock,
            jobs=Jobs(database, bus, clock, tasks, locks),
            locks=locks,
            ledger=Ledger(database, clock, b"test"),
            authoriser=ScopeAuthoriser(),
            auditor=audit,
        )
        registry.add(operations(service, audit))
        yield Access(service, registry, database, bus, clock)
        await tasks.close()
