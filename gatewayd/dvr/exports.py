"""Exports: a recording as one file that other players take, made by the recorder in a job."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import msgspec

from gatewayd.dvr.library import Library, moment
from gatewayd.dvr.media.messages import Exported, ExportFormat, MediaStream, Slice
from gatewayd.dvr.model import Recording
from gatewayd.dvr.recorder import Recorder
from gatewayd.dvr.recordings import Recordings, begins, ends
from gatewayd.errors import GatewayError
from gatewayd.jobs import JobAnswer, JobHandle
from gatewayd.operations import Context
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

LOCK = "dvr.exports"
LOOK_SECONDS = 0.5
_NOT_IN_NAME = re.compile(r"[^\w .,()+-]+")


class RecordingExport(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as a file on the box: its path, what to call it, and until when it is kept.

    `streams` are those it holds, `skipped` the codecs that the format cannot hold; `joints` counts where the
    channel's clock leapt and was joined. A `ts` file holds the bytes as they were received.
    """

    recording: str
    format: ExportFormat
    file: str
    name: str
    bytes: int
    streams: tuple[MediaStream, ...]
    skipped: tuple[str, ...]
    joints: int
    expires: datetime


class Exports:
    """Starts export jobs; they run one after the other."""

    def __init__(self, clock: Clock, library: Library, recordings: Recordings, recorder: Recorder) -> None:
        self._clock = clock
        self._library = library
        self._recordings = recordings
        self._recorder = recorder

    async def start(self, context: Context, recording: str, shape: ExportFormat) -> JobAnswer:
        """Answers with the job. Of a running recording what it has so far is exported.

        Raises GatewayError `dvr.recording_not_found`, `dvr.recording_in_trash`, `dvr.nothing_to_export`.
        """
        found = await self._recordings.stored(recording)
        if found.trashed is not None:
            detail = "This recording is in the trash. Restore it first."
            raise GatewayError("dvr.recording_in_trash", detail, field="recording")
        if not found.bytes and found.state != "recording":
            detail = f"This recording is {found.state}: it holds nothing that can be exported."
            raise GatewayError("dvr.nothing_to_export", detail, field="recording")

        async def job(handle: JobHandle) -> RecordingExport:
            return await self._run(handle, found, shape)

        return await context.start_job(job, lock=LOCK)

    async def drop(self) -> int:
        """Ends all and removes all files; how many bytes became free. Raises GatewayError of the recorder."""
        return await self._recorder.drop_exports()

    async def _run(self, handle: JobHandle, found: Recording, shape: ExportFormat) -> RecordingExport:
        slices = await self._slices(found)
        if not slices:
            raise GatewayError("dvr.nothing_to_export", "The recording holds nothing yet.", field="recording")
        export = new_id()
        writing = asyncio.create_task(self._recorder.export(export, slices, shape), name="dvr.export")
        try:
            while not writing.done():
                await self._tell(handle, export)
                await asyncio.wait({writing}, timeout=LOOK_SECONDS)
            return _result(found, shape, await writing)
        finally:
            if not writing.done():
                with suppress(GatewayError):
                    await asyncio.shield(self._recorder.cancel_export(export))
                writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _slices(self, found: Recording) -> Sequence[Slice]:
        if found.state != "recording":
            return await self._library.slices(found.id)
        start, stop = begins(found), min(ends(found), self._clock.now())
        located = await self._recorder.locate(found.channel, start.timestamp(), stop.timestamp())
        return tuple(part for part in located.slices if part.from_byte < part.to_byte)

    async def _tell(self, handle: JobHandle, export: str) -> None:
        with suppress(GatewayError):  # the writing itself says what is wrong
            progress = await self._recorder.export_progress(export)
            if progress.total:
                done, total = progress.done / 1e6, progress.total / 1e6
                handle.progress(progress.done / progress.total, f"Writing: {done:.0f} of {total:.0f} MB")


def _result(found: Recording, shape: ExportFormat, exported: Exported) -> RecordingExport:
    return RecordingExport(
        recording=found.id,
        format=shape,
        file=exported.file,
        name=file_name(found.title, found.start, shape),
        bytes=exported.bytes,
        streams=exported.streams,
        skipped=exported.skipped,
        joints=exported.joints,
        expires=moment(exported.expires),
    )


def file_name(title: str, start: datetime, shape: str) -> str:
    """What to call the file, on any file system: `Title 2026-11-23 2015.mkv`, the time in UTC."""
    plain = " ".join(_NOT_IN_NAME.sub(" ", title).split()).strip(". ")[:100] or "Recording"
    return f"{plain} {start:%Y-%m-%d %H%M}.{shape}"
