"""The engine for HLS (RFC 8216): segments fetched in turn, at the pace of the programme.

Transport stream segments are joined byte for byte; other containers go through a worker that remuxes.
Bytes are taken at the stream's own pace, so that where they lie tells when they were on, a kill loses
little, a film is not fetched in a burst, and a lost segment leaves a gap of its length.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass

import aiohttp
import structlog

from gatewayd.dvr.media.engine import BEAT, Beat, Flow
from gatewayd.dvr.media.feed import FRESH, Feed, Piece
from gatewayd.dvr.media.hls_fetch import Fetcher
from gatewayd.dvr.media.hls_playlist import Master, Media, Section, Segment, parse
from gatewayd.dvr.media.ingest import Ingest, container_of
from gatewayd.dvr.media.messages import Source
from gatewayd.errors import GatewayError
from gatewayd.system.fetch import guarded_session

log = structlog.get_logger(__name__)

BEHIND = 2
"""Segments before the end at which a live stream is entered: one that flows while the next is made.

The RFC says three, for players that stutter when they run dry; a recording rather lags less.
"""
CATCH_UP = 0.8
"""Of its duration a segment may take while others wait behind it."""
REMEMBERED = 60.0
"""Seconds for which a stream that broke is taken up where it was."""
OVER = 15.0
"""Seconds without an attempt after which a stream that ended is played from its beginning again."""
STALE = 3
"""Playlists older than what we have that are borne with before they count as a stream begun anew."""
_LEAST_BUFFER, _MOST_BUFFER = 16 * 1024, 256 * 1024
_FIRST_RATE = 250_000.0
"""Bytes per second that are assumed of a stream until a segment has told its size."""


@dataclass
class Place:
    """How far a stream has come; it outlives its connection for a while."""

    next: int | None = None
    due: float = 0.0
    """When the next segment's first byte is on, by the loop's clock."""
    seen: float = 0.0
    ended: bool = False


class HlsEngine:
    """Opens HLS sources. Remembers for REMEMBERED seconds where each of them was left."""

    def __init__(self, beat: Beat, ingest: Ingest) -> None:
        self._beat = beat
        self._ingest = ingest
        self._places: dict[str, Place] = {}

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[Flow]:
        """See Engine. Also `dvr.playlist_invalid`, `dvr.playlist_too_large`, `dvr.stream_encrypted`."""
        place = self._place(source.url)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with guarded_session(source.allow_loopback, timeout=timeout) as session:
            fetcher = Fetcher(session)
            tracks = await _tracks(fetcher, source.url, place)
            broke = False
            try:
                async with self._flow(tracks) as flow:
                    yield flow
            except GatewayError:
                broke = True
                raise
            finally:
                if not broke:  # nobody wants it any more: whoever comes next begins anew
                    self._places.pop(source.url, None)

    def _place(self, url: str) -> Place:
        now = asyncio.get_running_loop().time()
        for known, place in tuple(self._places.items()):
            if place.seen < now - (OVER if place.ended else REMEMBERED):
                del self._places[known]
        place = self._places.setdefault(url, Place())
        place.seen = now
        if place.ended:
            raise GatewayError("dvr.source_ended", "The stream is over: its playlist has ended.")
        return place

    @asynccontextmanager
    async def _flow(self, tracks: list[Track]) -> AsyncIterator[Flow]:
        pieces = [track.pieces() for track in tracks]
        try:
            heads = [await _head(track) for track in pieces]
            kinds = [container_of(head) for head in heads]
            if len(tracks) == 1 and kinds[0] == "mpegts":
                with closing(Feed(self._beat)) as feed:
                    async with _pumped(_with_head(heads[0], pieces[0]), feed):
                        yield feed
            else:
                sources = [_with_head(*pair) for pair in zip(heads, pieces, strict=True)]
                async with self._ingest.remux(sources, kinds) as flow:
                    yield flow
        finally:
            for track in pieces:
                await track.aclose()


class Track:
    """One media playlist, followed from where it is entered to its end."""

    def __init__(self, fetcher: Fetcher, url: str, media: Media, place: Place, rate: float) -> None:
        self._fetcher = fetcher
        self._url = url
        self._place = place
        self._rate = rate
        self._clock = asyncio.get_running_loop().time
        self._waiting: list[Segment] = []
        self._ended = False
        self._section: Section | None = None
        self._reload_at = 0.0
        self._stale = 0
        self._lost = 0
        self._restarted = False
        self._enter(media)
        self._lost = 0  # the gap of the time between is told already

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The stream's bytes, and FRESH where another stream begins. Raises GatewayError."""
        first = True
        async for segment in self._segments():
            if not first and (segment.fresh or self._restarted):
                yield FRESH
            first = self._restarted = False
            if segment.section is not None and segment.section != self._section:
                yield await self._fetcher.section(segment.section)
            self._section = segment.section
            async for piece in self._paced(segment):
                yield piece
        self._place.ended = True

    async def _segments(self) -> AsyncIterator[Segment]:
        while True:
            now = self._clock()
            if not self._ended and now >= self._reload_at:
                content, url = await self._fetcher.playlist(self._url)
                media = parse(content, url)
                if isinstance(media, Master):
                    raise GatewayError(
                        "dvr.playlist_invalid", "A media playlist turned into a master playlist."
                    )
                self._enter(media)
            if self._lost:
                lost, self._lost = self._lost, 0
                raise GatewayError(
                    "dvr.segments_lost", f"{lost} segments were gone before they could be fetched."
                )
            if self._waiting:
                yield self._waiting.pop(0)
            elif self._ended:
                return
            else:
                await asyncio.sleep(max(0.05, self._reload_at - now))

    def _enter(self, media: Media) -> None:
        """Takes what is new in a playlist, and decides when to look again (RFC 8216, 6.3.4)."""
        found, place = media.segments, self._place
        known = self._waiting[-1].sequence + 1 if self._waiting else place.next
        if found and known is not None and found[-1].sequence + 1 < known:
            self._stale += 1
            if self._stale < STALE and not media.ended:
                found = ()
            else:
                self._waiting, known, self._restarted = [], None, True
        if found and known is None:
            at = 0 if media.ended else max(0, len(found) - BEHIND)
            known = place.next = found[at].sequence
            place.due = self._clock()
        fresh = [segment for segment in found if known is not None and segment.sequence >= known]
        if fresh:
            self._stale = 0
            assert known is not None
            self._lost = fresh[0].sequence - known
            if self._lost:
                self._skip(self._lost * media.target, fresh[0].sequence)
            self._waiting += fresh
        self._ended = media.ended
        self._reload_at = self._clock() + max(0.5, media.target / (1 if fresh else 2))

    def _skip(self, seconds: float, to: int) -> None:
        self._place.next = to
        self._place.due = max(self._place.due, self._clock() - seconds) + seconds

    async def _paced(self, segment: Segment) -> AsyncIterator[bytes]:
        place = self._place
        place.seen = self._clock()
        if segment.absent:
            self._skip(segment.duration, segment.sequence + 1)
            raise GatewayError("dvr.segments_lost", "The source marks a segment as missing.")
        begin = place.due = max(place.due, self._clock() - 2 * segment.duration)
        hurry = CATCH_UP if self._waiting and not self._ended else 1.0
        got = 0
        try:
            async for piece, size in self._fetcher.segment(segment, self._buffer()):
                share = min(1.0, got / (size or self._guess(segment)))
                await self._until(begin + share * segment.duration * hurry)
                got += len(piece)
                yield piece
        except GatewayError:
            self._skip(segment.duration, segment.sequence + 1)  # it would only fail again
            raise
        if segment.duration > 0:
            self._rate = max(1.0, got / segment.duration)
        place.next, place.due = segment.sequence + 1, begin + segment.duration * hurry

    def _guess(self, segment: Segment) -> float:
        return max(1.0, self._rate * segment.duration)

    def _buffer(self) -> int:
        """A beat's worth at most: aiohttp holds twice what it is told."""
        return int(min(_MOST_BUFFER, max(_LEAST_BUFFER, self._rate * BEAT / 2)))

    async def _until(self, moment: float) -> None:
        """Sleeps when it is worth it: one wake a beat."""
        early = moment - self._clock()
        if early >= BEAT:
            await asyncio.sleep(early)


async def _tracks(fetcher: Fetcher, url: str, place: Place) -> list[Track]:
    """The best variant, and its sound when that comes apart."""
    content, final = await fetcher.playlist(url)
    found = parse(content, final)
    if isinstance(found, Media):
        return [Track(fetcher, final, found, place, _FIRST_RATE)]
    best = found.best()
    rate = best.bandwidth / 8 or _FIRST_RATE
    log.info("media.hls_variant", bandwidth=best.bandwidth, pixels=best.pixels, of=len(found.variants))
    tracks = []
    for number, address in enumerate(filter(None, (best.url, best.audio))):
        content, final = await fetcher.playlist(address)
        media = parse(content, final)
        if isinstance(media, Master):
            raise GatewayError("dvr.playlist_invalid", "A variant leads to another master playlist.")
        tracks.append(Track(fetcher, final, media, place if number == 0 else Place(), rate))
    return tracks


async def _head(pieces: AsyncIterator[Piece]) -> bytes:
    """Enough of a stream's beginning to tell its container; b"" when it has ended."""
    head = b""
    with suppress(StopAsyncIteration):
        while len(head) < 2 * 188:
            piece = await anext(pieces)
            if isinstance(piece, bytes):
                head += piece
    return head


async def _with_head(head: bytes, rest: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    if head:
        yield head
    async for piece in rest:
        yield piece


@asynccontextmanager
async def _pumped(pieces: AsyncIterator[Piece], feed: Feed) -> AsyncIterator[None]:
    """A task that moves a stream into a feed for as long as the context lasts."""
    task = asyncio.create_task(_pump(pieces, feed), name="hls")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _pump(pieces: AsyncIterator[Piece], feed: Feed) -> None:
    error: GatewayError | None = GatewayError("dvr.source_ended", "The stream was given up.")
    try:
        async for piece in pieces:
            await feed.put(piece)
        error = None
    except GatewayError as caught:
        error = caught
    finally:
        feed.end(error)
