"""A radio that is not there: the demo's. It behaves by the same rules and says that it is simulated.

Devices of a made-up household come and go. When the name or the password changes, those that had
the old one are thrown off, and come back when somebody has told them the new one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping

import msgspec

from gatewayd.system.clock import Clock
from gatewayd.system.nl80211 import PhyChannel, PhyFacts
from gatewayd.tasks import Tasks
from gatewayd.wifi.abilities import SIMULATED, abilities
from gatewayd.wifi.channels import frequency, settle_channel, wifi_channel
from gatewayd.wifi.driver import Applied, Networks, NotOnAir, OnAir, RadioEvent
from gatewayd.wifi.model import (
    MAIN_KEY,
    Band,
    NetworkSettings,
    RadioTuning,
    Step,
    WifiImpact,
    WifiRadio,
    WifiStation,
)
from gatewayd.wifi.planner import SILENT_SECONDS, Plan, heavier, impact, plan, radio_impact
from gatewayd.wifi.render import RadioSettings, assign_slots, carried
from gatewayd.wifi.tunings import check_tuning, installed, tuned

_QUEUE = 1024
_PACE = 4.0
_LEARN_SECONDS = (8.0, 40.0)
# Locally administered addresses (second hexadecimal digit 2): nobody's real device.
_HOUSEHOLD = tuple(f"02:00:5e:10:00:{number:02x}" for number in range(1, 8))

# What most radios can, by the rules of most of Europe.
FACTS = PhyFacts(
    channels=(
        *(
            PhyChannel(band="2.4", number=one, frequency=frequency(Band.GHZ_2_4, one), widths=(20, 40))
            for one in range(1, 14)
        ),
        *(
            PhyChannel(
                band="5",
                number=one,
                frequency=frequency(Band.GHZ_5, one),
                radar=one >= 52,
                widths=(20, 40, 80),
            )
            for one in (36, 40, 44, 48, 52, 56, 60, 64)
        ),
    ),
    most_access_points=8,
    sae=True,
    management_protection=True,
)


class _Device(msgspec.Struct):
    mac: str
    signal: int
    network: str | None = None
    credentials: tuple[str, str | None] | None = None
    key: str | None = None
    since: float = 0.0
    learns_at: float = 0.0


class SimulatedDriver:
    """Two radios without hardware. See `driver.Driver`."""

    name = "simulated"
    simulated = True

    def __init__(self, clock: Clock, tasks: Tasks, *, household: bool = True, seed: int = 1) -> None:
        """`household` False: only devices that a caller sends with `join`."""
        self._clock = clock
        self._tasks = tasks
        self._household = household
        self._random = random.Random(seed)  # noqa: S311 - a play, no secret
        self._installed: tuple[RadioSettings, ...] = (
            RadioSettings(
                radio="radio0",
                interface="sim0",
                address="02:00:5e:00:00:00",
                band=Band.GHZ_2_4,
                channel=6,
                driver=SIMULATED,
            ),
            RadioSettings(
                radio="radio1",
                interface="sim1",
                address="02:00:5e:00:01:00",
                band=Band.GHZ_5,
                channel=36,
                driver=SIMULATED,
            ),
        )
        self._radios: tuple[RadioSettings, ...] = self._installed
        self._sending: tuple[RadioSettings, ...] = self._installed
        self._running: Networks | None = None
        self._devices: dict[str, _Device] = {}
        self._events: asyncio.Queue[RadioEvent] = asyncio.Queue(_QUEUE)
        self._living: asyncio.Task[None] | None = None

    @property
    def bands(self) -> tuple[Band, ...]:
        return tuple(radio.band for radio in self._radios)

    async def start(self) -> None:
        if self._household and self._living is None:
            for mac in _HOUSEHOLD:
                self._devices[mac] = _Device(mac=mac, signal=self._random.randint(-78, -38))
            self._living = self._tasks.supervise("wifi.household", self._live)

    async def close(self) -> None:
        return

    async def check(self, networks: Networks) -> None:
        return

    def impact(self, old: NetworkSettings, networks: Networks, stations: dict[str, int]) -> WifiImpact:
        new = next(network for network in networks if network.network == old.network)
        return impact(self._plan(networks), old, new, stations)

    def tuning(self, radio: str) -> RadioTuning | None:
        return next((installed(one) for one in self._installed if one.radio == radio), None)

    def check_tuning(self, tuning: RadioTuning) -> None:
        check_tuning(tuning, FACTS)

    def tuning_impact(self, tuning: RadioTuning, networks: Networks, stations: int) -> WifiImpact:
        radios = self._tuned({tuning.radio: tuning}, only=tuning.radio)
        return radio_impact(self._plan(networks, radios), stations)

    def tune(self, tunings: Mapping[str, RadioTuning]) -> None:
        self._radios = self._tuned(tunings)

    def _tuned(
        self, tunings: Mapping[str, RadioTuning], only: str | None = None
    ) -> tuple[RadioSettings, ...]:
        return tuple(
            settle_channel(tuned(was, tunings.get(was.radio)), FACTS, now.channel)
            if only in (None, now.radio)
            else now
            for was, now in zip(self._installed, self._radios, strict=True)
        )

    async def apply(self, networks: Networks, *, least: Step = Step.NONE) -> Applied:
        step = heavier(least, self._plan(networks).step)
        silent = SILENT_SECONDS[step]
        if step is Step.NONE:
            self._running = networks
            return Applied(step=step, silent_ms=0)
        before, self._running = self._running, None
        await self._clock.sleep(silent)
        self._running, self._sending = networks, self._radios
        for device in self._devices.values():
            kept = step in (Step.KEYS, Step.BSS, Step.CSA) and before is not None
            if device.network is not None and not (kept and self._admits(device)):
                self.leave(device.mac)
                device.learns_at = self._clock.monotonic() + self._random.uniform(*_LEARN_SECONDS)
        return Applied(step=step, silent_ms=round(silent * 1000))

    async def prove(self, network: NetworkSettings) -> OnAir:
        if self._running is None or not any(network.same_as(running) for running in self._running):
            raise NotOnAir("The simulated radio does not send it.")
        return OnAir(note="A simulated radio: nothing is on any air.")

    async def stations(self) -> tuple[WifiStation, ...]:
        now = self._clock.monotonic()
        return tuple(
            WifiStation(
                mac=device.mac,
                network=device.network,
                signal_dbm=device.signal,
                rx_bytes=int((now - device.since) * 40_000),
                tx_bytes=int((now - device.since) * 400_000),
                connected_seconds=int(now - device.since),
                key=device.key,
                radio=self._radios[0].radio,
            )
            for device in self._devices.values()
            if device.network is not None
        )

    async def deauthenticate(self, network: str, mac: str) -> None:
        device = self._devices.get(mac)
        if device is not None and device.network == network:
            self.leave(mac)

    async def radios(self) -> tuple[WifiRadio, ...]:
        on_air = self._running is not None
        return tuple(
            WifiRadio(
                id=radio.radio,
                interface=radio.interface,
                band=radio.band,
                channel=radio.channel if on_air else None,
                width=radio.width if on_air else None,
                country=radio.country,
                driver="simulated",
                channels=tuple(wifi_channel(one) for one in FACTS.channels),
                state="on_air" if on_air else "down",
                max_bss=abilities(radio.driver, None).most_networks,
                simulated=True,
            )
            for radio in self._radios
        )

    async def events(self) -> AsyncIterator[RadioEvent]:
        while True:
            yield await self._events.get()

    def join(self, mac: str, ssid: str, passphrase: str | None) -> bool:
        """A device tries these credentials; whether some network admitted it."""
        device = self._devices.setdefault(mac, _Device(mac=mac, signal=-50))
        device.credentials = (ssid, passphrase)
        for network in self._running or ():
            if not network.enabled or network.ssid != ssid:
                continue
            if passphrase not in _passwords(network):
                self._emit(RadioEvent(kind="wrong_password", network=network.network, mac=mac))
                continue
            device.network, device.since = network.network, self._clock.monotonic()
            device.key = _passwords(network)[passphrase]
            self._emit(RadioEvent(kind="joined", network=network.network, mac=mac))
            return True
        return False

    def leave(self, mac: str) -> None:
        """A device goes, or is thrown off."""
        device = self._devices[mac]
        if device.network is not None:
            self._emit(RadioEvent(kind="left", network=device.network, mac=mac))
            device.network = device.key = None

    def _plan(self, networks: Networks, radios: tuple[RadioSettings, ...] | None = None) -> Plan:
        heaviest = Plan(step=Step.NONE)
        for radio, was in zip(radios or self._radios, self._sending, strict=True):
            before = None if self._running is None else carried(was, self._running)
            first = next((name for name, slot in assign_slots({}, before or ()).items() if slot == 0), None)
            able, after = abilities(radio.driver, None), carried(radio, networks)
            todo = plan(radio, able, before, after, first=first, before_radio=was)
            if todo.step is not heaviest.step and heavier(todo.step, heaviest.step) is todo.step:
                heaviest = todo
        return heaviest

    def _admits(self, device: _Device) -> bool:
        ssid, passphrase = device.credentials or ("", None)
        return any(
            n.network == device.network and n.enabled and n.ssid == ssid and passphrase in _passwords(n)
            for n in self._running or ()
        )

    def _emit(self, event: RadioEvent) -> None:
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(event)

    async def _live(self) -> None:
        while True:
            await self._clock.sleep(_PACE)
            device = self._random.choice(tuple(self._devices.values()))
            if device.network is not None:
                device.signal = max(-88, min(-35, device.signal + self._random.randint(-3, 3)))
                if self._random.random() < 0.1:
                    self.leave(device.mac)
            elif self._running and self._clock.monotonic() >= device.learns_at:
                network = self._random.choice(self._running)
                if network.enabled:
                    words = None if network.passphrase is None else network.passphrase.reveal()
                    self.join(device.mac, network.ssid, words)


def _passwords(network: NetworkSettings) -> dict[str | None, str | None]:
    """What opens the network, and the id of the key that each is; without a password: nothing does."""
    if network.passphrase is None:
        return {None: None}
    keys: dict[str | None, str | None] = {network.passphrase.reveal(): MAIN_KEY}
    if network.security.has_psk:
        keys |= {key.passphrase.reveal(): key.id for key in network.keys if not key.revoked}
    return keys
