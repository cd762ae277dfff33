"""Fetching what a stranger's address names, without becoming that stranger's hands inside the box.

Every socket is checked at the moment it is made, on the address it will really connect to: so a name
that resolves to 127.0.0.1, an address literal, each redirect and each retry meet the same rule.
Home addresses (RFC 1918, fc00::/7) are allowed: tuners live there. The box's own addresses are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import ipaddress
import socket
from pathlib import Path

import aiohttp

from gatewayd.errors import GatewayError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]

MAX_REDIRECTS = 5
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, 2.5.5.1 (deprecated)


class ForbiddenAddress(OSError):
    """No source may live at this address. The sentence never changes: aiohttp merges equal ones."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "this address belongs to the box itself or to nobody")


def is_forbidden(address: Address) -> bool:
    """Whether `address` is loopback, link-local, multicast, unspecified, reserved, or wraps one of these.

    Looked into: IPv4-mapped and IPv4-compatible IPv6, NAT64 (64:ff9b::/96), 6to4 and Teredo.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded(address)
        if inner is not None and is_forbidden(inner):
            return True
        if address in _COMPATIBLE or address in _NAT64 or address.ipv4_mapped is not None:
            return inner is None  # else Python calls the wrapping range reserved
    return bool(
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address in ipaddress.ip_network("0.0.0.0/8")
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )


def is_own(address: Address) -> bool:
    """Whether this machine itself has `address`: then the box's own API may be behind it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def guarded_session(
    allow_loopback: bool, *, unix_socket: Path | None = None, timeout: aiohttp.ClientTimeout | None = None
) -> aiohttp.ClientSession:
    """A session that connects only where it may; call it inside a running loop and close it.

    A refused address appears as aiohttp.ClientConnectorError (see `is_refusal`). With `unix_socket`
    all requests go to that socket instead, whatever their host. Bodies come as the server sent them
    (no decompression, none is asked for), connections are not reused, proxies in the environment
    are ignored. Use `max_redirects=MAX_REDIRECTS` in requests.
    """
    connector: aiohttp.BaseConnector
    if unix_socket is not None:
        connector = aiohttp.UnixConnector(str(unix_socket), force_close=True, limit=0)
    else:
        connector = aiohttp.TCPConnector(
            force_close=True,
            limit=0,
            use_dns_cache=False,
            socket_factory=functools.partial(_socket_for, allow_loopback=allow_loopback),
        )
    return aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "gatewayd", "Accept-Encoding": "identity"},
        timeout=timeout or aiohttp.ClientTimeout(total=None, sock_connect=5),
    )


async def guarded_connection(
    host: str, port: int, *, allow_loopback: bool, seconds: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection to a name or an address, made only where it may go; each address is tried in turn.

    Raises GatewayError `dvr.source_unreachable`, or `dvr.forbidden_address` when no address is allowed.
    """
    loop = asyncio.get_running_loop()
    detail, refused = "its name has no address", False
    try:
        async with asyncio.timeout(seconds):
            for info in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                try:
                    sock = _socket_for(info, allow_loopback=allow_loopback)
                except ForbiddenAddress:
                    refused = True
                    continue
                with contextlib.ExitStack() as stack:
                    stack.callback(sock.close)
                    sock.setblocking(False)
                    try:
                        await loop.sock_connect(sock, info[4])
                    except OSError as error:
                        detail = error.strerror or str(error)
                        continue
                    stack.pop_all()
                return await asyncio.open_connection(sock=sock)
    except TimeoutError:
        detail = f"no connection within {seconds:g} s"
    except (OSError, UnicodeError) as error:
        detail = getattr(error, "strerror", None) or "its name cannot be looked up"
    if refused:
        what = "The address of the source belongs to the box itself or to nobody."
        raise GatewayError("dvr.forbidden_address", what)
    raise GatewayError("dvr.source_unreachable", f"The source cannot be reached: {detail}.")


def is_refusal(error: BaseException) -> bool:
    """Whether a failed request was refused by the guard."""
    return isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ForbiddenAddress)


def _socket_for(info: AddressInfo, *, allow_loopback: bool) -> socket.socket:
    family, kind, protocol, _, where = info
    if not allow_loopback:
        address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if is_forbidden(address) or is_own(address):
            raise ForbiddenAddress
    return socket.socket(family, kind, protocol)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
