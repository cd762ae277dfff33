"""The words of Wi-Fi: radio, network, station, change.

`NetworkSettings` is what we want of a network at one revision and holds its passphrase; it never
leaves the box. The structs whose names begin with `Wifi` are what callers see.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from gatewayd.system.secret import Secret


class Security(StrEnum):
    """How a network admits stations; the values are those of the API."""

    WPA2 = "wpa2"
    WPA2_WPA3 = "wpa2-wpa3"
    WPA3 = "wpa3"
    OWE = "owe"
    OPEN = "open"

    @property
    def has_passphrase(self) -> bool:
        """Whether stations need a passphrase."""
        return self not in (Security.OWE, Security.OPEN)

    @property
    def has_sae(self) -> bool:
        """Whether stations may join by SAE (WPA3-Personal)."""
        return self in (Security.WPA2_WPA3, Security.WPA3)

    @property
    def has_psk(self) -> bool:
        """Whether stations may join with a pre-shared key (WPA2-Personal)."""
        return self in (Security.WPA2, Security.WPA2_WPA3)


class Band(StrEnum):
    """A frequency band, by its name in GHz."""

    GHZ_2_4 = "2.4"
    GHZ_5 = "5"
    GHZ_6 = "6"


class Step(StrEnum):
    """What a change does to the radio, from the least disturbing to the most.

    `none`: nothing; `keys`: the keys of one network are read again; `bss`: one network, the others on
    the radio do not notice; `reload`: every station of the radio is thrown off once; `restart`: the
    radio is silent for some seconds.
    """

    NONE = "none"
    KEYS = "keys"
    BSS = "bss"
    RELOAD = "reload"
    RESTART = "restart"


class ChangeState(StrEnum):
    """Where a change is. `applied` and `rolled_back` are ends."""

    PENDING = "pending"
    APPLYING = "applying"
    PROVING = "proving"
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it (its proof may still grow)."""
        return self in (ChangeState.APPLIED, ChangeState.ROLLED_BACK)


Proof = Literal["none", "on_air", "station", "client"]
"""What shows that the new settings work: the radio sends them; a station finished its handshake with
them; whoever asked for the change came back and confirmed."""
PROOFS: tuple[Proof, ...] = ("none", "on_air", "station", "client")

Confirm = Literal["none", "station", "client"]
"""What a change waits for, beyond the proof on the air, before it counts as applied."""


class NetworkSettings(Struct, frozen=True, kw_only=True):
    """What one network shall be, at one revision. `passphrase` is None exactly when security has none."""

    network: str
    role: str
    revision: int
    ssid: str
    security: Security
    passphrase: Secret | None
    bands: tuple[Band, ...]
    hidden: bool = False
    isolated: bool = False
    enabled: bool = True

    @property
    def ssid_bytes(self) -> bytes:
        """The SSID as it goes on the air."""
        return self.ssid.encode()

    def same_as(self, other: NetworkSettings) -> bool:
        """Whether both describe the same network, whatever their revisions."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in self.__struct_fields__
            if name != "revision"
        )


class WifiImpact(Struct, frozen=True, kw_only=True):
    """What a change will do to the household, told before it is done.

    `stations_dropped` counts stations that will lose their connection at once, `need_new_credentials`
    whether devices must be told a new name or password; `silent_seconds` is an estimate.
    """

    step: Step
    stations_dropped: int
    need_new_credentials: bool
    silent_seconds: float
    summary: str


class WifiNetwork(Struct, frozen=True, kw_only=True):
    """A network as callers see it. `state`: `on_air`, `changing`, `off` (not enabled) or `down`."""

    id: str
    role: str
    ssid: str
    security: Security
    bands: tuple[Band, ...]
    hidden: bool
    isolated: bool
    enabled: bool
    state: Literal["on_air", "changing", "off", "down"]
    revision: int
    simulated: bool = False


class WifiChange(Struct, frozen=True, kw_only=True):
    """One change of one network on its way from `from_revision` to `to_revision`.

    `reason` is a sentence when it was rolled back, or when its proof needs a word. `deadline` is set
    while it waits for a confirmation. `outage_ms` is the time from the first disturbance of the radio
    until a network (the new one, or after a roll-back the old one) was proven on the air.
    """

    id: str
    network: str
    state: ChangeState
    proof: Proof
    confirm: Confirm
    impact: WifiImpact
    from_revision: int
    to_revision: int
    outage_ms: int | None
    reason: str | None
    created: datetime
    deadline: datetime | None
    ended: datetime | None
    simulated: bool = False


class WifiStation(Struct, frozen=True, kw_only=True):
    """A device that finished its handshake. `signal_dbm` is None when the driver does not tell."""

    mac: str
    network: str
    signal_dbm: int | None
    rx_bytes: int
    tx_bytes: int
    connected_seconds: int
    key: str | None = None


class WifiRadio(Struct, frozen=True, kw_only=True):
    """A radio as it is now. `channel` is None while it is silent; `driver` is the kernel's name for it."""

    id: str
    interface: str
    band: Band
    channel: int | None
    country: str | None
    driver: str
    state: Literal["on_air", "down"]
    simulated: bool = False
