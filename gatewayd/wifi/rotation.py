"""Changing a password over in days: the old one works beside the new one until it is ended. WPA2 only.

With SAE the radio looks at one password for everybody, so there the change-over is refused.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Unit
from gatewayd.system.secret import Secret
from gatewayd.wifi import rules
from gatewayd.wifi.keys import suggest_passphrase
from gatewayd.wifi.model import OLD_KEY, DeviceKey, NetworkSettings, Security, WifiChange
from gatewayd.wifi.service import WifiService

DAYS_LEAST, DAYS_MOST = 1, 90
_DAY = 86_400.0


class WifiOldDevice(Struct, frozen=True, kw_only=True):
    """A device that still has the old password: when it joined last, and whether it is there now."""

    mac: str
    last_joined: datetime | None
    connected: bool


class WifiRotation(Struct, frozen=True, kw_only=True):
    """Where a network's change-over is. `ends`: when the old password stops by itself; null when `active`
    is false. `devices` still have the old password, the latest first."""

    network: str
    active: bool
    ends: datetime | None
    devices: tuple[WifiOldDevice, ...]


class Rotation:
    """The change-over of each network's password."""

    def __init__(self, wifi: WifiService) -> None:
        self._wifi = wifi

    async def get(self, network: str) -> WifiRotation:
        """Where it is. Raises `wifi.network_not_found`."""
        settings = (await self._wifi.stored(network)).desired
        if not self._lasts(settings):
            return WifiRotation(network=network, active=False, ends=None, devices=())
        here = {one.mac: one.key for one in await self._wifi.known_stations() if one.network == network}
        known = await self._wifi.witness.met(network, OLD_KEY)
        devices = [
            WifiOldDevice(mac=met.mac, last_joined=met.last, connected=met.mac in here) for met in known
        ]
        others = {mac for mac, key in here.items() if key == OLD_KEY} - {device.mac for device in devices}
        devices += [WifiOldDevice(mac=mac, last_joined=None, connected=True) for mac in sorted(others)]
        return WifiRotation(
            network=network,
            active=True,
            ends=self._wifi.deadlines.moment(network, "rotation"),
            devices=tuple(devices),
        )

    async def start(
        self,
        unit: Unit,
        network: str,
        passphrase: Secret | None,
        days: int,
        *,
        caller: str,
        if_revision: int | None = None,
        accept_risk: bool = False,
    ) -> WifiChange:
        """Queues the new password (a random one when none is given) beside the old one into `unit`.

        Hold the lock `wifi`. Raises `wifi.rotation_unsupported` (not WPA2), `wifi.rotation_open`,
        InvalidField, and what `WifiService.update` raises.
        """
        settings = (await self._wifi.stored(network, if_revision)).desired
        if settings.security is not Security.WPA2 or settings.passphrase is None:
            raise GatewayError(
                "wifi.rotation_unsupported",
                f"Two passwords at once work with wpa2 only; {network} has {settings.security}: "
                "change its password instead.",
            )
        if self._lasts(settings):
            raise GatewayError(
                "wifi.rotation_open", f"The password of {network} is being changed over: finish that first."
            )
        if not DAYS_LEAST <= days <= DAYS_MOST:
            raise InvalidField("days", f"It may last {DAYS_LEAST} to {DAYS_MOST} days; this is {days}.")
        new = suggest_passphrase() if passphrase is None else passphrase
        rules.check_passphrase(new, Security.WPA2)
        if any(new == one for one in (settings.passphrase, *(key.passphrase for key in settings.keys))):
            raise InvalidField(
                "passphrase",
                f"The new password ({len(new)} characters) is in use on this network already.",
                code="wifi.invalid_passphrase",
            )
        old = DeviceKey(id=OLD_KEY, label="The password before", passphrase=settings.passphrase)
        others = tuple(key for key in settings.keys if key.id != OLD_KEY)
        change = await self._wifi.update(
            unit,
            network,
            {"passphrase": new, "keys": (*others, old)},
            caller=caller,
            accept_risk=accept_risk,
        )
        self._wifi.deadlines.set(unit, network, "rotation", days * _DAY)
        self._wifi.witness.password_became_old(unit, network)
        return change

    async def finish(
        self, unit: Unit, network: str, *, caller: str, if_revision: int | None = None
    ) -> WifiChange:
        """Queues the end of the old password into `unit`: only devices that still use it are thrown off.

        Raises `wifi.rotation_not_open` and what `WifiService.revoke` raises.
        """
        stored = await self._wifi.stored(network, if_revision)
        if not any(key.id == OLD_KEY for key in stored.desired.keys):
            raise GatewayError(
                "wifi.rotation_not_open", f"The password of {network} is not being changed over."
            )
        change = await self._wifi.revoke(unit, network, OLD_KEY, caller=caller)
        self._wifi.deadlines.clear(unit, network, "rotation")
        self._wifi.old_passwords.forget(unit, stored)
        return change

    def _lasts(self, settings: NetworkSettings) -> bool:
        old = any(key.id == OLD_KEY for key in settings.keys)
        return old and not self._wifi.deadlines.due(settings.network, "rotation")
