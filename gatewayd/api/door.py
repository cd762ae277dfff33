"""The door of one listening socket: who comes in is counted before a byte of TLS is read.

asyncio's own server counts nobody and shows a connection only after its handshake, so a peer that
opens sockets and says nothing could take every file descriptor that the daemon has.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import structlog
from aiohttp import web

from gatewayd import callers
from gatewayd.api.connections import (
    Admins,
    Connection,
    Gate,
    Limits,
    Listener,
    Seat,
    peer_credentials,
    plain_address,
)
from gatewayd.tasks import Tasks

log = structlog.get_logger(__name__)
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})  # accept(2)


class Door:
    """Accepts connections of `sock` and hands them to aiohttp's `server`.

    It listens as soon as it is made, accepts while `run` runs, and owns `sock` until `close`.
    """

    def __init__(
        self,
        sock: socket.socket,
        listener: Listener,
        server: web.Server,
        gate: Gate,
        admins: Admins,
        limits: Limits,
        tls: ssl.SSLContext | None,
        tasks: Tasks,
    ) -> None:
        self._sock = sock
        self._listener = listener
        self._server = server
        self._gate = gate
        self._admins = admins
        self._limits = limits
        self._tls = tls
        self._tasks = tasks
        self._queue = asyncio.Lock()
        self._last = 0.0
        sock.setblocking(False)
        sock.listen(128)

    def close(self) -> None:
        """Stops listening."""
        self._sock.close()

    async def run(self) -> None:
        """Accepts until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, name = await loop.sock_accept(self._sock)
            except OSError as error:  # the peer has gone again, or there is no room for it
                if error.errno in _NO_ROOM:
                    log.warning("api.no_room", listener=self._listener, error=str(error))
                    await asyncio.sleep(1.0)
                continue
            self._admit(peer, name)

    def _admit(self, peer: socket.socket, name: object) -> None:
        uid, groups = peer_credentials(peer) if self._listener == "socket" else (-1, frozenset[int]())
        address = f"uid:{uid}" if self._listener == "socket" else plain_address(name)
        seat = self._gate.enter(address)
        if seat is None:
            log.debug("api.too_many_connections", address=address)
            peer.close()
            return
        known = self._listener == "socket" and self._admins.admit(uid, groups)
        connection = Connection(
            self._server,
            self._listener,
            self._limits,
            left=lambda: self._gate.leave(seat),
            trusted=lambda: self._gate.know(seat),
            caller=callers.local(uid) if known else None,
            stranger=self._listener == "socket" and not known,
        )
        greeting = self._tasks.spawn(f"api {self._listener} handshake", self._greet(peer, connection, seat))

        def unseat() -> None:
            if connection.transport is not None:
                connection.transport.abort()
            else:
                greeting.cancel()

        seat.trusted, seat.unseat = known, unseat

    async def _turn(self) -> None:
        """Waits for the next moment at which a stranger's handshake may begin, in the order of coming."""
        loop = asyncio.get_running_loop()
        async with self._queue:
            await asyncio.sleep(max(0.0, self._last + self._limits.pace - loop.time()))
            self._last = loop.time()

    async def _greet(self, peer: socket.socket, connection: Connection, seat: Seat) -> None:
        handshake = self._limits.handshake if self._tls is not None else None
        shutdown = 2.0 if self._tls is not None else None
        try:
            if self._tls is not None and not self._gate.knows(seat.address):
                await self._turn()
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                peer,
                ssl=self._tls,
                ssl_handshake_timeout=handshake,
                ssl_shutdown_timeout=shutdown,
            )
        except OSError as error:  # ssl.SSLError and a time-out are among them
            log.debug("api.handshake_failed", address=seat.address, error=type(error).__name__)
        finally:
            if not connection.made:
                peer.close()
                self._gate.leave(seat)
