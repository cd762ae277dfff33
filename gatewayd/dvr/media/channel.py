"""One channel: one connection while any range wants it, opened again until the last range's stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from collections import deque
from collections.abc import Callable

import structlog

from gatewayd.dvr.media.analyser import LOCK, PACKET, SEARCH, find_sync
from gatewayd.dvr.media.engine import Engine, Flow, StreamRestarts, Tap, Tappable
from gatewayd.dvr.media.measures import Measures
from gatewayd.dvr.media.messages import (
    ChannelState,
    ChannelStatus,
    DesiredChannel,
    Entry,
    Range,
    RangeDone,
    SourceFailed,
    SourceKind,
)
from gatewayd.dvr.media.pump import Draw
from gatewayd.dvr.media.segments import SegmentWriter, Shelf
from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)

LEAD = 2.0
"""Seconds before a range's start at which its source is opened."""
STALL = 10.0
"""Seconds without a byte after which a source is given up and opened again."""
QUIET = 2.0
"""Seconds without a byte after which the state says `stalled`."""
FIRST_PAUSE, MOST_PAUSE = 0.25, 10.0
STEADY = 10.0
"""A connection that flowed this long (seconds) starts the back-off anew."""
TELL_EVERY = 60.0
"""The same failure is journaled at most this often (seconds) within one recording."""
PROMPT = 1024 * 1024
"""With fewer bytes waiting than this the disk counts as prompt."""
BACKLOG = 16 * 1024 * 1024
"""Bytes that may wait for the disk before the source is made to wait."""


class Channel:
    """Keeps one channel's ranges. `run` is its life; `update` tells it what is wanted now.

    While it records, time is the wall clock of the moment at which it woke plus the monotonic clock,
    so a step of the wall clock neither ends nor prolongs a running recording.
    """

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
        self._offset = time.time() - time.monotonic()
        self._state: ChannelState = "idle"
        self._reason: str | None = None
        self._told: dict[str, float] = {}
        self._received = 0
        self._put = 0  # of the received bytes, how many the writing thread is through with
        self._newest = 0.0
        self._recent: deque[tuple[float, int]] = deque(maxlen=21)
        self._why = "dvr.recorder_restarted" if resumed else "dvr.started_late"
        self._done: dict[str, float] = {}

    # --- what others ask

    @property
    def busy(self) -> bool:
        """Whether a range is not done yet."""
        return bool(self._undone())

    def update(self, desired: DesiredChannel) -> None:
        """Takes over new ranges or a new source."""
        self.desired = desired
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
        wanted = self._wanted(now)
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
                now = self._now()
                start = min((span.start for span in self._undone()), default=None)
                if start is None or start - LEAD > now:
                    await self._rest(None if start is None else start - LEAD - now)
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
        self._offset = time.time() - time.monotonic()

    async def _record(self) -> None:
        failures = 0
        while self._due():
            began = time.monotonic()
            self._state = "opening"
            source = self.desired.source
            try:
                engine = self._engine_for(source.kind)
                async with engine.open(source) as flow:
                    await self._follow(flow)
                return
            except GatewayError as error:
                self._failed(error)
            finally:
                self._shelf.disk.write(self._writer.end)
            failures = 0 if time.monotonic() - began > STEADY else failures + 1
            await self._pause(failures)

    async def _follow(self, flow: Flow) -> None:
        """Stores a flow until nobody wants it (returns) or it breaks (raises GatewayError)."""
        source = self.desired.source
        data = await self._synchronised(flow)
        wanted = self._wanted(self._now())
        first = self._now() if wanted is None else wanted
        self._shelf.disk.write(functools.partial(self._writer.begin, first, self._why))
        self._state, self._reason = "flowing", None
        while True:
            self._take(data)
            self._finish_ranges()
            if not self._due() or self.desired.source != source:
                return
            if self._writer.failure is not None:
                raise self._writer.failure
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
                if any(span.stop <= self._now() for span in self._undone()):
                    pump.once(draw)  # what came until the stop, before the tap is closed
                    await self._shelf.disk.ask(lambda: None)
                    self._finish_ranges()
                if not self._due() or self.desired.source != source:
                    return False
                silent = self._now() - self._newest
                if silent > STALL:
                    raise GatewayError("dvr.source_stalled", f"Nothing came for {STALL:g} s.")
                next_stop = min((span.stop for span in self._undone()), default=0.0) - self._now()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, min(STALL - silent + 0.1, next_stop))):
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

    async def _synchronised(self, flow: Flow) -> bytes:
        """The first bytes from a packet boundary on."""
        head = b""
        patient_until = time.monotonic() + STALL
        garbage = GatewayError(
            "dvr.not_a_transport_stream", f"No MPEG-TS packets in the first {SEARCH // 1024} kB."
        )
        while self._due():
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
                if not self._due():
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
        until_stop = min((span.stop for span in self._undone()), default=0.0) - self._now()
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(seconds, until_stop))):
                await self._changed.wait()
        self._finish_ranges()

    # --- ranges

    def _undone(self) -> list[Range]:
        return [span for span in self.desired.ranges if self._done_at(span) < span.stop]

    def _done_at(self, span: Range) -> float:
        return self._done.get(span.id) or self._shelf.journal.done.get((self.id, span.id), 0.0)

    def _due(self) -> bool:
        now = self._now()
        return any(span.start - LEAD <= now < span.stop for span in self._undone())

    def _wanted(self, now: float) -> float | None:
        """Since when a range that runs now has wanted bytes."""
        return min((span.start for span in self._undone() if span.start <= now < span.stop), default=None)

    def _finish_ranges(self) -> None:
        """Tells, behind all bytes on their way to the disk, which ranges have ended."""
        now = self._now()
        ended = [span for span in self._undone() if span.stop <= now]
        if not ended:
            return
        least = QUIET if self._state == "flowing" else 0.0
        for span in ended:
            self._done[span.id] = now
            self._shelf.disk.write(
                functools.partial(self._writer.account, span.stop, span.start, self._why, least)
            )
        self._shelf.disk.write(self._writer.settle if self._due() else self._writer.end)
        for span in ended:
            self._journal(
                lambda seq, span=span: RangeDone(seq=seq, time=now, channel=self.id, range=span.id)  # type: ignore[misc]
            )

    def _journal(self, make: Callable[[int], Entry]) -> None:
        """Appends an entry after everything that is on its way to the disk."""
        disk, journal = self._shelf.disk, self._shelf.journal
        disk.write(lambda: disk.sync(lambda: journal.append(make)))

    def _now(self) -> float:
        return self._offset + time.monotonic()

    def _bitrate(self) -> float:
        recent = [entry for entry in tuple(self._recent) if entry[0] > self._now() - 5.0]
        if len(recent) < 2:
            return 0.0
        (start, before), (stop, after) = recent[0], recent[-1]
        return (after - before) * 8 / (stop - start)
