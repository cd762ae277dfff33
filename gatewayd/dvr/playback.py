"""Playing recordings: who opened what, what of it there is by now, and its bytes in the shapes players take.

A play id is a secret that stands for one recording and for whoever opened it: it goes with him.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from gatewayd.callers import Caller
from gatewayd.dvr import hls_list
from gatewayd.dvr.library import Library
from gatewayd.dvr.media.cue_messages import Cues
from gatewayd.dvr.media.messages import Slice
from gatewayd.dvr.model import Recording
from gatewayd.dvr.recorder import Recorder
from gatewayd.dvr.recordings import Recordings, begins, ends
from gatewayd.dvr.reel import Reel, cut, length
from gatewayd.dvr.thumbnails import thumbnail_slice
from gatewayd.errors import GatewayError
from gatewayd.system.clock import Clock

IDLE = 600.0
"""Seconds after its last use that a play id is still good."""
FIRST = 8.0
"""Seconds for which a playlist waits for its first fragment."""
MOST_EACH, MOST = 16, 128
_FRESH = 1.0
_MOST_CUES = 1024
_MPEG2 = (0x01, 0x02)
"""Stream types of MPEG-1 and MPEG-2 video, which no browser plays."""


class Viewers(Protocol):
    """Who watches. The access feature fulfils it."""

    def still_valid(self, caller: Caller) -> bool:
        """Whether what a caller came in by still holds."""
        ...

    def viewer(self, caller: Caller) -> str:
        """The account of a caller, by which positions are kept; empty when there is none."""
        ...


class Anybody:
    """Viewers where nobody signs in: everyone is the same, and stays."""

    def still_valid(self, caller: Caller) -> bool:
        return True

    def viewer(self, caller: Caller) -> str:
        return ""


@dataclass
class Play:
    """One opened recording; `ends` on the monotonic clock. `slices` is what was known of it at `looked`."""

    id: str
    recording: str
    caller: Caller
    ends: float
    slices: tuple[Slice, ...] = ()
    running: bool = False
    looked: float = field(default=float("-inf"))


class Playbacks:
    """All play ids, in memory: a restart ends them, and players ask for a new one."""

    def __init__(
        self,
        clock: Clock,
        library: Library,
        recordings: Recordings,
        recorder: Recorder,
        folder: Path,
        viewers: Viewers,
    ) -> None:
        self._clock = clock
        self._library = library
        self._recordings = recordings
        self._recorder = recorder
        self._folder = folder
        self.viewers = viewers
        self._plays: OrderedDict[str, Play] = OrderedDict()
        self._cues: OrderedDict[tuple[str, int, int], Cues] = OrderedDict()

    async def open(self, recording: str, caller: Caller) -> tuple[Play, datetime]:
        """A new play id, and until when it is good if nobody uses it.

        Raises GatewayError `dvr.recording_not_found`, `dvr.recording_in_trash`, `dvr.nothing_to_play`.
        """
        found = playable(await self._recordings.stored(recording))
        self._sweep()
        mine = [each for each in self._plays.values() if each.caller.id == caller.id]
        if len(mine) >= MOST_EACH:
            del self._plays[mine[0].id]
        elif len(self._plays) >= MOST:
            self._plays.popitem(last=False)
        play = Play(secrets.token_urlsafe(32), found.id, caller, self._clock.monotonic() + IDLE)
        self._plays[play.id] = play
        return play, self._clock.now() + timedelta(seconds=IDLE)

    def use(self, identifier: str) -> Play:
        """A play that is still good, for IDLE more seconds. Raises GatewayError `dvr.playback_not_found`."""
        play = self._plays.get(identifier)
        now = self._clock.monotonic()
        if play is None or play.ends <= now or not self.viewers.still_valid(play.caller):
            self._plays.pop(identifier, None)
            raise GatewayError("dvr.playback_not_found", "This playback has ended. Open the recording again.")
        play.ends = now + IDLE
        self._plays.move_to_end(identifier)
        return play

    async def stream(self, identifier: str) -> Reel:
        """All bytes that there are by now, as they were received. Raises as `open` and `use`."""
        play = self.use(identifier)
        await self._look(play)
        return Reel(self._folder, play.slices)

    async def playlist(self, identifier: str) -> str:
        """The HLS playlist by now; it waits a little for a recording that has just begun.

        Raises as `open`, `use`, `Recorder.cues`; GatewayError `dvr.codec_unsupported`.
        """
        play = self.use(identifier)
        began = self._clock.monotonic()
        while True:
            await self._look(play)
            pieces = await self._fragments(play)
            # Players take an empty playlist for a fault, and come again late.
            if pieces or not play.running or self._clock.monotonic() - began > FIRST:
                break
            await self._clock.sleep(_FRESH)
        return hls_list.render(pieces, whole=not play.running)

    async def part(self, identifier: str, start: int, stop: int) -> Reel:
        """One fragment: the stream's bytes [start, stop) behind the tables that they need.

        Raises as `playlist`, and GatewayError `request.not_found` for what no playlist names.
        """
        play = self.use(identifier)
        await self._look(play)
        slices = tuple(cut(play.slices, start, stop))
        if not slices or stop > length(play.slices):
            raise GatewayError("request.not_found", "There is no such part of this recording.")
        whole = next(each for each in play.slices if _holds(each, slices[0]))
        return Reel(self._folder, slices, (await self._found(whole, play)).tables)

    async def picture(self, identifier: str, seconds: float | None) -> bytes:
        """A JPEG of about that moment, else of the middle.

        Raises as `open`, `use`; GatewayError `dvr.media_unreadable`.
        """
        play = self.use(identifier)
        await self._look(play)
        part = thumbnail_slice(play.slices)
        if seconds is not None:
            piece = hls_list.at(await self._fragments(play), seconds)
            part = play.slices[piece.slice] if piece is not None else part
        if part is None:
            raise GatewayError("dvr.nothing_to_play", "There is nothing of this recording yet.")
        file = self._folder / f"{part.segment}.jpg"
        kept = await asyncio.to_thread(_content, file)
        if kept is None:
            await self._recorder.thumbnail(part)
            kept = await asyncio.to_thread(_content, file)
        if kept is None:
            raise GatewayError("dvr.media_unreadable", "There is no picture of this moment.")
        return kept

    async def _look(self, play: Play) -> None:
        found = playable(await self._recordings.stored(play.recording))
        if found.state != "recording":
            if play.running or not play.slices:
                play.slices, play.running = await self._library.slices(found.id), False
            return
        if self._clock.monotonic() - play.looked < _FRESH:
            return
        start, stop = begins(found), min(ends(found), self._clock.now())
        located = await self._recorder.locate(found.channel, start.timestamp(), stop.timestamp())
        play.slices = tuple(part for part in located.slices if part.from_byte < part.to_byte)
        play.running, play.looked = True, self._clock.monotonic()

    async def _fragments(self, play: Play) -> tuple[hls_list.Fragment, ...]:
        found = [await self._found(part, play) for part in play.slices]
        video = next((each.video for each in found if each.tables), None)
        if video in _MPEG2:
            raise GatewayError(
                "dvr.codec_unsupported",
                "This recording's picture is MPEG-2, which browsers do not play. Open stream.ts in VLC.",
            )
        return hls_list.fragments(play.slices, found, whole=not play.running)

    async def _found(self, part: Slice, play: Play) -> Cues:
        key = (part.segment, part.from_byte, part.to_byte)
        if key in self._cues:
            self._cues.move_to_end(key)
            return self._cues[key]
        found = await self._recorder.cues(part)
        if not play.running or part is not play.slices[-1]:  # the last one is still growing
            self._cues[key] = found
            while len(self._cues) > _MOST_CUES:
                self._cues.popitem(last=False)
        return found

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for play in tuple(self._plays.values()):
            if play.ends <= now or not self.viewers.still_valid(play.caller):
                del self._plays[play.id]


def playable(found: Recording) -> Recording:
    """The recording, if it can be played.

    Raises GatewayError `dvr.recording_in_trash`, `dvr.nothing_to_play`.
    """
    if found.trashed is not None:
        detail = "This recording is in the trash. Restore it first."
        raise GatewayError("dvr.recording_in_trash", detail, field="recording")
    if not found.bytes and found.state != "recording":
        detail = f"This recording is {found.state}: there is nothing to play."
        raise GatewayError("dvr.nothing_to_play", detail, field="recording")
    return found


def _holds(whole: Slice, part: Slice) -> bool:
    return whole.segment == part.segment and whole.from_byte <= part.from_byte < whole.to_byte


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
