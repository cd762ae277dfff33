"""One channel: one connection while any range wants it, opened again until the last range's stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from gatewayd.dvr.media.agenda import Agenda
from gatewayd.dvr.media.analyser import LOCK, PACKET, SEARCH, find_sync
from gatewayd.dvr.media.engine import Engine, Flow, StreamRestarts, Tap, Tappable
from gatewayd.dvr.media.measures import Measures
from gatewayd.dvr.media.messages import (
    ChannelState,
    ChannelStatus,
    DesiredChannel,
    Entry,
    RangeDone,
    SourceFailed,
    SourceKind,
)
from gatewayd.dvr.media.pump import Draw
from gatewayd.dvr.media.segments import SegmentWriter, Shelf
from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)

STALL = 10.0
"""Seconds without a byte after which a source is given up and opened again."""
QUIET = 2.0
"""Seconds without a byte after which the state says `stalled`."""
FIRST_PAUSE, MOST_PAUSE = 0.25, 10.0
STEADY = 10.0
"""A connection that flowed and was held this long (seconds) starts the back-off anew."""
BRIEF = 3
"""Failures as which any number of connections count that flowed, but not for long: a source that breaks off
every few seconds costs its recording at most FIRST_PAUSE * 2 ** BRIEF each time."""
TELL_EVERY = 60.0
"""The same failure is journaled at most this often (seconds) within one recording."""
PROMPT = 1024 * 1024
"""With fewer bytes waiting than this the disk counts as prompt."""
BACKLOG = 16 * 1024 * 1024
"""Bytes that may wait for the disk before the source is made to wait."""
ASTRAY = 1024 * 1024
"""Bytes without packets in the middle of a stream after which it is called none any more."""


class Channel:
    """Keeps one channel's ranges. `run` is its life; `update` tells it what is wanted now."""

    def __init__(
        self,
        desired: DesiredChannel,
        shelf: Shelf,
        engine_for: Callable[[SourceKind], Engine],
        *,
        resumed: bool,
    ) -> None:
        """`resumed`: the ranges were persisted by an earlier process, so what is missing was its death."""
        self.id = desired.id
        self.desired = desired
        self._shelf = shelf
        self._engine_for = engine_for
        self._writer = SegmentWriter(desired.id, shelf)
        self._changed = asyncio.Event()
        self._agenda = Agenda(desired.id, desired.ranges, shelf.journal.done)
        self._state: ChannelState = "idle"
        self._reason: str | None = None
        self._told: dict[str, float] = {}
        self._received = 0
        self._put = 0  # of the received bytes, how many the writing thread is through with
        self._newest = 0.0
        self._recent: deque[tuple[float, int]] = deque(maxlen=21)
        self._why = "dvr.recorder_restarted" if resumed else "dvr.started_late"

    # --- what others ask

    @property
    def busy(self) -> bool:
        """Whether a range is not done yet."""
        return bool(self._agenda.undone())

    def update(self, desired: DesiredChannel) -> None:
        """Takes over new ranges or a new source."""
        self.desired = desired
        self._agenda.ranges = desired.ranges
        self._changed.set()

    def status(self) -> ChannelStatus:
        """The channel now."""
        state = self._state
        if state == "flowing" and self._now() - self._newest > QUIET:
            state = "stalled"
        return ChannelStatus(
            id=self.id,
            state=state,
            bitrate=self._bitrate(),
            received=self._received,
            errors=self._writer.errors,
            reason=self._reason,
            measures=self._writer.measures() if state in ("flowing", "stalled") else None,
        )

    def measured(self) -> Measures:
        """What its open segment is like."""
        return self._writer.measured()

    def missing(self) -> tuple[float, float] | None:
        """The gap that has not ended yet, as (from, now)."""
        now = self._now()
        wanted = self._agenda.wanted()
        if wanted is None or (self._state == "flowing" and now - self._newest < QUIET):
            return None
        return self._writer.missing(now, wanted)

    # --- its life

    async def run(self) -> None:
        """Records until cancelled; the ranges decide when."""
        try:
            while True:
                self._changed.clear()
                self._finish_ranges()
                seconds = self._agenda.opens()
                if seconds is None or seconds > 0:
                    await self._rest(seconds)
                else:
                    await self._record()
        finally:
            self._shelf.disk.write(self._writer.end)

    async def _rest(self, seconds: float | None) -> None:
        self._state, self._reason, self._why = "idle", None, "dvr.started_late"
        self._told.clear()
        # Wall time may be set while we sleep towards a start: look again now and then.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else min(seconds, 5.0)):
                await self._changed.wait()
        self._agenda.look()

    async def _record(self) -> None:
        failures = 0
        while self._agenda.due():
            began, received = time.monotonic(), self._received
            self._state = "opening"
            source = self.desired.source
            try:
                async with AsyncExitStack() as stack:
                    async with self._watching():
                        flow = await stack.enter_async_context(self._engine_for(source.kind).open(source))
                    await self._follow(flow)
                return
            except TimeoutError:
                if not self._agenda.due():
                    return
                self._failed(GatewayError("dvr.source_unreachable", "The source does not answer."))
            except GatewayError as error:
                self._failed(error)
            finally:
                self._shelf.disk.write(self._writer.end)
            failures = failures_after(failures, self._received > received, time.monotonic() - began)
            await self._pause(failures)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Tells ends of ranges on time while a source is opened; TimeoutError after the last."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def look() -> None:
            nonlocal timer
            self._finish_ranges()
            if not self._agenda.due():
                patience.reschedule(loop.time())  # once: what it ends may take its time to end
                return
            timer = loop.call_later(min(1.0, self._agenda.until_stop()) + 0.01, look)

        async with asyncio.timeout(None) as patience:
            timer = loop.call_later(min(1.0, self._agenda.until_stop()) + 0.01, look)
            try:
                yield
            finally:
                assert timer is not None
                timer.cancel()

    async def _follow(self, flow: Flow) -> None:
        """Stores a flow until nobody wants it (returns) or it breaks (raises GatewayError)."""
        source = self.desired.source
        data = await self._synchronised(flow)
        wanted = self._agenda.wanted()
        first = self._now() if wanted is None else wanted
        self._shelf.disk.write(functools.partial(self._writer.begin, first, self._why))
        self._state, self._reason = "flowing", None
        while True:
            self._take(data)
            self._finish_ranges()
            if not self._agenda.due() or self.desired.source != source:
                return
            if self._writer.failure is not None:
                raise self._writer.failure
            self._mind_the_stream()
            while self._received - self._put > BACKLOG:
                await self._shelf.disk.ask(lambda: None)
            tap = await self._tap(flow)
            if tap is None or await self._draw(tap):
                data = await self._read(flow)
            else:
                data = b""

    async def _tap(self, flow: Flow) -> Tap | None:
        """What the flow lends, once the disk is through with all that was read from it before."""
        if not isinstance(flow, Tappable):
            return None
        if self._received - self._put < PROMPT:
            await self._shelf.disk.ask(lambda: None)
        return flow.tap() if self._received == self._put else None

    async def _draw(self, tap: Tap) -> bool:
        """Has the writing thread read the source until nobody wants it, or the disk is late (True).

        Raises GatewayError when the source breaks.
        """
        source, pump = self.desired.source, self._shelf.pump
        draw = Draw(tap, self._drawn, self._changed.set)
        pump.join(draw)
        try:
            while draw.error is None and not draw.late:
                self._changed.clear()
                if not self._agenda.until_stop():
                    pump.once(draw)  # what came until the stop, before the tap is closed
                    await self._shelf.disk.ask(lambda: None)
                    self._finish_ranges()
                if not self._agenda.due() or self.desired.source != source:
                    return False
                silent = self._now() - self._newest
                if silent > STALL:
                    raise GatewayError("dvr.source_stalled", f"Nothing came for {STALL:g} s.")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(STALL - silent + 0.1, self._agenda.until_stop())):
                        await self._changed.wait()
            if draw.error is not None:
                raise draw.error
            return True
        finally:
            pump.leave(draw)
            tap.close()

    def _drawn(self, data: memoryview) -> None:
        """In the writing thread."""
        moment = self._newest = self._now()
        self._received += len(data)
        self._recent.append((moment, self._received))
        self._store(data, moment)
        if self._writer.failure is not None:
            raise self._writer.failure
        self._mind_the_stream()

    def _mind_the_stream(self) -> None:
        if self._writer.astray > ASTRAY:
            raise GatewayError(
                "dvr.not_a_transport_stream", f"No MPEG-TS packets came any more in {ASTRAY // 1024} kB."
            )

    async def _synchronised(self, flow: Flow) -> bytes:
        """The first bytes from a packet boundary on."""
        head = b""
        patient_until = time.monotonic() + STALL
        garbage = GatewayError(
            "dvr.not_a_transport_stream", f"No MPEG-TS packets in the first {SEARCH // 1024} kB."
        )
        while self._agenda.due():
            try:
                head += await self._read(flow)
            except GatewayError as error:
                raise garbage if head and error.code == "dvr.source_ended" else error from error
            at = find_sync(head)
            if at is not None and at < SEARCH:
                return head[at:]
            if len(head) >= SEARCH + LOCK * PACKET:
                raise garbage
            if time.monotonic() > patient_until:
                raise GatewayError("dvr.source_stalled", f"Only {len(head)} bytes came in {STALL:g} s.")
        return b""

    async def _read(self, flow: Flow) -> bytes:
        """The flow's next bytes; b"" when they were waited for until nobody wants them any more."""
        silent = time.monotonic()
        while True:
            try:
                data = await flow.read(1.0)
            except TimeoutError:
                self._finish_ranges()
                if not self._agenda.due():
                    return b""
                if time.monotonic() - silent > STALL:
                    raise GatewayError("dvr.source_stalled", f"Nothing came for {STALL:g} s.") from None
                continue
            except StreamRestarts:
                self._shelf.disk.write(self._writer.renew)
                continue
            if not data:
                raise GatewayError("dvr.source_ended", "The source ended the stream.")
            return data

    def _take(self, data: bytes) -> None:
        if not data:
            return
        moment = self._newest = self._now()
        self._received += len(data)
        self._recent.append((moment, self._received))
        self._shelf.disk.write(functools.partial(self._store, data, moment))

    def _store(self, data: bytes | memoryview, moment: float) -> None:
        try:
            self._writer.write(data, moment)
        finally:
            self._put += len(data)

    def _failed(self, error: GatewayError) -> None:
        self._state, self._reason, self._why = "retrying", error.code, error.code
        now = time.monotonic()
        if now - self._told.get(error.code, -TELL_EVERY) < TELL_EVERY:
            return
        self._told[error.code] = now
        log.warning("media.source_failed", channel=self.id, code=error.code, detail=error.detail)
        moment = self._now()
        self._journal(
            lambda seq: SourceFailed(
                seq=seq, time=moment, channel=self.id, code=error.code, detail=error.detail
            )
        )

    async def _pause(self, failures: int) -> None:
        """Full jitter, but the first retry comes at once: most drops are short."""
        self._finish_ranges()
        ceiling = min(MOST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 10))
        seconds = random.uniform(FIRST_PAUSE / 2, ceiling)  # noqa: S311 - jitter, no secret
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self._agenda.until_stop())):
                await self._changed.wait()
        self._finish_ranges()

    # --- ranges

    def _finish_ranges(self) -> None:
        """Tells, behind all bytes on their way to the disk, which ranges have ended."""
        ended, now = self._agenda.ended(), self._now()
        if not ended:
            return
        least = QUIET if self._state == "flowing" else 0.0
        for span in ended:
            self._shelf.disk.write(
                functools.partial(self._writer.account, span.stop, span.start, self._why, least)
            )
        follows = self._agenda.due() and not self._agenda.look()  # times within a segment only rise
        self._shelf.disk.write(self._writer.settle if follows else self._writer.end)
        for span in ended:
            self._journal(
                lambda seq, span=span: RangeDone(seq=seq, time=now, channel=self.id, range=span.id)  # type: ignore[misc]
            )

    def _journal(self, make: Callable[[int], Entry]) -> None:
        """Appends an entry after everything that is on its way to the disk."""
        disk, journal = self._shelf.disk, self._shelf.journal
        disk.write(lambda: disk.sync(lambda: journal.append(make)))

    def _now(self) -> float:
        return self._agenda.now()

    def _bitrate(self) -> float:
        recent = [entry for entry in tuple(self._recent) if entry[0] > self._now() - 5.0]
        if len(recent) < 2:
            return 0.0
        (start, before), (stop, after) = recent[0], recent[-1]
        return (after - before) * 8 / (stop - start)


def failures_after(before: int, flowed: bool, seconds: float) -> int:
    """As how many failures in a row the back-off takes a connection that has just ended. Pure."""
    if flowed:
        return 0 if seconds > STEADY else min(before + 1, BRIEF)
    return before + 1
