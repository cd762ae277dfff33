"""What the kernel says of links, addresses, routes and neighbours, through rtnetlink (rtnetlink(7)).

Reading needs no privilege; `set_link` does and is for netd only. pyroute2 is imported at the first call, in
a thread: it takes a quarter of a second and 10 MB, which an idle box need not spend.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

_UP, _LOOPBACK, _POINTOPOINT, _NOARP = 0x1, 0x8, 0x10, 0x80  # IFF_* of netdevice(7)
_TENTATIVE, _DAD_FAILED = 0x40, 0x08  # IFA_F_* of if_addr.h
_MAIN_TABLE = 254
_UNICAST = 1
_NEIGHBOUR_STATES = {
    0x01: "incomplete",
    0x02: "reachable",
    0x04: "stale",
    0x08: "delay",
    0x10: "probe",
    0x20: "failed",
    0x40: "noarp",
    0x80: "permanent",
}  # NUD_* of neighbour.h
_GLOBAL = 0
_NEW_LINK, _REQUEST_ACK = 16, 0x5  # RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK
_SET_LINK = 19  # RTM_SETLINK
# IFLA_PROTINFO | NLA_F_NESTED and, in it, IFLA_BRPORT_ISOLATED of if_link.h
_PORT_SETTINGS, _PORT_ISOLATED = 12 | 0x8000, 33
_PATIENCE = 5.0
_CHANGES = 0x1 | 0x10 | 0x40 | 0x100  # RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR of rtnetlink.h


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A network interface. `carrier` is the physical layer's word; an interface that is down has none."""

    index: int
    name: str
    mac: str | None
    up: bool
    carrier: bool
    loopback: bool = False
    arp: bool = True
    kind: str | None = None
    carrier_changes: int = 0


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An address that an interface has; `usable` is False during and after failed duplicate detection."""

    index: int
    family: int
    address: str
    prefix: int
    global_scope: bool
    usable: bool = True


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A unicast route of the main table; `destination` is None for the default route."""

    family: int
    destination: str | None
    prefix: int
    gateway: str | None
    index: int | None
    metric: int = 0


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the neighbour cache with its NUD state in lower case."""

    index: int
    address: str
    mac: str | None
    state: str


@asynccontextmanager
async def _kernel() -> AsyncIterator[Any]:
    """A routing socket of this namespace."""
    library: Any = await asyncio.to_thread(importlib.import_module, "pyroute2")
    async with library.AsyncIPRoute() as kernel:
        yield kernel


async def links() -> tuple[Link, ...]:
    """Every interface of this network namespace."""
    async with _kernel() as kernel:
        return tuple([_link(message) async for message in await kernel.link("dump")])


async def addresses() -> tuple[Address, ...]:
    """Every IPv4 and IPv6 address."""
    async with _kernel() as kernel:
        return tuple([_address(message) async for message in await kernel.addr("dump")])


async def routes() -> tuple[Route, ...]:
    """The unicast routes of the main table, IPv4 and IPv6, by metric."""
    found: list[Route] = []
    async with _kernel() as kernel:
        for family in (socket.AF_INET, socket.AF_INET6):
            async for message in await kernel.route("dump", family=family):
                found += _routes(message)
    return tuple(sorted(found, key=lambda route: route.metric))


async def neighbours() -> tuple[Neighbour, ...]:
    """The IPv4 and IPv6 neighbour caches."""
    found: list[Neighbour] = []
    async with _kernel() as kernel:
        for family in (socket.AF_INET, socket.AF_INET6):
            async for message in await kernel.neigh("dump", family=family):
                found.append(_neighbour(message))
    return tuple(found)


class Changes:
    """Wakes when a link, an address or an IPv4 route changed since the last `wait`."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """True at the next change, False when none came within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def notice(self) -> None:
        """Something changed."""
        self._changed.set()


@asynccontextmanager
async def changes() -> AsyncIterator[Changes]:
    """Subscribes; whatever happens after entering is noticed, so enter first and read then."""
    changed = Changes()
    async with _kernel() as kernel:
        await kernel.bind(groups=_CHANGES)
        reading = asyncio.create_task(_read(kernel, changed))
        try:
            yield changed
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await reading


async def _read(kernel: Any, changed: Changes) -> None:
    async for _ in kernel.get():
        changed.notice()


async def set_link(index: int, *, up: bool) -> None:
    """Sets an interface up or down. Raises OSError (EPERM, ENODEV ...). Needs CAP_NET_ADMIN."""
    await asyncio.to_thread(_set_link, index, up)


async def set_isolated(index: int, *, isolated: bool) -> None:
    """Whether a bridge's port is kept apart from the other ports that are: frames pass between it and the
    rest of the bridge only. Raises OSError, also when it is no port of a bridge. Needs CAP_NET_ADMIN."""
    await asyncio.to_thread(_set_isolated, index, isolated)


def _set_link(index: int, up: bool) -> None:
    # By hand: netd would load a large library for these 32 bytes.
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, _UP if up else 0, _UP)  # ifinfomsg
    _order(_NEW_LINK, body)


def _set_isolated(index: int, isolated: bool) -> None:
    body = struct.pack("=BxHiII", socket.AF_BRIDGE, 0, index, 0, 0)  # ifinfomsg
    flag = struct.pack("=HHBxxx", 5, _PORT_ISOLATED, isolated)
    _order(_SET_LINK, body + struct.pack("=HH", 4 + len(flag), _PORT_SETTINGS) + flag)


def _order(kind: int, body: bytes) -> None:
    header = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_ACK, 1, 0)  # nlmsghdr
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(_PATIENCE)
        kernel.send(header + body)
        code = -struct.unpack_from("=i", kernel.recv(8192), 16)[0]  # nlmsgerr
    if code:
        raise OSError(code, os.strerror(code))


def _link(message: Any) -> Link:
    info = message.get("linkinfo")
    flags = message["flags"]
    return Link(
        index=message["index"],
        name=message.get("ifname") or "",
        mac=message.get("address"),
        up=bool(flags & _UP),
        carrier=bool(flags & _UP) and bool(message.get("carrier")),
        loopback=bool(flags & _LOOPBACK),
        arp=not flags & (_NOARP | _POINTOPOINT | _LOOPBACK),
        kind=info.get("kind") if info is not None else None,
        carrier_changes=message.get("carrier_changes") or 0,
    )


def _address(message: Any) -> Address:
    flags = message.get("flags") or 0
    return Address(
        index=message["index"],
        family=message["family"],
        # On point-to-point links IFA_ADDRESS is the peer's and IFA_LOCAL ours.
        address=message.get("local") or message.get("address") or "",
        prefix=message["prefixlen"],
        global_scope=message["scope"] == _GLOBAL,
        usable=not flags & (_TENTATIVE | _DAD_FAILED),
    )


def _routes(message: Any) -> list[Route]:
    table = message.get("table")
    if table != _MAIN_TABLE or message["type"] != _UNICAST:
        return []
    hops = message.get("multipath") or [{"gateway": message.get("gateway"), "oif": message.get("oif")}]
    return [
        Route(
            family=message["family"],
            destination=message.get("dst") or None,
            prefix=message["dst_len"],
            gateway=_get(hop, "gateway"),
            index=_get(hop, "oif"),
            metric=message.get("priority") or 0,
        )
        for hop in hops
    ]


def _get(hop: Any, name: str) -> Any:
    value = hop.get(name)
    return value if value or name != "oif" else hop.get("index")


def _neighbour(message: Any) -> Neighbour:
    return Neighbour(
        index=message["ifindex"],
        address=message.get("dst") or "",
        mac=message.get("lladdr"),
        state=_NEIGHBOUR_STATES.get(message["state"], "none"),
    )
