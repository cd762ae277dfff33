"""The engine for multicast television: `udp://@GROUP:PORT` and `rtp://GROUP:PORT`, drained at each beat.

Between beats the kernel keeps what comes; at a beat one recvmmsg takes hundreds of datagrams, and numpy
takes the usual case (equal datagrams in order) apart without looking at each.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import structlog
from numpy.typing import NDArray

from gatewayd.dvr.addresses import Group, group
from gatewayd.dvr.media.engine import Beat, Flow
from gatewayd.dvr.media.messages import Source
from gatewayd.dvr.media.rtp import PACKET, SYNC, Depacketiser
from gatewayd.errors import GatewayError
from gatewayd.system.datagrams import Batch, dropped, widen

log = structlog.get_logger(__name__)

ROOM = 2 << 20
"""Bytes that the kernel keeps between beats: 0.25 s at 32 Mbit/s with its own overhead."""
_MOST = 8 << 20
"""Bytes that may wait for the disk; what is more stays in the kernel, and is lost there when it is full."""
_DATAGRAMS, _LONGEST = 256, 2048
_TELL_EVERY = 60.0
_RTP = 12

_IP_MULTICAST_ALL, _IPV6_MULTICAST_ALL = 49, 29  # <linux/in.h>, <linux/in6.h>
_MCAST_JOIN_GROUP, _MCAST_JOIN_SOURCE_GROUP = 42, 46  # RFC 3678, <linux/in.h>


class UdpFlow:
    """A joined group; see Flow."""

    def __init__(self, sock: socket.socket, batch: Batch, beat: Beat) -> None:
        self._sock = sock
        self._batch = batch
        self._beat = beat
        self._rows: NDArray[np.uint8] = np.frombuffer(batch.buffer, np.uint8).reshape(-1, batch.size)
        memory, offset, stride = batch.raw_lengths
        self._lengths: NDArray[np.uint32] = np.ndarray(
            (batch.count,), np.uint32, buffer=memory, offset=offset, strides=(stride,)
        )
        self._sorter = Depacketiser()
        self._pieces: list[bytes] = []
        self._size = 0
        self._waiting: asyncio.Future[None] | None = None
        self._last = self._told = asyncio.get_running_loop().time()
        self._patience = 0.0
        self._trouble = 0
        beat.join(self._struck)

    async def read(self, patience: float) -> bytes:
        """See Flow."""
        if not self._pieces:
            self._patience = patience
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        pieces, self._pieces, self._size = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Leaves the beat; closing the socket leaves the group."""
        self._beat.leave(self._struck)
        self._tell()

    def _struck(self) -> None:
        now = asyncio.get_running_loop().time()
        try:
            self._drain()
        except OSError as error:  # the interface has gone
            self._fail(GatewayError("dvr.source_ended", f"The network broke off: {error.strerror}."))
            return
        if self._pieces:
            self._last = now
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(None)
        elif now - self._last > self._patience:
            self._last = now
            self._fail(TimeoutError())
        if now - self._told > _TELL_EVERY:
            self._told = now
            self._tell()

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    def _drain(self) -> None:
        got = self._batch.count
        while got == self._batch.count and self._size < _MOST:
            got = self._batch.receive(self._sock)
            if got:
                self._add(self._in_order(got) or self._one_by_one(got))
        self._sorter.settle()
        self._add(self._sorter.take())

    def _add(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._size += len(data)

    def _in_order(self, got: int) -> bytes | None:
        """The bytes of datagrams that are alike and in order; None when they are not."""
        rows, lengths = self._rows[:got], self._lengths[:got]
        length = int(lengths[0])
        if length > self._batch.size or (lengths != length).any():
            return None
        if length % PACKET == 0 and (rows[:, 0] == SYNC).all():
            self._sorter.skip(got)
            return rows[:, :length].tobytes()
        expected = self._sorter.expected
        if expected is None or length <= _RTP or (length - _RTP) % PACKET:
            return None
        if (rows[:, 0] != 0x80).any() or (rows[:, _RTP] != SYNC).any():
            return None
        numbers = rows[:, 2].astype(np.uint16) << 8 | rows[:, 3]
        if (numbers != (expected + np.arange(got) & 0xFFFF)).any() or (rows[:, 8:12] != rows[0, 8:12]).any():
            return None
        self._sorter.skip(got)
        return rows[:, _RTP:length].tobytes()

    def _one_by_one(self, got: int) -> bytes:
        for row, length in zip(self._rows[:got], self._lengths[:got], strict=True):
            if length > self._batch.size:
                self._sorter.counts.malformed += 1
            else:
                self._sorter.put(row[:length].tobytes())
        return self._sorter.take()

    def _tell(self) -> None:
        """A line in the log when datagrams went missing since the last."""
        counts = self._sorter.counts
        no_room = dropped(self._sock)
        trouble = counts.malformed + counts.lost + counts.late + no_room
        if trouble > self._trouble:
            self._trouble = trouble
            log.warning(
                "media.multicast_trouble",
                lost=counts.lost,
                late=counts.late,
                malformed=counts.malformed,
                no_room=no_room,
            )


class UdpEngine:
    """Joins groups; one batch of buffers serves all of them, for they are drained one after the other."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._batch: Batch | None = None

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[Flow]:
        """See Engine. `dvr.source_unreachable` when the group cannot be joined."""
        sock = join(group(source.url), source.interface)
        with contextlib.closing(sock):
            if self._batch is None:
                self._batch = Batch(_DATAGRAMS, _LONGEST)
            flow = UdpFlow(sock, self._batch, self._beat)
            try:
                yield flow
            finally:
                flow.close()


def join(wanted: Group, interface: str | None) -> socket.socket:
    """A socket that gets this group only. Raises GatewayError `dvr.source_unreachable`."""
    version6 = wanted.address.version == 6
    sock = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a viewer on the box may have it open
        index = 0 if interface is None else socket.if_nametoindex(interface)
        level = socket.IPPROTO_IPV6 if version6 else socket.IPPROTO_IP
        sock.setsockopt(level, _IPV6_MULTICAST_ALL if version6 else _IP_MULTICAST_ALL, 0)
        sock.bind((str(wanted.address), wanted.port))  # to the group: not what others send to the port
        option, value = _membership(wanted, index)
        sock.setsockopt(level, option, value)
        if (room := widen(sock, ROOM)) < ROOM:
            log.warning("media.multicast_buffer_small", bytes=room, wanted=ROOM)
    except OSError as error:
        sock.close()
        raise GatewayError("dvr.source_unreachable", _sentence(wanted, interface, error)) from error
    return sock


def _membership(wanted: Group, index: int) -> tuple[int, bytes]:
    """The socket option and its struct group_req or group_source_req (RFC 3678), on 64 bit and 32 bit."""
    head = struct.pack("@I0Q", index) if struct.calcsize("@P") == 8 else struct.pack("@I", index)
    if wanted.source is None:
        return _MCAST_JOIN_GROUP, head + _storage(wanted.address)
    return _MCAST_JOIN_SOURCE_GROUP, head + _storage(wanted.address) + _storage(wanted.source)


def _storage(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    """A struct sockaddr_storage: 128 bytes."""
    if address.version == 4:
        return struct.pack("@HH4s120x", socket.AF_INET, 0, address.packed)
    return struct.pack("@HHI16sI100x", socket.AF_INET6, 0, 0, address.packed, 0)


def _sentence(wanted: Group, interface: str | None, error: OSError) -> str:
    if interface is not None and error.errno in (None, errno.ENODEV, errno.ENXIO):
        return f"The group {wanted.address} cannot be joined: there is no interface {interface}."
    if error.errno == errno.ENODEV:
        return f"No interface leads to the group {wanted.address}: set dvr.multicast_interface."
    return f"The group {wanted.address} cannot be joined on port {wanted.port}: {error.strerror or error}."
