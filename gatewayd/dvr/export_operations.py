"""Rows of the operations table: recordings as files for other players."""

from __future__ import annotations

from gatewayd.dvr.arguments import CHANGE, Identifier
from gatewayd.dvr.exports import RecordingExport
from gatewayd.dvr.media.messages import ExportFormat
from gatewayd.dvr.service import DvrService
from gatewayd.operations import Context, JobAnswer, Operation, Request, Scope


class DvrRecordingExport(Request, frozen=True, kw_only=True):
    """`ts`: the bytes as they were received; `mkv`: all streams in Matroska; `mp4`: fragmented MP4."""

    recording: Identifier
    format: ExportFormat = "mkv"


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The row of `dvr.recordings.export`."""

    async def export(request: DvrRecordingExport, context: Context) -> JobAnswer:
        return await service.exports.start(context, request.recording, request.format)

    return (
        Operation(
            name="dvr.recordings.export",
            summary="Make one file of a recording for other players; it is kept on the box for a day",
            request=DvrRecordingExport,
            result=JobAnswer,
            scope=Scope.DVR_WRITE,
            method="POST",
            path="/dvr/recordings/{recording}/export",
            handler=export,
            status=202,
            outcome=RecordingExport,
            target="recording",
            **CHANGE,
        ),
    )
