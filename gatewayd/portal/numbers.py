"""The numbers and aliases under which controllers know what lives elsewhere: networks, recordings, jobs.

A number belongs to one thing for good, also over restarts; numbers of what is gone are not given again.
"""

from __future__ import annotations

from msgspec import Struct

from gatewayd.store.database import Database, Unit

MOST = 20_000
"""Numbers remembered of one table, over restarts: what has an older one gets a new one."""


class Named(Struct, frozen=True):
    """What one thing is called here."""

    number: int
    alias: str


class Numbers:
    """Numbers by table and key, from memory. Call `load` first, and `settle` before a number is told."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables: dict[str, dict[str, Named]] = {}
        self._last: dict[str, int] = {}
        self._new: list[tuple[str, str, Named]] = []

    async def load(self) -> None:
        """Reads what was given; of each table the newest are remembered."""
        async with self._database.unit() as unit:
            unit.execute(
                "DELETE FROM portal_instances WHERE number <= (SELECT last FROM portal_numbers"
                " WHERE portal_numbers.table_path = portal_instances.table_path) - ?",
                (MOST,),
            )
        for row in await self._database.fetch_all("SELECT * FROM portal_instances ORDER BY number"):
            named = Named(row["number"], row["alias"])
            self._tables.setdefault(row["table_path"], {})[row["key"]] = named
        for row in await self._database.fetch_all("SELECT table_path, last FROM portal_numbers"):
            self._last[row["table_path"]] = row["last"]

    def of(self, table: str, key: str, *, lasting: bool = True) -> Named:
        """The number and alias of `key`; a new one gets the next. Not `lasting`: forgotten at the end."""
        known = self._tables.setdefault(table, {})
        if (named := known.get(key)) is not None:
            return named
        number = self._last.get(table, 0) + 1
        self._last[table] = number
        named = Named(number, f"cpe-{number}")
        known[key] = named
        if lasting:
            self._new.append((table, key, named))
        return named

    def find(self, table: str, number: int) -> str | None:
        """The key that has this number."""
        return next(
            (key for key, named in self._tables.get(table, {}).items() if named.number == number), None
        )

    def rename(self, unit: Unit, table: str, key: str, alias: str) -> None:
        """Queues another alias."""
        named = Named(self.of(table, key).number, alias)
        unit.execute(
            "INSERT INTO portal_instances (table_path, key, number, alias) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (table_path, key) DO UPDATE SET alias = excluded.alias",
            (table, key, named.number, alias),
        )
        unit.after(lambda: self._tables[table].__setitem__(key, named))

    async def settle(self) -> None:
        """Writes the numbers that were given since the last time."""
        if not self._new:
            return
        new, self._new = self._new, []
        async with self._database.unit() as unit:
            self.write(unit, new)

    def write(self, unit: Unit, new: list[tuple[str, str, Named]]) -> None:
        """Queues rows of new numbers."""
        for table, key, named in new:
            unit.execute(
                "INSERT INTO portal_instances (table_path, key, number, alias) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (table, key, named.number, named.alias),
            )
            unit.execute(
                "INSERT INTO portal_numbers (table_path, last) VALUES (?, ?)"
                " ON CONFLICT (table_path) DO UPDATE SET last = max(last, excluded.last)",
                (table, named.number),
            )
