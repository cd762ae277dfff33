"""Forgets tracked connections by address, through ctnetlink by hand.

The kernel cannot delete by address: the table is dumped once, matched here, and each match deleted by its
own tuple, 128 in one message. The price is the dump of the whole table. By hand because libraries build an
object for each entry: 20,000 connections took 67 s with one and take well under a second with this, and a
pause must hold at once.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator, Sequence

from gatewayd.errors import GatewayError

_NETLINK_NETFILTER = 12
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_FAMILY = struct.Struct("!BBH")  # nfgenmsg: family, version 0, resource 0
_GET, _DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_*
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
# Attributes of nfnetlink_conntrack.h
_ORIGINAL, _REPLY, _ID, _ZONE = 1, 2, 12, 18
_TUPLE_IP = 1
_KIND = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_BATCH = 128
_TIMEOUT = 5.0
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_GONE = {errno.ENOENT, errno.ESTALE}
_MISSING = {errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EINVAL}


async def flush(addresses: Sequence[str]) -> int:
    """Forgets every connection of which either direction names one of `addresses`; how many there were.

    Raises GatewayError `netd.not_supported` without connection tracking, `netd.failed` otherwise.
    """
    wanted = [ipaddress.ip_address(one) for one in addresses]
    forgotten = 0
    for version, family in _FAMILIES.items():
        packed = frozenset(one.packed for one in wanted if one.version == version)
        if packed:
            forgotten += await asyncio.to_thread(_flush, family, packed)
    return forgotten


def _flush(family: int, wanted: frozenset[bytes]) -> int:
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
            kernel.settimeout(_TIMEOUT)
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            found = [entry for body in _dump(kernel, family) if (entry := _matching(body, wanted))]
            return sum(
                _delete(kernel, family, found[at : at + _BATCH]) for at in range(0, len(found), _BATCH)
            )
    except TimeoutError:
        raise GatewayError("netd.failed", "Connection tracking: the kernel does not answer.") from None
    except OSError as error:
        if error.errno in _MISSING:
            raise GatewayError("netd.not_supported", "The kernel does not track connections.") from error
        raise GatewayError("netd.failed", f"Connection tracking: {error.strerror}.") from error


def _dump(kernel: socket.socket, family: int) -> Iterator[bytes]:
    """The attributes of every entry of one family."""
    kernel.send(_message(_GET, _REQUEST | _DUMP, family, b""))
    while True:
        for kind, body in _messages(kernel.recv(1 << 20)):
            if kind == _DONE:
                return
            if kind == _ERROR:
                code = _code(body)
                raise OSError(code, errno.errorcode.get(code, "unknown error"))
            yield body[_FAMILY.size :]


def _delete(kernel: socket.socket, family: int, entries: Sequence[bytes]) -> int:
    """Deletes entries and waits for each acknowledgement; those that had ended by themselves do not count."""
    kernel.send(b"".join(_message(_DELETE, _REQUEST | _ACK, family, entry) for entry in entries))
    deleted = answered = 0
    while answered < len(entries):
        for kind, body in _messages(kernel.recv(1 << 20)):
            code = _code(body) if kind == _ERROR else 0
            answered += kind == _ERROR
            deleted += kind == _ERROR and code == 0
            if code and code not in _GONE:
                raise OSError(code, errno.errorcode.get(code, "unknown error"))
    return deleted


def _matching(body: bytes, wanted: frozenset[bytes]) -> bytes | None:
    """What identifies an entry in a delete message, or None when it names none of the addresses."""
    matches, identity = False, b""
    for kind, whole in _attributes(body):
        if kind in (_ORIGINAL, _REPLY):
            matches = matches or any(value[4:] in wanted for value in _ends(whole[4:]))
        if kind in (_ORIGINAL, _ID, _ZONE):
            identity += whole + b"\0" * (-len(whole) % 4)
    return identity if matches else None


def _ends(tuple_body: bytes) -> Iterator[bytes]:
    """The address attributes of one direction."""
    for kind, whole in _attributes(tuple_body):
        if kind == _TUPLE_IP:
            for _, address in _attributes(whole[4:]):
                yield address


def _message(kind: int, flags: int, family: int, attributes: bytes) -> bytes:
    body = _FAMILY.pack(family, 0, 0) + attributes
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            return
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and whole attribute, header included."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & _KIND, data[:length]
        data = data[(length + 3) & ~3 :]


def _code(body: bytes) -> int:
    return -int(struct.unpack_from("=i", body)[0])
