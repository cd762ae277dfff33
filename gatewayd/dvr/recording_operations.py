"""Rows of the operations table: what is to be kept, and what was."""

from __future__ import annotations

from gatewayd.dvr.arguments import CHANGE, Cursor, Identifier, Label, Limit, Moment
from gatewayd.dvr.model import Recording, RecordingState
from gatewayd.dvr.service import DvrService
from gatewayd.operations import Context, Operation, Request, Result, Scope


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


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.recordings.*`."""
    handlers = Handlers(service)
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
            **CHANGE,
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
            **CHANGE,
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
            **CHANGE,
        ),
    )
