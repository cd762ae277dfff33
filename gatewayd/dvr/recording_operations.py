"""Rows of the operations table: what is to be kept, and what was."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from gatewayd.dvr.arguments import CHANGE, Cursor, Identifier, Label, Limit, Moment, given
from gatewayd.dvr.model import Keep, Recording, RecordingState
from gatewayd.dvr.service import DvrService
from gatewayd.dvr.storage_model import Padding
from gatewayd.operations import Context, Operation, Request, Result, Scope


class DvrRecordingCreate(Request, frozen=True, kw_only=True):
    """Keep `channel` from `start` (default: now) to `stop`, or for `duration` seconds.

    What lies up to `pad_before` seconds before and `pad_after` after that is recorded besides; padding and
    `keep` are as in the storage settings when they are not given. A `locked` one is never deleted.
    """

    channel: Identifier
    start: Moment | None = None
    stop: Moment | None = None
    duration: float | None = None
    title: Label | None = None
    pad_before: Padding | None = None
    pad_after: Padding | None = None
    keep: Keep | None = None
    locked: bool = False


class DvrRecordingUpdate(Request, frozen=True, kw_only=True):
    """What shall be different of a recording; what is left out stays.

    `stop` and `pad_after` also of one that runs, `start` and `pad_before` of one that waits.
    `if_revision`: refuse when it is no longer at this revision.
    """

    recording: Identifier
    title: Label | UnsetType = UNSET
    start: Moment | UnsetType = UNSET
    stop: Moment | UnsetType = UNSET
    pad_before: Padding | UnsetType = UNSET
    pad_after: Padding | UnsetType = UNSET
    keep: Keep | UnsetType = UNSET
    locked: bool | UnsetType = UNSET
    if_revision: int | None = None


class DvrRecordingDelete(Request, frozen=True, kw_only=True):
    """Which recording; `permanent`: not to the trash but for good, also out of the trash."""

    recording: Identifier
    permanent: bool = False


class DvrRecordingName(Request, frozen=True, kw_only=True):
    """Which recording."""

    recording: Identifier


class DvrRecordingList(Request, frozen=True, kw_only=True):
    """A page of at most `limit` recordings in one `state`, or in any but the trash, on from `cursor`."""

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
            pad_before=request.pad_before,
            pad_after=request.pad_after,
            keep=request.keep,
            locked=request.locked,
        )
        self._service.changed(context)
        return await self._warned(recording)

    async def update_recording(self, request: DvrRecordingUpdate, context: Context) -> Recording:
        changes = given(request, "recording", "if_revision")
        recording = await self._service.recordings.update(
            context, request.recording, changes, request.if_revision
        )
        self._service.changed(context)
        return await self._warned(await self._service.live(recording))

    async def _warned(self, recording: Recording) -> Recording:
        return msgspec.structs.replace(recording, warning=await self._service.report.warning(recording))

    async def list_recordings(self, request: DvrRecordingList, context: Context) -> DvrRecordings:
        items, cursor = await self._service.list_recordings(request.state, request.cursor, request.limit)
        return DvrRecordings(items=items, next=cursor)

    async def get_recording(self, request: DvrRecordingName, context: Context) -> Recording:
        return await self._service.recording(request.recording)

    async def stop_recording(self, request: DvrRecordingName, context: Context) -> Recording:
        recording = await self._service.recordings.stop(context, request.recording)
        self._service.changed(context)
        return await self._service.live(recording)

    async def delete_recording(self, request: DvrRecordingDelete, context: Context) -> Recording:
        recording = await self._service.recordings.delete(
            context, request.recording, permanent=request.permanent
        )
        self._service.changed(context)
        return recording

    async def restore_recording(self, request: DvrRecordingName, context: Context) -> Recording:
        recording = await self._service.recordings.restore(context, request.recording)
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
            name="dvr.recordings.update",
            summary="Change a recording: its title, its times, how long it is kept",
            request=DvrRecordingUpdate,
            result=Recording,
            scope=Scope.DVR_WRITE,
            method="PATCH",
            path="/dvr/recordings/{recording}",
            handler=handlers.update_recording,
            lock="dvr.recording:{recording}",
            target="recording",
            **CHANGE,
        ),
        Operation(
            name="dvr.recordings.delete",
            summary="Put a recording into the trash, or delete it for good",
            request=DvrRecordingDelete,
            result=Recording,
            scope=Scope.DVR_WRITE,
            method="DELETE",
            path="/dvr/recordings/{recording}",
            handler=handlers.delete_recording,
            lock="dvr.recording:{recording}",
            target="recording",
            **CHANGE,
        ),
        Operation(
            name="dvr.recordings.restore",
            summary="Take a recording out of the trash",
            request=DvrRecordingName,
            result=Recording,
            scope=Scope.DVR_WRITE,
            method="POST",
            path="/dvr/recordings/{recording}/restore",
            handler=handlers.restore_recording,
            lock="dvr.recording:{recording}",
            target="recording",
            **CHANGE,
        ),
    )
