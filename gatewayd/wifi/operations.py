"""The rows of Wi-Fi in the table of operations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from gatewayd.errors import InvalidField
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.system.clock import Clock
from gatewayd.system.secret import Secret
from gatewayd.wifi.model import (
    Band,
    Confirm,
    Security,
    WifiChange,
    WifiImpact,
    WifiNetwork,
    WifiRadio,
    WifiStation,
    Window,
)
from gatewayd.wifi.rules import read_security
from gatewayd.wifi.service import WifiService
from gatewayd.wifi.witness import WifiRefused

LOCK = "wifi"
_CONTROL = (
    *("network", "confirm", "deadline_seconds", "if_revision", "accept_risk", "expires", "for_seconds"),
    *("role", "id"),
)


class WifiNetworks(Result, frozen=True, kw_only=True):
    """All networks."""

    items: tuple[WifiNetwork, ...]
    next: str | None = None


class WifiNetworkName(Request, frozen=True, kw_only=True):
    """Names one network by its id."""

    network: str


class WifiNetworkPatch(Request, frozen=True, kw_only=True):
    """What shall be different; what is left out stays. A new `ssid` has 1 to 32 bytes of UTF-8."""

    network: str
    ssid: str | UnsetType = UNSET
    security: str | UnsetType = UNSET
    passphrase: Secret | UnsetType = UNSET
    bands: tuple[Band, ...] | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    isolated: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    schedule: tuple[Window, ...] | UnsetType = UNSET


class WifiNetworkUpdate(WifiNetworkPatch, frozen=True, kw_only=True):
    """A patch, and what the change waits for before it counts: nothing, a station, or the requester.

    `deadline_seconds` (30 to 900): when that has not come by then, the last good settings return.
    `if_revision`: refuse when the network is no longer at this revision. `expires`, or `for_seconds` from
    now: when the network goes off by itself; null: never. `accept_risk`: yes to what is dangerous, such as
    a network without a password.
    """

    confirm: Confirm = "none"
    deadline_seconds: int = 300
    if_revision: int | None = None
    expires: datetime | UnsetType | None = UNSET
    for_seconds: float | UnsetType | None = UNSET
    accept_risk: bool = False


class WifiPreview(Result, frozen=True, kw_only=True):
    """What the change would do, and sentences about what is dangerous in it. Nothing was changed."""

    impact: WifiImpact
    risks: tuple[str, ...] = ()


class WifiCredentials(Result, frozen=True, kw_only=True):
    """What a device needs to join; `passphrase` is null on a network without one."""

    network: str
    ssid: str
    security: Security
    passphrase: str | None


class WifiChangeAnswer(Result, frozen=True, kw_only=True):
    """A change, and where it is."""

    change: WifiChange


class WifiChangeName(Request, frozen=True, kw_only=True):
    """Names one change by its id."""

    change: str


class WifiChangeQuery(Request, frozen=True, kw_only=True):
    """A page of changes, newest first."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class WifiChanges(Result, frozen=True, kw_only=True):
    """A page of changes, newest first."""

    items: tuple[WifiChange, ...]
    next: str | None = None


class WifiStations(Result, frozen=True, kw_only=True):
    """Devices that are connected now; `refused` are those that tried a wrong password in the last hour."""

    items: tuple[WifiStation, ...]
    refused: tuple[WifiRefused, ...] = ()
    next: str | None = None


class WifiRadios(Result, frozen=True, kw_only=True):
    """The radios of the box."""

    items: tuple[WifiRadio, ...]
    next: str | None = None


class Handlers:
    """From requests to the service's words and back."""

    def __init__(self, service: WifiService) -> None:
        self._service = service

    async def networks(self, _request: Empty, _context: Context) -> WifiNetworks:
        return WifiNetworks(items=await self._service.networks())

    async def network(self, request: WifiNetworkName, _context: Context) -> WifiNetwork:
        return await self._service.network(request.network)

    async def update(self, request: WifiNetworkUpdate, context: Context) -> WifiChangeAnswer:
        seconds = wanted_seconds(request.expires, request.for_seconds, context.clock)
        change = await self._service.update(
            context.unit,
            request.network,
            patch_of(request),
            caller=context.caller.id,
            confirm=request.confirm,
            deadline_seconds=request.deadline_seconds,
            if_revision=request.if_revision,
            seconds=seconds or None,
            endless=seconds is None,
            accept_risk=request.accept_risk,
        )
        return WifiChangeAnswer(change=change)

    async def preview(self, request: WifiNetworkPatch, _context: Context) -> WifiPreview:
        impact, risks = await self._service.preview(request.network, patch_of(request))
        return WifiPreview(impact=impact, risks=risks)

    async def reveal(self, request: WifiNetworkName, _context: Context) -> WifiCredentials:
        settings = await self._service.reveal(request.network)
        return WifiCredentials(
            network=settings.network,
            ssid=settings.ssid,
            security=settings.security,
            passphrase=None if settings.passphrase is None else settings.passphrase.reveal(),
        )

    async def changes(self, request: WifiChangeQuery, _context: Context) -> WifiChanges:
        items, cursor = await self._service.changes(cursor=request.cursor, limit=request.limit)
        return WifiChanges(items=items, next=cursor)

    async def change(self, request: WifiChangeName, _context: Context) -> WifiChange:
        return await self._service.change(request.change)

    async def confirm(self, request: WifiChangeName, context: Context) -> WifiChangeAnswer:
        change = await self._service.confirm(context.unit, request.change, caller=context.caller.id)
        return WifiChangeAnswer(change=change)

    async def revert(self, request: WifiChangeName, context: Context) -> WifiChangeAnswer:
        change = await self._service.revert(context.unit, request.change, caller=context.caller.id)
        return WifiChangeAnswer(change=change)

    async def stations(self, _request: Empty, _context: Context) -> WifiStations:
        return WifiStations(items=await self._service.stations(), refused=self._service.witness.refused())

    async def radios(self, _request: Empty, _context: Context) -> WifiRadios:
        return WifiRadios(items=await self._service.radios())


def operations(service: WifiService) -> tuple[Operation, ...]:
    """All rows of Wi-Fi."""
    handlers = Handlers(service)
    return (*_network_rows(handlers), *_change_rows(handlers), *_radio_rows(handlers))


def _network_rows(handlers: Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="wifi.networks.list",
            summary="The Wi-Fi networks, without their passwords",
            request=Empty,
            result=WifiNetworks,
            scope=Scope.WIFI_READ,
            method="GET",
            path="/wifi/networks",
            handler=handlers.networks,
        ),
        Operation(
            name="wifi.networks.get",
            summary="One Wi-Fi network, without its password",
            request=WifiNetworkName,
            result=WifiNetwork,
            scope=Scope.WIFI_READ,
            method="GET",
            path="/wifi/networks/{network}",
            handler=handlers.network,
        ),
        Operation(
            name="wifi.networks.update",
            summary="Change a network's name, password or way; answers before the radio is touched",
            request=WifiNetworkUpdate,
            result=WifiChangeAnswer,
            scope=Scope.WIFI_WRITE,
            method="PATCH",
            path="/wifi/networks/{network}",
            handler=handlers.update,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            status=202,
            target="network",
        ),
        Operation(
            name="wifi.networks.preview",
            summary="What a change would do to the household; changes nothing",
            request=WifiNetworkPatch,
            result=WifiPreview,
            scope=Scope.WIFI_READ,
            method="POST",
            path="/wifi/networks/{network}/preview",
            handler=handlers.preview,
        ),
        Operation(
            name="wifi.networks.reveal",
            summary="A network's name and password; who asked is in the activity log",
            request=WifiNetworkName,
            result=WifiCredentials,
            scope=Scope.WIFI_REVEAL,
            method="POST",
            path="/wifi/networks/{network}/reveal",
            handler=handlers.reveal,
            mutates=True,  # nothing but the audit row, which is why it counts as one
            recovery="redo",
            secret_answer=True,
            target="network",
            step_up=True,
        ),
    )


def _change_rows(handlers: Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="wifi.changes.list",
            summary="Changes of the Wi-Fi, newest first",
            request=WifiChangeQuery,
            result=WifiChanges,
            scope=Scope.WIFI_READ,
            method="GET",
            path="/wifi/changes",
            handler=handlers.changes,
        ),
        Operation(
            name="wifi.changes.get",
            summary="One change and where it is",
            request=WifiChangeName,
            result=WifiChange,
            scope=Scope.WIFI_READ,
            method="GET",
            path="/wifi/changes/{change}",
            handler=handlers.change,
        ),
        Operation(
            name="wifi.changes.confirm",
            summary="Keep a change that is on the air",
            request=WifiChangeName,
            result=WifiChangeAnswer,
            scope=Scope.WIFI_WRITE,
            method="POST",
            path="/wifi/changes/{change}/confirm",
            handler=handlers.confirm,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            target="change",
        ),
        Operation(
            name="wifi.changes.revert",
            summary="Go back to what was before a change",
            request=WifiChangeName,
            result=WifiChangeAnswer,
            scope=Scope.WIFI_WRITE,
            method="POST",
            path="/wifi/changes/{change}/revert",
            handler=handlers.revert,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
            status=202,
            target="change",
        ),
    )


def _radio_rows(handlers: Handlers) -> tuple[Operation, ...]:
    return (
        Operation(
            name="wifi.stations.list",
            summary="Devices that are connected by Wi-Fi now",
            request=Empty,
            result=WifiStations,
            scope=Scope.WIFI_READ,
            method="GET",
            path="/wifi/stations",
            handler=handlers.stations,
        ),
        Operation(
            name="wifi.radios.list",
            summary="The radios of the box",
            request=Empty,
            result=WifiRadios,
            scope=Scope.WIFI_READ,
            method="GET",
            path="/wifi/radios",
            handler=handlers.radios,
        ),
    )


def patch_of(request: Request) -> dict[str, Any]:
    """The fields that were given, by the names of NetworkSettings. Raises InvalidField on the security."""
    patch = {
        name: value
        for name in request.__struct_fields__
        if name not in _CONTROL and (value := getattr(request, name)) is not UNSET
    }
    if "security" in patch:
        patch["security"] = read_security(patch["security"])
    return patch


def wanted_seconds(
    expires: datetime | UnsetType | None, seconds: float | UnsetType | None, clock: Clock
) -> float | None:
    """How long a network is wanted from now: 0 when nothing is said of it, None for ever.

    Raises InvalidField when both are given, when `expires` is past or has no zone, or when the box does not
    know the time.
    """
    if expires is UNSET or (expires is None and seconds is not UNSET):
        if seconds is UNSET:
            return 0
        if seconds is not None and seconds <= 0:
            raise InvalidField("for_seconds", "A network may be wanted for 60 seconds or more.")
        return seconds
    if expires is None:
        return None
    if seconds is not UNSET and seconds is not None:
        raise InvalidField("expires", "Give either expires or for_seconds.")
    if expires.tzinfo is None:
        raise InvalidField("expires", "A time has a zone: end it with Z or, for example, +01:00.")
    if not clock.trusted():
        raise InvalidField("expires", "The box does not know the time yet: give for_seconds.")
    left = (expires - clock.now()).total_seconds()
    if left <= 0:
        raise InvalidField("expires", "That time is past.")
    return left
