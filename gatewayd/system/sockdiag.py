"""When the box's own TCP connections last heard from their peers, through sock_diag(7). Unprivileged.

Connections of devices behind the box are forwarded, not ours: they are not seen here.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

_NETLINK_SOCK_DIAG = 4
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3
_ESTABLISHED = 1 << 1
_INFO = 2  # INET_DIAG_INFO; asked for by bit 1
_MESSAGE_SIZE = 72  # inet_diag_msg
_PEER_AT = 24  # family, state, timer, retrans, two ports, the source address
_LAST_DATA_RECEIVED, _LAST_ACK_RECEIVED = 52, 56  # of tcp_info, in milliseconds ago


class Heard(NamedTuple):
    """An established connection's peer and how many milliseconds ago it last sent data or an ACK."""

    peer: str
    ms: int


async def heard() -> tuple[Heard, ...]:
    """Every established TCP connection of this network namespace. Raises OSError."""
    found: list[Heard] = []
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as sock:
        sock.setblocking(False)
        for family in (socket.AF_INET, socket.AF_INET6):
            await loop.sock_sendall(sock, _request(family))
            done = False
            while not done:
                done = _take(await loop.sock_recv(sock, 65536), found)
    return tuple(found)


def _request(family: int) -> bytes:
    body = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (_INFO - 1), _ESTABLISHED)
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + body


def _take(data: bytes, into: list[Heard]) -> bool:
    """Adds what one datagram holds; True at the dump's end."""
    while len(data) >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(data)
        if kind == _DONE or length < _HEADER.size:
            return True
        if kind == _ERROR:
            code = -struct.unpack_from("=i", data, _HEADER.size)[0]
            raise OSError(code, "sock_diag refused")
        if (one := _heard(data[_HEADER.size : length])) is not None:
            into.append(one)
        data = data[(length + 3) & ~3 :]
    return False


def _heard(body: bytes) -> Heard | None:
    if len(body) < _MESSAGE_SIZE:
        return None
    size = 16 if body[0] == socket.AF_INET6 else 4
    peer = socket.inet_ntop(body[0], body[_PEER_AT : _PEER_AT + size])
    for kind, value in _attributes(body[_MESSAGE_SIZE:]):
        if kind == _INFO and len(value) >= _LAST_ACK_RECEIVED + 4:
            data, ack = struct.unpack_from("=II", value, _LAST_DATA_RECEIVED)
            return Heard(peer, min(data, ack))
    return None


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind, data[4:length]
        data = data[(length + 3) & ~3 :]
