"""The operations of technicians' visits, and of the alerts that tell of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from gatewayd.access.audit import AuditLog
from gatewayd.access.granted import SessionGranted, fields
from gatewayd.access.model import Activity
from gatewayd.access.service import AccessService, clean_label
from gatewayd.access.technician import LONGEST_CODE, LONGEST_VISIT, technician_scopes
from gatewayd.access.technician_visits import Visit
from gatewayd.errors import InvalidField
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.system.secret import Secret

_LOCK = "access.technician"
_RECEIPT = 1000


class Invite(Request, frozen=True, kw_only=True):
    """Whom the code is for, how long the visit may last and how long the code is good (seconds), and what it
    may do (left out: all that technicians may)."""

    label: str = "Technician"
    lifetime: Annotated[float, Meta(ge=300, le=LONGEST_VISIT)] = 4 * 3600.0
    valid: Annotated[float, Meta(ge=60, le=LONGEST_CODE)] = 3600.0
    scopes: Annotated[tuple[str, ...], Meta(max_length=50)] | None = None


class Invited(Result, frozen=True, kw_only=True):
    """The code, shown this once: good for one visit."""

    code: str
    expires_in: float
    lifetime: float


class Redeem(Request, frozen=True, kw_only=True):
    """The owner's `code`, or the operator's `grant` with a DPoP proof of the key that it names. `cookie` is
    for the box's own page."""

    code: Secret | None = None
    grant: Secret | None = None
    cookie: bool = False


class VisitGranted(SessionGranted, frozen=True, kw_only=True):
    """A technician's session; `lifetime` is how many seconds the visit may go on."""

    visit: str
    lifetime: float


class VisitInfo(Result, frozen=True, kw_only=True):
    """A visit; `left` are the seconds that it may go on, 0 when it has ended."""

    id: str
    source: Literal["grant", "code"]
    technician: str
    scopes: tuple[str, ...]
    started: datetime
    ended: datetime | None
    left: float
    session: str


class VisitList(Result, frozen=True, kw_only=True):
    """All visits that are remembered, newest first."""

    items: tuple[VisitInfo, ...]
    next: str | None = None


class VisitName(Request, frozen=True, kw_only=True):
    """One visit."""

    visit: str


class Receipt(VisitInfo, frozen=True, kw_only=True):
    """The owner's receipt: everything that was changed or refused in the visit, oldest first."""

    acts: tuple[Activity, ...]


class EpochRaised(Result, frozen=True, kw_only=True):
    """Every visit, code and grant of an earlier epoch has ended."""

    epoch: int


class _Handlers:
    def __init__(self, service: AccessService, audit: AuditLog) -> None:
        self._technicians = service.technicians
        self._audit = audit

    async def invite(self, request: Invite, context: Context) -> Invited:
        invitation = self._technicians.invite(
            context.unit,
            await self._technicians.epoch(),
            name=clean_label(request.label),
            lifetime=request.lifetime,
            valid=request.valid,
            scopes=technician_scopes(request.scopes),
        )
        return Invited(code=invitation.code, expires_in=invitation.expires_in, lifetime=invitation.lifetime)

    async def redeem(self, request: Redeem, context: Context) -> VisitGranted:
        if (request.code is None) == (request.grant is None):
            raise InvalidField("code", "Give either the owner's code or the operator's grant.")
        if request.code is not None:
            begun = await self._technicians.redeem_code(
                context.unit, context.caller, request.code.reveal(), cookie=request.cookie
            )
        else:
            assert request.grant is not None  # one of the two
            begun = await self._technicians.redeem_grant(context.unit, context.caller, request.grant.reveal())
        return VisitGranted(**fields(begun.granted), visit=begun.visit, lifetime=begun.lifetime)

    async def list(self, request: Empty, context: Context) -> VisitList:
        return VisitList(items=tuple(self._info(visit) for visit in await self._technicians.visits.all()))

    async def get(self, request: VisitName, context: Context) -> Receipt:
        visit = await self._technicians.get(request.visit)
        info = self._info(visit)
        acts = await self._audit.of(await self._technicians.visits.sessions(visit.id), _RECEIPT)
        return Receipt(
            **{name: getattr(info, name) for name in VisitInfo.__struct_fields__}, acts=tuple(acts)
        )

    async def end(self, request: VisitName, context: Context) -> VisitInfo:
        visit = await self._technicians.get(request.visit)
        await self._technicians.end_visit(context.unit, visit)
        return self._info(visit)

    async def revoke(self, request: Empty, context: Context) -> EpochRaised:
        return EpochRaised(epoch=await self._technicians.raise_epoch(context.unit))

    def _info(self, visit: Visit) -> VisitInfo:
        return VisitInfo(
            id=visit.id,
            source=visit.source,
            technician=visit.technician,
            scopes=tuple(sorted(scope.value for scope in visit.scopes)),
            started=visit.started,
            ended=visit.ended,
            left=self._technicians.visits.left(visit),
            session=visit.session,
        )


def operations(service: AccessService, audit: AuditLog) -> tuple[Operation, ...]:
    """The rows of technicians."""
    handlers = _Handlers(service, audit)
    return (*_coming(handlers), *_managing(handlers))


def _coming(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.technician.invite",
            summary="A code with which a technician can come in once",
            request=Invite,
            result=Invited,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/access/technician/invite",
            handler=handlers.invite,
            mutates=True,
            recovery="transaction",
            lock=_LOCK,
            secret_answer=True,
            step_up=True,
        ),
        Operation(
            name="access.technician.redeem",
            summary="Begin a technician's visit with the owner's code or the operator's grant",
            request=Redeem,
            result=VisitGranted,
            scope=None,
            method="POST",
            path="/access/technician/redeem",
            handler=handlers.redeem,
            mutates=True,
            recovery="transaction",
            lock=_LOCK,
            status=201,
            secret_answer=True,
            session="begins",
        ),
    )


def _managing(handlers: _Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="access.technician.visits.list",
            summary="Technicians' visits, newest first",
            request=Empty,
            result=VisitList,
            scope=Scope.ACCESS_MANAGE,
            method="GET",
            path="/access/technician/visits",
            handler=handlers.list,
        ),
        Operation(
            name="access.technician.visits.get",
            summary="The receipt of a visit: everything that the technician changed",
            request=VisitName,
            result=Receipt,
            scope=Scope.ACCESS_MANAGE,
            method="GET",
            path="/access/technician/visits/{visit}",
            handler=handlers.get,
        ),
        Operation(
            name="access.technician.visits.end",
            summary="End a visit at once",
            request=VisitName,
            result=VisitInfo,
            scope=Scope.ACCESS_MANAGE,
            method="DELETE",
            path="/access/technician/visits/{visit}",
            handler=handlers.end,
            mutates=True,
            recovery="redo",
            lock=_LOCK,
            target="visit",
        ),
        Operation(
            name="access.technician.revoke",
            summary="End every visit, and every code and grant there is",
            request=Empty,
            result=EpochRaised,
            scope=Scope.ACCESS_MANAGE,
            method="POST",
            path="/access/technician/revoke",
            handler=handlers.revoke,
            mutates=True,
            recovery="transaction",
            lock=_LOCK,
        ),
    )
