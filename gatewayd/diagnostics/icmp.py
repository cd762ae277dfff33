"""ICMP echo through the kernel's unprivileged ping sockets, timed by the kernel.

icmp(7): `net.ipv4.ping_group_range` says who may open one (both families). The kernel sets the identifier and
the checksum and hands on only what answers our own questions. A question's time is when the packet left for
the driver, an answer's when it came from it (SO_TIMESTAMPING, Documentation/networking/timestamping.rst): how
long this process then takes to look is not in the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from gatewayd.errors import GatewayError

_SO_TIMESTAMPING = 37  # also the type of its control message; <asm-generic/socket.h>
_STAMPS = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 11
# TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, OPT_TSONLY of <linux/net_tstamp.h>
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_RECVTTL, _IP_TTL, _IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 12, 2, 51, 52
_ERROR = struct.Struct("=IBBBxII")  # sock_extended_err: errno, origin, type, code, info, data
_FROM_ICMP, _FROM_ICMP6, _FROM_STAMPS = 2, 3, 4  # SO_EE_ORIGIN_*
_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence (RFC 792, RFC 4443)
_TOKEN = 8
_CONTROL = 512
_SAME_CLOCK = 1_000_000  # ns by which the kernel's and the process's readings of one clock may differ

Kind = Literal["reply", "exceeded", "unreachable"]
_Take = Callable[[bytes, list[tuple[int, int, bytes]], tuple[object, ...]], None]


class Echo(NamedTuple):
    """What came back. `exceeded`: a router dropped it for its hop limit; `unreachable`: somebody refused it.

    `stamped`: both ends of `ms` are the kernel's. Where only the answer is (a driver that stamps nothing),
    or the wall clock was set in between, `ms` holds this process's own delays.
    """

    kind: Kind
    source: str
    ms: float
    stamped: bool
    ttl: int | None = None
    error: int = 0


class _Asked:
    """A question that waits for its answer. `wall` and `left` are of the kernel's wall clock, in ns."""

    __slots__ = ("answer", "left", "sent", "wall")

    def __init__(self, answer: asyncio.Future[Echo], left: int | None = None) -> None:
        self.answer = answer
        self.sent = time.monotonic_ns()
        self.wall = time.time_ns()
        self.left = left


class Pinger:
    """One ping socket to one address; use it as an async context manager inside a running loop.

    Questions may overlap. Raises GatewayError `diagnostics.icmp_unavailable` when the system allows no ping
    sockets, OSError when it has no such family.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._six = ":" in address
        self._token = os.urandom(_TOKEN)
        self._sequence = 0
        self._stamp_key = 0
        self._asked: dict[int, _Asked] = {}
        self._keys: dict[int, int] = {}

    async def __aenter__(self) -> Pinger:
        self._socket = _open(self._six)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for asked in self._asked.values():
            asked.answer.cancel()
        self._asked.clear()

    async def ask(self, seconds: float, *, size: int = 56, hops: int | None = None) -> Echo | None:
        """Asks once, with `size` bytes of content, and waits so long for what comes; None: nothing did.

        Raises OSError when the packet could not be sent (no route, too big for the interface).
        """
        self._sequence = (self._sequence + 1) & 0xFFFF
        sequence = self._sequence
        asked = self._asked[sequence] = _Asked(self._loop.create_future())
        try:
            self._send(sequence, size, hops)
            async with asyncio.timeout(seconds):
                return await asked.answer
        except TimeoutError:
            return None
        finally:
            self._asked.pop(sequence, None)

    def _send(self, sequence: int, size: int, hops: int | None) -> None:
        kind = 128 if self._six else 8
        body = (self._token + b"gatewayd" * (size // 8 + 1))[:size]
        packet = _HEADER.pack(kind, 0, 0, 0, sequence) + body
        control = []
        if hops is not None:
            level = socket.IPPROTO_IPV6 if self._six else socket.IPPROTO_IP
            control = [(level, _IPV6_HOPLIMIT if self._six else _IP_TTL, struct.pack("=i", hops))]
        key = self._stamp_key
        try:
            self._socket.sendmsg([packet], control, 0, (self.address, 0))
        except OSError:
            # An earlier packet's error is told to whoever calls next; it is not this packet's.
            self._socket.sendmsg([packet], control, 0, (self.address, 0))
        self._keys[key & 0xFFFFFFFF] = sequence
        self._stamp_key += 1
        if len(self._keys) > 256:
            del self._keys[next(iter(self._keys))]

    def _readable(self) -> None:
        # Time stamps first: an answer is worth more when the time of its question is known.
        self._take_errors()
        self._drain(0, self._take_reply)

    def _take_errors(self) -> None:
        self._drain(socket.MSG_ERRQUEUE, self._take_error)

    def _drain(self, flags: int, take: _Take) -> None:
        while True:
            try:
                data, control, _, source = self._socket.recvmsg(2048, _CONTROL, flags)
            except BlockingIOError:
                return
            except OSError:
                continue  # the pending error of a packet: its details are in the error queue
            take(data, control, source)

    def _take_reply(
        self, data: bytes, control: list[tuple[int, int, bytes]], source: tuple[object, ...]
    ) -> None:
        if len(data) < _HEADER.size or not self._is_ours(data[_HEADER.size :]):
            return
        kind, _, _, _, sequence = _HEADER.unpack_from(data)
        if kind in (0, 129) and _bare(source) == self.address:
            ttl, stamp = None, None
            for level, what, value in control:
                if level == socket.SOL_SOCKET and what == _SO_TIMESTAMPING:
                    stamp = _wall(value)
                elif (level, what) in _TTLS:
                    (ttl,) = struct.unpack_from("=i", value)
            asked = self._asked.get(sequence)
            if asked is not None and asked.left is None:
                # Both may have come since the stamps were looked at; its stamp lies there before its answer.
                self._take_errors()
            self._answer(sequence, "reply", _bare(source), stamp, ttl=ttl)

    def _take_error(
        self, data: bytes, control: list[tuple[int, int, bytes]], source: tuple[object, ...]
    ) -> None:
        stamp, error, offender = None, None, ""
        for level, what, value in control:
            if level == socket.SOL_SOCKET and what == _SO_TIMESTAMPING:
                stamp = _wall(value)
            elif (level, what) in _ERRORS and len(value) >= _ERROR.size:
                error = _ERROR.unpack_from(value)
                offender = _offender(value[_ERROR.size :])
        if error is None:
            return
        number, origin, kind, _, _, key = error
        if origin == _FROM_STAMPS:
            sequence = self._keys.pop(key, None)
            asked = None if sequence is None else self._asked.get(sequence)
            # A stamp before the question was asked is another packet's: better none than a wrong one.
            if asked is not None and stamp is not None and stamp >= asked.wall - _SAME_CLOCK:
                asked.left = stamp
        elif origin in (_FROM_ICMP, _FROM_ICMP6) and len(data) >= _HEADER.size and offender:
            over = kind == (3 if origin == _FROM_ICMP6 else 11)
            sequence = _HEADER.unpack_from(data)[4]
            self._answer(sequence, "exceeded" if over else "unreachable", offender, stamp, error=number)

    def _answer(
        self,
        sequence: int,
        kind: Kind,
        source: str,
        stamp: int | None,
        *,
        ttl: int | None = None,
        error: int = 0,
    ) -> None:
        asked = self._asked.get(sequence)
        if asked is None or asked.answer.done():
            return
        took = time.monotonic_ns() - asked.sent
        stamped = False
        if stamp is not None and asked.left is not None and 0 <= stamp - asked.left <= took + _SAME_CLOCK:
            took, stamped = stamp - asked.left, True
        asked.answer.set_result(Echo(kind, source, round(took / 1e6, 4), stamped, ttl, error))

    def _is_ours(self, body: bytes) -> bool:
        return body[:_TOKEN] == self._token[: len(body)]


_TTLS = {(socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)}
_ERRORS = {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}


def _open(six: bool) -> socket.socket:
    family, protocol = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    )
    with contextlib.ExitStack() as stack:
        try:
            sock = stack.enter_context(
                socket.socket(
                    family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol
                )
            )
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM):
                raise
            raise GatewayError(
                "diagnostics.icmp_unavailable",
                "The system lets the box open no ping socket; net.ipv4.ping_group_range says who may.",
            ) from None
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _STAMPS)
        stack.pop_all()
    return sock


def _wall(value: bytes) -> int | None:
    """The software stamp of scm_timestamping, in nanoseconds of the wall clock."""
    if len(value) < 16:
        return None
    seconds, nanoseconds = struct.unpack_from("=qq", value)
    return int(seconds) * 1_000_000_000 + int(nanoseconds) if seconds else None


def _offender(value: bytes) -> str:
    """Who sent the ICMP error: the socket address behind sock_extended_err."""
    if len(value) < 2:
        return ""
    (family,) = struct.unpack_from("=H", value)
    if family == socket.AF_INET and len(value) >= 8:
        return socket.inet_ntop(family, value[4:8])
    if family == socket.AF_INET6 and len(value) >= 24:
        return socket.inet_ntop(family, value[8:24])
    return ""


def _bare(source: tuple[object, ...]) -> str:
    return str(source[0]).partition("%")[0] if source else ""
