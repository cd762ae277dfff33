"""Playing: `/v1/play/{id}/...`, where the id itself lets in, for players that can send no header."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from aiohttp import web

from gatewayd.api import problems
from gatewayd.api.connections import Connection
from gatewayd.errors import GatewayError, InvalidField

BASE = "/v1/play"
RECHECK = 0.5
STALLED = 600.0
"""Seconds for which a player that takes nothing keeps its connection: as long as its id is good."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PART = re.compile(r"(\d{1,18})-(\d{1,18})\.ts")
_MOST_SECONDS = 10 * 86_400.0


class Stream(Protocol):
    """Bytes that are sent in ranges."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Bytes [start, stop) in pieces. Raises GatewayError when they are gone."""
        ...


class Player(Protocol):
    """What is played, by play ids. All raise GatewayError `dvr.*`. The DVR fulfils it."""

    def use(self, identifier: str, /) -> object:
        """Returns as long as the id is good."""
        ...

    async def stream(self, identifier: str, /) -> Stream:
        """All there is."""
        ...

    async def playlist(self, identifier: str, /) -> str:
        """The HLS playlist; its addresses are `part/{start}-{stop}.ts`."""
        ...

    async def part(self, identifier: str, start: int, stop: int, /) -> Stream:
        """One of its parts."""
        ...

    async def picture(self, identifier: str, seconds: float | None, /) -> bytes:
        """A JPEG."""
        ...


class Playing:
    """The routes."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def routes(self) -> list[web.RouteDef]:
        """GET, which answers HEAD as well."""
        base = f"{BASE}/{{play}}"
        return [
            web.get(f"{base}/stream.ts", self._stream),
            web.get(f"{base}/index.m3u8", self._playlist),
            web.get(f"{base}/part/{{part}}", self._part),
            web.get(f"{base}/thumbnail.jpg", self._picture),
        ]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        stream = await self._player.stream(self._enter(request))
        return await self._send(request, stream)

    async def _part(self, request: web.Request) -> web.StreamResponse:
        named = _PART.fullmatch(request.match_info["part"])
        if named is None:
            raise GatewayError("request.not_found", "There is no such part of this recording.")
        stream = await self._player.part(self._enter(request), int(named[1]), int(named[2]))
        return await self._send(request, stream)

    async def _playlist(self, request: web.Request) -> web.StreamResponse:
        text = await self._player.playlist(self._enter(request))
        return web.Response(text=text, content_type="application/vnd.apple.mpegurl")

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        seconds = _seconds(request.query.get("at"))
        jpeg = await self._player.picture(self._enter(request), seconds)
        return web.Response(body=jpeg, content_type="image/jpeg")

    def _enter(self, request: web.Request) -> str:
        """The play id, once it has let in. Raises GatewayError `dvr.playback_not_found`."""
        play = request.match_info["play"]
        self._player.use(play)
        if isinstance(request.protocol, Connection):
            request.protocol.trust()
        return play

    async def _send(self, request: web.Request, stream: Stream) -> web.StreamResponse:
        """The whole or a range of it (RFC 9110, 14.2), for as long as the id is good."""
        tag = f'"{stream.size}"'  # bytes are never changed, only more are added
        span = None
        if request.headers.get("If-Range", tag) == tag:
            span = byte_range(request.headers.get("Range"), stream.size)
        start, stop = span or (0, stream.size)
        response = web.StreamResponse(status=200 if span is None else 206)
        response.headers.update({"Accept-Ranges": "bytes", "Content-Type": "video/mp2t", "ETag": tag})
        if start >= stop and span is not None:
            return _beyond(stream.size)
        if span is not None:
            response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{stream.size}"
        response.content_length = stop - start
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        watch = asyncio.create_task(self._watch(request), name="playback watch")
        try:
            async with aclosing(stream.read(start, stop)) as pieces:
                async for piece in pieces:
                    async with asyncio.timeout(STALLED):
                        await response.write(piece)
        except (TimeoutError, GatewayError):
            # What was announced cannot be sent any more: only a broken connection says so.
            raise ConnectionResetError("the playback has ended") from None
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        return response

    async def _watch(self, request: web.Request) -> None:
        """Ends the connection as soon as the id is good no more; until then this is a use of it."""
        while True:
            await asyncio.sleep(RECHECK)
            try:
                self._player.use(request.match_info["play"])
            except GatewayError:
                if request.transport is not None:
                    request.transport.abort()
                return


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """[start, stop) of a Range header; None: send all of it. Pure.

    A header that is malformed, of another unit, or of several ranges counts as none (RFC 9110, 14.2). One
    that nothing can be sent of is an empty span.
    """
    found = _RANGE.fullmatch("" if header is None else header.strip().replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    start, stop = int(first), size if not last else int(last) + 1
    if stop <= start and last:
        return None  # the last byte is before the first: not a range
    return min(start, size), min(stop, size)


def _beyond(size: int) -> web.Response:
    error = GatewayError("request.range_not_satisfiable", f"There are {size} bytes, and none in this range.")
    response = problems.respond(error)
    response.headers["Content-Range"] = f"bytes */{size}"
    return response


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text) or float(text) > _MOST_SECONDS:
        raise InvalidField("at", "at: seconds from the beginning, such as 90 or 12.5.")
    return float(text)
