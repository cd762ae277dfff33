"""Turns a range that the recorder has done into a finished recording.

Locate its bytes, let workers digest and probe them, write the outcome. Until then the item stays
`recording`: who sees `done` sees its digest too. A worker that fails three times costs the digest or the
streams, never the recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from gatewayd.dvr.journal import JournalStore
from gatewayd.dvr.library import Item, Library, Outcome
from gatewayd.dvr.media.messages import Located, MediaStream, Slice, StreamErrors
from gatewayd.dvr.recorder import Recorder
from gatewayd.dvr.spans import clip, outcome
from gatewayd.dvr.thumbnails import thumbnail_slice
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
T = TypeVar("T")

TRIES = 3
PAUSE = 1.0
_NOTHING = Located(slices=(), gaps=(), errors=StreamErrors())


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
            lambda: self._recorder.locate(item.channel, item.begins, item.ends), item, "locate"
        )
        result = await self._result(item, located or _NOTHING)
        async with self._database.unit() as unit:
            self._library.finish(unit, item, result)
        log.info("dvr.recording_finished", recording=item.id, state=result.state, bytes=result.bytes)

    async def _result(self, item: Item, located: Located) -> Outcome:
        slices = tuple(part for part in located.slices if part.from_byte < part.to_byte)
        received = sum(part.to_byte - part.from_byte for part in slices)
        told = await self._journal.gaps(item.channel, item.begins, item.ends)
        gaps = clip((*told, *located.gaps), item.begins, item.ends)
        streams: tuple[MediaStream, ...] = ()
        digest = reason = None
        if received:
            digested = await self._tried(lambda: self._recorder.digest(slices), item, "digest")
            digest = None if digested is None else digested.sha256
            largest = max(slices, key=lambda part: part.to_byte - part.from_byte)
            probed = await self._tried(lambda: self._recorder.probe(largest.segment), item, "probe")
            streams = () if probed is None else probed.streams
            if any(stream.type == "video" for stream in streams) and not (probed and probed.decoded_frames):
                reason = "A decoder finds no picture in what was received."
            if probed is not None and probed.decoded_frames:
                await self._picture(item, slices)
        else:
            gaps = ((item.begins, item.ends),)
        return Outcome(
            state=outcome(item.start, item.stop, received, clip(gaps, item.start, item.stop)),
            bytes=received,
            errors=located.errors,
            gaps=gaps,
            slices=slices,
            streams=streams,
            digest=digest,
            reason=reason,
            measures=located.measures,
        )

    async def _picture(self, item: Item, slices: Sequence[Slice]) -> None:
        """A thumbnail, if there can be one: a recording without is as good."""
        part = thumbnail_slice(slices)
        try:
            if part is not None:
                await self._recorder.thumbnail(part)
        except GatewayError as error:
            log.info("dvr.no_thumbnail", recording=item.id, error=error.code)

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
