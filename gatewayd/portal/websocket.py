"""USP over a WebSocket that the box opens (TR-369, "WebSocket Binding"): `v1.usp`, binary frames only."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from urllib.parse import quote

import aiohttp
from msgspec import Struct

from gatewayd.portal import records
from gatewayd.portal.identity import endpoints_in
from gatewayd.portal.transport import MOST_BYTES, Incoming, LinkLost, Receive

PROTOCOL = "v1.usp"
CONNECT = 15.0
HEARTBEAT = 30.0
UNSUPPORTED_DATA = 1003  # RFC 6455, 7.4.1


class Server(Struct, frozen=True, kw_only=True):
    """A controller's address, and who it has to be. `tls` None is plain TCP."""

    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None
    controller: str
    endpoint: str

    @property
    def url(self) -> str:
        """As the box opens it."""
        scheme = "ws" if self.tls is None else "wss"
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = self.path if self.path.startswith("/") else f"/{self.path}"
        mark = "&" if "?" in path else "?"
        return f"{scheme}://{host}:{self.port}{path}{mark}eid={quote(self.endpoint, safe='')}"


class WebSocketTransport:
    """One controller behind its own WebSocket server."""

    def __init__(self, server: Server) -> None:
        self.name = f"websocket {server.host}:{server.port}"
        self._server = server
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    def reaches(self, endpoint: str) -> bool:
        """Whether it is this controller."""
        return endpoint == self._server.controller

    async def send(self, endpoint: str, record: bytes) -> bool:
        """Sends a Record; True once it is handed to the connection (a WebSocket acknowledges nothing)."""
        if self._socket is None or not self.reaches(endpoint):
            return False
        return await _send(self._socket, record)

    async def serve(self, receive: Receive, up: Callable[[], None]) -> None:
        """One connection from its beginning to its end. Raises LinkLost."""
        async with aiohttp.ClientSession() as session:
            socket = await self._connect(session)
            try:
                self._check(socket)
                hello = records.websocket_connect(to=self._server.controller, sender=self._server.endpoint)
                if not await _send(socket, hello):
                    raise LinkLost("the connection ended")
                self._socket = socket
                up()
                await self._work(socket, receive)
            finally:
                self._socket = None
                await socket.close()

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        server = self._server
        try:
            async with asyncio.timeout(CONNECT):
                return await session.ws_connect(
                    server.url,
                    protocols=(PROTOCOL,),
                    ssl=server.tls if server.tls is not None else True,
                    heartbeat=HEARTBEAT,
                    max_msg_size=MOST_BYTES,
                )
        except TimeoutError:
            raise LinkLost("the controller does not answer") from None
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "")
            raise LinkLost(f"the controller's certificate is not accepted: {reason[:120]}") from error
        except aiohttp.WSServerHandshakeError as error:
            raise LinkLost(f"the controller refuses us with HTTP status {error.status}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise LinkLost(f"cannot connect: {type(error).__name__}") from error

    def _check(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if socket.protocol != PROTOCOL:
            raise LinkLost(f"the server does not speak {PROTOCOL}")
        certificate = socket.get_extra_info("peercert") or {}
        named = endpoints_in(
            [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
        )
        if named and self._server.controller not in named:
            raise LinkLost("the server's certificate is that of another endpoint")

    async def _work(self, socket: aiohttp.ClientWebSocketResponse, receive: Receive) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                await socket.close(code=UNSUPPORTED_DATA, message=b"binary frames only")
                raise LinkLost("the controller sent what is no Record")
            handled = await receive(
                Incoming(record=message.data, via="websocket", address=self.name, vouches=self.reaches)
            )
            if not handled.readable:
                await socket.close(code=UNSUPPORTED_DATA, message=b"this is no Record")
                raise LinkLost("the controller sent what is no Record")
            for reply in handled.replies:
                await _send(socket, reply)
        raise LinkLost(f"the connection ended: {socket.close_code}")


async def _send(socket: aiohttp.ClientWebSocketResponse, record: bytes) -> bool:
    try:
        await socket.send_bytes(record)
    except (ConnectionError, aiohttp.ClientError):
        return False
    return True
