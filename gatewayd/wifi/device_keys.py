"""Passwords of single devices: each can be taken away without touching the others. WPA2 only.

A key is part of its network's settings, so that it is made and revoked by changes like any other. What is
told of it beside (label, dates) is kept when it is gone: a revoked key stays in the list, its password
does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Unit
from gatewayd.system.secret import Secret
from gatewayd.wifi import roles, rules
from gatewayd.wifi.keys import suggest_passphrase
from gatewayd.wifi.model import MAIN_KEY, OLD_KEY, DeviceKey, NetworkSettings, Security, WifiChange
from gatewayd.wifi.service import WifiService

MOST_KEYS = 64
LABEL_MOST = 64
_KEPT_REVOKED = 200


class WifiKey(Struct, frozen=True, kw_only=True):
    """A device's own password, without the password. `revoked`: when it was taken away, null while it works.

    `last_seen`: when a device last joined with it; `connected`: how many are on the network with it now.
    """

    id: str
    network: str
    label: str
    created: datetime
    last_seen: datetime | None
    revoked: datetime | None
    connected: int = 0


class DeviceKeys:
    """The keys of all networks."""

    def __init__(self, wifi: WifiService) -> None:
        self._wifi = wifi

    async def list(self, network: str) -> tuple[WifiKey, ...]:
        """All keys of a network, revoked ones too, in the order in which they were made.

        Raises `wifi.network_not_found`.
        """
        stored = await self._wifi.stored(network)
        working = {key.id for key in stored.desired.keys}
        used = [one.key for one in await self._wifi.known_stations() if one.network == network]
        rows = await self._wifi.database.fetch_all(
            "SELECT * FROM wifi_keys WHERE network = ? ORDER BY created, id", (network,)
        )
        return tuple(
            WifiKey(
                id=row["id"],
                network=network,
                label=row["label"],
                created=_moment(row["created"]),
                last_seen=None if row["last_seen"] is None else _moment(row["last_seen"]),
                revoked=None if row["id"] in working else _moment(row["revoked"] or row["created"]),
                connected=used.count(row["id"]),
            )
            for row in rows
        )

    async def create(
        self,
        unit: Unit,
        network: str,
        label: str,
        passphrase: Secret | None,
        *,
        caller: str,
        if_revision: int | None = None,
        accept_risk: bool = False,
    ) -> tuple[WifiKey, Secret, WifiChange]:
        """Queues a new key into `unit`, with a random password when none is given; hold the lock `wifi`.

        Raises `wifi.keys_unsupported` (not WPA2), `wifi.too_many_keys`, InvalidField, and what
        `WifiService.update` raises.
        """
        settings = (await self._wifi.stored(network, if_revision)).desired
        if settings.security is not Security.WPA2:
            raise GatewayError(
                "wifi.keys_unsupported",
                f"Passwords of single devices work with wpa2 only; {network} has {settings.security}.",
            )
        if not 1 <= len(label) <= LABEL_MOST or not label.isprintable():
            raise InvalidField(
                "label", f"A label has 1 to {LABEL_MOST} printable characters; this one has {len(label)}."
            )
        if len(settings.keys) >= MOST_KEYS:
            raise GatewayError("wifi.too_many_keys", f"A network has at most {MOST_KEYS} keys.")
        words = suggest_passphrase() if passphrase is None else passphrase
        rules.check_passphrase(words, Security.WPA2)
        _check_new(words, settings)
        rules.accept(rules.weak(words, settings.ssid), accept_risk)
        rows = await self._wifi.database.fetch_all("SELECT id FROM wifi_keys WHERE network = ?", (network,))
        taken = {MAIN_KEY, OLD_KEY, *(row["id"] for row in rows), *(key.id for key in settings.keys)}
        made = DeviceKey(id=_free(label, taken), label=label, passphrase=words)
        now = self._wifi.clock.now()
        change = await self._wifi.update(unit, network, {"keys": (*settings.keys, made)}, caller=caller)
        unit.execute(
            "INSERT INTO wifi_keys (network, id, label, created) VALUES (?, ?, ?, ?)",
            (network, made.id, label, now.timestamp()),
        )
        self._forget_old(unit, network)
        key = WifiKey(id=made.id, network=network, label=label, created=now, last_seen=None, revoked=None)
        return key, words, change

    async def revoke(
        self, unit: Unit, network: str, key: str, *, caller: str, if_revision: int | None = None
    ) -> WifiChange:
        """Queues the end of a key into `unit`: its devices are thrown off and cannot come back.

        Again on a revoked key: the revocation that is still open, or nothing to do. Raises
        `wifi.key_not_found` and what `WifiService.revoke` raises.
        """
        await self._wifi.stored(network, if_revision)
        row = await self._wifi.database.fetch_one(
            "SELECT revoked FROM wifi_keys WHERE network = ? AND id = ?", (network, key)
        )
        if row is None:
            raise GatewayError("wifi.key_not_found", f"{network} has no key {key[:40]!r}.", field="key")
        change = await self._wifi.revoke(unit, network, key, caller=caller)
        unit.execute(
            "UPDATE wifi_keys SET revoked = COALESCE(revoked, ?) WHERE network = ? AND id = ?",
            (self._wifi.clock.now().timestamp(), network, key),
        )
        return change

    def _forget_old(self, unit: Unit, network: str) -> None:
        unit.execute(
            "DELETE FROM wifi_keys WHERE network = ?1 AND revoked IS NOT NULL AND id NOT IN (SELECT id FROM"
            " wifi_keys WHERE network = ?1 AND revoked IS NOT NULL ORDER BY revoked DESC LIMIT ?2)",
            (network, _KEPT_REVOKED),
        )


def _check_new(words: Secret, settings: NetworkSettings) -> None:
    known: Iterable[Secret | None] = (settings.passphrase, *(key.passphrase for key in settings.keys))
    if any(words == one for one in known):
        raise InvalidField(
            "passphrase",
            f"This password ({len(words)} characters) is in use on this network already.",
            code="wifi.invalid_passphrase",
        )


def _free(label: str, taken: set[str]) -> str:
    name = roles.slug(label)
    return roles.free_id(name if name and name[0].isalpha() else "key", taken)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
