"""The support bundle: what somebody far away needs to help, in one zip, with everything secret taken out.

Each document is the answer of an operation that a technician may call: nothing else can get in.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from gatewayd.callers import ROLES, Caller
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.jobs import JobHandle
from gatewayd.settings import Settings
from gatewayd.system import files
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id
from gatewayd.upkeep.logbook import Secrets
from gatewayd.upkeep.redact import Redactor

KEPT = 3600.0
PART = 512 * 1024
LOG_RECORDS = 2000
_ZIPPED = (2026, 1, 1, 0, 0, 0)  # the time is in about.json; a zip's own has no zone
Ask = Callable[[str, dict[str, Any], Caller], Awaitable[Any]]
"""Runs an operation for a caller and returns its decoded answer. Raises GatewayError."""


class BundleItem(Struct, frozen=True, kw_only=True):
    """A document in the bundle, what it tells, and its size in bytes."""

    name: str
    tells: str
    bytes: int


class SupportBundle(Struct, frozen=True, kw_only=True):
    """A finished bundle: fetch its `parts` with upkeep.support_bundles.get within the hour. `name` is what to
    call the file; `left_out` names operations that could not be asked."""

    bundle: str
    name: str
    bytes: int
    parts: int
    sha256: str
    items: tuple[BundleItem, ...]
    left_out: tuple[str, ...]


class _Document(NamedTuple):
    name: str
    operation: str
    tells: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 - never changed
    only: tuple[str, ...] = ()
    """Of a list's items only these fields, where others could be of people."""


DOCUMENTS = (
    _Document("info.json", "info.get", "Which box it is"),
    _Document("status.json", "status.get", "How each part is"),
    _Document("health.json", "upkeep.health.get", "Temperature, disk, memory, clock, processes"),
    _Document("household.json", "household.get", "The time zone"),
    _Document("radios.json", "wifi.radios.list", "The radios and their channels"),
    _Document("networks.json", "wifi.networks.list", "The Wi-Fi networks, without passwords"),
    _Document("wifi-changes.json", "wifi.changes.list", "The last changes of the Wi-Fi", {"limit": 50}),
    _Document("diagnoses.json", "diagnostics.runs.list", "The last diagnoses with their evidence"),
    _Document("outages.json", "diagnostics.outages.list", "Outages of the internet", {"limit": 100}),
    _Document("availability.json", "diagnostics.availability.get", "How often the internet was there"),
    _Document("repair.json", "diagnostics.repair.get", "What the box did against outages"),
    _Document(
        "jobs.json",
        "jobs.list",
        "Long work of the last days, without its results",
        {"limit": 100},
        ("id", "operation", "state", "error", "created", "started", "ended"),
    ),
    _Document("logs.json", "upkeep.logs.get", "The daemon's newest log records", {"limit": LOG_RECORDS}),
)


class Bundles:
    """Makes bundles and keeps the newest for an hour, under `folder`."""

    def __init__(
        self, clock: Clock, settings: Settings, folder: Path, redactor: Redactor, secrets: Secrets, ask: Ask
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._folder = folder
        self._redactor = redactor
        self._secrets = secrets
        self._ask = ask
        self._made: dict[str, float] = {}

    async def keep(self) -> None:
        """Runs for ever: removes what is older than an hour, and what an earlier process left."""
        while True:
            await self._drop_old()
            await self._clock.sleep(KEPT / 6)

    async def make(self, handle: JobHandle, caller: Caller, reason: str) -> SupportBundle:
        """Collects and writes one. It holds what a technician may see, whoever asks."""
        scopes = caller.scopes & ROLES["technician"]
        asker = msgspec.structs.replace(caller, scopes=scopes)
        known = await self._secrets()
        found: list[tuple[str, str, Any]] = [
            (
                "settings.json",
                "The installer's settings, without secrets",
                msgspec.to_builtins(self._settings),
            )
        ]
        left_out = []
        for number, document in enumerate(DOCUMENTS):
            handle.progress(number / (len(DOCUMENTS) + 1), f"Collecting: {document.tells}")
            try:
                answer = await self._ask(document.operation, document.arguments, asker)
            except GatewayError as error:
                left_out.append(f"{document.operation}: {error.code}")
                continue
            found.append((document.name, document.tells, _only(answer, document.only)))
        about = {
            "made": self._clock.now().isoformat(),
            "clock_trusted": self._clock.trusted(),
            "reason": reason,
            "holds": {name: tells for name, tells, _ in found},
            "left_out": left_out,
            "hidden": "Passwords, tokens, keys, addresses of people and pages are replaced by ***; hardware "
            "addresses by names such as mac-1f2e3d, the same throughout this bundle.",
        }
        texts = [("about.json", "What is in here", about), *found]
        cleaned = await asyncio.to_thread(self._clean, texts, known)
        identifier = new_id()
        content = await asyncio.to_thread(self._write, identifier, cleaned)
        self._made = {identifier: self._clock.monotonic()}
        return SupportBundle(
            bundle=identifier,
            name=f"gatewayd-support-{self._clock.now():%Y-%m-%d-%H%M}.zip",
            bytes=len(content),
            parts=-(-len(content) // PART),
            sha256=hashlib.sha256(content).hexdigest(),
            items=tuple(BundleItem(name=name, tells=tells, bytes=len(text)) for name, tells, text in cleaned),
            left_out=tuple(left_out),
        )

    async def part(self, bundle: str, number: int) -> tuple[bytes, int]:
        """One part and how many there are. Raises GatewayError `upkeep.bundle_not_found`; InvalidField."""
        await self._drop_old()
        if bundle not in self._made:
            detail = "There is no such support bundle, or not any more."
            raise GatewayError("upkeep.bundle_not_found", detail, field="bundle")
        content = await asyncio.to_thread((self._folder / f"{bundle}.zip").read_bytes)
        parts = -(-len(content) // PART)
        if number >= parts:
            raise InvalidField("part", f"This bundle has {parts} parts, from 0; not {number}.")
        return content[number * PART : (number + 1) * PART], parts

    async def drop(self) -> None:
        """Removes them all."""
        self._made = {}
        await asyncio.to_thread(self._clear)

    def _clean(
        self, documents: Sequence[tuple[str, str, Any]], known: frozenset[str]
    ) -> list[tuple[str, str, bytes]]:
        return [
            (
                name,
                tells,
                json.dumps(self._redactor.document(value, known), indent=2, ensure_ascii=False).encode(),
            )
            for name, tells, value in documents
        ]

    def _write(self, identifier: str, documents: Sequence[tuple[str, str, bytes]]) -> bytes:
        self._clear()
        files.ensure_folder(self._folder)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, _, text in documents:
                entry = zipfile.ZipInfo(f"gatewayd-support/{name}", _ZIPPED)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, text)
        files.write_atomically(self._folder / f"{identifier}.zip", packed.getvalue())
        return packed.getvalue()

    def _clear(self) -> None:
        for path in self._folder.glob("*.zip"):
            path.unlink(missing_ok=True)

    async def _drop_old(self) -> None:
        if not any(self._clock.monotonic() - made < KEPT for made in self._made.values()):
            await self.drop()


def _only(answer: Any, fields: Sequence[str]) -> Any:
    if not fields:
        return answer
    return [{name: item[name] for name in fields if name in item} for item in answer["items"]]
