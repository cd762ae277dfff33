"""The operations of access."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from gatewayd.access.audit import AuditLog
from gatewayd.access.model import Activity, OwnerState
from gatewayd.access.service import AccessService
from gatewayd.callers import Role
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.system.secret import Secret

_LOCK = "access.claim"
_PAGE = 50


class ClaimStatus(Result, frozen=True, kw_only=True):
    """What a visitor may know: whether there is an owner, whether a code would be taken now and for
    how many seconds (null: until it is used), and the fingerprint to compare."""

    id: str
    state: OwnerState
    open: bool
    closes_in: float | None
    fingerprint: str


class ClaimFinish(Request, frozen=True, kw_only=True):
    """Either the 8-digit `code` or the `secret` of the QR code, and a `label` for the new session."""

    code: Secret | None = None
    secret: Secret | None = None
    label: str = "App"


class ClaimGranted(Result, frozen=True, kw_only=True):
    """A bearer token, shown this once. It is bound to nothing: who holds it is the owner. `expires` is when
    it ends if it is never used; null while the box does not know the time."""

    token: str
    expires: datetime | None
    account: str
    role: Role
    session: str


class PairingOpened(Result, frozen=True, kw_only=True):
    """A code to type, the secret and the text of the QR code; `expires_in` seconds."""

    code: str
    expires_in: float | None
    secret: str
    uri: str
    fingerprint: str


class SessionInfo(Result, frozen=True, kw_only=True):
    """A session. `current` marks the one that asks."""

    id: str
    account: str
    role: Role
    label: str
    created: datetime
    last_used: datetime
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


class ActivityQuery(Request, frozen=True, kw_only=True):
    """A page of the audit log: older than the row `cursor`."""

    cursor: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}$")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = _PAGE


class ActivityList(Result, frozen=True, kw_only=True):
    """Who changed what, newest first."""

    items: tuple[Activity, ...]
    next: str | None = None


class _Handlers:
    def __init__(self, service: AccessService, audit: AuditLog) -> None:
        self._service = service
        self._audit = audit

    async def start(self, request: Empty, context: Context) -> ClaimStatus:
        is_open, closes_in = await self._service.current_pairing()
        return ClaimStatus(
            id=self._service.box_id,
            state=self._service.state,
            open=is_open,
            closes_in=closes_in,
            fingerprint=self._service.fingerprint,
        )

    async def finish(self, request: ClaimFinish, context: Context) -> ClaimGranted:
        granted = await self._service.claim(
            context.unit,
            code=None if request.code is None else request.code.reveal(),
            secret=None if request.secret is None else request.secret.reveal(),
            label=request.label,
        )
        return ClaimGranted(
            token=granted.token,
            expires=granted.expires,
            account=granted.account,
            role=granted.role,
            session=granted.session,
        )

    async def open(self, request: Empty, context: Context) -> PairingOpened:
        opened = self._service.open_pairing(context.unit)
        return PairingOpened(
            code=opened.code,
            expires_in=opened.expires_in,
            secret=opened.secret,
            uri=opened.uri,
            fingerprint=self._service.fingerprint,
        )

    async def sessions(self, request: Empty, context: Context) -> SessionList:
        return SessionList(
            items=tuple(
                SessionInfo(
                    id=session.id,
                    account=session.account,
                    role=session.role,
                    label=label,
                    created=session.created,
                    last_used=session.last_used,
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

    async def activity(self, request: ActivityQuery, context: Context) -> ActivityList:
        before = None if request.cursor is None else int(request.cursor)
        items = await self._audit.list(before, request.limit + 1)
        page = tuple(items[: request.limit])
        return ActivityList(items=page, next=page[-1].id if len(items) > request.limit else None)


def operations(service: AccessService, audit: AuditLog) -> tuple[Operation, ...]:
    """The rows of access."""
    handlers = _Handlers(service, audit)
    return (*_claiming(handlers), *_managing(handlers))


def _claiming(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.claim.start",
            summary="Whether the box has an owner, and whether a claim code is open",
            request=Empty,
            result=ClaimStatus,
            scope=None,
            method="POST",
            path="/access/claim/start",
            handler=handlers.start,
        ),
        Operation(
            name="access.claim.finish",
            summary="Become the owner, or add a device of the owner, with a claim code or a QR secret",
            request=ClaimFinish,
            result=ClaimGranted,
            scope=None,
            method="POST",
            path="/access/claim/finish",
            handler=handlers.finish,
            mutates=True,
            recovery="transaction",
            lock=_LOCK,
            status=201,
            secret_answer=True,
        ),
        Operation(
            name="access.pairing.open",
            summary="Open a claim code and a QR code for five minutes",
            request=Empty,
            result=PairingOpened,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/access/pairing/open",
            handler=handlers.open,
            mutates=True,
            recovery="transaction",
            lock=_LOCK,
            secret_answer=True,
        ),
    )


def _managing(handlers: _Handlers) -> tuple[Operation, ...]:
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
        ),
        Operation(
            name="access.activity.list",
            summary="Who changed what, newest first",
            request=ActivityQuery,
            result=ActivityList,
            scope=Scope.ACTIVITY_READ,
            method="GET",
            path="/activity",
            handler=handlers.activity,
        ),
    )
