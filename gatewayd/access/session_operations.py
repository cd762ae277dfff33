"""The operations of sessions: who is signed in, how that goes on, and how it ends."""

from __future__ import annotations

from datetime import datetime

from gatewayd.access.granted import SessionGranted, fields
from gatewayd.access.service import AccessService
from gatewayd.access.tickets import LIFE
from gatewayd.callers import Role
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.system.secret import Secret


class SessionInfo(Result, frozen=True, kw_only=True):
    """A session. `current` marks the one that asks; `bound` that its tokens need the app's key;
    `address` is where it was last used from."""

    id: str
    account: str | None
    role: Role
    label: str
    bound: bool
    created: datetime
    last_used: datetime
    address: str
    current: bool


class SessionList(Result, frozen=True, kw_only=True):
    """All live sessions, oldest first."""

    items: tuple[SessionInfo, ...]
    next: str | None = None


class SessionRevoke(Request, frozen=True, kw_only=True):
    """Which session is to end."""

    session: str


class SessionEnded(Result, frozen=True, kw_only=True):
    """Which session has ended."""

    session: str


class Refresh(Request, frozen=True, kw_only=True):
    """The newest refresh token of the session; a bound one goes with a DPoP proof of its key."""

    refresh_token: Secret


class Ticket(Result, frozen=True, kw_only=True):
    """A ticket for one WebSocket: `?ticket=...`, once, within `expires_in` seconds."""

    ticket: str
    expires_in: float


class Me(Result, frozen=True, kw_only=True):
    """Who asks: the role, what it may do, and for a page the value that goes into X-CSRF-Token."""

    caller: str
    role: Role
    scopes: tuple[str, ...]
    fresh: bool


class _Handlers:
    def __init__(self, service: AccessService) -> None:
        self._service = service

    async def sessions(self, request: Empty, context: Context) -> SessionList:
        return SessionList(
            items=tuple(
                SessionInfo(
                    id=session.id,
                    account=session.account,
                    role=session.role,
                    label=label,
                    bound=session.key is not None,
                    created=session.created,
                    last_used=session.last_used,
                    address=session.address,
                    current=context.caller.id == f"session:{session.id}",
                )
                for session, label in await self._service.sessions()
            )
        )

    async def revoke(self, request: SessionRevoke, context: Context) -> SessionEnded:
        self._service.revoke(context.unit, request.session)
        return SessionEnded(session=request.session)

    async def logout(self, request: Empty, context: Context) -> SessionEnded:
        return SessionEnded(session=self._service.log_out(context.unit, context.caller))

    async def refresh(self, request: Refresh, context: Context) -> SessionGranted:
        granted = await self._service.refresher.refresh(
            context.unit, request.refresh_token.reveal(), context.caller
        )
        return SessionGranted(**fields(granted))

    async def ticket(self, request: Empty, context: Context) -> Ticket:
        return Ticket(ticket=self._service.tickets.issue(context.caller), expires_in=LIFE)


def operations(service: AccessService) -> tuple[Operation, ...]:
    """The rows of sessions."""
    handlers = _Handlers(service)
    return (*_rows(handlers), *_own_rows(handlers))


def _rows(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.sessions.list",
            summary="Who is signed in",
            request=Empty,
            result=SessionList,
            scope=Scope.ACCESS_MANAGE,
            method="GET",
            path="/access/sessions",
            handler=handlers.sessions,
        ),
        Operation(
            name="access.sessions.revoke",
            summary="End a session at once",
            request=SessionRevoke,
            result=SessionEnded,
            scope=Scope.ACCESS_MANAGE,
            method="DELETE",
            path="/access/sessions/{session}",
            handler=handlers.revoke,
            mutates=True,
            recovery="transaction",
            target="session",
        ),
    )


def _own_rows(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.logout",
            summary="End the session that asks",
            request=Empty,
            result=SessionEnded,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/access/logout",
            handler=handlers.logout,
            mutates=True,
            recovery="transaction",
            session="ends",
        ),
        Operation(
            # Not among the changes: once a quarter of an hour from every app, nobody would look it up.
            name="access.refresh",
            summary="The next tokens of a session",
            request=Refresh,
            result=SessionGranted,
            scope=None,
            method="POST",
            path="/access/refresh",
            handler=handlers.refresh,
            lock="access.refresh",
            secret_answer=True,
        ),
        Operation(
            name="access.tickets.create",
            summary="A ticket for one WebSocket, good once and for 30 seconds",
            request=Empty,
            result=Ticket,
            scope=Scope.ACCESS_SELF,
            method="POST",
            path="/tickets",
            handler=handlers.ticket,
            status=201,
            secret_answer=True,
        ),
    )
