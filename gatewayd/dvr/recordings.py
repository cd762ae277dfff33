"""What is to be kept: the rules of making, stopping and deleting recordings."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from gatewayd.dvr.library import Library, moment
from gatewayd.dvr.model import Recording
from gatewayd.dvr.playlist import tidy
from gatewayd.dvr.sources import Sources
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context
from gatewayd.system.identity import new_id

LONGEST = 24 * 3600.0
FARTHEST = 366 * 86_400.0
SHORTEST = timedelta(milliseconds=1)
MOST_OPEN = 1000


class Recordings:
    """Changes of recordings; each is queued in the operation's unit."""

    def __init__(self, library: Library, sources: Sources) -> None:
        self._library = library
        self._sources = sources

    async def create(
        self,
        context: Context,
        *,
        channel: str,
        start: datetime | None,
        stop: datetime | None,
        duration: float | None,
        title: str | None,
    ) -> Recording:
        """Queues a recording; it begins at once when `start` is not given or past.

        Raises InvalidField naming the limit, GatewayError `dvr.channel_not_found`, `dvr.too_many`.
        """
        found = await self._sources.channel(channel)
        now = context.clock.now()
        start, stop = span(now, start, stop, duration)
        counts = await self._library.count()
        if counts.get("scheduled", 0) + counts.get("recording", 0) >= MOST_OPEN:
            raise GatewayError("dvr.too_many", f"At most {MOST_OPEN} recordings run or wait.")
        recording = Recording(
            id=new_id(),
            title=tidy(title) or found.name,
            channel=channel,
            start=start,
            stop=stop,
            state="recording" if start <= now else "scheduled",
        )
        self._library.add_recording(context.unit, recording)
        return recording

    async def stop(self, context: Context, recording: str) -> Recording:
        """Queues that a running recording ends now; it stays `recording` until its bytes are counted.

        Raises GatewayError `dvr.recording_not_found`, `dvr.not_recording`.
        """
        found = await self.stored(recording)
        if found.state != "recording":
            raise GatewayError(
                "dvr.not_recording",
                f"This recording is {found.state}: it cannot be stopped.",
                field="recording",
            )
        now = max(context.clock.now(), found.start + SHORTEST)
        shorter = msgspec.structs.replace(found, stop=min(found.stop, now))
        self._library.shorten(context.unit, shorter)
        return shorter

    async def delete(self, context: Context, recording: str) -> Recording:
        """Queues the removal of a recording in any state; a running one ends and what it has is lost.

        Raises GatewayError `dvr.recording_not_found`.
        """
        found = await self.stored(recording)
        self._library.delete(context.unit, found)
        return found

    async def stored(self, recording: str) -> Recording:
        """A recording as stored. Raises GatewayError `dvr.recording_not_found`."""
        found = await self._library.recording(recording)
        if found is None:
            raise GatewayError("dvr.recording_not_found", "There is no such recording.", field="recording")
        return found


def span(
    now: datetime, start: datetime | None, stop: datetime | None, duration: float | None
) -> tuple[datetime, datetime]:
    """From when to when, by what was asked for. Pure. Raises InvalidField naming the field and the limit."""
    if (stop is None) == (duration is None):
        raise InvalidField("stop", "Say either when to stop or the duration in seconds.")
    today = now.timestamp()
    begin = today if start is None else start.timestamp()
    if not today - LONGEST <= begin <= today + FARTHEST:
        raise InvalidField("start", "A recording starts at most 24 hours ago and within 366 days.")
    if stop is not None:
        field, end = "stop", stop.timestamp()
    else:
        field, end = "duration", begin + (duration or 0)
    if not begin < end <= begin + LONGEST:
        raise InvalidField(field, "A recording stops after its start and is at most 24 hours long.")
    if end <= today:
        raise InvalidField(field, "A recording stops in the future.")
    return moment(begin), moment(end)
