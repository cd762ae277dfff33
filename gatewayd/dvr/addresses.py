"""Which addresses a source may have.

A source is refused when it is added, so that people see it at once. What a name resolves to may change
at any time: every connection is checked again where it is made (`gatewayd.system.fetch`).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit, urlunsplit

from gatewayd.errors import InvalidField
from gatewayd.system.fetch import Address, is_forbidden, is_own

LONGEST_URL = 2048
SCHEMES = ("http", "https")

_FORBIDDEN = "Television is not fetched from the box itself nor from link-local or multicast addresses."
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f]")
_LOCAL_NAME = re.compile(r"(^|\.)(localhost|localdomain|ip6-localhost|ip6-loopback)\.?$", re.IGNORECASE)


def check(url: str, *, allow_loopback: bool, field: str = "url") -> str:
    """The address, ready to be opened. Raises InvalidField naming `field` and the limit.

    `dvr.forbidden_address` is its code when the host is written as a loopback, link-local, multicast,
    unspecified or own address, in any spelling that a resolver accepts, or as `localhost`.
    """
    if len(url) > LONGEST_URL:
        raise InvalidField(field, f"An address has at most {LONGEST_URL} characters.")
    if _NOT_IN_URL.search(url):
        raise InvalidField(field, "An address holds no blanks and no control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidField(field, "This is not an address (URL) that can be read.") from None
    if parts.scheme not in SCHEMES:
        raise InvalidField(field, "The address begins with http:// or https://.")
    if not parts.hostname or port == 0:
        raise InvalidField(field, "The address names a host and, if any, a port from 1 to 65535.")
    if not allow_loopback:
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
    """Whether `check` accepts the address."""
    try:
        check(url, allow_loopback=allow_loopback)
    except InvalidField:
        return False
    return True


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
