"""Rows of the operations table: the disk of the recordings."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from gatewayd.dvr.arguments import CHANGE, given
from gatewayd.dvr.model import Keep
from gatewayd.dvr.service import DvrService
from gatewayd.dvr.storage_model import (
    DvrStorage,
    DvrStorageSettings,
    Padding,
    Percent,
    Reserve,
    Size,
    TrashDays,
)
from gatewayd.operations import Context, Empty, Operation, Request, Scope


class DvrStorageUpdate(Request, frozen=True, kw_only=True):
    """What shall be different of the settings; what is left out stays. A quota of null: no quota.

    `if_revision`: refuse when they are no longer at this revision.
    """

    quota: Size | UnsetType | None = UNSET
    quota_percent: Percent | UnsetType | None = UNSET
    reserve: Reserve | UnsetType = UNSET
    pad_before: Padding | UnsetType = UNSET
    pad_after: Padding | UnsetType = UNSET
    keep: Keep | UnsetType = UNSET
    trash_days: TrashDays | UnsetType = UNSET
    if_revision: int | None = None


class Handlers:
    """One method for each row: the request in, the service's answer out."""

    def __init__(self, service: DvrService) -> None:
        self._service = service

    async def get_storage(self, request: Empty, context: Context) -> DvrStorage:
        return await self._service.report.storage()

    async def update_storage(self, request: DvrStorageUpdate, context: Context) -> DvrStorageSettings:
        changes = given(request, "if_revision")
        settings = await self._service.storage.update(context, changes, request.if_revision)
        self._service.changed(context)
        return settings


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.storage.*`."""
    handlers = Handlers(service)
    return (
        Operation(
            name="dvr.storage.get",
            summary="How much of the disk television uses, and what the next days will do to it",
            request=Empty,
            result=DvrStorage,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/storage",
            handler=handlers.get_storage,
        ),
        Operation(
            name="dvr.storage.update",
            summary="Change what television may use of the disk, and what new recordings get",
            request=DvrStorageUpdate,
            result=DvrStorageSettings,
            scope=Scope.DVR_WRITE,
            method="PATCH",
            path="/dvr/storage",
            handler=handlers.update_storage,
            lock="dvr.storage",
            **CHANGE,
        ),
    )
