"""Television's rows of the operations table."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from gatewayd.dvr.model import DvrChannel, DvrSource, DvrStorage, Recording, RecordingState
from gatewayd.dvr.service import DvrService
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope

Identifier = Annotated[str, Meta(min_length=1, max_length=64)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Label = Annotated[str, Meta(max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
Cursor = Annotated[str, Meta(max_length=200)]
Limit = Annotated[int, Meta(ge=1, le=500)]


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


class DvrRecordingCreate(Request, frozen=True, kw_only=True):
    """Keep `channel` from `start` (default: now) to `stop`, or for `duration` seconds."""

    channel: Identifier
    start: Moment | None = None
    stop: Moment | None = None
    duration: float | None = None
    title: Label | None = None


class DvrRecordingName(Request, frozen=True, kw_only=True):
    """Which recording."""

    recording: Identifier


class DvrRecordingList(Request, frozen=True, kw_only=True):
    """A page of at most `limit` recordings in one `state` or in any, on from `cursor`."""

    state: RecordingState | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class DvrRecordings(Result, frozen=True, kw_only=True):
    """Recordings, the latest start first."""

    items: tuple[Recording, ...]
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

    async def create_recording(self, request: DvrRecordingCreate, context: Context) -> Recording:
        recording = await self._service.recordings.create(
            context,
            channel=request.channel,
            start=request.start,
            stop=request.stop,
            duration=request.duration,
            title=request.title,
        )
        self._service.changed(context)
        return recording

    async def list_recordings(self, request: DvrRecordingList, context: Context) -> DvrRecordings:
        items, cursor = await self._service.list_recordings(request.state, request.cursor, request.limit)
        return DvrRecordings(items=items, next=cursor)

    async def get_recording(self, request: DvrRecordingName, context: Context) -> Recording:
        return await self._service.recording(request.recording)

    async def stop_recording(self, request: DvrRecordingName, context: Context) -> Recording:
        recording = await self._service.recordings.stop(context, request.recording)
        self._service.changed(context)
        return await self._service.live(recording)

    async def delete_recording(self, request: DvrRecordingName, context: Context) -> Recording:
        recording = await self._service.recordings.delete(context, request.recording)
        self._service.changed(context)
        return recording

    async def get_storage(self, request: Empty, context: Context) -> DvrStorage:
        return await self._service.storage()


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.*`."""
    handlers = Handlers(service)
    change: dict[str, Any] = {"mutates": True, "recovery": "transaction"}
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
            **change,
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
            **change,
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
        *_recordings(handlers, change),
        Operation(
            name="dvr.storage.get",
            summary="How much of the disk television uses",
            request=Empty,
            result=DvrStorage,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/storage",
            handler=handlers.get_storage,
        ),
    )


def _recordings(handlers: Handlers, change: dict[str, Any]) -> tuple[Operation, ...]:
    return (
        Operation(
            name="dvr.recordings.create",
            summary="Record a channel, now or later",
            request=DvrRecordingCreate,
            result=Recording,
            scope=Scope.DVR_WRITE,
            method="POST",
            path="/dvr/recordings",
            handler=handlers.create_recording,
            lock="dvr.plan",
            status=201,
            target="channel",
            **change,
        ),
        Operation(
            name="dvr.recordings.list",
            summary="List recordings",
            request=DvrRecordingList,
            result=DvrRecordings,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/recordings",
            handler=handlers.list_recordings,
        ),
        Operation(
            name="dvr.recordings.get",
            summary="One recording as it is now",
            request=DvrRecordingName,
            result=Recording,
            scope=Scope.DVR_READ,
            method="GET",
            path="/dvr/recordings/{recording}",
            handler=handlers.get_recording,
        ),
        Operation(
            name="dvr.recordings.stop",
            summary="End a running recording now and keep what it has",
            request=DvrRecordingName,
            result=Recording,
            scope=Scope.DVR_WRITE,
            method="POST",
            path="/dvr/recordings/{recording}/stop",
            handler=handlers.stop_recording,
            lock="dvr.recording:{recording}",
            target="recording",
            **change,
        ),
        Operation(
            name="dvr.recordings.delete",
            summary="Delete a recording, or take a scheduled one off the plan",
            request=DvrRecordingName,
            result=Recording,
            scope=Scope.DVR_WRITE,
            method="DELETE",
            path="/dvr/recordings/{recording}",
            handler=handlers.delete_recording,
            lock="dvr.recording:{recording}",
            target="recording",
            **change,
        ),
    )
