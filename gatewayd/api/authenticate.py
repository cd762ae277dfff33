"""Who is at the other end of a connection: a bearer token over TLS, peer credentials on the socket."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from gatewayd.api.connections import Connection
from gatewayd.callers import Caller, anonymous
from gatewayd.errors import GatewayError

MAX_TOKEN = 2048


class Authenticator(Protocol):
    """Knows tokens. The access feature fulfils it."""

    async def authenticate(self, bearer: str) -> Caller:
        """Who holds this token. Raises GatewayError `access.unauthenticated`."""
        ...

    def still_valid(self, caller: Caller) -> bool:
        """Whether the session behind a caller, authenticated before, has neither ended nor been revoked.

        Asked twice a second for each open stream: it answers from memory.
        """
        ...


class Callers:
    """Tells the caller of a request."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def of(self, request: web.Request, *, needed: bool = True) -> Caller:
        """The caller; `anonymous` without a token.

        Where nobody needs to be known (`needed` False) a bad token counts as none, so that an app
        whose token has run out can still get a new one. Raises GatewayError `access.unauthenticated`.
        """
        connection = request.protocol
        if isinstance(connection, Connection) and connection.caller is not None:
            return connection.caller
        header = request.headers.get("Authorization")
        if header is None:
            return anonymous("http")
        try:
            return await self._authenticator.authenticate(bearer(header))
        except GatewayError as error:
            if needed or error.code != "access.unauthenticated":
                raise
            return anonymous("http")

    def still_valid(self, caller: Caller) -> bool:
        """Whether what was authenticated for a long connection still holds."""
        return caller.role == "local" or self._authenticator.still_valid(caller)


def bearer(header: str) -> str:
    """The token of an Authorization header (RFC 6750). Raises GatewayError `access.unauthenticated`."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN:
        raise GatewayError("access.unauthenticated", "Send the token as `Authorization: Bearer TOKEN`.")
    return token
