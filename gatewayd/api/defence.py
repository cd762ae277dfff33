"""The web defence: who a request is addressed to, which page it came from, and what every answer says.

The Host allow-list stops DNS rebinding (a foreign page whose name suddenly means our address); the
Origin check stops a foreign page from changing anything through a visitor's browser.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web

from gatewayd.api.connections import Connection
from gatewayd.api.problems import SECURITY_HEADERS
from gatewayd.errors import GatewayError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Defence:
    """Checks requests that come over TCP. `hosts` are the names the box may be addressed by."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset({"localhost", *(host.lower().rstrip(".") for host in hosts)})

    def check(self, request: web.Request) -> None:
        """Raises GatewayError `request.forbidden_host`, `request.forbidden_origin` or `access.forbidden`."""
        connection = request.protocol
        if isinstance(connection, Connection):
            if connection.stranger:
                raise GatewayError(
                    "access.forbidden",
                    "Only root and members of the group gatewayd-admin may use this socket.",
                )
            if connection.listener == "socket":
                return
            self._check_host(request, connection.local_address)
        self._check_origin(request)

    def _check_host(self, request: web.Request, own_address: str) -> None:
        host = host_of(request.headers.get("Host", ""))
        if host not in self._hosts and not (host and _same_address(host, own_address)):
            raise GatewayError(
                "request.forbidden_host",
                "The box does not go by this name. Use its address, or add the name to [api] hosts.",
            )

    def _check_origin(self, request: web.Request) -> None:
        upgrade = "websocket" in request.headers.get("Upgrade", "").lower()
        origin = request.headers.get("Origin")
        if origin is None or (request.method in SAFE and not upgrade):
            return
        if not same_origin(origin, request.scheme, request.headers.get("Host", "")):
            raise GatewayError("request.forbidden_origin", "A page of another site may not do this.")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: the security headers, on every answer."""
    if isinstance(request.protocol, Connection):
        request.protocol.heard(request)  # aiohttp refuses an Expect header before any middleware
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value
    if request.path.startswith("/v1"):
        response.headers["Cache-Control"] = "no-store"


def host_of(header: str) -> str:
    """The name or address of a Host header, lower case, without port and brackets; empty when it is bad."""
    try:
        return (urlsplit(f"//{header.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def same_origin(origin: str, scheme: str, host: str) -> bool:
    """Whether an Origin header (RFC 6454) names the very host that the request is addressed to."""
    usual = {"http": 80, "https": 443}
    try:
        there, here = urlsplit(origin), urlsplit(f"{scheme}://{host}")
        return (
            there.scheme == scheme
            and there.hostname is not None
            and (there.hostname, there.port or usual.get(scheme))
            == (here.hostname, here.port or usual.get(scheme))
            and not (there.path or there.query or there.fragment or there.username)
        )
    except ValueError:
        return False


def _same_address(host: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]) == ipaddress.ip_address(address)
    except ValueError:
        return False
