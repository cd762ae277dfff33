"""Does a multicast stream arrive? Joins a group and waits for one datagram."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct


async def arrives(group: str, port: int, interface: str | None, seconds: float) -> bool:
    """Whether anything for `group` came in within `seconds` on `interface` (None: where the routes point).

    Raises OSError when the group cannot be joined.
    """
    loop = asyncio.get_running_loop()
    with _joined(group, port, interface) as sock:
        try:
            async with asyncio.timeout(seconds):
                await loop.sock_recv(sock, 2048)
        except TimeoutError:
            return False
    return True


def _joined(group: str, port: int, interface: str | None) -> socket.socket:
    six = ipaddress.ip_address(group).version == 6
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((group, port))
        index = socket.if_nametoindex(interface) if interface else 0
        if six:
            joined = socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, joined)
        else:
            member = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), index)  # ip_mreqn of ip(7)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    except OSError:
        sock.close()
        raise
    return sock
