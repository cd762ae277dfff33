"""The rows of the portal link: what the owner sees of it, configures, and forbids."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.portal import settings
from gatewayd.portal.identity import PortalIdentity
from gatewayd.portal.links import Links
from gatewayd.portal.log import Entry, PortalLog
from gatewayd.portal.notifications_queue import NotificationsQueue
from gatewayd.portal.policy import AREAS, OwnerPolicy, check_areas
from gatewayd.portal.settings import Choice, ControllerChoice, MqttChoice
from gatewayd.portal.stored import Stored
from gatewayd.portal.wiring import LINK

Pem = Annotated[str, Meta(max_length=65_536)]


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """One connection: `up`, `connecting`, or `waiting` with the reason of the last loss."""

    name: str
    state: str
    since: datetime
    reason: str
    tries: int


class PortalView(Result, frozen=True, kw_only=True):
    """The link as the owner sees it. `waiting` notifications have not been delivered yet; `allowed` says of
    each area whether the operator may change things there; `certificate` whether the operator issued one."""

    enabled: bool
    endpoint_id: str
    mqtt: MqttChoice | None
    controllers: tuple[ControllerChoice, ...]
    links: tuple[LinkView, ...]
    waiting: int
    allowed: dict[str, bool]
    certificate: bool


class ConfigureRequest(Request, frozen=True, kw_only=True):
    """What is left out stays as it is; `controllers` replaces the list; null takes away."""

    enabled: bool | UnsetType = UNSET
    endpoint_id: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET
    mqtt: MqttChoice | UnsetType | None = UNSET
    controllers: tuple[ControllerChoice, ...] | UnsetType = UNSET
    certificate: Pem | UnsetType | None = UNSET
    authority: Pem | UnsetType | None = UNSET


class PolicyRequest(Request, frozen=True, kw_only=True):
    """Areas, true where the operator may change things, false for a veto; the others stay."""

    areas: dict[str, bool]


class LogQuery(Request, frozen=True, kw_only=True):
    """A page of the portal's log: older than the row `cursor`."""

    cursor: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class LogList(Result, frozen=True, kw_only=True):
    """Newest first."""

    items: tuple[Entry, ...]
    next: str | None = None


class CertificateRequest(Result, frozen=True, kw_only=True):
    """A certificate request (PEM) for the box's own key, with the endpoint id as its name."""

    endpoint_id: str
    request: str


class PortalOffice:
    """What the handlers work with."""

    def __init__(
        self,
        *,
        stored: Stored,
        identity: PortalIdentity,
        links: Links,
        queue: NotificationsQueue,
        policy: OwnerPolicy,
        log: PortalLog,
    ) -> None:
        self._stored = stored
        self._identity = identity
        self._links = links
        self._queue = queue
        self._policy = policy
        self._log = log

    async def get(self, request: Empty, context: Context) -> PortalView:
        """The link now."""
        return await self._view()

    async def configure(self, request: ConfigureRequest, context: Context) -> PortalView:
        """Takes a choice; links follow a moment later."""
        choice = Choice(**{name: getattr(request, name) for name in Choice.__struct_fields__})
        settings.check(choice, self._stored)
        row = self._stored.row(LINK) or {}
        certificate = row.get("Certificate") if choice.certificate is UNSET else choice.certificate
        authority = row.get("Authority") if choice.authority is UNSET else choice.authority
        await self._identity.check(certificate or None, authority or None)
        settings.write(context.unit, self._stored, choice, self._identity.endpoint)
        view = await self._view()
        # The unit is not committed yet: what it will say is taken from the choice.
        changes = {
            name: value
            for name, value in (
                ("enabled", choice.enabled),
                ("mqtt", _without_password(choice.mqtt)),
                ("controllers", choice.controllers),
            )
            if value is not UNSET
        }
        if choice.certificate is not UNSET:
            changes["certificate"] = choice.certificate is not None
        return msgspec.structs.replace(view, **changes)

    async def policy(self, request: PolicyRequest, context: Context) -> PortalView:
        """Vetoes and allows areas, from the next message on."""
        check_areas(request.areas)
        areas = {area: request.areas[area] for area in AREAS if area in request.areas}
        self._policy.change(context.unit, areas)
        view = await self._view()
        return msgspec.structs.replace(view, allowed={**view.allowed, **areas})

    async def log(self, request: LogQuery, context: Context) -> LogList:
        """What controllers changed and what was refused."""
        before = None if request.cursor is None else int(request.cursor)
        items = await self._log.list(before, request.limit + 1)
        page = tuple(items[: request.limit])
        return LogList(items=page, next=page[-1].id if len(items) > request.limit else None)

    async def certificate(self, request: Empty, context: Context) -> CertificateRequest:
        """For the operator's authority."""
        return CertificateRequest(endpoint_id=self._identity.endpoint, request=await self._identity.request())

    async def _view(self) -> PortalView:
        row = self._stored.row(LINK) or {}
        vetoed = self._policy.vetoed
        return PortalView(
            enabled=row.get("Enabled") == "true",
            endpoint_id=self._identity.endpoint,
            mqtt=settings.mqtt_of(self._stored),
            controllers=settings.controllers_of(self._stored),
            links=tuple(
                LinkView(
                    name=each.name, state=each.state, since=each.since, reason=each.reason, tries=each.tries
                )
                for each in self._links.status.values()
            ),
            waiting=await self._queue.count(),
            allowed={area: area not in vetoed for area in AREAS},
            certificate=bool(row.get("Certificate")),
        )


def _without_password(mqtt: MqttChoice | UnsetType | None) -> MqttChoice | UnsetType | None:
    return msgspec.structs.replace(mqtt, password=None) if isinstance(mqtt, MqttChoice) else mqtt


def portal_operations(office: PortalOffice) -> tuple[Operation, ...]:
    """The rows."""
    return (
        Operation(
            name="portal.get",
            summary="The link to the operator's portal: its configuration and its state",
            request=Empty,
            result=PortalView,
            scope=Scope.PORTAL_READ,
            method="GET",
            path="/portal",
            handler=office.get,
        ),
        Operation(
            name="portal.configure",
            summary="Name the operator's broker and controllers, or switch the link on and off",
            request=ConfigureRequest,
            result=PortalView,
            scope=Scope.PORTAL_MANAGE,
            method="PATCH",
            path="/portal",
            handler=office.configure,
            mutates=True,
            recovery="transaction",
            lock="portal.configure",
        ),
        Operation(
            name="portal.policy",
            summary="Forbid the operator to change an area, or allow it again",
            request=PolicyRequest,
            result=PortalView,
            scope=Scope.PORTAL_MANAGE,
            method="POST",
            path="/portal/policy",
            handler=office.policy,
            mutates=True,
            recovery="transaction",
            lock="portal.configure",
        ),
        Operation(
            name="portal.log",
            summary="What the operator changed and what was refused",
            request=LogQuery,
            result=LogList,
            scope=Scope.PORTAL_MANAGE,
            method="GET",
            path="/portal/log",
            handler=office.log,
        ),
        Operation(
            name="portal.certificate",
            summary="A certificate request for the operator's authority to sign",
            request=Empty,
            result=CertificateRequest,
            scope=Scope.PORTAL_MANAGE,
            method="GET",
            path="/portal/certificate",
            handler=office.certificate,
        ),
    )
