"""The engine for MPEG-TS over HTTP(S): aiohttp reads, the beat decides when."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from gatewayd.dvr.media.engine import Beat
from gatewayd.dvr.media.messages import Source
from gatewayd.errors import GatewayError
from gatewayd.system.fetch import MAX_REDIRECTS, guarded_session, is_refusal

OPEN_SECONDS = 10.0
_WINDOW = 1 << 20
"""Bytes that the kernel shall be able to hold between beats: 0.25 s at 32 Mbit/s."""
_PLENTY = 250 * 1024
"""A reading about as large as one recv of asyncio (256 KiB) may have left bytes behind: read on."""


class HttpFlow:
    """A response's body, read once per beat. The transport is paused in between."""

    def __init__(self, response: aiohttp.ClientResponse, beat: Beat) -> None:
        self._content = response.content
        self._beat = beat
        self._hurry = False
        connection = response.connection
        self._transport = connection.transport if connection is not None else None
        if self._transport is not None:
            _widen(self._transport)

    async def read(self) -> bytes:
        """See Flow."""
        transport = self._transport
        try:
            if not self._hurry:
                await self._beat.wait()
                if transport is not None and not transport.is_closing():
                    transport.resume_reading()
            data = await self._content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise GatewayError("dvr.source_ended", f"The source broke off: {error}.") from error
        self._hurry = len(data) >= _PLENTY
        if not self._hurry and transport is not None and not transport.is_closing():
            transport.pause_reading()
        return data


class HttpEngine:
    """Opens http and https sources; with `unix_socket` all of them through that socket."""

    def __init__(self, beat: Beat, *, unix_socket: Path | None = None) -> None:
        self._beat = beat
        self._unix_socket = unix_socket

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[HttpFlow]:
        """See Engine."""
        async with guarded_session(source.allow_loopback, unix_socket=self._unix_socket) as session:
            response = await _respond(session, source.url)
            try:
                if response.status != 200:
                    raise GatewayError(
                        "dvr.source_http_status", f"The source answered {response.status} {response.reason}."
                    )
                yield HttpFlow(response, self._beat)
            finally:
                response.close()


async def _respond(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await session.get(url, max_redirects=MAX_REDIRECTS)
    except TimeoutError:
        detail = f"No answer within {OPEN_SECONDS:g} s."
        raise GatewayError("dvr.source_unreachable", detail) from None
    except aiohttp.TooManyRedirects:
        raise GatewayError("dvr.source_unreachable", "The source redirects without end.") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if is_refusal(error):
            detail = "The address of the source belongs to the box itself or to nobody."
            raise GatewayError("dvr.forbidden_address", detail) from error
        raise GatewayError("dvr.source_unreachable", f"The source cannot be reached: {error}.") from error


def _widen(transport: asyncio.BaseTransport) -> None:
    """Lets the kernel buffer a beat's worth although we read seldom.

    Setting SO_RCVLOWAT makes Linux grow the receive buffer and window to hold that many bytes, unlike
    SO_RCVBUF without rmem_max's limit and without ending autotuning (tcp_set_rcvlowat); the mark
    itself goes back to one byte, for the beat decides when we wake.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, _WINDOW)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
