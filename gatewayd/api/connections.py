"""One connection: its first header under a deadline, its peer known; and the count of an address's."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog
from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler

from gatewayd.api import problems
from gatewayd.callers import Caller
from gatewayd.errors import Crash, GatewayError
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
Listener = Literal["https", "socket", "redirect"]
_UCRED = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
_SO_PEERGROUPS = 59  # <asm-generic/socket.h>, Linux 4.13; not among Python's constants
_GROUPS_BYTES = 1024  # the most that Python's getsockopt takes: 256 groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one peer may take. Times in seconds, sizes in bytes.

    `pace` lies between two handshakes with addresses from which nobody known has come yet: a handshake costs
    a small box milliseconds, and a thousand at once would keep everybody else waiting. `known` is how many
    other addresses are remembered.
    """

    per_address: int = 64
    total: int = 256
    handshake: float = 5.0
    header: float = 10.0
    body: float = 10.0
    body_bytes: int = 1 << 20
    keep_alive: float = 30.0
    linger: float = 1.0
    pace: float = 0.008
    known: int = 256


class Seat:
    """One open connection's place. `trusted` once somebody known has asked for something on it; `unseat` ends
    the connection at once."""

    __slots__ = ("address", "trusted", "unseat")

    def __init__(self, address: str) -> None:
        self.address = address
        self.trusted = False
        self.unseat: Callable[[], None] = _nothing


class Gate:
    """Counts the open connections of each address, and all of them.

    Where there is no room, a connection on which nobody known has asked for anything makes some: the oldest
    of the address that is full, or of the address that has most. So whoever only holds connections open
    loses them to those who come, and never takes one of the household's.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seats: dict[Seat, None] = {}  # in the order of their coming
        self._open: Counter[str] = Counter()
        self._known: dict[str, None] = {}

    def know(self, seat: Seat) -> None:
        """Somebody known has asked for something by this connection: it makes room for nobody."""
        seat.trusted = True
        self._known.pop(seat.address, None)
        self._known[seat.address] = None
        while len(self._known) > self._limits.known:
            del self._known[next(iter(self._known))]

    def knows(self, address: str) -> bool:
        """Whether somebody known has come from this address before."""
        return address in self._known

    def enter(self, address: str) -> Seat | None:
        """A seat for one more connection; None when every one is taken by somebody known."""
        if self._open[address] >= self._limits.per_address and not self._make_room(address):
            return None
        if len(self._seats) >= self._limits.total and not self._make_room(None):
            return None
        seat = Seat(address)
        self._seats[seat] = None
        self._open[address] += 1
        return seat

    def leave(self, seat: Seat) -> None:
        """The connection has ended; again: nothing."""
        if seat not in self._seats:
            return
        del self._seats[seat]
        self._open[seat.address] -= 1
        if self._open[seat.address] <= 0:
            del self._open[seat.address]

    def _make_room(self, address: str | None) -> bool:
        idle = [seat for seat in self._seats if not seat.trusted and address in (None, seat.address)]
        if not idle:
            return False
        seat = max(idle, key=lambda one: self._open[one.address])  # the oldest of them: `max` takes the first
        self.leave(seat)
        seat.unseat()
        return True


def _nothing() -> None:
    """A connection that has not begun has nothing to end."""


@dataclass(frozen=True, slots=True)
class Admins:
    """Who may use the Unix socket: user ids, and members of a group (None where it does not exist)."""

    users: frozenset[int]
    group: int | None

    def admit(self, uid: int, groups: frozenset[int]) -> bool:
        """Whether a process with these credentials acts as `local`."""
        return uid in self.users or (self.group is not None and self.group in groups)


class Connection(RequestHandler):
    """aiohttp's protocol for one connection; it does not wait long for a first request.

    `caller` is set on the Unix socket, where the kernel vouches for the peer; `stranger` marks a peer
    there that may do nothing.
    """

    def __init__(
        self,
        server: web.Server,
        listener: Listener,
        limits: Limits,
        *,
        left: Callable[[], None],
        trusted: Callable[[], None] = _nothing,
        caller: Caller | None = None,
        stranger: bool = False,
    ) -> None:
        """`left` is called when the connection, once made, has ended; `trusted` when a known one uses it."""
        self._loop_here = asyncio.get_running_loop()
        super().__init__(
            server,
            loop=self._loop_here,
            keepalive_timeout=limits.keep_alive,
            lingering_time=limits.linger,
            # 64 x 4 KiB of headers on 256 connections: what strangers can make us hold is 64 MiB.
            max_headers=64,
            max_field_size=4096,
            # A compressed body could grow a thousandfold; bodies here are small and come as they are.
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to say: no access log
        )
        self.listener = listener
        self.caller = caller
        self.stranger = stranger
        self.local_address = ""
        self.peer_address = ""
        self.made = False
        self._left = left
        self._trusted = trusted
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._content: StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """After the TLS handshake: the first header has its time from now."""
        self.made = True
        self.local_address = plain_address(transport.get_extra_info("sockname"))
        self.peer_address = plain_address(transport.get_extra_info("peername"))
        self._timer = self._loop_here.call_later(self._limits.header, self.force_close)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forgets the connection."""
        self._stop_timer()
        self._left()
        super().connection_lost(exc)
        # A handler that reads has been told by now; this ends aiohttp's wait for the rest of a body
        # that was refused, which nobody will send any more.
        if self._content is not None and not self._content.is_eof():
            self._content.feed_eof()

    def trust(self) -> None:
        """Somebody known has asked for something by it."""
        self._trusted()

    def heard(self, request: web.Request) -> None:
        """A request's header has come: the deadline is over."""
        self._content = request.content
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers what never became a request of the application: broken HTTP."""
        error: GatewayError
        if isinstance(exc, ConnectionError):
            # The peer went away in the middle: no defect, and strangers must not fill the log with it.
            log.debug("api.peer_gone", error=repr(exc))
            error = GatewayError("request.malformed", "The request was broken off.")
        elif status < 500:
            error = GatewayError("request.malformed", "This is not a request that HTTP/1.1 allows.")
        else:
            error = Crash(new_id())
            log.error("api.crashed", id=getattr(error, "id", None), error=repr(exc), exc_info=exc)
        response = problems.respond(error)
        response.force_close()
        return response


def peer_credentials(sock: socket.socket) -> tuple[int, frozenset[int]]:
    """User id and all group ids that a peer had when it connected (SO_PEERCRED, SO_PEERGROUPS).

    The kernel's answer needs no look into the user database, which may block.
    """
    _, uid, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:  # more groups than fit, or a kernel that does not tell
        raw = b""
    return uid, frozenset({gid, *struct.unpack(f"{len(raw) // 4}I", raw)})


def plain_address(name: object) -> str:
    """The address of a socket name; IPv4 that came through an IPv6 socket is IPv4 again, zones are cut."""
    if not isinstance(name, tuple):
        return ""
    try:
        address = ipaddress.ip_address(str(name[0]).partition("%")[0])
    except ValueError:
        return str(name[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)
