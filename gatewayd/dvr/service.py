"""Television as a whole: what operations call, what the daemon runs, what `status.get` tells."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TypeVar

import msgspec

from gatewayd.dvr.addresses import origin
from gatewayd.dvr.exports import Exports
from gatewayd.dvr.finder import Finder
from gatewayd.dvr.health import Watch
from gatewayd.dvr.journal import JournalStore
from gatewayd.dvr.library import Library, missing
from gatewayd.dvr.lineup import Lineup
from gatewayd.dvr.model import DvrChannel, DvrStream, DvrSummary, Health, Recording, RecordingState
from gatewayd.dvr.planner import Planner
from gatewayd.dvr.playback import Playbacks, Viewers
from gatewayd.dvr.positions import Positions
from gatewayd.dvr.quality import quality
from gatewayd.dvr.reader import Network
from gatewayd.dvr.reconciler import Reconciler
from gatewayd.dvr.recorder import Recorder
from gatewayd.dvr.recordings import Recordings, begins, ends
from gatewayd.dvr.refresh import Refresher
from gatewayd.dvr.report import Report
from gatewayd.dvr.sources import Sources
from gatewayd.dvr.spans import clip
from gatewayd.dvr.storage import Storage
from gatewayd.errors import InvalidField
from gatewayd.operations import Context
from gatewayd.settings import DvrSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

T = TypeVar("T")

_SILENT = ("stalled", "retrying")


class DvrService:
    """Give it the real `recorder` and `network` in app.py; supervise `run`."""

    def __init__(
        self,
        settings: DvrSettings,
        database: Database,
        clock: Clock,
        *,
        recorder: Recorder,
        network: Network,
        media: Path,
        viewers: Viewers,
    ) -> None:
        """`media` is the recorder's folder, which is only read here."""
        self._clock = clock
        self._library = Library(database)
        self._lineup = Lineup(database)
        self._journal = JournalStore(database)
        self.sources = Sources(settings, self._lineup, network)
        self.refresher = Refresher(database, clock, self._lineup, self.sources.reader, network)
        self.finder = Finder(self._lineup, self.sources.reader, network)
        self.storage = Storage(database)
        self._planner = Planner(database, clock)
        self.recordings = Recordings(self._library, self.sources, self.storage, self._planner)
        self.playbacks = Playbacks(clock, self._library, self.recordings, recorder, media, viewers)
        self.positions = Positions(database)
        self.exports = Exports(clock, self._library, self.recordings, recorder)
        self._reconciler = Reconciler(
            database, clock, recorder, self._library, self.sources, self._journal, self.storage, self._planner
        )
        self.report = Report(
            clock, self._library, self._journal, self._reconciler.keeper, self._reconciler.view
        )
        self.watch = Watch(self._lineup, self._reconciler.view, testcard=settings.testcard)

    async def run(self) -> None:
        """One connection to the recorder; returns by raising GatewayError when it is lost."""
        await self._reconciler.run()

    def wake(self) -> None:
        """The desired state has changed."""
        self._reconciler.wake()

    def changed(self, context: Context) -> None:
        """Wakes the reconciler once the operation's unit is committed."""
        context.unit.after(self._reconciler.wake)
        context.unit.after(self.report.forget)

    async def channels(
        self, cursor: str | None, limit: int, *, source: str | None = None, hidden: bool = True
    ) -> tuple[tuple[DvrChannel, ...], str | None]:
        """A page of channels with what the recorder says of them, and the cursor of the next."""
        after = _decoded(cursor, str) if cursor else ""
        page = await self.sources.channels(after, limit + 1, source=source, hidden=hidden)
        faults = await self._lineup.faults()
        live = self._reconciler.view.channels
        told = []
        for channel in page[:limit]:
            status = live.get(channel.id)
            told.append(
                msgspec.structs.replace(
                    channel,
                    state=status.state if status else "idle",
                    bitrate=status.bitrate if status else None,
                    error=faults.get(channel.id),
                )
            )
        return tuple(told), _encoded(told[-1].id) if len(page) > limit else None

    async def list_recordings(
        self, state: RecordingState | None, cursor: str | None, limit: int
    ) -> tuple[tuple[Recording, ...], str | None]:
        """A page of recordings, the latest start first, and the cursor of the next."""
        before = _decoded(cursor, tuple[float, str]) if cursor else None
        page = await self._library.recordings(state, before, limit + 1)
        more = len(page) > limit
        told = tuple([await self.live(recording) for recording in page[:limit]])
        return told, _encoded((told[-1].start.timestamp(), told[-1].id)) if more else None

    async def recording(self, recording: str) -> Recording:
        """One recording as it is now. Raises GatewayError `dvr.recording_not_found`."""
        return await self.live(await self.recordings.stored(recording))

    async def summary(self) -> DvrSummary:
        """Television for `status.get`."""
        counts = await self._library.count()
        recording, scheduled = counts.get("recording", 0), counts.get("scheduled", 0)
        state, sentence = self._health(recording, scheduled)
        return DvrSummary(state=state, summary=sentence, recording=recording, scheduled=scheduled)

    def _health(self, recording: int, scheduled: int) -> tuple[Health, str]:
        view = self._reconciler.view
        if view.connected is None:
            return "unknown", "The recorder has not been reached yet."
        if not view.connected and view.trouble == "store.full":
            return "degraded", "The disk of the state is full: recordings go on, but nothing new is taken in."
        if not view.connected and recording:
            return "down", "The recorder is away: what should be recorded now may be missing."
        if not view.connected:
            return "degraded", "The recorder is away: nothing can be recorded until it returns."
        if self._reconciler.keeper.error:
            return "degraded", "Recordings pause: there is no space for them, or their disk has failed."
        silent = sorted(name for name, status in view.channels.items() if status.state in _SILENT)
        if recording and silent:
            return "degraded", f"No data come from {', '.join(silent[:3])}; it is tried again and again."
        return "ok", f"{recording} recording now, {scheduled} scheduled."

    async def streams(self) -> tuple[DvrStream, ...] | None:
        """What the recorder reads now, channel by channel; None while it is away."""
        view = self._reconciler.view
        if not view.connected:
            return None
        told = []
        urls = await self._lineup.urls(view.channels)
        kinds = {source.id: source.kind for source in await self._lineup.sources()}
        for status in sorted(view.channels.values(), key=lambda status: status.id):
            channel = await self._lineup.channel(status.id)
            told.append(
                DvrStream(
                    channel=status.id,
                    name=channel.name if channel else status.id,
                    state=status.state,
                    bitrate=status.bitrate,
                    reason=status.reason,
                    quality=quality(status.measures) if status.measures else None,
                    source=origin(kinds.get(channel.source) if channel else None, urls.get(status.id, "")),
                )
            )
        return tuple(told)

    async def live(self, recording: Recording) -> Recording:
        """A running recording with what is known of it so far."""
        if recording.state != "recording":
            return recording
        start = begins(recording).timestamp()
        now = min(ends(recording).timestamp(), self._clock.now().timestamp())
        gaps = await self._journal.gaps(recording.channel, start, now)
        running = self._reconciler.view.running.get(recording.id)
        status = self._reconciler.view.channels.get(recording.channel)
        return msgspec.structs.replace(
            recording,
            gaps=missing(clip((*gaps, *(running.gaps if running else ())), start, now)),
            bytes=running.bytes if running else recording.bytes,
            errors=running.errors if running else recording.errors,
            quality=quality(status.measures) if status and status.measures else recording.quality,
        )


def _encoded(position: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def _decoded(cursor: str, kind: type[T]) -> T:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidField("cursor", "This is not a cursor that a list has given.") from None
