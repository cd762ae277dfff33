"""The rows of what a household does with networks: make and end them, QR codes, keys, change-overs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from gatewayd.operations import Context, Empty, Operation, Request, Result
from gatewayd.system.secret import Secret
from gatewayd.wifi.device_keys import DeviceKeys, WifiKey
from gatewayd.wifi.keys import suggest_passphrase
from gatewayd.wifi.model import Band, Confirm, NetworkRole, WifiChange, WifiNetwork, Window
from gatewayd.wifi.operations import WifiChangeAnswer, WifiNetworkName, patch_of, wanted_seconds
from gatewayd.wifi.qr import CONTENT_TYPES, Format, draw, wifi_uri
from gatewayd.wifi.rotation import Rotation, WifiRotation
from gatewayd.wifi.rows import changes, reads, shows_secret
from gatewayd.wifi.service import WifiService


class WifiNetworkCreate(Request, frozen=True, kw_only=True):
    """A new network. What is left out is the role's own: a name beside the household's, a random password,
    WPA2, and for guests and things isolation. The fields are those of an update.

    `id` is a word of lower-case letters, digits and hyphens; left out, it is made of the role or the name.
    """

    role: NetworkRole
    id: str | None = None
    ssid: str | UnsetType = UNSET
    security: str | UnsetType = UNSET
    passphrase: Secret | UnsetType = UNSET
    bands: tuple[Band, ...] | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    isolated: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    schedule: tuple[Window, ...] | UnsetType = UNSET
    expires: datetime | UnsetType | None = UNSET
    for_seconds: float | UnsetType | None = UNSET
    accept_risk: bool = False
    confirm: Confirm = "none"
    deadline_seconds: int = 300


class WifiNetworkMade(Result, frozen=True, kw_only=True):
    """A network on its way to the air, and the change that brings it there."""

    network: WifiNetwork
    change: WifiChange


class WifiNetworkDelete(Request, frozen=True, kw_only=True):
    """Names one network by its id; `if_revision`: refuse when it is no longer at this revision."""

    network: str
    if_revision: int | None = None


class WifiQrQuery(Request, frozen=True, kw_only=True):
    """Names one network, and the form of its code; `text` is for a terminal."""

    network: str
    format: Format = "svg"


class WifiQr(Result, frozen=True, kw_only=True):
    """A QR code that phones join by, as secret as the password that is in it.

    `data` is an SVG document, a PNG in base64 (`encoding` says so), or lines of half blocks.
    """

    network: str
    format: Format
    content_type: str
    encoding: Literal["utf-8", "base64"]
    data: str


class WifiPassphrase(Result, frozen=True, kw_only=True):
    """A password worth having, of letters and digits that people do not mistake. It is not in use."""

    passphrase: str


class WifiKeys(Result, frozen=True, kw_only=True):
    """The passwords of single devices, without the passwords; revoked ones too."""

    items: tuple[WifiKey, ...]
    next: str | None = None


class WifiKeyCreate(Request, frozen=True, kw_only=True):
    """A new password for one device; a random one when none is given. `label` says whose it is.

    `if_revision`: refuse when the network is no longer at this revision. `accept_risk`: yes to a password
    that is easily guessed.
    """

    network: str
    label: str
    passphrase: Secret | None = None
    accept_risk: bool = False
    if_revision: int | None = None


class WifiKeyMade(Result, frozen=True, kw_only=True):
    """A new key with its password, which is shown this once; `qr` is an SVG document of a code to join by."""

    key: WifiKey
    passphrase: str
    qr: str
    change: WifiChange


class WifiKeyName(Request, frozen=True, kw_only=True):
    """Names one key of one network; `if_revision`: refuse when the network is no longer at this revision."""

    network: str
    key: str
    if_revision: int | None = None


class WifiRotationStart(Request, frozen=True, kw_only=True):
    """The new password (a random one when none is given), and for how many days the old one works too.

    `if_revision`: refuse when the network is no longer at this revision. `accept_risk`: yes to a password
    that is easily guessed.
    """

    network: str
    passphrase: Secret | None = None
    days: int = 7
    accept_risk: bool = False
    if_revision: int | None = None


class WifiRotationFinish(Request, frozen=True, kw_only=True):
    """Names one network by its id; `if_revision`: refuse when it is no longer at this revision."""

    network: str
    if_revision: int | None = None


class Handlers:
    """From requests to the service's words and back."""

    def __init__(self, service: WifiService) -> None:
        self._service = service
        self._keys = DeviceKeys(service)
        self._rotation = Rotation(service)

    async def create(self, request: WifiNetworkCreate, context: Context) -> WifiNetworkMade:
        network, change = await self._service.create(
            context.unit,
            request.role,
            patch_of(request),
            caller=context.caller.id,
            identifier=request.id,
            seconds=wanted_seconds(request.expires, request.for_seconds, context.clock) or None,
            accept_risk=request.accept_risk,
            confirm=request.confirm,
            deadline_seconds=request.deadline_seconds,
        )
        return WifiNetworkMade(network=network, change=change)

    async def delete(self, request: WifiNetworkDelete, context: Context) -> WifiChangeAnswer:
        change = await self._service.delete(
            context.unit, request.network, caller=context.caller.id, if_revision=request.if_revision
        )
        return WifiChangeAnswer(change=change)

    async def qr(self, request: WifiQrQuery, _context: Context) -> WifiQr:
        settings = await self._service.reveal(request.network)
        return WifiQr(
            network=settings.network,
            format=request.format,
            content_type=CONTENT_TYPES[request.format],
            encoding="base64" if request.format == "png" else "utf-8",
            data=draw(wifi_uri(settings), request.format),
        )

    async def suggest(self, _request: Empty, _context: Context) -> WifiPassphrase:
        return WifiPassphrase(passphrase=suggest_passphrase().reveal())

    async def keys(self, request: WifiNetworkName, _context: Context) -> WifiKeys:
        return WifiKeys(items=await self._keys.list(request.network))

    async def create_key(self, request: WifiKeyCreate, context: Context) -> WifiKeyMade:
        key, words, change = await self._keys.create(
            context.unit,
            request.network,
            request.label,
            request.passphrase,
            caller=context.caller.id,
            if_revision=request.if_revision,
            accept_risk=request.accept_risk,
        )
        network = await self._service.reveal(request.network)
        code = draw(wifi_uri(msgspec.structs.replace(network, passphrase=words)), "svg")
        return WifiKeyMade(key=key, passphrase=words.reveal(), qr=code, change=change)

    async def revoke_key(self, request: WifiKeyName, context: Context) -> WifiChangeAnswer:
        change = await self._keys.revoke(
            context.unit,
            request.network,
            request.key,
            caller=context.caller.id,
            if_revision=request.if_revision,
        )
        return WifiChangeAnswer(change=change)

    async def rotation(self, request: WifiNetworkName, _context: Context) -> WifiRotation:
        return await self._rotation.get(request.network)

    async def start_rotation(self, request: WifiRotationStart, context: Context) -> WifiChangeAnswer:
        change = await self._rotation.start(
            context.unit,
            request.network,
            request.passphrase,
            request.days,
            caller=context.caller.id,
            if_revision=request.if_revision,
            accept_risk=request.accept_risk,
        )
        return WifiChangeAnswer(change=change)

    async def finish_rotation(self, request: WifiRotationFinish, context: Context) -> WifiChangeAnswer:
        change = await self._rotation.finish(
            context.unit, request.network, caller=context.caller.id, if_revision=request.if_revision
        )
        return WifiChangeAnswer(change=change)


def household_operations(service: WifiService) -> tuple[Operation, ...]:
    """All rows of this file."""
    handlers = Handlers(service)
    return (*_network_rows(handlers), *_key_rows(handlers), *_rotation_rows(handlers))


def _network_rows(handlers: Handlers) -> tuple[Operation, ...]:
    one = "/wifi/networks/{network}"
    return (
        changes(
            "wifi.networks.create",
            "POST /wifi/networks",
            handlers.create,
            WifiNetworkCreate,
            WifiNetworkMade,
            "Make a network, for example for guests; when it fails on the air there is none",
            target="role",
        ),
        changes(
            "wifi.networks.delete",
            f"DELETE {one}",
            handlers.delete,
            WifiNetworkDelete,
            WifiChangeAnswer,
            "End a network and forget its passwords; not the home network",
            target="network",
        ),
        shows_secret(
            "wifi.networks.qr",
            f"GET {one}/qr",
            handlers.qr,
            WifiQrQuery,
            WifiQr,
            "A QR code to join a network by; who asked is in the activity log",
        ),
        reads(
            "wifi.passphrase.suggest",
            "/wifi/passphrase",
            handlers.suggest,
            WifiPassphrase,
            "A strong password that is easy to read out",
            secret_answer=True,
        ),
    )


def _key_rows(handlers: Handlers) -> tuple[Operation, ...]:
    all_of_one = "/wifi/networks/{network}/keys"
    return (
        reads(
            "wifi.keys.list",
            all_of_one,
            handlers.keys,
            WifiKeys,
            "A network's passwords of single devices, without the passwords",
            request=WifiNetworkName,
        ),
        changes(
            "wifi.keys.create",
            f"POST {all_of_one}",
            handlers.create_key,
            WifiKeyCreate,
            WifiKeyMade,
            "Make a password for one device; it is shown this once",
            secret_answer=True,
            target="network",
        ),
        changes(
            "wifi.keys.revoke",
            f"DELETE {all_of_one}/{{key}}",
            handlers.revoke_key,
            WifiKeyName,
            WifiChangeAnswer,
            "Take one device's password away; the others do not notice",
            target="key",
        ),
    )


def _rotation_rows(handlers: Handlers) -> tuple[Operation, ...]:
    one = "/wifi/networks/{network}/rotation"
    return (
        reads(
            "wifi.rotation.get",
            one,
            handlers.rotation,
            WifiRotation,
            "Whether a password is being changed over, and who still has the old one",
            request=WifiNetworkName,
        ),
        changes(
            "wifi.rotation.start",
            f"POST {one}",
            handlers.start_rotation,
            WifiRotationStart,
            WifiChangeAnswer,
            "Change a password over in days: old and new work until it is finished",
            target="network",
        ),
        changes(
            "wifi.rotation.finish",
            f"POST {one}/finish",
            handlers.finish_rotation,
            WifiRotationFinish,
            WifiChangeAnswer,
            "End the old password; only devices that still use it are disconnected",
            target="network",
        ),
    )
