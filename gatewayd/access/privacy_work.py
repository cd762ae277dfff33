"""Exporting and erasing everything personal, and keeping nothing longer than was chosen."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from gatewayd import wire
from gatewayd.access.audit import AuditLog
from gatewayd.access.privacy import PrivacySettings
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import JobHandle
from gatewayd.store.database import Database
from gatewayd.store.personal import Erased, PersonalArea, PersonalFile
from gatewayd.system import files
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
DAY = 86_400.0
PART = 512 * 1024
"""Bytes of an export that one answer carries."""
KEPT = 3600.0
"""Seconds for which an export can be fetched."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A finished export: fetch its `parts` with privacy.exports.get."""

    export: str
    bytes: int
    parts: int
    sha256: str


class AreaErased(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased of one area, item by item."""

    area: str
    items: tuple[Erased, ...]


class Receipts(msgspec.Struct, frozen=True, kw_only=True):
    """The receipts, and how many backups were replaced by one without what was erased."""

    areas: tuple[AreaErased, ...]
    backups_replaced: int


class Privacy:
    """Works on every feature's personal data through `areas`; knows none of them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: PrivacySettings,
        audit: AuditLog,
        areas: Sequence[PersonalArea],
        *,
        folder: Path,
        rewrite_backups: Callable[[], Awaitable[int]],
    ) -> None:
        """`folder` is for exports; `rewrite_backups` replaces all backups and tells how many there were."""
        self.settings = settings
        self._database = database
        self._clock = clock
        self._audit = audit
        self._areas = {area.area: area for area in areas}
        self._folder = folder
        self._rewrite_backups = rewrite_backups
        self._exports: dict[str, float] = {}

    @property
    def areas(self) -> tuple[str, ...]:
        """The names of all areas."""
        return tuple(sorted(self._areas))

    def check(self, areas: Sequence[str]) -> tuple[str, ...]:
        """The areas in the order they are erased in, accounts last. Raises InvalidField `areas`."""
        strange = sorted(set(areas) - self._areas.keys())
        if strange or not areas:
            raise InvalidField("areas", f"Name some of: {', '.join(self.areas)}.")
        return tuple(sorted(set(areas), key=lambda area: (area == "accounts", area)))

    async def keep(self) -> None:
        """Runs for ever: forgets what is older than was chosen, and exports that were not fetched."""
        await asyncio.to_thread(self._clear, None)
        while True:
            await self.forget_old()
            for _ in range(int(DAY / KEPT)):
                await self._clock.sleep(KEPT)
                await self._drop_old_exports()

    async def forget_old(self) -> None:
        """Retention, when the time can be believed."""
        if not self._clock.trusted():
            return
        now = self._clock.now().timestamp()
        async with self._database.unit() as unit:
            for kind, days in self.settings.days.items():
                for area in self._areas.values():
                    area.forget(unit, kind, now - days * DAY)
        await self._audit.forget_before(now - self.settings.days["audit"] * DAY)

    # --- export -----------------------------------------------------------------------------------------

    async def export(self, handle: JobHandle) -> Exported:
        """Writes one zip: a JSON document for each area, and the list of files that are too large for it."""
        documents: dict[str, Any] = {}
        listed: dict[str, list[PersonalFile]] = {}
        for number, (name, area) in enumerate(self._areas.items()):
            handle.progress(number / (len(self._areas) + 1), f"Collecting {name}")
            documents[name] = await area.export()
            listed[name] = list(await area.files())
        identifier = new_id()
        made = await asyncio.to_thread(self._write, identifier, documents, listed)
        self._exports = {identifier: self._clock.monotonic()}
        return made

    async def part(self, export: str, number: int) -> tuple[bytes, int]:
        """One part of an export and how many there are. Raises GatewayError `privacy.export_not_found`."""
        await self._drop_old_exports()
        if export not in self._exports:
            raise GatewayError(
                "privacy.export_not_found", "There is no such export, or not any more.", field="export"
            )
        return await asyncio.to_thread(self._read, export, number)

    def _write(
        self, identifier: str, documents: dict[str, Any], listed: dict[str, list[PersonalFile]]
    ) -> Exported:
        self._clear(None)
        files.ensure_folder(self._folder)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, document in documents.items():
                archive.writestr(f"{name}.json", json.dumps(document, indent=2, ensure_ascii=False))
            archive.writestr("files.json", wire.encode(listed))
        content = packed.getvalue()
        files.write_atomically(self._file(identifier), content)
        return Exported(
            export=identifier,
            bytes=len(content),
            parts=-(-len(content) // PART),
            sha256=hashlib.sha256(content).hexdigest(),
        )

    def _read(self, export: str, number: int) -> tuple[bytes, int]:
        content = self._file(export).read_bytes()
        parts = -(-len(content) // PART)
        if number >= parts:
            raise InvalidField("part", f"This export has {parts} parts, from 0.")
        return content[number * PART : (number + 1) * PART], parts

    def _file(self, export: str) -> Path:
        return self._folder / f"{export}.zip"

    def _clear(self, keep: str | None) -> None:
        for path in self._folder.glob("*.zip"):
            if path.stem != keep:
                path.unlink(missing_ok=True)

    async def _drop_old_exports(self) -> None:
        old = [name for name, made in self._exports.items() if self._clock.monotonic() - made >= KEPT]
        if old:
            self._exports = {}
            await asyncio.to_thread(self._clear, None)

    # --- erasing ----------------------------------------------------------------------------------------

    async def erase(self, handle: JobHandle, areas: Sequence[str]) -> Receipts:
        """Erases areas, then everything that may hold a copy: exports, answers kept for repeats, results of
        jobs, what waits for the portal, free pages, the log of the database, backups."""
        receipts = []
        for number, name in enumerate(areas):
            handle.progress(0.8 * number / len(areas), f"Erasing {name}")
            receipts.append(AreaErased(area=name, items=tuple(await self._areas[name].erase())))
        handle.progress(0.8, "Rewriting the state and its backups")
        self._exports = {}
        await asyncio.to_thread(self._clear, None)
        async with self._database.unit() as unit:
            unit.execute("UPDATE ledger SET answer = NULL, error = NULL WHERE state = 'done'")
            unit.execute(
                "UPDATE jobs SET result = NULL, error = NULL, message = ''"
                " WHERE state NOT IN ('queued', 'running')"
            )
            unit.execute("DELETE FROM outbox")
            unit.execute("DELETE FROM portal_notifications")
        await self._database.scrub()
        replaced = await self._rewrite_backups()
        log.info("privacy.erased", areas=list(areas), backups=replaced)
        return Receipts(areas=tuple(receipts), backups_replaced=replaced)
