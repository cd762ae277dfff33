"""Rows of the operations table: watching recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from gatewayd.dvr.arguments import CHANGE, Identifier
from gatewayd.dvr.service import DvrService
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context, Operation, Request, Result, Scope

BASE = "/v1/play"
Seconds = Annotated[float, Meta(ge=0, le=2 * 86_400)]


class DvrPlaybackOpen(Request, frozen=True, kw_only=True):
    """What to watch: a recording, finished or running. A live channel is watched by recording it.

    `profile`: how it is sent. There is one so far: the sound and the picture as they were received.
    """

    recording: Identifier | None = None
    channel: Identifier | None = None
    profile: Literal["original"] = "original"


class DvrPlayback(Result, frozen=True, kw_only=True):
    """Addresses below the box's that need no token: whoever has them may watch this one recording.

    `stream` is what was received, with byte ranges; `hls` a playlist for browsers and phones, which grows
    while it records; `thumbnail` a JPEG, with `?at=` seconds of about that moment. They are good until
    `expires` and ten minutes after each use, at most as long as the session that opened them. `position` is
    how many seconds this viewer has watched.
    """

    id: str
    stream: str
    hls: str
    thumbnail: str
    expires: datetime
    position: float


class DvrPlaybackPosition(Request, frozen=True, kw_only=True):
    """How many seconds of a recording have been watched; 0 forgets it."""

    recording: Identifier
    seconds: Seconds


class DvrPosition(Result, frozen=True, kw_only=True):
    """The position as it is kept for this viewer."""

    recording: str
    seconds: float


def operations(service: DvrService) -> tuple[Operation, ...]:
    """The rows of `dvr.playback.*`."""

    async def open_playback(request: DvrPlaybackOpen, context: Context) -> DvrPlayback:
        if request.channel is not None:
            raise GatewayError(
                "dvr.live_unsupported",
                "Live channels are not played directly yet. Record the channel and play the recording: it "
                "plays while it records.",
                field="channel",
            )
        if request.recording is None:
            raise InvalidField("recording", "Say which recording.", code="request.missing_field")
        play, expires = await service.playbacks.open(request.recording, context.caller)
        viewer = service.playbacks.viewers.viewer(context.caller)
        return DvrPlayback(
            id=play.id,
            stream=f"{BASE}/{play.id}/stream.ts",
            hls=f"{BASE}/{play.id}/index.m3u8",
            thumbnail=f"{BASE}/{play.id}/thumbnail.jpg",
            expires=expires,
            position=await service.positions.get(play.recording, viewer),
        )

    async def position(request: DvrPlaybackPosition, context: Context) -> DvrPosition:
        found = await service.recordings.stored(request.recording)
        viewer = service.playbacks.viewers.viewer(context.caller)
        service.positions.put(context.unit, found.id, viewer, request.seconds, context.clock.now())
        return DvrPosition(recording=found.id, seconds=request.seconds)

    return (
        Operation(
            name="dvr.playback.open",
            summary="Watch a recording: addresses for players, good without a token",
            request=DvrPlaybackOpen,
            result=DvrPlayback,
            scope=Scope.DVR_READ,
            method="POST",
            path="/dvr/playback",
            handler=open_playback,
            status=201,
            secret_answer=True,
        ),
        Operation(
            name="dvr.playback.position",
            summary="Remember how far a recording has been watched",
            request=DvrPlaybackPosition,
            result=DvrPosition,
            scope=Scope.DVR_READ,
            method="PUT",
            path="/dvr/recordings/{recording}/position",
            handler=position,
            target="recording",
            **CHANGE,
        ),
    )
