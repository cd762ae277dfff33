"""What the household decided about the recordings' disk."""

from __future__ import annotations

from typing import Any

import msgspec

from gatewayd.dvr.storage_model import DvrStorageSettings, StorageChanged
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context
from gatewayd.store.database import Database

_FIELDS = tuple(field.name for field in msgspec.structs.fields(DvrStorageSettings))


class Storage:
    """Reads and changes the one row of `dvr_storage`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settings(self) -> DvrStorageSettings:
        """What holds now."""
        row = await self._database.fetch_one("SELECT * FROM dvr_storage")
        assert row is not None, "the migration writes this row"
        return DvrStorageSettings(**{name: row[name] for name in _FIELDS})

    async def update(
        self, context: Context, changes: dict[str, Any], if_revision: int | None
    ) -> DvrStorageSettings:
        """Queues changed fields; `quota` and `quota_percent` replace one another.

        Raises InvalidField when both are given, GatewayError `revision.lost_race`.
        """
        known = await self.settings()
        check_revision("The storage settings are", known.revision, if_revision)
        if changes.get("quota") is not None and changes.get("quota_percent") is not None:
            raise InvalidField("quota_percent", "Say either quota in bytes or quota_percent of the disk.")
        if changes.get("quota") is not None:
            changes = {**changes, "quota_percent": None}
        elif changes.get("quota_percent") is not None:
            changes = {**changes, "quota": None}
        new = msgspec.structs.replace(known, **changes, revision=known.revision + 1)
        context.unit.execute(
            "UPDATE dvr_storage SET quota = ?, quota_percent = ?, reserve = ?, pad_before = ?, "
            "pad_after = ?, keep = ?, trash_days = ?, revision = ?",
            tuple(getattr(new, name) for name in _FIELDS),
        )
        context.unit.emit(StorageChanged(revision=new.revision))
        return new


def check_revision(subject: str, revision: int, wanted: int | None) -> None:
    """Raises GatewayError `revision.lost_race` when somebody has changed it since `wanted`."""
    if wanted is not None and revision != wanted:
        raise GatewayError(
            "revision.lost_race",
            f"{subject} at revision {revision}, not at {wanted}: read it again.",
            field="if_revision",
        )


def limit_of(settings: DvrStorageSettings, total: int | None) -> int | None:
    """The quota in bytes; None when there is none, or its share is of a disk that is not known yet. Pure."""
    if settings.quota_percent is not None:
        return None if not total else total * settings.quota_percent // 100
    return settings.quota


def room_of(limit: int | None, reserve: int, used: int, free: int) -> int:
    """Bytes that recordings may still take now; negative when they have taken too many. Pure."""
    room = free - reserve
    return room if limit is None else min(room, limit - used)
