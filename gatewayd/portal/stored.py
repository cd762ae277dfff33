"""The part of the data model that lives here: configuration of the agent, each instance one row.

In memory for reading; written in the unit of whoever changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from gatewayd.store.database import Database, Unit

Params = dict[str, str]


class Stored:
    """Instances by their path (`Device.LocalAgent.Subscription.3.`), parameters as text. `load` it first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: dict[str, Params] = {}
        self._last: dict[str, int] = {}
        self._watchers: list[Callable[[str], None]] = []

    async def load(self) -> None:
        """Reads everything."""
        for row in await self._database.fetch_all("SELECT path, params FROM portal_objects"):
            self._rows[row["path"]] = msgspec.json.decode(row["params"], type=Params)
        for row in await self._database.fetch_all("SELECT table_path, last FROM portal_numbers"):
            self._last[row["table_path"]] = row["last"]

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Names who is called with the path of what was changed, after its commit."""
        self._watchers.append(watcher)

    def rows(self, table: str) -> dict[int, Params]:
        """The instances of a table (`Device.LocalAgent.Controller.`) by number. Do not change them."""
        found = {}
        for path, params in self._rows.items():
            rest = path[len(table) : -1] if path.startswith(table) else ""
            if rest.isdigit():
                found[int(rest)] = params
        return dict(sorted(found.items()))

    def row(self, path: str) -> Params | None:
        """One instance, or a single object's parameters; None when it is not there."""
        return self._rows.get(path)

    def add(self, unit: Unit, table: str, params: Mapping[str, str]) -> int:
        """Queues a new instance and returns its number, which no other had and none will have."""
        number = self._last.get(table, 0) + 1
        self._last[table] = number
        unit.execute(
            "INSERT INTO portal_numbers (table_path, last) VALUES (?, ?)"
            " ON CONFLICT (table_path) DO UPDATE SET last = max(last, excluded.last)",
            (table, number),
        )
        self._write(unit, f"{table}{number}.", dict(params))
        return number

    def put(self, unit: Unit, path: str, params: Mapping[str, str]) -> None:
        """Queues other values of some parameters of one instance; what is not named stays."""
        self._write(unit, path, {**self._rows.get(path, {}), **params})

    def delete(self, unit: Unit, path: str) -> None:
        """Queues the end of an instance, and of those below it."""
        gone = [each for each in self._rows if each.startswith(path)]
        for each in gone:
            unit.execute("DELETE FROM portal_objects WHERE path = ?", (each,))
        unit.after(lambda: self._forget(path, gone))

    def _write(self, unit: Unit, path: str, params: Params) -> None:
        unit.execute(
            "INSERT INTO portal_objects (path, params) VALUES (?, ?)"
            " ON CONFLICT (path) DO UPDATE SET params = excluded.params",
            (path, msgspec.json.encode(params).decode()),
        )
        unit.after(lambda: self._enter(path, params))

    def _enter(self, path: str, params: Params) -> None:
        self._rows[path] = params
        self._tell(path)

    def _forget(self, path: str, gone: list[str]) -> None:
        for each in gone:
            self._rows.pop(each, None)
        self._tell(path)

    def _tell(self, path: str) -> None:
        for watcher in self._watchers:
            watcher(path)
