"""Commands that take their time: Device.LocalAgent.Request, from their start to the end that is told."""

from __future__ import annotations

from typing import Any

import msgspec

from gatewayd.callers import INTERNAL
from gatewayd.errors import GatewayError
from gatewayd.operations import Registry
from gatewayd.store.database import Database, Unit

STATUS = {"queued": "Requested", "running": "Active"}


class Ongoing(msgspec.Struct, frozen=True, kw_only=True):
    """One command under way; `command` is its full path."""

    number: int
    job: str
    controller: str
    command: str
    command_key: str


class Requests:
    """Reads and writes the table. Call `load` first."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry
        self._last = 0

    async def load(self) -> None:
        """Reads the number that was given last."""
        row = await self._database.fetch_one("SELECT seq FROM sqlite_sequence WHERE name = 'portal_requests'")
        self._last = 0 if row is None else int(row["seq"])

    def add(self, unit: Unit, *, job: str, controller: str, command: str, key: str) -> int:
        """Queues a row and returns its number."""
        self._last += 1
        unit.execute(
            "INSERT INTO portal_requests (number, job, controller, command, command_key)"
            " VALUES (?, ?, ?, ?, ?)",
            (self._last, job, controller, command, key),
        )
        return self._last

    def remove(self, unit: Unit, number: int) -> None:
        """Queues the end of a row."""
        unit.execute("DELETE FROM portal_requests WHERE number = ?", (number,))

    async def all(self) -> list[Ongoing]:
        """Those whose end was not told yet, by number."""
        rows = await self._database.fetch_all("SELECT * FROM portal_requests ORDER BY number")
        return [Ongoing(**dict(row)) for row in rows]

    async def job(self, ongoing: Ongoing) -> dict[str, Any] | None:
        """The job of one; None when it is forgotten."""
        try:
            answer = await self._registry.dispatch("jobs.get", {"job": ongoing.job}, INTERNAL)
        except GatewayError:
            return None
        job: dict[str, Any] = msgspec.json.decode(answer.body)["job"]
        return job

    async def rows(self) -> list[tuple[str, dict[str, Any]]]:
        """The table as the data model shows it."""
        found = []
        for each in await self.all():
            job = await self.job(each)
            status = "Error" if job is None else STATUS.get(job["state"])
            if status is not None:
                found.append((str(each.number), {**msgspec.structs.asdict(each), "status": status}))
        return found
