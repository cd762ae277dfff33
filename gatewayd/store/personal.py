"""What is personal, named by each feature: how it is told, how it is erased, how long it is kept."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from gatewayd.store.database import Database, Unit


class PersonalFile(Struct, frozen=True, kw_only=True):
    """A file that is too large for an export: where it is and its size in bytes."""

    path: str
    bytes: int


class Erased(Struct, frozen=True, kw_only=True):
    """One line of a receipt: how many of an item were erased, and what stays with the reason."""

    item: str
    count: int
    note: str = ""


class PersonalArea(Protocol):
    """What a feature holds of people. `area` is what the household names when it erases."""

    @property
    def area(self) -> str: ...

    async def export(self) -> dict[str, Any]:
        """Everything personal but secrets, ready for JSON: lists of rows by item."""
        ...

    async def files(self) -> Sequence[PersonalFile]:
        """Files that belong to it."""
        ...

    async def erase(self) -> Sequence[Erased]:
        """Erases it all; returns when it is gone from the state, and from the disk where it owns files."""
        ...

    def forget(self, unit: Unit, kind: str, before: float) -> None:
        """Queues the end of what is older than `before` (Unix seconds) of a kind of data; others' kinds are
        not its business."""
        ...


class Item(NamedTuple):
    """Rows of one kind: queries that tell them and count what `erase` will take, its statements, and what
    stays with the reason."""

    name: str
    export: str
    counted: str
    erase: tuple[str, ...]
    note: str = ""


class Tables:
    """A feature whose personal data are rows, and nothing in memory."""

    def __init__(
        self,
        database: Database,
        area: str,
        items: Sequence[Item],
        retain: Mapping[str, str] | None = None,
    ) -> None:
        """`retain` maps a kind of data to the statement that deletes what is older than its parameter."""
        self._database = database
        self._area = area
        self._items = tuple(items)
        self._retain = dict(retain or {})

    @property
    def area(self) -> str:
        """The name of the area."""
        return self._area

    async def export(self) -> dict[str, Any]:
        """The rows of each item."""
        return {
            item.name: [
                {name: _plain(row[name]) for name in row.keys()}  # noqa: SIM118  # a Row has no `items`
                for row in await self._database.fetch_all(item.export)
            ]
            for item in self._items
        }

    async def files(self) -> Sequence[PersonalFile]:
        """None."""
        return ()

    async def erase(self) -> Sequence[Erased]:
        """Deletes the rows."""
        told = []
        for item in self._items:
            row = await self._database.fetch_one(item.counted)
            assert row is not None  # a count always has a row
            told.append(Erased(item=item.name, count=row[0], note=item.note))
        async with self._database.unit() as unit:
            for item in self._items:
                for statement in item.erase:
                    unit.execute(statement)
        return told

    def forget(self, unit: Unit, kind: str, before: float) -> None:
        """Deletes old rows."""
        if kind in self._retain:
            unit.execute(self._retain[kind], (before,))


def _plain(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")
