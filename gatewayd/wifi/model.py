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
    the radio do not notice; `csa`: the radio changes its channel and takes its stations along; `reload`:
    every station of the radio is thrown off once; `restart`: the radio is silent for some seconds.
    """

    NONE = "none"
    KEYS = "keys"
    BSS = "bss"
    CSA = "csa"
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


MAIN_KEY, OLD_KEY = "main", "old"
"""The key ids of a network's own password, and of the one before while a rotation lasts."""

NetworkRole = Literal["home", "guest", "iot"]
"""What a network is for."""


class DeviceKey(Struct, frozen=True, kw_only=True):
    """A further WPA2 password of a network. `id` is what the radio names a station's key by."""

    id: str
    label: str
    passphrase: Secret
    revoked: bool = False


class Window(Struct, frozen=True, kw_only=True):
    """A span of every week in the household's wall time in which a network is on.

    `days` has 0 for Monday to 6 for Sunday, on which the window begins; `start` and `end` are `HH:MM`. An
    `end` that is not after `start` is on the next day; equal means the whole 24 hours.
    """

    days: tuple[int, ...]
    start: str
    end: str


class NetworkSettings(Struct, frozen=True, kw_only=True):
    """What one network shall be, at one revision. `passphrase` is None exactly when security has none.

    `keys` are further passwords, of WPA2 only. `bridge` is where the network's stations belong.
    `schedule`: when it is on, always without one. `absent`: it shall not be there at all (it was deleted, or
    is not made yet), and then it is not enabled either.
    """

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
    keys: tuple[DeviceKey, ...] = ()
    bridge: str | None = None
    schedule: tuple[Window, ...] = ()
    absent: bool = False

    @property
    def ssid_bytes(self) -> bytes:
        """The SSID as it goes on the air."""
        return self.ssid.encode()

    def same_as(self, other: NetworkSettings) -> bool:
        """Whether both describe the same network, whatever their revisions."""
        return not self.different(other)

    def different(self, other: NetworkSettings) -> tuple[str, ...]:
        """The names of the fields in which they differ, but for their revisions."""
        return tuple(
            name
            for name in self.__struct_fields__
            if name != "revision" and getattr(self, name) != getattr(other, name)
        )


class RadioTuning(Struct, frozen=True, kw_only=True):
    """What the household set on a radio, at one revision; 0 is as installed.

    `channel` is 0 where the radio shall choose. `width` in MHz: 20, 40 or 80.
    """

    radio: str
    revision: int
    band: Band
    channel: int
    width: int = 20
    country: str | None = None


class WifiImpact(Struct, frozen=True, kw_only=True):
    """What a change will do to the household, told before it is done.

    `stations_dropped` counts stations that will lose their connection at once, `need_new_credentials`
    whether devices must be told a new name or password; `silent_seconds` is an estimate. `changed` names the
    fields of the network that will be different, or is `created` or `deleted` alone.
    """

    step: Step
    stations_dropped: int
    need_new_credentials: bool
    silent_seconds: float
    summary: str
    changed: tuple[str, ...] = ()


class WifiNetwork(Struct, frozen=True, kw_only=True):
    """A network as callers see it. `state`: `on_air`, `changing`, `off` or `down`.

    `off` says why it is off: it was switched off, its schedule has it off now, or its time (`expires`) is up.
    """

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
    schedule: tuple[Window, ...] = ()
    expires: datetime | None = None
    off: Literal["disabled", "schedule", "expired"] | None = None
    simulated: bool = False


class WifiChange(Struct, frozen=True, kw_only=True):
    """One change of one network on its way from `from_revision` to `to_revision`; or of a radio: then `radio`
    names it, and `network` is empty.

    `reason` is a sentence when it was rolled back, or when its proof needs a word. `deadline` is set
    while it waits for a confirmation. `outage_ms` is for how long the radio was disturbed or silent, by
    its own word; after a roll-back with the way back.
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
    radio: str | None = None
    simulated: bool = False


class WifiStation(Struct, frozen=True, kw_only=True):
    """A device that finished its handshake. `signal_dbm` and `radio` (its place) are None when the driver
    does not tell, and so is `idle_seconds`, how long nothing came from it."""

    mac: str
    network: str
    signal_dbm: int | None
    rx_bytes: int
    tx_bytes: int
    connected_seconds: int
    key: str | None = None
    radio: str | None = None
    idle_seconds: float | None = None


class WifiChannel(Struct, frozen=True, kw_only=True):
    """A channel that a radio knows. `allowed`: here and now by the country's rules; `radar`: listened to for
    a minute before anything is sent, and left when radar is seen; `widths`: how wide (MHz) it can be."""

    band: Band
    number: int
    frequency: int
    allowed: bool
    radar: bool
    widths: tuple[int, ...] = (20,)


class WifiRadio(Struct, frozen=True, kw_only=True):
    """A radio as it is now. `channel` is None while it is silent, `width` (MHz) also where nobody tells;
    `automatic`: the radio chose the channel. `driver` is the kernel's name for it.

    What it can do is as the kernel tells, and empty or None where it does not: `channels`, `sae` (WPA3).
    `max_bss` networks at most fit on it. `note` is a sentence when the radio has limits worth knowing.
    """

    id: str
    interface: str
    band: Band
    channel: int | None
    country: str | None
    driver: str
    state: Literal["on_air", "down"]
    width: int | None = None
    automatic: bool = False
    max_bss: int | None = None
    channels: tuple[WifiChannel, ...] = ()
    sae: bool | None = None
    note: str | None = None
    simulated: bool = False
