"""Turns a range that the recorder has done into a finished recording.

Locate its bytes, let workers digest and probe them, write the outcome. Until then the item stays
`recording`: who sees `done` sees its digest too. A worker that fails three times costs the digest or the
streams, never the recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from gatewayd.dvr.journal import JournalStore
from gatewayd.dvr.library import Item, Library, Outcome
from gatewayd.dvr.media.messages import Errors, Located, Stream
from gatewayd.dvr.recorder import Recorder
from gatewayd.dvr.spans import clip, outcome
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
T = TypeVar("T")

TRIES = 3
PAUSE = 1.0
_NOTHING = Located(slices=(), gaps=(), errors=Errors())


class Finisher:
    """Finishes one recording after the other, for as long as one connection lasts."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        recorder: Recorder,
        library: Library,
        journal: JournalStore,
    ) -> None:
        self._database = database
        self._clock = clock
        self._recorder = recorder
        self._library = library
        self._journal = journal
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be an item to finish."""
        self._wake.set()

    async def run(self) -> None:
        """For ever; cancel it."""
        while True:
            self._wake.clear()
            for item in await self._library.open_items():
                if item.ended:
                    await self._finish(item)
            await self._wake.wait()

    async def _finish(self, item: Item) -> None:
        located = await self._tried(
            lambda: self._recorder.locate(item.channel, item.start, item.stop), item, "locate"
        )
        result = await self._result(item, located or _NOTHING)
        async with self._database.unit() as unit:
            self._library.finish(unit, item, result)
        log.info("dvr.recording_finished", recording=item.id, state=result.state, bytes=result.bytes)

    async def _result(self, item: Item, located: Located) -> Outcome:
        slices = tuple(part for part in located.slices if part.from_byte < part.to_byte)
        received = sum(part.to_byte - part.from_byte for part in slices)
        told = await self._journal.gaps(item.channel, item.start, item.stop)
        gaps = clip((*told, *located.gaps), item.start, item.stop)
        streams: tuple[Stream, ...] = ()
        digest = reason = None
        if received:
            digested = await self._tried(lambda: self._recorder.digest(slices), item, "digest")
            digest = None if digested is None else digested.sha256
            largest = max(slices, key=lambda part: part.to_byte - part.from_byte)
            probed = await self._tried(lambda: self._recorder.probe(largest.segment), item, "probe")
            streams = () if probed is None else probed.streams
            if any(stream.type == "video" for stream in streams) and not (probed and probed.decoded_frames):
                reason = "A decoder finds no picture in what was received."
        else:
            gaps = ((item.start, item.stop),)
        return Outcome(
            state=outcome(item.start, item.stop, received, gaps),
            bytes=received,
            errors=located.errors,
            gaps=gaps,
            slices=slices,
            streams=streams,
            digest=digest,
            reason=reason,
        )

    async def _tried(self, call: Callable[[], Awaitable[T]], item: Item, step: str) -> T | None:
        """The answer, or None when the recorder refused it `TRIES` times."""
        for attempt in range(1, TRIES + 1):
            try:
                return await call()
            except GatewayError as error:
                log.warning(
                    "dvr.finish_failed", recording=item.id, step=step, attempt=attempt, error=error.code
                )
            await self._clock.sleep(PAUSE * attempt)
        return None
