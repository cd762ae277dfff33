"""What television holds of people: what they recorded, and the files of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from gatewayd.errors import GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.store.personal import Erased, Item, PersonalFile, Tables
from gatewayd.system.clock import Clock

GONE_WITHIN = 60.0
_LOOK = 0.25
_HOLDING = {".ts", ".jpg", ".mkv", ".mp4", ".part"}
"""Segments, their pictures, exports."""
_ITEMS = (
    Item(
        "recordings",
        "SELECT * FROM dvr_recordings ORDER BY id",
        "SELECT count(*) FROM dvr_recordings",
        ("DELETE FROM dvr_recordings", "DELETE FROM dvr_gaps", "DELETE FROM dvr_faults"),
    ),
    Item(
        "positions",
        "SELECT * FROM dvr_positions ORDER BY recording, viewer",
        "SELECT count(*) FROM dvr_positions",
        ("DELETE FROM dvr_positions",),
    ),
    Item(
        "sources",
        "SELECT id, kind, name, refreshed FROM dvr_sources ORDER BY id",
        "SELECT 0",
        (),
        "Sources stay: television needs them. Remove them one by one.",
    ),
)


class DvrArea:
    """The area `recordings`: rows and files. What is being recorded stops."""

    area = "recordings"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        media: Path,
        wake: Callable[[], None],
        drop_exports: Callable[[], Awaitable[int]],
    ) -> None:
        """`media` is the recorder's folder; `wake` makes the recorder delete what nobody needs."""
        self._clock = clock
        self._media = media
        self._wake = wake
        self._drop_exports = drop_exports
        self._tables = Tables(database, self.area, _ITEMS)
        self.export = self._tables.export

    async def files(self) -> Sequence[PersonalFile]:
        """Every file in the recorder's folder that holds what was received."""
        return await asyncio.to_thread(_segments, self._media)

    async def erase(self) -> Sequence[Erased]:
        """Deletes exports and rows, and waits until the recorder has deleted the other files.

        Raises GatewayError `helper.unavailable` before anything is erased when the recorder does not answer,
        `dvr.segment_in_use` when it has not deleted them within a minute.
        """
        before = await self.files()
        await self._drop_exports()
        told = await self._tables.erase()
        began = self._clock.monotonic()
        while left := await self.files():
            if self._clock.monotonic() - began > GONE_WITHIN:
                raise GatewayError(
                    "dvr.segment_in_use",
                    f"{len(left)} files of recordings are still there: the recorder has not deleted them. "
                    "Is it running?",
                )
            self._wake()
            await self._clock.sleep(_LOOK)
        return (*told, Erased(item="files", count=len(before)))

    def forget(self, unit: Unit, kind: str, before: float) -> None:
        """Recordings are kept by their own rules."""


def _segments(folder: Path) -> list[PersonalFile]:
    return [
        PersonalFile(path=str(path.relative_to(folder)), bytes=path.stat().st_size)
        for path in sorted(folder.rglob("*.*"))
        if path.suffix in _HOLDING and path.is_file()
    ]
