"""The operations of the audit log and of the alerts."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gatewayd import wire
from gatewayd.access.alerts import Alerts, OwnAlert
from gatewayd.access.audit import AuditLog
from gatewayd.access.model import Activity
from gatewayd.operations import Context, Operation, Request, Result, Scope

_PAGE = 50


class ActivityQuery(Request, frozen=True, kw_only=True):
    """A page of the audit log: older than the row `cursor`."""

    cursor: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}$")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = _PAGE


class ActivityList(Result, frozen=True, kw_only=True):
    """Who changed what, newest first."""

    items: tuple[Activity, ...]
    next: str | None = None


class ActivityExport(Request, frozen=True, kw_only=True):
    """What came after the row `cursor` (left out: from the beginning)."""

    cursor: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}$")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 1000


class ActivityLines(Result, frozen=True, kw_only=True):
    """The audit log as NDJSON: one JSON object a line, oldest first, opaque ids only. `next` goes on."""

    lines: str
    count: int
    next: str | None = None


class AlertsQuery(Request, frozen=True, kw_only=True):
    """A page of alerts: older than the alert `cursor`."""

    cursor: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = _PAGE


class AlertList(Result, frozen=True, kw_only=True):
    """What the owner should know, newest first."""

    items: tuple[OwnAlert, ...]
    next: str | None = None


class AlertName(Request, frozen=True, kw_only=True):
    """One alert."""

    alert: str


class _Handlers:
    def __init__(self, audit: AuditLog, alerts: Alerts) -> None:
        self._audit = audit
        self._alerts = alerts

    async def export(self, request: ActivityExport, context: Context) -> ActivityLines:
        rows = await self._audit.export(int(request.cursor or 0), request.limit + 1)
        page = rows[: request.limit]
        return ActivityLines(
            lines=b"".join(wire.encode(row) + b"\n" for row in page).decode(),
            count=len(page),
            next=page[-1].id if len(rows) > request.limit else None,
        )

    async def alerts(self, request: AlertsQuery, context: Context) -> AlertList:
        rows = await self._alerts.list(request.cursor, request.limit + 1)
        page = tuple(rows[: request.limit])
        return AlertList(items=page, next=page[-1].id if len(rows) > request.limit else None)

    async def dismiss(self, request: AlertName, context: Context) -> OwnAlert:
        return await self._alerts.seen(context.unit, request.alert)

    async def activity(self, request: ActivityQuery, context: Context) -> ActivityList:
        before = None if request.cursor is None else int(request.cursor)
        items = await self._audit.list(before, request.limit + 1)
        page = tuple(items[: request.limit])
        return ActivityList(items=page, next=page[-1].id if len(items) > request.limit else None)


def operations(audit: AuditLog, alerts: Alerts) -> tuple[Operation, ...]:
    """The rows of the audit log and of the alerts."""
    handlers = _Handlers(audit, alerts)
    return (
        Operation(
            name="access.activity.list",
            summary="Who changed what, newest first",
            request=ActivityQuery,
            result=ActivityList,
            scope=Scope.ACTIVITY_READ,
            method="GET",
            path="/activity",
            handler=handlers.activity,
        ),
        Operation(
            name="access.activity.export",
            summary="The audit log as lines of JSON, oldest first",
            request=ActivityExport,
            result=ActivityLines,
            scope=Scope.ACTIVITY_READ,
            method="GET",
            path="/activity/export",
            handler=handlers.export,
        ),
        Operation(
            name="access.alerts.list",
            summary="What the owner should know of who came in, newest first",
            request=AlertsQuery,
            result=AlertList,
            scope=Scope.ACCESS_MANAGE,
            method="GET",
            path="/access/alerts",
            handler=handlers.alerts,
        ),
        Operation(
            name="access.alerts.dismiss",
            summary="An alert was seen",
            request=AlertName,
            result=OwnAlert,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/access/alerts/{alert}/dismiss",
            handler=handlers.dismiss,
            mutates=True,
            recovery="redo",
            target="alert",
        ),
    )
