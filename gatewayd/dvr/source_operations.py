"""Rows of the operations table: where channels come from."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gatewayd.dvr.arguments import CHANGE, Cursor, Identifier, Label, Limit, Url
from gatewayd.dvr.model import DvrChannel, DvrSource
from gatewayd.dvr.service import DvrService
from gatewayd.dvr.source_model import DvrFoundTuner, DvrSourceDetail, SourceRefreshed
from gatewayd.dvr.sources import where
from gatewayd.errors import GatewayError
from gatewayd.operations import Context, Empty, JobAnswer, JobHandle, Operation, Request, Result, Scope

Host = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+$")]
Tuners = Annotated[int, msgspec.Meta(ge=1, le=64)]
OwnTuners = Annotated[int, msgspec.Meta(ge=0, le=64)]


class DvrSourceAdd(Request, frozen=True, kw_only=True):
    """`http`: one stream, one channel; `m3u`: a playlist of them; `hdhomerun`: a network tuner.

    A network tuner may be named by its `host` alone. `tuners`: how many channels it carries at once.
    """

    kind: Literal["http", "m3u", "hdhomerun"]
    url: Url | None = None
    host: Host | None = None
    name: Label | None = None
    tuners: Tuners | None = None


class DvrSourceUpdate(Request, frozen=True, kw_only=True):
    """What is not given stays; `tuners` 0 means: as many as the device says."""

    source: Identifier
    name: Label | None = None
    tuners: OwnTuners | None = None


class DvrSourceName(Request, frozen=True, kw_only=True):
    """Which source."""

    source: Identifier


class DvrSources(Result, frozen=True, kw_only=True):
    """All sources; there are few."""

    items: tuple[DvrSource, ...]
    next: str | None = None


class DvrFoundTuners(Result, frozen=True, kw_only=True):
    """Network tuners that answered."""

    items: tuple[DvrFoundTuner, ...]
    next: str | None = None


class DvrChannelList(Request, frozen=True, kw_only=True):
    """A page of at most `limit` channels, on from `cursor`; of one `source`, without `hidden` ones."""

    limit: Limit = 200
    cursor: Cursor | None = None
    source: Identifier | None = None
    hidden: bool = True


class DvrChannelUpdate(Request, frozen=True, kw_only=True):
    """What is not given stays; an empty name or number is the source's own again."""

    channel: Identifier
    name: Label | None = None
    number: Annotated[str, msgspec.Meta(max_length=16)] | None = None
    hidden: bool | None = None


class DvrChannels(Result, frozen=True, kw_only=True):
    """Channels by id."""

    items: tuple[DvrChannel, ...]
    next: str | None = None


class Handlers:
    """One method for each row: the request in, the service's answer out."""

    def __init__(self, service: DvrService) -> None:
        self._service = service

    async def add_source(self, request: DvrSourceAdd, context: Context) -> DvrSource:
        url = where(request.kind, request.url, request.host)
        return await self._service.sources.add(context, request.kind, url, request.name, request.tuners)

    async def list_sources(self, request: Empty, context: Context) -> DvrSources:
        return DvrSources(items=await self._service.watch.sources())

    async def get_source(self, request: DvrSourceName, context: Context) -> DvrSourceDetail:
        found = await self._service.watch.sources(request.source)
        if not found:
            raise GatewayError("dvr.source_not_found", "There is no such source.", field="source")
        status, why_not = await self._service.finder.tuners(found[0])
        return DvrSourceDetail(**msgspec.structs.asdict(found[0]), tuner_status=status, tuner_error=why_not)

    async def update_source(self, request: DvrSourceUpdate, context: Context) -> DvrSource:
        row = await self._service.sources.update(
            context, request.source, name=request.name, tuners=request.tuners
        )
        self._service.changed(context)
        return (await self._service.watch.of(row))[0]

    async def remove_source(self, request: DvrSourceName, context: Context) -> DvrSource:
        return await self._service.sources.remove(context, request.source)

    async def refresh_source(self, request: DvrSourceName, context: Context) -> JobAnswer:
        row = await self._service.sources.stored(request.source)

        async def run(job: JobHandle) -> SourceRefreshed:
            job.progress(0.1, f"Reading {row.name}")
            return await self._service.refresher.refresh(row.id)

        return await context.start_job(run, lock="dvr.sources")

    async def discover(self, request: Empty, context: Context) -> DvrFoundTuners:
        return DvrFoundTuners(items=await self._service.finder.discover())

    async def list_channels(self, request: DvrChannelList, context: Context) -> DvrChannels:
        items, cursor = await self._service.channels(
            request.cursor, request.limit, source=request.source, hidden=request.hidden
        )
        return DvrChannels(items=items, next=cursor)

    async def update_channel(self, request: DvrChannelUpdate, context: Context) -> DvrChannel:
        return await self._service.sources.update_channel(
            context, request.channel, name=request.name, number=request.number, hidden=request.hidden
        )


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.sources.*` and `dvr.channels.*`."""
    handlers = Handlers(service)
    return (*_source_rows(handlers), *_channel_rows(handlers))


def _source_rows(handlers: Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="dvr.sources.add",
            summary="Add a television source: a stream, a playlist or a network tuner",
            request=DvrSourceAdd,
            result=DvrSource,
            scope=Scope.DVR_MANAGE,
            method="POST",
            path="/dvr/sources",
            handler=handlers.add_source,
            lock="dvr.sources",
            status=201,
            **CHANGE,
        ),
        Operation(
            name="dvr.sources.list",
            summary="List television sources and how they are",
            request=Empty,
            result=DvrSources,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/sources",
            handler=handlers.list_sources,
        ),
        Operation(
            name="dvr.sources.discover",
            summary="Look for network tuners at home",
            request=Empty,
            result=DvrFoundTuners,
            scope=Scope.DVR_MANAGE,
            method="POST",
            path="/dvr/sources/discover",
            handler=handlers.discover,
        ),
        Operation(
            name="dvr.sources.get",
            summary="One source, and what its tuners do now",
            request=DvrSourceName,
            result=DvrSourceDetail,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/sources/{source}",
            handler=handlers.get_source,
        ),
        Operation(
            name="dvr.sources.update",
            summary="Rename a source, or say how many channels it carries at once",
            request=DvrSourceUpdate,
            result=DvrSource,
            scope=Scope.DVR_MANAGE,
            method="PATCH",
            path="/dvr/sources/{source}",
            handler=handlers.update_source,
            lock="dvr.sources",
            target="source",
            **CHANGE,
        ),
        Operation(
            name="dvr.sources.remove",
            summary="Remove a source and its channels; finished recordings stay",
            request=DvrSourceName,
            result=DvrSource,
            scope=Scope.DVR_MANAGE,
            method="DELETE",
            path="/dvr/sources/{source}",
            handler=handlers.remove_source,
            lock="dvr.plan",
            target="source",
            **CHANGE,
        ),
        Operation(
            name="dvr.sources.refresh",
            summary="Read a source anew: its channels keep their ids",
            request=DvrSourceName,
            result=JobAnswer,
            scope=Scope.DVR_MANAGE,
            method="POST",
            path="/dvr/sources/{source}/refresh",
            handler=handlers.refresh_source,
            status=202,
            outcome=SourceRefreshed,
            target="source",
            **CHANGE,
        ),
    )


def _channel_rows(handlers: Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="dvr.channels.list",
            summary="List channels and what the recorder says of them",
            request=DvrChannelList,
            result=DvrChannels,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/channels",
            handler=handlers.list_channels,
        ),
        Operation(
            name="dvr.channels.update",
            summary="Rename, renumber, hide or show a channel",
            request=DvrChannelUpdate,
            result=DvrChannel,
            scope=Scope.DVR_MANAGE,
            method="PATCH",
            path="/dvr/channels/{channel}",
            handler=handlers.update_channel,
            lock="dvr.sources",
            target="channel",
            **CHANGE,
        ),
    )
