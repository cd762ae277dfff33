"""Which addresses a source may have, and what kind of stream is behind one.

A source is refused when it is added, so that people see it at once. What a name resolves to may change
at any time: every connection is checked again where it is made (`gatewayd.system.fetch`).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from gatewayd.dvr.media.messages import SourceKind
from gatewayd.errors import InvalidField
from gatewayd.system.fetch import Address, is_forbidden, is_own

StreamOrigin = Literal["http", "multicast", "tuner"]

LONGEST_URL = 2048
FETCHED = ("http", "https")
"""Schemes of what is fetched: playlists, lineups."""
STREAMED: dict[str, SourceKind] = {
    "http": "http",
    "https": "http",
    "rtsp": "rtsp",
    "udp": "udp",
    "rtp": "udp",
}
"""Schemes of what is recorded, and the kind of stream that each means."""

_FORBIDDEN = "Television is not fetched from the box itself nor from link-local or multicast addresses."
_NOT_A_GROUP = "A udp:// or rtp:// address names a multicast group and a port, as udp://@239.1.1.1:1234."
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f]")
_LOCAL_NAME = re.compile(r"(^|\.)(localhost|localdomain|ip6-localhost|ip6-loopback)\.?$", re.IGNORECASE)
_LOCAL_GROUPS = ipaddress.ip_network("224.0.0.0/24")  # never forwarded: routing protocols (RFC 5771, 4)


class Group(NamedTuple):
    """A multicast group to join; `source` is the only sender that is wanted, if one is (RFC 4607)."""

    address: Address
    port: int
    source: Address | None


def check(url: str, *, allow_loopback: bool, field: str = "url", streams: bool = False) -> str:
    """The address, ready to be opened. Raises InvalidField naming `field` and the limit.

    `streams` allows the schemes of STREAMED, else those of FETCHED. `dvr.forbidden_address` is its code
    when the host is written as a loopback, link-local, multicast (but for udp and rtp, which need it),
    unspecified or own address, in any spelling that a resolver accepts, or as `localhost`.
    """
    if len(url) > LONGEST_URL:
        raise InvalidField(
            field, f"An address has at most {LONGEST_URL} characters; this one has {len(url)}."
        )
    if _NOT_IN_URL.search(url):
        raise InvalidField(field, "An address holds no blanks and no control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidField(field, "This is not an address (URL) that can be read.") from None
    schemes = tuple(STREAMED) if streams else FETCHED
    if parts.scheme not in schemes:
        *some, last = (f"{scheme}://" for scheme in schemes)
        raise InvalidField(field, f"The address begins with {', '.join(some)} or {last}.")
    if not parts.hostname or port == 0:
        raise InvalidField(field, "The address names a host and, if any, a port from 1 to 65535.")
    if STREAMED[parts.scheme] == "udp":
        group(url, field=field)
    elif not allow_loopback:
        if _LOCAL_NAME.search(parts.hostname):
            raise InvalidField(field, _FORBIDDEN, code="dvr.forbidden_address")
        literal = _literal(parts.hostname)
        check_resolved(() if literal is None else (literal,), field=field)
    return urlunsplit(parts._replace(fragment=""))


def check_resolved(found: Iterable[Address], *, field: str = "url") -> None:
    """Raises InvalidField `dvr.forbidden_address` when a host's address is the box's own or nobody's."""
    if any(is_forbidden(address) or is_own(address) for address in found):
        raise InvalidField(field, _FORBIDDEN, code="dvr.forbidden_address")


def usable(url: str, *, allow_loopback: bool) -> bool:
    """Whether `check` accepts the address as a stream."""
    try:
        check(url, allow_loopback=allow_loopback, streams=True)
    except InvalidField:
        return False
    return True


def stream_kind(url: str) -> SourceKind:
    """The kind of stream behind an address that `check` accepts."""
    parts = urlsplit(url)
    kind = STREAMED[parts.scheme]
    return "hls" if kind == "http" and parts.path.lower().endswith(".m3u8") else kind


def group(url: str, *, field: str = "url") -> Group:
    """The group of `udp://[SENDER]@GROUP:PORT` (or rtp). Raises InvalidField for any other host.

    Groups that stay on one link (224.0.0.0/24, ff01::, ff02::) are `dvr.forbidden_address`.
    """
    parts = urlsplit(url)
    try:
        address = ipaddress.ip_address((parts.hostname or "").partition("%")[0])
        sender = ipaddress.ip_address(parts.username) if parts.username else None
    except ValueError:
        raise InvalidField(field, _NOT_A_GROUP) from None
    if parts.port is None or not address.is_multicast or (sender and sender.version != address.version):
        raise InvalidField(field, _NOT_A_GROUP)
    on_one_link = (
        address in _LOCAL_GROUPS
        if isinstance(address, ipaddress.IPv4Address)
        else address.packed[1] & 0x0F <= 2  # scope, RFC 7346
    )
    if on_one_link:
        raise InvalidField(field, _FORBIDDEN, code="dvr.forbidden_address")
    return Group(address, parts.port, sender)


def shown(url: str) -> str:
    """The address without the user name and password that it may carry."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    bare = SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, parts.fragment)
    return urlunsplit(bare)


def _literal(host: str) -> Address | None:
    """A numeric host, also as inet_aton(3) reads it: 127.1, 0x7f000001, 2130706433."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def origin(kind: str | None, url: str) -> StreamOrigin | None:
    """What a channel of a source of this kind comes from; None for the box itself. Pure."""
    if kind == "hdhomerun":
        return "tuner"
    stream = STREAMED.get(url.partition(":")[0].lower())
    return None if stream is None else "multicast" if stream == "udp" else "http"
