"""Generic netlink by hand (RFC 3549, linux/genetlink.h): a socket, its families, attributes.

By hand because the library that could do it decodes every attribute that it knows, also the elements of
beacons, which any neighbour fills as he likes: one element cut short and the whole scan was lost. What comes
back here are bytes, taken apart by functions that cannot fail.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator
from types import TracebackType
from typing import NamedTuple, Self

_NETLINK_GENERIC = 16
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_GENERIC = struct.Struct("=BBH")  # genlmsghdr: command, version, reserved
_ATTRIBUTE = struct.Struct("=HH")
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_CONTROL, _GET_FAMILY = 16, 3  # GENL_ID_CTRL, CTRL_CMD_GETFAMILY
_FAMILY_ID, _FAMILY_NAME, _GROUPS = 1, 2, 7  # CTRL_ATTR_*
_GROUP_NAME, _GROUP_ID = 1, 2
_KIND = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_ADD_MEMBERSHIP = 1
_LARGEST = 65536
_RECEIVE_BUFFER = 1 << 20


class Message(NamedTuple):
    """What the kernel sent: the family's command and the attributes as they are."""

    command: int
    attributes: bytes


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def u32(kind: int, value: int) -> bytes:
    """An attribute that holds a 32-bit number; a negative one as its complement."""
    return attribute(kind, struct.pack("=I", value & 0xFFFFFFFF))


def each(data: bytes) -> list[tuple[int, bytes]]:
    """Attributes in their order; what is cut short at the end is left out. Takes any bytes."""
    found, at = [], 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            break
        found.append((kind & _KIND, data[at + _ATTRIBUTE.size : at + length]))
        at += (length + 3) & ~3
    return found


def read(data: bytes) -> dict[int, bytes]:
    """Attributes by kind; the last one of a kind. Takes any bytes."""
    return dict(each(data))


def number(value: bytes | None) -> int | None:
    """An unsigned number of 1, 2, 4 or 8 bytes in the machine's order; None when it is none."""
    if value is None or len(value) not in (1, 2, 4, 8):
        return None
    return int.from_bytes(value, sys.byteorder)


class Family:
    """A socket that speaks one family. Use it as an async context manager; one request at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sequence = 0
        self._id = 0
        self._groups: dict[str, int] = {}
        self._socket: socket.socket

    async def __aenter__(self) -> Self:
        """Raises OSError: ENOENT when the kernel does not know the family."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            self._socket.bind((0, 0))
            wanted = attribute(_FAMILY_NAME, self._name.encode() + b"\0")
            answer = await self._exchange(_CONTROL, _GET_FAMILY, wanted, _ACK)
            self._learn(answer[0].attributes if answer else b"")
        except BaseException:
            self._socket.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def ask(self, command: int, attributes: bytes = b"", *, dump: bool = False) -> list[Message]:
        """Sends a command and returns its answers. Raises OSError with the kernel's errno."""
        return await self._exchange(self._id, command, attributes, _DUMP if dump else _ACK)

    def join(self, group: str) -> None:
        """Subscribes to a multicast group of the family. Raises OSError."""
        if group not in self._groups:
            raise OSError(2, f"{self._name} has no group {group}")
        self._socket.setsockopt(270, _ADD_MEMBERSHIP, self._groups[group])  # SOL_NETLINK

    async def events(self) -> AsyncIterator[Message]:
        """What the joined groups tell, without end."""
        while True:
            for kind, _, body in _split(await self._receive()):
                if kind == self._id and (message := _message(body)) is not None:
                    yield message

    async def _exchange(self, family: int, command: int, attributes: bytes, flags: int) -> list[Message]:
        self._sequence += 1
        body = _GENERIC.pack(command, 1, 0) + attributes
        header = _HEADER.pack(_HEADER.size + len(body), family, _REQUEST | flags, self._sequence, 0)
        await asyncio.get_running_loop().sock_sendall(self._socket, header + body)
        found: list[Message] = []
        while True:
            for kind, sequence, answer in _split(await self._receive()):
                if sequence != self._sequence:
                    continue
                if kind in (_DONE, _ERROR):
                    code = -int.from_bytes(answer[:4], sys.byteorder, signed=True)
                    if code > 0:
                        raise OSError(code, os.strerror(code))
                    return found
                if kind == family and (message := _message(answer)) is not None:
                    found.append(message)

    async def _receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, _LARGEST)

    def _learn(self, attributes: bytes) -> None:
        family = read(attributes)
        self._id = number(family.get(_FAMILY_ID)) or 0
        for _, group in each(family.get(_GROUPS, b"")):
            told = read(group)
            name = told.get(_GROUP_NAME, b"").rstrip(b"\0").decode("ascii", "replace")
            self._groups[name] = number(told.get(_GROUP_ID)) or 0


def _split(data: bytes) -> list[tuple[int, int, bytes]]:
    """The messages of one datagram: type, sequence, body."""
    found, at = [], 0
    while at + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            break
        found.append((kind, sequence, data[at + _HEADER.size : at + length]))
        at += (length + 3) & ~3
    return found


def _message(body: bytes) -> Message | None:
    return Message(body[0], body[_GENERIC.size :]) if len(body) >= _GENERIC.size else None
