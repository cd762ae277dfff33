"""The engine for MPEG-TS over HTTP(S): aiohttp opens the response, the beat decides when it is read."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from gatewayd.dvr.media.engine import Beat, Flow
from gatewayd.dvr.media.messages import Source
from gatewayd.dvr.media.words import status_line, why
from gatewayd.errors import GatewayError
from gatewayd.system.fetch import MAX_REDIRECTS, guarded_session, is_refusal

OPEN_SECONDS = 10.0
_WINDOW = 1 << 20
"""Bytes that the kernel shall be able to hold between beats: 0.25 s at 32 Mbit/s."""
_PLENTY = 250 * 1024
"""A reading about as large as one recv of asyncio (256 KiB) may have left bytes behind: read on."""
_NO_TUNER = ("804", "805")
"""What network tuners say in X-HDHomeRun-Error when another has the tuner, or all of them."""
_MOST = 8 << 20
"""Bytes that are taken at one beat; what is more waits in the kernel."""


class HlsAnswered(GatewayError):
    """The source answers with an HLS playlist instead of a stream."""

    def __init__(self) -> None:
        super().__init__("dvr.not_a_transport_stream", "The source sends an HLS playlist.")


class RawFlow(asyncio.Protocol):
    """A body that is the connection's plain bytes: they come here straight from the transport.

    aiohttp's protocol is put aside after the headers (its parser and stream cost as much per batch
    as all else here together) and told when the connection is lost, so that it cleans up.
    """

    def __init__(self, response: aiohttp.ClientResponse, transport: asyncio.Transport, beat: Beat) -> None:
        self._beat = beat
        self._transport = transport
        self._aside = transport.get_protocol()
        self._left = response.content_length  # None: until the connection ends
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._last = asyncio.get_running_loop().time()
        self._patience = 0.0
        transport.pause_reading()
        transport.set_protocol(self)
        self._add(response.content.read_nowait())
        self._ended = self._ended or response.content.at_eof()
        beat.join(self._struck)

    async def read(self, patience: float) -> bytes:
        """See Flow."""
        if not self._pieces and not self._ended:
            self._patience = patience
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if not self._pieces and self._error is not None:
            raise GatewayError("dvr.source_ended", f"The source broke off: {self._error}.") from self._error
        pieces, self._pieces, self._size = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def tap(self) -> SocketTap | None:
        """See Tappable: a plain socket whose bytes have all been read can be lent."""
        plain = self._transport.get_extra_info("ssl_object") is None
        if self._pieces or self._ended or self._transport.is_closing() or not plain:
            return None
        self._transport.pause_reading()
        self._beat.leave(self._struck)
        return SocketTap(self._transport.get_extra_info("socket").fileno(), self._left, self._give_back)

    def close(self) -> None:
        """Leaves the beat."""
        self._beat.leave(self._struck)

    def _give_back(self, left: int | None) -> None:
        self._left = left
        self._last = asyncio.get_running_loop().time()
        self._beat.join(self._struck)

    def data_received(self, data: bytes) -> None:
        """What one recv brought after a beat."""
        self._add(data)
        if len(data) < _PLENTY or self._ended or self._size > _MOST:
            self._transport.pause_reading()
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """The end of the body, or of the connection in its middle."""
        self._ended, self._error = True, error
        self._wake()
        self._aside.connection_lost(error)

    def _struck(self) -> None:
        if self._pieces:
            self._wake()
        elif self._waiting is not None:
            now = asyncio.get_running_loop().time()
            if now - self._last > self._patience and not self._waiting.done():
                self._last = now
                self._waiting.set_exception(TimeoutError())
        if not self._ended and self._size < _MOST and not self._transport.is_closing():
            self._transport.resume_reading()

    def _add(self, data: bytes) -> None:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            self._ended = self._left == 0
        if data:
            self._pieces.append(data)
            self._size += len(data)
            self._last = asyncio.get_running_loop().time()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class SocketTap:
    """See Tap: a connected socket; `left` bytes belong to the body (None: all until the end)."""

    def __init__(self, descriptor: int, left: int | None, give_back: Callable[[int | None], None]) -> None:
        self._descriptor = descriptor
        self._left = left
        self._give_back = give_back
        self._open = True
        self._lock = threading.Lock()  # the descriptor must not be closed, nor be another's, while it is read

    def take(self, buffer: memoryview) -> int:
        """See Tap."""
        with self._lock:
            if not self._open:
                return 0
            try:
                size = os.readv(self._descriptor, [buffer if self._left is None else buffer[: self._left]])
            except BlockingIOError:
                return 0
            except OSError as error:
                raise GatewayError("dvr.source_ended", f"The source broke off: {why(error)}.") from error
            if self._left is not None:
                self._left -= size
        if not size:
            raise GatewayError("dvr.source_ended", "The source ended the stream.")
        return size

    def close(self) -> None:
        """See Tap."""
        with self._lock:
            self._open = False
        self._give_back(self._left)


class ParsedFlow:
    """A body that aiohttp must take apart (chunked) or has whole; the transport rests between beats."""

    def __init__(
        self, response: aiohttp.ClientResponse, transport: asyncio.Transport | None, beat: Beat
    ) -> None:
        self._content = response.content
        self._transport = transport
        self._beat = beat
        self._struck = asyncio.Event()
        beat.join(self._struck.set)

    async def read(self, patience: float) -> bytes:
        """See Flow."""
        try:
            self._struck.clear()
            await self._struck.wait()
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
            async with asyncio.timeout(patience):
                data = await self._content.readany()
        except TimeoutError:
            raise TimeoutError from None
        except (aiohttp.ClientError, OSError) as error:
            raise GatewayError("dvr.source_ended", f"The source broke off: {why(error)}.") from error
        if len(data) < _PLENTY and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        return data

    def close(self) -> None:
        """Leaves the beat."""
        self._beat.leave(self._struck.set)


class HttpEngine:
    """Opens http and https sources; with `unix_socket` all of them through that socket."""

    def __init__(self, beat: Beat, *, unix_socket: Path | None = None) -> None:
        self._beat = beat
        self._unix_socket = unix_socket

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[Flow]:
        """See Engine."""
        async with guarded_session(source.allow_loopback, unix_socket=self._unix_socket) as session:
            response = await _respond(session, source.url)
            try:
                flow = _flow(response, self._beat)
                try:
                    yield flow
                finally:
                    flow.close()
            finally:
                response.close()


def _flow(response: aiohttp.ClientResponse, beat: Beat) -> RawFlow | ParsedFlow:
    if response.status == 503 and response.headers.get("X-HDHomeRun-Error", "").startswith(_NO_TUNER):
        raise GatewayError("dvr.no_tuner", "All tuners of the device are in use.")
    if response.status != 200:
        raise GatewayError(
            "dvr.source_http_status",
            f"The source answered {status_line(response.status, response.reason)}.",
        )
    if "mpegurl" in response.headers.get("Content-Type", "").lower():  # RFC 8216, 4, and what it was before
        raise HlsAnswered
    transport = response.connection.transport if response.connection is not None else None
    if transport is None or transport.is_closing():
        return ParsedFlow(response, None, beat)
    _widen(transport)
    kind = ParsedFlow if "Transfer-Encoding" in response.headers else RawFlow
    return kind(response, transport, beat)


async def _respond(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await session.get(url, max_redirects=MAX_REDIRECTS)
    except TimeoutError:
        detail = f"No answer within {OPEN_SECONDS:g} s."
        raise GatewayError("dvr.source_unreachable", detail) from None
    except aiohttp.TooManyRedirects:
        raise GatewayError("dvr.source_unreachable", "The source redirects without end.") from None
    except aiohttp.InvalidURL:
        raise GatewayError("dvr.source_unreachable", "The address of the source is not a URL.") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if is_refusal(error):
            detail = "The address of the source belongs to the box itself or to nobody."
            raise GatewayError("dvr.forbidden_address", detail) from error
        if isinstance(error, aiohttp.ClientResponseError):
            raise GatewayError("dvr.source_unreachable", "The source does not answer in HTTP.") from error
        raise GatewayError(
            "dvr.source_unreachable", f"The source cannot be reached: {why(error)}."
        ) from error


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
