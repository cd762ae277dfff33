"""The audit log: one row for each mutation, in the transaction of the change itself.

Rows are appended and never changed. They hold opaque ids, operation names and outcomes: no name of a
person or a device, no value of a field, no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from gatewayd.access.model import Activity
from gatewayd.operations import Caller
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock


class AuditLog:
    """Writes audit rows for dispatch, and reads them for the owner."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        changed: Callable[[Unit, Caller, str], None] | None = None,
    ) -> None:
        """`changed` is told of every mutation that succeeded, in the unit of its row."""
        self._database = database
        self._clock = clock
        self._changed = changed

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
        if self._changed is not None and outcome == "ok":
            self._changed(unit, caller, operation)

    async def of(self, sessions: Sequence[str], limit: int) -> list[Activity]:
        """What was changed, or refused, in these sessions, oldest first; at most `limit` rows."""
        marks = ", ".join("?" for _ in sessions)
        rows = await self._database.fetch_all(
            "SELECT audit.*, NULL AS name FROM audit"  # noqa: S608  # only question marks are put in
            f" WHERE caller IN ({marks}) ORDER BY id LIMIT ?",
            (*(f"session:{session}" for session in sessions), limit),
        )
        return [_activity(row) for row in rows]

    async def export(self, after: int, limit: int) -> list[Activity]:
        """Oldest first, newer than the row `after`: what follows on what was exported before."""
        rows = await self._database.fetch_all(
            "SELECT audit.*, NULL AS name FROM audit WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        )
        return [_activity(row) for row in rows]

    async def forget_before(self, moment: float) -> int:
        """Retention: deletes from the beginning of the log what is older than `moment` (Unix seconds).

        Up to the first row that is not: a clock that once was wrong leaves no hole. Returns how many.
        """
        row = await self._database.fetch_one(
            "SELECT coalesce((SELECT min(id) FROM audit WHERE time >= ?1),"
            " (SELECT max(id) + 1 FROM audit), 0) AS below, (SELECT count(*) FROM audit) AS rows",
            (moment,),
        )
        assert row is not None  # an aggregate always has a row
        async with self._database.unit() as unit:
            unit.execute("INSERT INTO audit_retention (one, below) VALUES (1, ?)", (row["below"],))
            unit.execute("DELETE FROM audit WHERE id < ?", (row["below"],))
            unit.execute("DELETE FROM audit_retention")
        left = await self._database.fetch_one("SELECT count(*) AS rows FROM audit")
        assert left is not None
        return max(0, int(row["rows"]) - int(left["rows"]))

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
