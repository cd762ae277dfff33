"""The state file's keeper: opens it, restores the last good backup when it is damaged, backs it up.

A damaged file is moved aside, never deleted and never silently replaced by an empty one: where no
backup is sound the daemon does not start.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from datetime import datetime
from pathlib import Path

import structlog

from gatewayd.errors import GatewayError
from gatewayd.events import Bus
from gatewayd.store import migrate
from gatewayd.store.database import Database
from gatewayd.system import files
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
KEPT = 2
DAY = 86_400.0


class Keeper:
    """Owns `state.db` in `folder` and its backups in `folder/backups`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / "state.db"
        self._backups = folder / "backups"
        self._clock = clock
        self.restored_from: Path | None = None
        """The backup that had to be used at this start; the status shows an alert."""

    async def open(self, bus: Bus) -> Database:
        """The state, whole: as it is, or from the last good backup.

        Raises GatewayError `store.corrupt` when neither is sound, `store.newer_schema` when the file was
        written by a newer release.
        """
        await asyncio.to_thread(self._make_sound)
        return await Database.open(self._path, "state", bus=bus)

    async def back_up_daily(self, database: Database) -> None:
        """Runs for ever: a backup whenever the newest is older than a day (monotonic between two)."""
        while True:
            newest = max(self.backups(), key=lambda path: path.stat().st_mtime, default=None)
            age = DAY if newest is None else self._clock.now().timestamp() - newest.stat().st_mtime
            if not 0 <= age < DAY:
                await self.back_up(database, self._clock.now())
                age = 0.0
            await self._clock.sleep(DAY - age)

    async def back_up(self, database: Database, moment: datetime) -> Path:
        """Makes one backup now and keeps the newest two."""
        files.ensure_folder(self._backups)
        target = self._backups / f"state-{moment:%Y%m%dT%H%M%S}.db"
        beside = target.with_suffix(".part")
        await database.backup(beside)
        await asyncio.to_thread(_publish, beside, target)
        for old in sorted(self.backups(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink()
        return target

    async def rewrite_backups(self, database: Database) -> int:
        """Replaces every backup by one of now, and deletes files that were moved aside as damaged: what was
        erased from the state is in none of them. Returns how many files are gone."""
        old = [*self.backups(), *self._backups.glob("*.part"), *self._path.parent.glob("state.damaged-*")]
        for path in old:
            path.unlink(missing_ok=True)
        self._path.with_name(".state.restoring").unlink(missing_ok=True)
        await self.back_up(database, self._clock.now())
        return len(old)

    def backups(self) -> list[Path]:
        """The backups there are."""
        return list(self._backups.glob("state-*.db"))

    def _make_sound(self) -> None:
        files.ensure_folder(self._path.parent)
        if not self._path.exists() or migrate.is_sound(self._path):
            return
        aside = self._path.with_name(f"state.damaged-{int(self._clock.now().timestamp())}.db")
        good = next((path for path in sorted(self.backups(), reverse=True) if migrate.is_sound(path)), None)
        if good is None:
            raise GatewayError(
                "store.corrupt", f"{self._path} is damaged and there is no sound backup; it was left in place"
            )
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{self._path}{suffix}")
            if part.exists():
                os.replace(part, f"{aside}{suffix}")
        beside = self._path.with_name(".state.restoring")
        shutil.copyfile(good, beside)
        _publish(beside, self._path)
        self.restored_from = good
        log.error("store.restored", damaged=aside.name, backup=good.name)


def _publish(beside: Path, target: Path) -> None:
    descriptor = os.open(beside, os.O_RDONLY)
    try:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(beside, target)
    files.sync_folder(target.parent)
