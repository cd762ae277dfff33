"""The captive portal as the network names it: an API told by DHCP (RFC 8910), asked over TLS (RFC 8908)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from gatewayd.diagnostics import web
from gatewayd.diagnostics.world import Captive, HttpAnswer
from gatewayd.system.fetch import is_forbidden, is_own

_ACCEPT = "application/captive+json"
_PAGE = re.compile(r"https?://[!-~]{1,240}")


class _Answer(msgspec.Struct, frozen=True):
    captive: bool
    page: str | None = msgspec.field(default=None, name="user-portal-url")


async def ask(url: str, resolvers: Sequence[str], seconds: float, *, own: bool = False) -> Captive | None:
    """Asks the API; None when it does not answer as one. Never raises for what a server does.

    The address came from whoever answers DHCP: the box itself and link-local addresses are not asked (but
    with `own`, for tests).
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    address = await web.address_of(parts.hostname, resolvers)
    if address is None:
        return None
    parsed = ipaddress.ip_address(address)
    if not own and (is_forbidden(parsed) or is_own(parsed)):
        return None
    return read(await web.get(url, resolvers, seconds, accept=_ACCEPT))


def read(answer: HttpAnswer) -> Captive | None:
    """The API's JSON; a page that is no plain web address is left out. Pure."""
    if answer.status != 200:
        return None
    try:
        said = msgspec.json.decode(answer.body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    page = said.page if said.page is not None and _PAGE.fullmatch(said.page) else None
    return Captive(said.captive, page)
