"""What the service asks of a radio, whoever drives it: one Protocol, one conformance suite for all.

A driver is told the whole of what the radios shall send and finds the least disturbing way there by
itself. It decides nothing about changes: states, deadlines and going back are the service's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Literal, Protocol

from msgspec import Struct

from gatewayd.wifi.model import (
    Band,
    NetworkSettings,
    RadioTuning,
    Step,
    WifiImpact,
    WifiRadio,
    WifiStation,
)

Networks = tuple[NetworkSettings, ...]


class DriverError(Exception):
    """The radio did not do as it was told. The text is a sentence for people, without a secret."""


class Refused(DriverError):
    """The settings cannot work on this radio; nothing was touched."""


class NotOnAir(DriverError):
    """The network is not (yet) on the air as wanted."""


class ListensForRadar(NotOnAir):
    """Not yet: the channel has radar duty, and the radio listens for a minute before it sends."""


class Applied(Struct, frozen=True, kw_only=True):
    """What `apply` did. `silent_ms`: from the first disturbance until the radio's own word was that it sends.

    None when it had not said so yet at the end: whoever waits for the proof then knows.
    """

    step: Step
    silent_ms: int | None = None


class OnAir(Struct, frozen=True, kw_only=True):
    """Proof that a network is on the air. `note` says what it is worth, when that is less than a scan."""

    note: str | None = None


class Heard(Struct, frozen=True, kw_only=True):
    """A network that a scan heard; `ssid` as bytes, `bssid` in lower case.

    `security` is every way in that it offers, of `wpa2`, `wpa3`, `owe`, `open` (others may stand beside
    them); None when the scanner does not tell.
    """

    bssid: str
    ssid: bytes
    security: frozenset[str] | None = None


class Scanner(Protocol):
    """Listens with another radio than the one that sends."""

    async def scan(self) -> tuple[Heard, ...]:
        """What is on the air now. Raises OSError or GatewayError when it cannot listen."""
        ...


class RadioEvent(Struct, frozen=True, kw_only=True):
    """Something that the radio tells.

    `lost`: a radio fell silent by itself, `reason` says why. `wrong_password`: a station's handshake
    showed another key than any that the network has.
    """

    kind: Literal["joined", "left", "lost", "wrong_password"]
    network: str | None = None
    mac: str | None = None
    reason: str | None = None


class Driver(Protocol):
    """A driver of all radios of the box.

    `simulated` is told to everybody who is shown anything of it.
    """

    name: str
    simulated: bool

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands that some radio carries."""
        ...

    async def start(self) -> None:
        """Finds out what the radios do now, changing nothing. Raises DriverError."""
        ...

    async def check(self, networks: Networks) -> None:
        """A dry run of these settings. Raises Refused; touches nothing."""
        ...

    def impact(self, old: NetworkSettings, networks: Networks, stations: dict[str, int]) -> WifiImpact:
        """What `apply(networks)` would do; `old` is the one network that changes, as it is now."""
        ...

    def tuning(self, radio: str) -> RadioTuning | None:
        """A radio as it was installed; None when there is none of that name, or others set it up than we."""
        ...

    def check_tuning(self, tuning: RadioTuning) -> None:
        """Raises InvalidField on what the radio cannot or may not."""
        ...

    def tuning_impact(self, tuning: RadioTuning, networks: Networks, stations: int) -> WifiImpact:
        """What `tune` with this tuning and `apply(networks)` would do, with so many stations on the radio.

        Raises DriverError when the channel is forbidden.
        """
        ...

    def tune(self, tunings: Mapping[str, RadioTuning]) -> None:
        """What each radio is from the next `apply` on; one that is not named is as installed.

        Raises DriverError when a channel is forbidden by now.
        """
        ...

    async def apply(self, networks: Networks, *, least: Step = Step.NONE) -> Applied:
        """Makes the radios send exactly these networks by the lightest sure step, at least by `least`.

        Does nothing when they already do. Raises DriverError; then nobody knows what is on the air
        until the next `apply`.
        """
        ...

    async def prove(self, network: NetworkSettings) -> OnAir:
        """Looks once whether the network is on the air as wanted. Raises NotOnAir with the reason."""
        ...

    async def stations(self) -> tuple[WifiStation, ...]:
        """Stations that finished their handshake, each with the id of the key that it used where the
        driver knows. Raises DriverError."""
        ...

    async def deauthenticate(self, network: str, mac: str) -> None:
        """Throws one station off, which may come back with a key that is good; no word if it is not there.

        Raises DriverError.
        """
        ...

    async def radios(self) -> tuple[WifiRadio, ...]:
        """The radios as they are now."""
        ...

    def events(self) -> AsyncIterator[RadioEvent]:
        """What the radios tell from now on, without end. One reader."""
        ...

    async def close(self) -> None:
        """Lets go; the radios go on sending."""
        ...
