"""What diagnostics holds of people: addresses and names that diagnoses saw, and when the line was down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewayd.diagnostics.history import History
from gatewayd.store.database import Database, Unit
from gatewayd.store.personal import Erased, Item, PersonalFile, Tables

_ITEMS = (
    Item(
        "runs",
        "SELECT * FROM diagnostics_runs ORDER BY id",
        "SELECT count(*) FROM diagnostics_runs",
        ("DELETE FROM diagnostics_runs",),
    ),
    Item(
        "learned",
        "SELECT * FROM diagnostics_learned",
        "SELECT count(*) FROM diagnostics_learned",
        ("DELETE FROM diagnostics_learned",),
    ),
    Item(
        "outages",
        "SELECT * FROM outages ORDER BY seq",
        "SELECT count(*) FROM outages WHERE ended IS NOT NULL",
        ("DELETE FROM outages WHERE ended IS NOT NULL",),
        "An outage that lasts stays until it is over.",
    ),
    Item(
        "reported",
        "SELECT * FROM outages_reported ORDER BY id",
        "SELECT count(*) FROM outages_reported",
        ("DELETE FROM outages_reported",),
    ),
    Item(
        "repairs",
        "SELECT * FROM repairs ORDER BY seq",
        "SELECT count(*) FROM repairs",
        ("UPDATE repairs SET outage = '', verdict = '', note = '', began = 0",),
        "The steps stay, without their time and reason: they keep the box from restarting too often.",
    ),
)
_RETAIN = {
    "diagnostics": "DELETE FROM diagnostics_runs WHERE started < ?",
    "history": "DELETE FROM outages WHERE ended < ?",
}


class DiagnosticsArea:
    """The area `diagnostics`: rows of the state, and the measurements beside it."""

    def __init__(self, database: Database, history: History) -> None:
        self._tables = Tables(database, "diagnostics", _ITEMS, _RETAIN)
        self._history = history

    @property
    def area(self) -> str:
        """The name of the area."""
        return self._tables.area

    async def export(self) -> dict[str, Any]:
        """The rows of each item, and every measurement."""
        return {**await self._tables.export(), **await self._history.export()}

    async def files(self) -> Sequence[PersonalFile]:
        """None."""
        return ()

    async def erase(self) -> Sequence[Erased]:
        """Deletes the rows, and the measurements from the disk."""
        erased = await self._tables.erase()
        return [*erased, Erased(item="measurements", count=await self._history.erase())]

    def forget(self, unit: Unit, kind: str, before: float) -> None:
        """Deletes old rows and measurements."""
        self._tables.forget(unit, kind, before)
        if kind == "history":
            unit.execute("UPDATE repairs SET outage = '', note = '' WHERE began < ?", (before,))
            unit.after(lambda: self._history.forget(before))
