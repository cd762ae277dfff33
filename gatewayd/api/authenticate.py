"""Who is at the other end of a connection: a token over TLS, peer credentials on the socket."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from gatewayd.api.connections import Connection
from gatewayd.api.cookies import COOKIE, CSRF_HEADER
from gatewayd.api.defence import SAFE
from gatewayd.callers import Caller, Shown
from gatewayd.errors import GatewayError

MAX_TOKEN = 2048
_COUNT_AS_NONE = frozenset({"access.unauthenticated", "access.throttled", "access.csrf"})


class Authenticator(Protocol):
    """Knows tokens. The access feature fulfils it."""

    async def admit(self, shown: Shown) -> Caller:
        """Who shows this. Raises GatewayError `access.*`."""
        ...

    def stranger(self, shown: Shown) -> Caller:
        """Somebody without a token that counts, with the key that a proof shows. Raises `access.dpop_*`."""
        ...

    def nonce(self) -> str:
        """What the next DPoP proof has to hold."""
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

    async def of(self, request: web.Request, *, needed: bool = True, ticket: bool = False) -> Caller:
        """The caller; `anonymous` without a token.

        Where nobody needs to be known (`needed` False) a bad token counts as none, so that an app
        whose token has run out can still get a new one. `ticket`: this route takes one in its query.
        Raises GatewayError `access.*`.
        """
        connection = request.protocol
        if isinstance(connection, Connection) and connection.caller is not None:
            return connection.caller
        try:
            shown = read(request, ticket=ticket)
        except GatewayError:
            if needed:
                raise
            return self._authenticator.stranger(_base(request))
        try:
            caller = await self._authenticator.admit(shown)
        except GatewayError as error:
            if needed or error.code not in _COUNT_AS_NONE:
                raise
            return self._authenticator.stranger(shown)
        if caller.role != "anonymous" and isinstance(connection, Connection):
            connection.trust()
        return caller

    def still_valid(self, caller: Caller) -> bool:
        """Whether what was authenticated for a long connection still holds."""
        return caller.role == "local" or self._authenticator.still_valid(caller)

    async def add_nonce(self, request: web.Request, response: web.StreamResponse) -> None:
        """Signal `on_response_prepare`: who sends proofs is told the nonce of the next one."""
        if "DPoP" in request.headers:
            response.headers["DPoP-Nonce"] = self._authenticator.nonce()


def read(request: web.Request, *, ticket: bool = False) -> Shown:
    """What a request shows. A header counts before a ticket, a ticket before a cookie.

    Raises GatewayError `access.unauthenticated` for a header that says something else, `access.dpop_invalid`
    for more than one proof, `request.forbidden_origin` for a change by a cookie that no page stands behind.
    """
    shown = _base(request)
    if len(request.headers.getall("DPoP", ())) > 1:
        raise GatewayError("access.dpop_invalid", "Send one DPoP header.", field="DPoP")
    header = request.headers.get("Authorization")
    if header is not None:
        kind, token = credentials(header)
        return Shown(
            kind="dpop" if kind == "dpop" else "bearer",
            token=token,
            proof=shown.proof,
            method=shown.method,
            url=shown.url,
            address=shown.address,
        )
    if ticket and "ticket" in request.query:
        return Shown(kind="ticket", token=request.query["ticket"], address=shown.address)
    cookie = request.cookies.get(COOKIE)
    # A WebSocket sends the cookie to whoever asks for it, whatever page it is on: there the page is named.
    upgrade = "websocket" in request.headers.get("Upgrade", "").lower()
    if cookie and len(cookie) <= MAX_TOKEN and not (upgrade and "Origin" not in request.headers):
        if request.method not in SAFE and "Origin" not in request.headers:
            raise GatewayError("request.forbidden_origin", "A page that changes something names itself.")
        return Shown(
            kind="cookie",
            token=cookie,
            csrf=request.headers.get(CSRF_HEADER),
            method=shown.method,
            url=shown.url,
            address=shown.address,
        )
    return shown


def credentials(header: str) -> tuple[str, str]:
    """Scheme and token of an Authorization header (RFC 6750, RFC 9449, section 7.1).

    Raises GatewayError `access.unauthenticated`.
    """
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() not in ("bearer", "dpop") or not token or len(token) > MAX_TOKEN:
        raise GatewayError("access.unauthenticated", "Send the token as `Authorization: Bearer TOKEN`.")
    return scheme.lower(), token


def _base(request: web.Request) -> Shown:
    connection = request.protocol
    return Shown(
        proof=request.headers.get("DPoP"),
        method=request.method,
        url=f"{request.scheme}://{request.headers.get('Host', '')}{request.raw_path.partition('?')[0]}",
        address=connection.peer_address if isinstance(connection, Connection) else "",
    )
