"""The rows of health, logs and the support bundle: what a technician takes a look at."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gatewayd.operations import (
    Context,
    Empty,
    JobAnswer,
    JobHandle,
    Operation,
    Request,
    Result,
    Scope,
)
from gatewayd.system.logs import Level
from gatewayd.upkeep.bundle import LOG_RECORDS, SupportBundle
from gatewayd.upkeep.health import Health
from gatewayd.upkeep.logbook import Filter, LogRecord
from gatewayd.upkeep.look import Look
from gatewayd.upkeep.model import Reason

_LOCK = "upkeep.support_bundle"


class LogsQuery(Request, frozen=True, kw_only=True):
    """Which log records: from `level` on, with the words `contains` in them, not before `since`, of one
    `process` (`gatewayd`, `recorder`, `netd`) or of all.

    Without a `cursor` the newest `limit`, else what came after the page that gave it: ask again and again
    to follow.
    """

    level: Level = "debug"
    contains: Annotated[str, Meta(max_length=200)] = ""
    since: Annotated[datetime, Meta(tz=True)] | None = None
    limit: Annotated[int, Meta(ge=1, le=LOG_RECORDS)] = 200
    cursor: Annotated[str, Meta(max_length=400)] | None = None
    process: Annotated[str, Meta(max_length=32)] | None = None


class Logs(Result, frozen=True, kw_only=True):
    """Records, oldest first, without secrets; `next` is the cursor to read on, also when there are none.
    `gap`: others came between the page before and this one that are no longer kept."""

    items: tuple[LogRecord, ...]
    next: str
    gap: bool


class BundleStart(Request, frozen=True, kw_only=True):
    """`reason` is written into the bundle."""

    reason: Reason = ""


class BundlePart(Request, frozen=True, kw_only=True):
    """One part of a support bundle, from 0."""

    bundle: Annotated[str, Meta(max_length=64)]
    part: Annotated[int, Meta(ge=0, le=100_000)] = 0


class BundleContent(Result, frozen=True, kw_only=True):
    """A part of the zip, base64 (with padding); all `parts` one after the other are the file."""

    bundle: str
    part: int
    parts: int
    content: str


class _Handlers:
    def __init__(self, look: Look) -> None:
        self._look = look

    async def health(self, request: Empty, context: Context) -> Health:
        return await self._look.health.look()

    async def logs(self, request: LogsQuery, context: Context) -> Logs:
        wanted = Filter(level=request.level, contains=request.contains, since=request.since)
        page = await self._look.logbook.page(wanted, request.cursor, request.limit, request.process)
        return Logs(items=page.items, next=page.next, gap=page.gap)

    async def bundle(self, request: BundleStart, context: Context) -> JobAnswer:
        caller = context.caller

        async def run(handle: JobHandle) -> SupportBundle:
            return await self._look.bundles.make(handle, caller, request.reason)

        return await context.start_job(run, lock=_LOCK)

    async def part(self, request: BundlePart, context: Context) -> BundleContent:
        content, parts = await self._look.bundles.part(request.bundle, request.part)
        text = base64.b64encode(content).decode("ascii")
        return BundleContent(bundle=request.bundle, part=request.part, parts=parts, content=text)


def look_operations(look: Look) -> tuple[Operation, ...]:
    """The rows of this file."""
    handlers = _Handlers(look)
    return (
        Operation(
            name="upkeep.health.get",
            summary="How the box itself is: temperature, power, disks, memory, clock, processes",
            request=Empty,
            result=Health,
            scope=Scope.UPKEEP_READ,
            method="GET",
            path="/upkeep/health",
            handler=handlers.health,
        ),
        Operation(
            name="upkeep.logs.get",
            summary="The logs of our processes, without secrets; ask again with the cursor to follow",
            request=LogsQuery,
            result=Logs,
            scope=Scope.UPKEEP_READ,
            method="GET",
            path="/upkeep/logs",
            handler=handlers.logs,
        ),
        Operation(
            name="upkeep.support_bundle",
            summary="Collect what somebody far away needs to help, without secrets (a job)",
            request=BundleStart,
            result=JobAnswer,
            scope=Scope.UPKEEP_READ,
            method="POST",
            path="/upkeep/support-bundle",
            handler=handlers.bundle,
            mutates=True,
            recovery="redo",
            status=202,
            outcome=SupportBundle,
        ),
        Operation(
            name="upkeep.support_bundles.get",
            summary="A part of a finished support bundle, within the hour",
            request=BundlePart,
            result=BundleContent,
            scope=Scope.UPKEEP_READ,
            method="GET",
            path="/upkeep/support-bundles/{bundle}",
            handler=handlers.part,
        ),
    )
