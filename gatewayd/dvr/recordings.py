"""What is to be kept: the rules of making, changing, stopping, deleting and restoring recordings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from gatewayd.dvr.library import Library, moment
from gatewayd.dvr.model import Recording, RecordingSpan
from gatewayd.dvr.planner import Planner
from gatewayd.dvr.playlist import tidy
from gatewayd.dvr.sources import Sources
from gatewayd.dvr.storage import Storage, check_revision
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context
from gatewayd.system.identity import new_id

LONGEST = 24 * 3600.0
FARTHEST = 366 * 86_400.0
SHORTEST = timedelta(milliseconds=1)
MOST_OPEN = 1000
_WAITING = ("scheduled", "conflict")
_TIMES = ("start", "stop", "pad_before", "pad_after")


class Recordings:
    """Changes of recordings; each is queued in the operation's unit."""

    def __init__(self, library: Library, sources: Sources, storage: Storage, planner: Planner) -> None:
        self._library = library
        self._planner = planner
        self._sources = sources
        self._storage = storage

    async def create(
        self,
        context: Context,
        *,
        channel: str,
        start: datetime | None,
        stop: datetime | None,
        duration: float | None,
        title: str | None,
        pad_before: float | None = None,
        pad_after: float | None = None,
        keep: str | None = None,
        locked: bool = False,
    ) -> Recording:
        """Queues a recording; it begins at once when `start` is not given or past.

        When no tuner is left for it, its state is `conflict` and it waits for one.

        Padding and `keep` default to the household's settings. Raises InvalidField naming the limit,
        GatewayError `dvr.channel_not_found`, `dvr.channel_gone`, `dvr.too_many`, and `dvr.clock_untrusted`
        when a time of day is named while the box does not know it.
        """
        found = await self._sources.present(channel)
        now = context.clock.now()
        if (start or stop) and not context.clock.trusted():
            raise GatewayError(
                "dvr.clock_untrusted",
                "The box does not know the time of day yet. It can record now, for a duration.",
                field="start" if start else "stop",
            )
        start, stop = span(now, start, stop, duration)
        counts = await self._library.count()
        if sum(counts.get(state, 0) for state in (*_WAITING, "recording")) >= MOST_OPEN:
            raise GatewayError("dvr.too_many", f"At most {MOST_OPEN} recordings run or wait.")
        defaults = await self._storage.settings()
        before = defaults.pad_before if pad_before is None else pad_before
        recording = padded(
            Recording(
                id=new_id(),
                title=tidy(title) or found.name,
                channel=channel,
                start=start,
                stop=stop,
                state="scheduled",
                pad_before=min(before, max(0.0, (start - now).total_seconds())),
                pad_after=defaults.pad_after if pad_after is None else pad_after,
                keep=keep or defaults.keep,
                locked=locked,
            )
        )
        if (taken := await self._planner.refusal(recording)) is not None:
            recording = msgspec.structs.replace(recording, state="conflict", reason=taken)
        elif begins(recording) <= now:
            recording = msgspec.structs.replace(recording, state="recording")
        self._library.add(context.unit, recording)
        return recording

    async def update(
        self, context: Context, recording: str, changes: dict[str, Any], if_revision: int | None
    ) -> Recording:
        """Queues changed fields; the times of one that runs can be prolonged and shortened.

        Raises GatewayError `dvr.recording_not_found`, `revision.lost_race`, `dvr.recording_in_trash`,
        `dvr.recording_over` for times of one that has ended or begun; InvalidField.
        """
        found = await self.stored(recording)
        check_revision("The recording is", found.revision, if_revision)
        new = changed(found, context.clock.now(), changes)
        again = found.state == "recording" and (new.stop, new.pad_after) != (found.stop, found.pad_after)
        self._library.replace(context.unit, new, again=again)
        return new

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
        shorter = _next(cut(found, context.clock.now()))
        self._library.replace(context.unit, shorter)
        return shorter

    async def delete(self, context: Context, recording: str, *, permanent: bool = False) -> Recording:
        """Queues that a recording goes to the trash, where a running one ends; `permanent`: for good.

        Raises GatewayError `dvr.recording_not_found`, `dvr.recording_locked`.
        """
        found = await self.stored(recording)
        if found.locked:
            raise GatewayError(
                "dvr.recording_locked", "This recording is locked. Unlock it first.", field="recording"
            )
        if permanent:
            self._library.remove(context.unit, found.id, found.channel)
        elif found.trashed is None:
            found = _next(
                msgspec.structs.replace(found, trashed=context.clock.now(), state="trash", warning=None)
            )
            self._library.replace(context.unit, found)
        return found

    async def restore(self, context: Context, recording: str) -> Recording:
        """Queues that a recording leaves the trash. One that ran goes on if its time is not over.

        Raises GatewayError `dvr.recording_not_found`, `dvr.not_in_trash`, `dvr.recording_over` for one that
        waited and whose time has passed.
        """
        found = await self.stored(recording)
        if found.trashed is None:
            raise GatewayError("dvr.not_in_trash", "This recording is not in the trash.", field="recording")
        now, was = context.clock.now(), found.trashed
        waited = was <= begins(found)
        running = begins(found) < was < ends(found)
        if waited and ends(found) <= now:
            raise GatewayError(
                "dvr.recording_over",
                "It was taken off the plan and its time has passed: there is nothing to restore.",
                field="recording",
            )
        again = running and now < ends(found)
        state = "recording" if again else await self._library.beneath(found.id)
        back = found if again or not running else cut(found, was)
        back = _next(msgspec.structs.replace(back, trashed=None, state=state))
        self._library.replace(context.unit, back, again=again)
        return back

    async def stored(self, recording: str) -> Recording:
        """A recording as stored. Raises GatewayError `dvr.recording_not_found`."""
        found = await self._library.recording(recording)
        if found is None:
            raise GatewayError("dvr.recording_not_found", "There is no such recording.", field="recording")
        return found


def begins(recording: Recording) -> datetime:
    """The first moment to be kept."""
    return recording.start - timedelta(seconds=recording.pad_before)


def ends(recording: Recording) -> datetime:
    """Where it ends, padding included."""
    return recording.stop + timedelta(seconds=recording.pad_after)


def padded(recording: Recording) -> Recording:
    """The recording with the span that its padding makes of it."""
    whole = RecordingSpan(start=begins(recording), stop=ends(recording))
    return msgspec.structs.replace(recording, padded=whole)


def cut(recording: Recording, at: datetime) -> Recording:
    """The recording when it ends at that moment of its (padded) time. Pure."""
    start = recording.start
    if at <= start:  # still in its padding: what there is of it counts
        start = begins(recording)
    at = max(at, start + SHORTEST)
    return padded(
        msgspec.structs.replace(
            recording,
            start=start,
            stop=min(recording.stop, at),
            pad_before=(start - begins(recording)).total_seconds(),
            pad_after=max(0.0, (min(ends(recording), at) - recording.stop).total_seconds()),
        )
    )


def changed(recording: Recording, now: datetime, changes: dict[str, Any]) -> Recording:
    """The recording with what people want otherwise. Pure. Raises as `Recordings.update`."""
    if recording.state == "trash":
        raise GatewayError(
            "dvr.recording_in_trash", "This recording is in the trash. Restore it first.", field="recording"
        )
    times = [name for name in _TIMES if name in changes]
    late = {"recording": ("start", "pad_before"), "scheduled": (), "conflict": ()}
    for name in times:
        if name in late.get(recording.state, _TIMES):
            word = "has begun" if recording.state == "recording" else "is over"
            raise GatewayError(
                "dvr.recording_over", f"The recording {word}: {name} cannot be changed.", field=name
            )
    if "title" in changes:
        changes = {**changes, "title": tidy(changes["title"]) or recording.title}
    new = msgspec.structs.replace(recording, **changes)
    if "start" in changes or "stop" in changes:
        span(now, new.start, new.stop, None)
    if recording.state == "recording" and "pad_after" in changes:
        new = msgspec.structs.replace(
            new, pad_after=max(new.pad_after, min((now - new.stop).total_seconds(), recording.pad_after))
        )
    return padded(_next(new))


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
    if not begin + SHORTEST.total_seconds() <= end <= begin + LONGEST:
        raise InvalidField(field, "A recording stops after its start and is at most 24 hours long.")
    if end <= today:
        raise InvalidField(field, "A recording stops in the future.")
    return moment(begin), moment(end)


def _next(recording: Recording) -> Recording:
    return msgspec.structs.replace(recording, revision=recording.revision + 1)
