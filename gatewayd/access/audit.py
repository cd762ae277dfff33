"""The audit log: one row for each mutation, in the transaction of the change itself.

Rows are appended and never changed. They hold opaque ids, operation names and outcomes: no name of a
person or a device, no value of a field, no secret.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gatewayd.access.model import Activity
from gatewayd.operations import Caller
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock


class AuditLog:
    """Writes audit rows for dispatch, and reads them for the owner."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def record(self, unit: Unit, caller: Caller, operation: str, target: str | None, outcome: str) -> None:
        """Queues a row into the unit of the change; `outcome` is `ok` or an error's code."""
        unit.execute(
            "INSERT INTO audit (time, caller, role, via, operation, target, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._clock.now().timestamp(),
                caller.id,
                caller.role,
                caller.via,
                operation,
                target,
                outcome,
            ),
        )

    async def list(self, before: int | None, limit: int) -> list[Activity]:
        """Newest first, older than the row `before`; with the caller's name where it still has one."""
        rows = await self._database.fetch_all(
            "SELECT audit.*, access_names.name AS name FROM audit"
            " LEFT JOIN access_names ON 'session:' || access_names.id = audit.caller"
            " WHERE (?1 IS NULL OR audit.id < ?1) ORDER BY audit.id DESC LIMIT ?2",
            (before, limit),
        )
        return [_activity(row) for row in rows]


def _activity(row: Any) -> Activity:
    return Activity(
        id=str(row["id"]),
        time=datetime.fromtimestamp(row["time"], UTC),
        caller=row["caller"],
        name=row["name"],
        role=row["role"],
        via=row["via"],
        operation=row["operation"],
        target=row["target"],
        outcome=row["outcome"],
    )
