"""The streams of a speed test: TCP connections whose bytes nobody looks at.

Down, the kernel throws the data away (MSG_TRUNC of tcp(7)): what is not copied costs nothing. Up, what counts
is what the other end has acknowledged, not what was put into a buffer; pages of a file in memory are sent
without being copied. A stream ends by a reset: a queue of unsent data would disturb the next measurement.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import sys
import termios
from collections.abc import Callable
from typing import NamedTuple

from gatewayd.diagnostics.speed_model import Way
from gatewayd.errors import GatewayError
from gatewayd.system.tcpinfo import tcp_info

_READ = 4 * 1024 * 1024
_READ_EVERY = 0.02
"""Seconds of data that a download gathers before it wakes us: what is counted does not wait for it."""
_MOST_GATHERED = 1024 * 1024
_LOW_WATER = 128 * 1024
_TCP_NOTSENT_LOWAT = 25
_MOST_HEADER = 16 * 1024
_PROMISED = 1 << 40  # bytes that a POST announces; it is ended long before
_POOL = 1024 * 1024
_HEADERS = {4: 40, 6: 60}  # bytes of IP and TCP headers without options; time stamps add 12 (RFC 7323)


class Server(NamedTuple):
    """Where the load comes from or goes to: a literal address, and what to say in the request."""

    address: str
    port: int
    host: str
    path: str

    @property
    def family(self) -> int:
        """Of sockets to it."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


class Counted(NamedTuple):
    """What a stream has moved since it was begun, in bytes.

    `payload` is what is there in order. `packets` are whole IP packets as they arrive, each taken for a full
    one; `exact` the same from the payload. A lost packet holds back the payload behind it for a while, and so
    makes that a poor measure of any half second; `packets` is none where segments are not full ones.
    """

    payload: int
    packets: int
    exact: int


class Pool:
    """The bytes that uploads send, and the room that downloads are thrown into; shared by the streams."""

    def __init__(self) -> None:
        self.file = os.memfd_create("speedtest")
        os.write(self.file, os.urandom(_POOL))
        self.room = bytearray(_READ)  # never written to: it costs no memory

    def close(self) -> None:
        """Gives it back."""
        os.close(self.file)


class Stream:
    """One connection under load; `ended` is called once when the other end has had enough."""

    def __init__(self, way: Way, sock: socket.socket, pool: Pool, ended: Callable[[Stream], None]) -> None:
        self._way = way
        self._socket = sock
        self._pool = pool
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        info = tcp_info(sock)
        self._base = info
        self._header = _HEADERS[6 if sock.family == socket.AF_INET6 else 4] + 12 * info.time_stamps
        self._last = Counted(0, 0, 0)
        self._gathered = 1
        self.alive = True
        if way == "down":
            self._loop.add_reader(sock, self._readable)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _LOW_WATER)
            self._loop.add_writer(sock, self._writable)

    def counted(self) -> Counted:
        """What it has moved; an ended stream's last word stays."""
        if not self.alive:
            return self._last
        now, base = tcp_info(self._socket), self._base
        if self._way == "down":
            payload, size = now.bytes_received - base.bytes_received, now.their_segment_size
            segments = now.segments_in - base.segments_in
        else:
            payload, size = now.bytes_acked - base.bytes_acked, now.segment_size
            segments = now.delivered - base.delivered
        self._last = Counted(payload, segments * (size + self._header), payload + segments * self._header)
        return self._last

    def retransmits(self) -> int:
        """Segments sent again; the sender's side knows, so 0 for downloads."""
        return tcp_info(self._socket).retransmits if self.alive else 0

    def congestion(self) -> str:
        """The congestion control of our end."""
        name = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        return name.split(b"\0", 1)[0].decode("ascii", "replace")

    def expect(self, rate: float) -> None:
        """Has the kernel wake us seldom at this rate (bytes a second): SO_RCVLOWAT of socket(7).

        A tenth of the wake-ups is a third of the processor's time. It follows the rate, because a stream that
        is read too seldom for its window is held back.
        """
        gathered = max(1, min(_MOST_GATHERED, int(rate * _READ_EVERY)))
        if self.alive and self._way == "down" and not self._gathered / 2 < gathered < self._gathered * 2:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, gathered)
            self._gathered = gathered

    def unread(self) -> float:
        """The share of the receive buffer that waits to be read (0..1), but for what is to be gathered."""
        if not self.alive or self._way == "up":
            return 0.0
        waiting = int.from_bytes(fcntl.ioctl(self._socket, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)
        room = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        return min(1.0, max(0, waiting - self._gathered) / max(1, room))

    def starved(self) -> float:
        """The share of the time with data under way in which our send buffer held the stream back (0..1)."""
        if not self.alive or self._way == "down":
            return 0.0
        now = tcp_info(self._socket)
        busy = now.busy_us - self._base.busy_us
        return (now.buffer_limited_us - self._base.buffer_limited_us) / busy if busy > 0 else 0.0

    def close(self) -> None:
        """Resets the connection."""
        if self.alive:
            with contextlib.suppress(OSError):
                self.counted()
            self.alive = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            reset(self._socket)

    def _readable(self) -> None:
        try:
            if self._socket.recv_into(self._pool.room, _READ, socket.MSG_TRUNC):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._gone()

    def _writable(self) -> None:
        try:
            os.sendfile(self._socket.fileno(), self._pool.file, 0, _POOL)
        except BlockingIOError:
            pass
        except OSError:
            self._gone()

    def _gone(self) -> None:
        self.close()
        self._ended(self)


async def begin(way: Way, server: Server, pool: Pool, ended: Callable[[Stream], None]) -> Stream:
    """Connects, asks, and lets it flow. Raises GatewayError `diagnostics.unreachable`, OSError."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        sock = socket.socket(server.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        stack.callback(reset, sock)
        await loop.sock_connect(sock, (server.address, server.port))
        common = f"Host: {server.host}\r\nUser-Agent: gatewayd\r\nAccept-Encoding: identity\r\n"
        if way == "down":
            ask = f"GET {server.path} HTTP/1.1\r\n{common}Connection: close\r\n\r\n"
        else:
            ask = (
                f"POST {server.path} HTTP/1.1\r\n{common}Content-Type: application/octet-stream\r\n"
                f"Content-Length: {_PROMISED}\r\n\r\n"
            )
        await loop.sock_sendall(sock, ask.encode("ascii"))
        if way == "down":
            await _begun(sock)
        made = Stream(way, sock, pool, ended)
        stack.pop_all()
    return made


async def _begun(sock: socket.socket) -> None:
    """Waits for the header of an answer that brings data."""
    loop = asyncio.get_running_loop()
    header = b""
    while b"\r\n\r\n" not in header:
        piece = await loop.sock_recv(sock, 2048)
        header += piece
        if not piece or len(header) > _MOST_HEADER:
            raise GatewayError("diagnostics.unreachable", "The speed-test server did not answer as one.")
    words = header.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or words[1] != b"200":
        raise GatewayError(
            "diagnostics.unreachable", "The speed-test server refused: it may be busy. Try again later."
        )


def reset(sock: socket.socket) -> None:
    """Ends a connection at once: what is unsent is thrown away."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
