"""A television channel for tests: a decodable MPEG-TS and a paced HTTP server that sends it live.

`transport_stream(seconds, bitrate)` and `broadcast(codec)` are made with PyAV once per process and kept.
`PacedServer` serves such a stream for ever like a live channel: every connection joins at the present
position of one time line. What it sent is remembered per connection, so a test can say what a
recorder should have stored.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import io
import ssl
import time
from types import TracebackType
from typing import Literal, Self

import av
import numpy as np
from aiohttp import web

PACKET = 188
Mood = Literal["flow", "html", "empty", "noise", "silent", "drip", "status", "loop", "loopback"]


@functools.cache
def transport_stream(seconds: int = 10, bitrate: int = 2_000_000) -> bytes:
    """H.264 320x180p25 and AAC at a constant mux rate (bit/s, stuffed with null packets), whole packets."""
    target = io.BytesIO()
    with av.open(target, "w", format="mpegts", options={"muxrate": str(bitrate)}) as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "25"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        audio = container.add_stream("aac", rate=48000)
        samples = 0
        for number in range(seconds * 25):
            picture = np.full((270, 320), 128, np.uint8)
            picture[:180] = (np.arange(320) + number * 4) % 256
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
            while samples < (number + 1) * 1920:
                tone = np.sin(np.arange(samples, samples + 1024) * (2 * np.pi * 1000 / 48000)) * 0.3
                sound = av.AudioFrame.from_ndarray(
                    np.stack([tone, tone]).astype(np.float32), "fltp", "stereo"
                )
                sound.sample_rate, sound.pts = 48000, samples
                container.mux(audio.encode(sound))
                samples += 1024
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return target.getvalue()


@functools.cache
def broadcast(codec: str, seconds: int = 6) -> bytes:
    """A picture in `codec`, none when it is empty, and MP2 sound."""
    target = io.BytesIO()
    with av.open(target, "w", format="mpegts") as container:
        video: av.VideoStream | None = None
        if codec:
            made = container.add_stream(codec, rate=25, options={"g": "25"})
            assert isinstance(made, av.VideoStream)
            video = made
            video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        audio = container.add_stream("mp2", rate=48000)
        for number in range(seconds * 25):
            if video is not None:
                picture = np.full((270, 320), number % 256, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
                frame.pts = number
                container.mux(video.encode(frame))
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1920 * 2), np.int16), "s16", "stereo")
            sound.sample_rate, sound.pts = 48000, number * 1920
            container.mux(audio.encode(sound))
        if video is not None:
            container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return target.getvalue()


class Sent:
    """What one connection was sent: `data`, and when how much of it had been handed to the kernel."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.marks: list[tuple[float, int]] = []
        self.open = True

    def by(self, moment: float) -> int:
        """Bytes handed over until the Unix time `moment`."""
        return max((size for at, size in self.marks if at <= moment), default=0)

    def sha256(self, size: int | None = None) -> str:
        """Hexadecimal SHA-256 of the first `size` bytes (all without)."""
        return hashlib.sha256(self.data[:size]).hexdigest()


class PacedServer:
    """`async with PacedServer() as server:` listens on 127.0.0.1; `server.url` is the channel.

    `mood` is what the next connections meet: `flow` the channel; `html` a page; `empty` 200 and nothing;
    `noise` bytes that are no transport stream; `silent` headers and then nothing; `drip` 1 byte/s;
    `status` a 503; `loop` endless redirects; `loopback` a redirect to 127.0.0.1. `drop()` cuts
    those that are connected, `hold()` makes them stall and `go_on()` ends that.
    Bodies are plain bytes, or `chunked`, or over `tls`. `connections` counts the streams ever begun; `sent`
    has one Sent for each that flowed.
    """

    def __init__(
        self,
        stream: bytes | None = None,
        *,
        bitrate: int = 2_000_000,
        tick: float = 0.02,
        chunked: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.stream = stream if stream is not None else transport_stream(bitrate=bitrate)
        self.bitrate = bitrate
        self.mood: Mood = "flow"
        self.connections = 0
        self.sent: list[Sent] = []
        self.port = 0
        self._tick = tick
        self._chunked = chunked
        self._tls = tls
        self._flowing = asyncio.Event()
        self._transports: set[asyncio.Transport] = set()
        self._began = 0.0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The channel's address."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/channel.ts"

    @property
    def flowing(self) -> int:
        """How many connections are open now."""
        return sum(sent.open for sent in self.sent)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/channel.ts", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._began = time.monotonic()
        self._flowing.set()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()
        self.go_on()
        assert self._runner is not None
        await self._runner.cleanup()

    def drop(self) -> None:
        """Resets every connection that is open."""
        for transport in tuple(self._transports):
            transport.abort()

    def hold(self) -> None:
        """From now on nothing is sent, nothing is closed."""
        self._flowing.clear()

    def go_on(self) -> None:
        """Ends `hold`."""
        self._flowing.set()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if self.mood == "status":
            return web.Response(status=503, text="no tuner")
        if self.mood == "html":
            return web.Response(
                text="<html><body>Please log in</body></html>" * 2000,
                content_type="text/html",
            )
        if self.mood in ("loop", "loopback"):
            raise web.HTTPFound("/channel.ts" if self.mood == "loop" else "http://127.0.0.1:9/")
        response = web.StreamResponse(headers={"Content-Type": "video/mp2t"})
        if self.mood == "empty":
            return response
        if not self._chunked:
            response.content_length = 1 << 40
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            return response
        self._transports.add(transport)
        try:
            if self.mood == "flow":
                await self._flow(response)
            else:
                await self._misbehave(response, transport)
        except ConnectionError:
            pass
        finally:
            self._transports.discard(transport)
        return response

    async def _misbehave(self, response: web.StreamResponse, transport: asyncio.Transport) -> None:
        noise = bytes(range(1, 71)) * 1000
        last = 0.0
        while not transport.is_closing():
            if self.mood == "noise":
                await response.write(noise)
            elif self.mood == "drip" and time.monotonic() - last >= 1:
                last = time.monotonic()
                await response.write(b"\x47")
            await asyncio.sleep(0.02)

    async def _flow(self, response: web.StreamResponse) -> None:
        sent = Sent()
        self.sent.append(sent)
        position = self._position()
        try:
            while True:
                await self._flowing.wait()
                target = self._position()
                piece = self._between(position, target)
                await response.write(piece)
                sent.data += piece
                sent.marks.append((time.time(), len(sent.data)))
                position = target
                await asyncio.sleep(self._tick)
        finally:
            sent.open = False

    def _position(self) -> int:
        """Bytes of the time line that have passed, whole packets."""
        passed = int((time.monotonic() - self._began) * self.bitrate / 8)
        return passed - passed % PACKET

    def _between(self, start: int, stop: int) -> bytes:
        size = len(self.stream)
        pieces = []
        while start < stop:
            at = start % size
            piece = self.stream[at : at + stop - start]
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)
