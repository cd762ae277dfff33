"""A fresh state database for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewayd.events import Bus
from gatewayd.store.database import Database


@asynccontextmanager
async def open_database(folder: Path, bus: Bus | None = None) -> AsyncIterator[Database]:
    """`folder/state.db` with the newest schema, closed at the end."""
    database = await Database.open(folder / "state.db", "state", bus=bus)
    try:
        yield database
    finally:
        await database.close()
