"""Rows of the operations table: where channels come from."""

from __future__ import annotations

from typing import Literal

from gatewayd.dvr.arguments import CHANGE, Cursor, Identifier, Label, Limit, Url
from gatewayd.dvr.model import DvrChannel, DvrSource
from gatewayd.dvr.service import DvrService
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope


class DvrSourceAdd(Request, frozen=True, kw_only=True):
    """`http`: one address, one channel (an MPEG transport stream); `m3u`: a playlist of them."""

    kind: Literal["http", "m3u"]
    url: Url
    name: Label | None = None


class DvrSourceName(Request, frozen=True, kw_only=True):
    """Which source."""

    source: Identifier


class DvrSources(Result, frozen=True, kw_only=True):
    """All sources; there are few."""

    items: tuple[DvrSource, ...]
    next: str | None = None


class DvrChannelList(Request, frozen=True, kw_only=True):
    """A page of at most `limit` channels, on from `cursor`."""

    limit: Limit = 200
    cursor: Cursor | None = None


class DvrChannels(Result, frozen=True, kw_only=True):
    """Channels by id."""

    items: tuple[DvrChannel, ...]
    next: str | None = None


class Handlers:
    """One method for each row: the request in, the service's answer out."""

    def __init__(self, service: DvrService) -> None:
        self._service = service

    async def add_source(self, request: DvrSourceAdd, context: Context) -> DvrSource:
        return await self._service.sources.add(context, request.kind, request.url, request.name)

    async def list_sources(self, request: Empty, context: Context) -> DvrSources:
        return DvrSources(items=await self._service.sources.all())

    async def remove_source(self, request: DvrSourceName, context: Context) -> DvrSource:
        return await self._service.sources.remove(context, request.source)

    async def list_channels(self, request: DvrChannelList, context: Context) -> DvrChannels:
        items, cursor = await self._service.channels(request.cursor, request.limit)
        return DvrChannels(items=items, next=cursor)


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.sources.*` and `dvr.channels.*`."""
    handlers = Handlers(service)
    return (
        Operation(
            name="dvr.sources.add",
            summary="Add a television source: one stream or a playlist",
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
            summary="List television sources",
            request=Empty,
            result=DvrSources,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/sources",
            handler=handlers.list_sources,
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
            name="dvr.channels.list",
            summary="List channels and what the recorder says of them",
            request=DvrChannelList,
            result=DvrChannels,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/channels",
            handler=handlers.list_channels,
        ),
    )
