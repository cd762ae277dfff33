"""Who listens for a survey: netd on the box's radios, or a made-up neighbourhood in the demo."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from gatewayd.errors import GatewayError
from gatewayd.netd import verbs
from gatewayd.netd.client import NetworkDoor
from gatewayd.system import nl80211
from gatewayd.system.clock import Clock
from gatewayd.wifi.model import Band
from gatewayd.wifi.simulated import FACTS as SIMULATED_FACTS
from gatewayd.wifi.survey import Channel, Count, Findings, WifiNeighbour, band_of

SCAN_MS = 20_000
_TRIES, _BETWEEN = 3, 2.0
_NET = Path("/sys/class/net")
OWN_RADIO = "The radio left its channel for moments to listen: devices may have noticed a hiccup."
UNKNOWN_CHANNELS = "The kernel does not tell which channels may be used: no advice is possible."
NOT_COUNTED = "The radio does not count how busy the channels are: the advice rests on what was heard."
MADE_UP = "A made-up neighbourhood: this box has no radio, and nothing was listened to."

Told = Callable[[float, str], None]
Facts = Callable[[str], Awaitable[nl80211.PhyFacts | None]]


class Surveyor(Protocol):
    """Listens once on every band that it can."""

    async def listen(self, interfaces: tuple[str, ...], told: Told) -> Findings:
        """`interfaces` are the sending radios'. `told` hears how far (0..1) and what now.

        Raises GatewayError `wifi.radio_unavailable` or `netd.*` when no radio could listen.
        """
        ...


class NetdSurveyor:
    """Listens through netd: with the second radio when the box has one, else with those that send."""

    def __init__(
        self,
        network: NetworkDoor,
        clock: Clock,
        *,
        scan_interface: str | None = None,
        facts: Facts = nl80211.facts,
    ) -> None:
        self._network = network
        self._clock = clock
        self._scan_interface = scan_interface
        self._facts = facts

    async def listen(self, interfaces: tuple[str, ...], told: Told) -> Findings:
        ears = interfaces if self._scan_interface is None else (self._scan_interface,)
        if not ears:
            raise GatewayError("wifi.radio_unavailable", "This box has no Wi-Fi radio.")
        own = await asyncio.to_thread(own_addresses)
        heard: dict[str, WifiNeighbour] = {}
        counts: dict[tuple[Band, int], Count] = {}
        refused: GatewayError | None = None
        for number, interface in enumerate(ears):
            told(number / len(ears), f"Listening on {interface}")
            try:
                answer = await self._scan(interface, sends=self._scan_interface is None)
            except GatewayError as error:
                refused = error
                continue
            for bss in answer.networks:
                found = neighbour(bss, own)
                if found is not None:
                    heard.setdefault(bss.bssid, found)
            counts |= await self._counts(interface)
        if refused is not None and not heard and not counts:
            raise refused
        told(0.9, "Weighing the channels")
        channels = await self._channels(interfaces or ears)
        notes = [] if self._scan_interface is not None else [OWN_RADIO]
        if refused is not None:
            notes.append(f"One radio could not listen: {refused.detail}")
        if not channels:
            notes.append(UNKNOWN_CHANNELS)
        if all(count.utilisation is None for count in counts.values()):
            notes.append(NOT_COUNTED)
        return Findings(
            neighbours=tuple(heard.values()),
            counts=tuple(counts.values()),
            channels=channels,
            notes=tuple(notes),
        )

    async def _scan(self, interface: str, *, sends: bool) -> verbs.ScanAnswer:
        for attempt in range(_TRIES):
            try:
                return await self._network.scan(interface, timeout_ms=SCAN_MS, while_sending=sends)
            except GatewayError as error:
                # A proof of a change scans too, for a moment.
                if error.code != "netd.busy" or attempt == _TRIES - 1:
                    raise
            await self._clock.sleep(_BETWEEN)
        raise AssertionError("unreachable")

    async def _counts(self, interface: str) -> dict[tuple[Band, int], Count]:
        try:
            answer = await self._network.survey(interface)
        except GatewayError:  # many drivers do not count
            return {}
        return {(one.band, one.channel): one for told in answer.channels if (one := count(told)) is not None}

    async def _channels(self, interfaces: tuple[str, ...]) -> tuple[Channel, ...]:
        found: dict[tuple[str, int], Channel] = {}
        for interface in interfaces:
            facts = await self._facts(interface)
            for one in facts.channels if facts is not None else ():
                channel = Channel(band=Band(one.band), number=one.number, usable=one.usable, radar=one.radar)
                found.setdefault((one.band, one.number), channel)
        return tuple(found.values())


def neighbour(bss: verbs.ScanBss, own: frozenset[str]) -> WifiNeighbour | None:
    """What was heard, for people; None when it is on no band of ours. `own` are this box's BSSIDs."""
    band = band_of(bss.frequency) if bss.frequency is not None else None
    if band is None or bss.channel is None:
        return None
    return WifiNeighbour(
        bssid=bss.bssid,
        ssid=bss.ssid.strip(b"\0").decode("utf-8", "replace"),
        band=band,
        channel=bss.channel,
        width=bss.width,
        signal_dbm=bss.signal_dbm,
        security=bss.security,
        utilisation=None if bss.utilisation is None else round(bss.utilisation, 3),
        stations=bss.stations,
        own=bss.bssid in own,
    )


def count(told: verbs.ChannelSurvey) -> Count | None:
    """A channel's count; None when it counts nothing."""
    band = band_of(told.frequency)
    share = None
    if told.active_ms and told.busy_ms is not None:
        share = round(min(1.0, told.busy_ms / told.active_ms), 3)
    if band is None or told.channel is None or (share is None and told.noise_dbm is None):
        return None
    return Count(band=band, channel=told.channel, utilisation=share, noise_dbm=told.noise_dbm)


def own_addresses() -> frozenset[str]:
    """The addresses of this machine's Wi-Fi interfaces, which are its BSSIDs. Blocks."""
    found = set()
    for path in _NET.iterdir():
        if (path / "phy80211").exists():
            found.add((path / "address").read_text().strip().lower())
    return frozenset(found)


class SimulatedSurveyor:
    """A street that is not there, for the demo; it says so."""

    def __init__(self, clock: Clock, *, pace: float = 0.4) -> None:
        self._clock = clock
        self._pace = pace

    async def listen(self, interfaces: tuple[str, ...], told: Told) -> Findings:
        for step, sentence in enumerate(
            ("Listening on 2.4 GHz", "Listening on 5 GHz", "Weighing the channels")
        ):
            told(step / 3, sentence)
            await self._clock.sleep(self._pace)
        # Advice that the simulated radios can follow.
        channels = [
            Channel(band=Band(one.band), number=one.number, radar=one.radar)
            for one in SIMULATED_FACTS.channels
        ]
        return Findings(
            neighbours=_STREET,
            counts=tuple(
                Count(band=band, channel=channel, utilisation=share, noise_dbm=-92)
                for band, channel, share in _BUSY
            ),
            channels=tuple(channels),
            notes=(MADE_UP,),
            simulated=True,
        )


def _made_up(
    number: int, ssid: str, channel: int, signal: float, *security: str, width: int = 20
) -> WifiNeighbour:
    return WifiNeighbour(
        bssid=f"02:00:5e:20:00:{number:02x}",  # locally administered: nobody's real device
        ssid=ssid,
        band=Band.GHZ_2_4 if channel <= 14 else Band.GHZ_5,
        channel=channel,
        width=width,
        signal_dbm=signal,
        security=security,
    )


_STREET = (
    _made_up(1, "Birch Cottage", 6, -48, "wpa2", "wpa3"),
    _made_up(2, "Number 14", 6, -61, "wpa2"),
    _made_up(3, "Upstairs", 1, -70, "wpa2"),
    _made_up(4, "", 9, -77, "wpa2"),
    _made_up(5, "Corner Café", 11, -83, "owe"),
    _made_up(6, "Birch Cottage", 36, -55, "wpa2", "wpa3", width=80),
    _made_up(7, "Printer-4F", 1, -66, "open"),
    _made_up(8, "Number 14", 100, -79, "wpa3", width=160),
)
_BUSY = (
    (Band.GHZ_2_4, 1, 0.22),
    (Band.GHZ_2_4, 6, 0.57),
    (Band.GHZ_2_4, 11, 0.09),
    (Band.GHZ_5, 36, 0.18),
    (Band.GHZ_5, 52, 0.01),
)
