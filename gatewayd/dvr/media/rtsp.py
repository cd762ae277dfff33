"""The engine for RTSP: a transport stream over RTP is stored as it is, other codecs go through a worker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from gatewayd.dvr.media import sdp
from gatewayd.dvr.media.engine import Beat, Flow
from gatewayd.dvr.media.feed import Feed
from gatewayd.dvr.media.ingest import Ingest
from gatewayd.dvr.media.messages import Source
from gatewayd.dvr.media.rtp import payload_of
from gatewayd.dvr.media.rtsp_client import MOST_REDIRECTS, Answer, Packet, RtspClient, address_of
from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)

_FLUSH = 16 * 1024
"""Bytes of a transport stream that are handed on at once: RTP packets are small."""


class RtspEngine:
    """Opens rtsp:// sources; each has its own connection and, if it is remuxed, its own worker child."""

    def __init__(self, beat: Beat, ingest: Ingest) -> None:
        self._beat = beat
        self._ingest = ingest

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[Flow]:
        """See Engine. Also `dvr.media_unreadable` when nothing of the stream can be recorded."""
        client, media = await _describe(source)
        try:
            channels = {await _set_up(client, medium, number): medium for number, medium in enumerate(media)}
            await client.ask("PLAY", client.address.url, Range="npt=0.000-")
            if media[0].is_ts:
                with contextlib.closing(Feed(self._beat)) as feed:
                    async with _receiving(client, _Joined(feed, channels).take, feed.end):
                        yield feed
            else:
                async with self._ingest.packets(sdp.description(media)) as (flow, sink):
                    to_worker = _Passed(sink, channels)
                    async with _receiving(client, to_worker.take, to_worker.end):
                        yield _Named(flow, to_worker)
        finally:
            client.close()


class _Joined:
    """RTP packets that carry a transport stream, put together again."""

    def __init__(self, feed: Feed, channels: dict[int, sdp.Medium]) -> None:
        self._feed = feed
        self._channels = channels
        self._waiting: list[bytes] = []
        self._size = 0

    async def take(self, packet: Packet) -> None:
        if packet.channel in self._channels and (payload := payload_of(packet.data)):
            self._waiting.append(payload)
            self._size += len(payload)
        if self._size >= _FLUSH:
            data, self._waiting, self._size = b"".join(self._waiting), [], 0
            await self._feed.put(data)


class _Passed:
    """RTP and RTCP packets on their way to a worker."""

    def __init__(self, sink: socket.socket, channels: dict[int, sdp.Medium]) -> None:
        self._sink = sink
        self._channels = {number for channel in channels for number in (channel, channel + 1)}
        self.error: GatewayError | None = None

    async def take(self, packet: Packet) -> None:
        if packet.channel in self._channels and packet.data:
            with contextlib.suppress(OSError):  # the worker has ended; its flow tells why
                await asyncio.get_running_loop().sock_sendall(self._sink, packet.data)

    def end(self, error: GatewayError | None) -> None:
        self.error = error
        with contextlib.suppress(OSError):
            self._sink.shutdown(socket.SHUT_WR)


class _Named:
    """A worker's flow that ends for the reason for which its source did."""

    def __init__(self, flow: Flow, source: _Passed) -> None:
        self._flow = flow
        self._source = source

    async def read(self, patience: float) -> bytes:
        """See Flow."""
        data = await self._flow.read(patience)
        if not data and self._source.error is not None:
            raise self._source.error
        return data


async def _describe(source: Source) -> tuple[RtspClient, tuple[sdp.Medium, ...]]:
    """A connection to where the stream really is, and what it has."""
    url = source.url
    for _ in range(MOST_REDIRECTS + 1):
        client = RtspClient(address_of(url), allow_loopback=source.allow_loopback)
        try:
            await client.connect()
            answer = await client.ask("DESCRIBE", client.address.url, Accept="application/sdp")
            if answer.status == 200:
                base = answer.headers.get("content-base") or answer.headers.get("content-location")
                return client, sdp.parse(answer.body, base or client.address.url)
        except BaseException:
            client.close()
            raise
        client.close()
        url = answer.headers.get("location", "")
    raise GatewayError("dvr.source_unreachable", "The source redirects without end.")


async def _set_up(client: RtspClient, medium: sdp.Medium, number: int) -> int:
    """Sets one stream up; the channel on which its RTP comes."""
    wanted = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
    answer = await client.ask("SETUP", medium.control, Transport=wanted)
    for part in answer.headers.get("transport", "").lower().split(";"):
        name, _, value = part.partition("=")
        first = value.partition("-")[0]
        if name == "interleaved" and first.isascii() and first.isdigit():
            return int(first)
    raise GatewayError("dvr.source_unreachable", "The source does not send RTP over its TCP connection.")


@asynccontextmanager
async def _receiving(
    client: RtspClient, take: Callable[[Packet], Awaitable[None]], end: Callable[[GatewayError | None], None]
) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(_receive(client, take, end), name="rtsp.receive"),
        asyncio.create_task(_remind(client), name="rtsp.remind"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _receive(
    client: RtspClient, take: Callable[[Packet], Awaitable[None]], end: Callable[[GatewayError | None], None]
) -> None:
    error: GatewayError | None = None
    try:
        while True:
            got = await client.next()
            if isinstance(got, Answer):
                log.debug("media.rtsp_answer", status=got.status)
            else:
                await take(got)
    except GatewayError as caught:
        error = caught
    finally:
        end(error)


async def _remind(client: RtspClient) -> None:
    while True:
        await asyncio.sleep(client.keep_alive / 2)
        client.remind()
