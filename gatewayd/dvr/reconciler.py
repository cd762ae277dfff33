"""Drives the recorder to what the state database wants, and takes in what it did.

One `run` is one connection's life: adopt what the recorder has, then for ever replay its journal, begin
what is due, send the desired state when it changed, look at what runs, and remove what nobody needs.
"""

from __future__ import annotations

import asyncio

import structlog

from gatewayd.dvr.finisher import Finisher
from gatewayd.dvr.journal import JournalStore
from gatewayd.dvr.keeper import Keeper
from gatewayd.dvr.library import Item, Library
from gatewayd.dvr.media.messages import DesiredChannel, DiskLimits, Range
from gatewayd.dvr.planner import Planner
from gatewayd.dvr.progress import View
from gatewayd.dvr.recorder import Recorder
from gatewayd.dvr.recovery import Recovery
from gatewayd.dvr.sources import Sources
from gatewayd.dvr.storage import Storage
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)

REFRESH = 2.0
"""Seconds between two looks at the recorder while something records."""
IDLE = 60.0
OVERDUE = 30.0
"""Seconds after its stop at which a recording ends that the recorder neither serves nor has reported."""


class Reconciler:
    """The only one that talks to the recorder. `view` is what it last saw."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        recorder: Recorder,
        library: Library,
        sources: Sources,
        journal: JournalStore,
        storage: Storage,
        planner: Planner,
    ) -> None:
        self.view = View()
        self.keeper = Keeper(database, clock, storage, self.view)
        self._database = database
        self._clock = clock
        self._recorder = recorder
        self._library = library
        self._sources = sources
        self._journal = journal
        self._planner = planner
        self._recovery = Recovery(database, recorder)
        self._finisher = Finisher(database, clock, recorder, library, journal)
        self._wake = asyncio.Event()
        self._sent: tuple[tuple[DesiredChannel, ...], DiskLimits] | None = None

    def wake(self) -> None:
        """The desired state may have changed."""
        self._wake.set()

    async def run(self) -> None:
        """Until the connection drops or a call fails: raises GatewayError then. Supervise it."""
        try:
            await self._recorder.connect()
            await self._adopt()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(), name="dvr.listen")
                group.create_task(self._drive(), name="dvr.drive")
                group.create_task(self._finisher.run(), name="dvr.finish")
        except* GatewayError as group_error:
            error = group_error.exceptions[0]
            self.view.trouble = error.code if isinstance(error, GatewayError) else None
        else:
            return
        finally:
            self.view.lost()
            await self._recorder.close()
        raise error

    async def _listen(self) -> None:
        async for _ in self._recorder.grew():
            self.wake()
        raise GatewayError("helper.unavailable", "The recorder closed the connection.")

    async def _adopt(self) -> None:
        """Meets a recorder that may be older, newer or another one than the state remembers."""
        status = await self._recorder.status()
        position = await self._journal.position()
        if status.seq < position.journal:
            log.warning("dvr.journal_restarted", known=position.journal, recorder=status.seq)
            await self._journal.restart()
        await self._replay()
        await self._recovery.compare(status, older=status.generation > position.generation)
        await self._journal.set_generation(status.generation)
        self.view.connected, self.view.trouble = True, None
        self.view.observe(status)
        self._sent = None
        log.info("dvr.recorder_adopted", pid=status.pid, generation=status.generation, journal=status.seq)

    async def _drive(self) -> None:
        while True:
            self._wake.clear()
            await self._replay()
            planned = await self._planner.settle()
            await self._begin_due()
            await self._send_desired(planned)
            await self._observe()
            await self._collect()
            if await self.keeper.tidy():
                await self._collect()
            await self._pause()

    async def _replay(self) -> None:
        after = (await self._journal.position()).journal
        while True:
            page = await self._recorder.journal(after)
            if not page.entries:
                break
            await self._journal.apply(page.entries)
            after = page.entries[-1].seq
            if after >= page.last:
                break
        self._finisher.wake()

    async def _begin_due(self) -> None:
        now = self._now()
        due = [item for item in await self._library.open_items() if item.state == "scheduled"]
        async with self._database.unit() as unit:
            for item in due:
                if item.begins <= now:
                    self._library.begin(unit, item)

    async def _send_desired(self, planned: dict[str, Range]) -> None:
        """Sends the whole desired state if it is not what this recorder was last told."""
        desired, limits = await self._desired(planned), await self.keeper.limits()
        if (desired, limits) == self._sent:
            return
        generation = (await self._journal.position()).generation + 1
        await self._journal.set_generation(generation)
        await self._recorder.set_desired(generation, desired, limits)
        self._sent = (desired, limits)
        log.info("dvr.desired_sent", generation=generation, channels=len(desired))

    async def _desired(self, planned: dict[str, Range]) -> tuple[DesiredChannel, ...]:
        """What has a tuner, for as long as it has it; what is not planned yet waits for the next round."""
        items = [item for item in await self._library.open_items() if not item.ended]
        items = [item for item in items if item.id in planned or item.trashed is not None]
        ranges = {item.id: planned.get(item.id, item.range) for item in items}
        streams = await self._sources.streams({item.channel for item in items})
        return tuple(
            DesiredChannel(
                id=channel,
                source=streams[channel],
                ranges=tuple(ranges[item.id] for item in items if item.channel == channel),
            )
            for channel in sorted(streams)
        )

    async def _observe(self) -> None:
        """While something records: where each item stands, and whether one ended without a word."""
        items = [item for item in await self._library.open_items() if item.state == "recording"]
        self.view.keep(item.id for item in items)
        running = [item for item in items if not item.ended]
        self.view.observe(await self._recorder.status(), {item.id for item in running})
        for item in running:
            if not self.view.is_counted(item.id):
                until = max(item.begins, min(item.ends, self._now()))
                located = await self._recorder.locate(item.channel, item.begins, until)
                self.view.begin(item.id, item.channel, located)
        overdue = [item for item in running if self._is_overdue(item)]
        async with self._database.unit() as unit:
            for item in overdue:
                log.warning("dvr.range_never_reported", recording=item.id)
                self._library.end(unit, item)
        if overdue:
            self._finisher.wake()

    def _is_overdue(self, item: Item) -> bool:
        # A busy channel is believed: its range ends on the recorder's monotonic clock, not on ours.
        status = self.view.channels.get(item.channel)
        busy = status is not None and status.state != "idle"
        return not busy and self._now() > item.ends + OVERDUE

    async def _collect(self) -> None:
        """Removes segments that nothing refers to any more; what is refused is tried again later.

        The rows say first that nobody needs a segment, then it is deleted, then its row goes: after a crash
        in between it is deleted again, which is fine.
        """
        removed = 0
        while segments := await self._journal.unreferenced():
            gone = []
            for segment in segments:
                try:
                    freed = await self._recorder.delete(segment)
                except GatewayError as error:
                    log.warning("dvr.segment_not_deleted", segment=segment, error=error.code)
                    if error.code == "helper.unavailable":
                        raise
                    continue
                gone.append(segment)
                log.info("dvr.segment_deleted", segment=segment, bytes=freed)
            await self._journal.forget(gone)
            removed += len(gone)
            if not gone:
                break
        if removed:
            self.view.measure(await self._recorder.status())

    async def _pause(self) -> None:
        """Until something changes, the next item begins, or it is time to look again."""
        items = await self._library.open_items()
        seconds = IDLE
        if any(_runs(item) for item in items):
            seconds = REFRESH
        starts = [item.begins for item in items if item.state == "scheduled"]
        seconds = max(0.0, min([seconds, *(start - self._now() for start in starts)]))
        waiting = {
            asyncio.ensure_future(self._wake.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _runs(item: Item) -> bool:
    return item.state == "recording" and not item.ended
