"""The driver for radios that hostapd drives, and the search for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.settings import WifiSettings
from gatewayd.system import nl80211
from gatewayd.tasks import Tasks
from gatewayd.wifi.channels import RADAR_SECONDS, check_country, wifi_channel
from gatewayd.wifi.control import unescape
from gatewayd.wifi.driver import (
    Applied,
    DriverError,
    Heard,
    ListensForRadar,
    Networks,
    NotOnAir,
    OnAir,
    RadioEvent,
    Scanner,
)
from gatewayd.wifi.hostapd_radio import Facts, HostapdRadio
from gatewayd.wifi.hostapd_steps import ask_stations, ask_status
from gatewayd.wifi.model import (
    Band,
    NetworkSettings,
    RadioTuning,
    Security,
    Step,
    WifiImpact,
    WifiRadio,
    WifiStation,
)
from gatewayd.wifi.planner import Plan, heavier, impact, radio_impact
from gatewayd.wifi.ports import KeepApart, Port, Ports
from gatewayd.wifi.render import AUTO, Bss, Places, RadioSettings
from gatewayd.wifi.tunings import check_tuning, installed

_NET = Path("/sys/class/net")
_HIGHEST_2_4 = 14
_QUEUE = 1024
NO_RADIO = "This box has no Wi-Fi radio."
NO_SCANNER = "No second radio listens here: this is hostapd's own word."
HIDDEN = "A hidden network is heard, but not its name: that it is right is hostapd's own word."
DEAF_SCANNER = "The second radio could not listen: this is hostapd's own word."


def find_interfaces() -> tuple[str, ...]:
    """The machine's Wi-Fi interfaces, by name."""
    return tuple(sorted(path.name for path in _NET.iterdir() if (path / "phy80211").exists()))


def radio_settings(settings: WifiSettings) -> tuple[RadioSettings, ...]:
    """The radios of the settings, or of the machine when they name none.

    Raises GatewayError `settings.invalid` when an interface has no radio, or when 5 GHz lacks its country.
    """
    radios = []
    names = settings.interfaces or find_interfaces()
    for number, name in enumerate(name for name in names if name != settings.scan_interface):
        try:
            address = (_NET / name / "address").read_text().strip()
        except OSError as error:
            raise GatewayError(
                "settings.invalid", f"wifi.interfaces: there is no interface {name}."
            ) from error
        channel = AUTO if settings.channel is None else settings.channel
        band = Band.GHZ_2_4 if channel <= _HIGHEST_2_4 else Band.GHZ_5
        try:
            check_country(band, settings.country)
        except InvalidField as error:
            raise GatewayError("settings.invalid", f"wifi.country: {error.detail}") from error
        radios.append(
            RadioSettings(
                radio=f"radio{number}",
                interface=name,
                address=address,
                band=band,
                channel=channel,
                country=settings.country,
                driver=_kernel_driver(name),
            )
        )
    return tuple(radios)


class HostapdDriver:
    """Drives radios through hostapd. See `driver.Driver`."""

    name = "hostapd"
    simulated = False

    def __init__(
        self,
        radios: tuple[RadioSettings, ...],
        *,
        binary: str,
        places: Places,
        run: Path,
        tasks: Tasks,
        scanner: Scanner | None = None,
        facts: Facts = nl80211.facts,
        keep_apart: KeepApart | None = None,
    ) -> None:
        """`run` is the folder where our own client sockets bind; it must not be a private /tmp.

        `facts` is asked once for each radio's interface what it can do. `keep_apart` sets whether a bridge's
        port is isolated: hostapd keeps devices apart on each of its interfaces, not across two of them.
        """
        self._ports = None if keep_apart is None else Ports(keep_apart, tasks)
        self._events: asyncio.Queue[RadioEvent] = asyncio.Queue(_QUEUE)
        self._scanner = scanner
        self._radios = tuple(
            HostapdRadio(
                radio, binary=binary, places=places, run=run, tasks=tasks, emit=self._emit, facts=facts
            )
            for radio in radios
        )

    @property
    def bands(self) -> tuple[Band, ...]:
        return tuple(dict.fromkeys(radio.settings.band for radio in self._radios))

    async def start(self) -> None:
        if not self._radios:
            raise DriverError(NO_RADIO)
        for radio in self._radios:
            await radio.start()

    async def close(self) -> None:
        if self._ports is not None:
            self._ports.close()
        for radio in self._radios:
            await radio.close()

    async def check(self, networks: Networks) -> None:
        for radio in self._radios:
            await radio.check(networks)

    def impact(self, old: NetworkSettings, networks: Networks, stations: dict[str, int]) -> WifiImpact:
        heaviest = Plan(step=Step.NONE)
        for radio in self._radios:
            todo = radio.plan(networks)
            if todo.step is not heaviest.step and heavier(todo.step, heaviest.step) is todo.step:
                heaviest = todo
        new = next(network for network in networks if network.network == old.network)
        told = impact(heaviest, old, new, stations)
        return _with_radar(told) if any(radio.has_radar_duty() for radio in self._radios) else told

    def tuning(self, radio: str) -> RadioTuning | None:
        return next((installed(one.installed) for one in self._radios if one.installed.radio == radio), None)

    def check_tuning(self, tuning: RadioTuning) -> None:
        check_tuning(tuning, self._called(tuning.radio).facts)

    def tuning_impact(self, tuning: RadioTuning, networks: Networks, stations: int) -> WifiImpact:
        radio = self._called(tuning.radio)
        settings = radio.tuned(tuning)
        told = radio_impact(radio.plan_tuned(settings, networks), stations)
        return _with_radar(told) if radio.has_radar_duty(settings) else told

    def tune(self, tunings: Mapping[str, RadioTuning]) -> None:
        for radio in self._radios:
            radio.tune(tunings.get(radio.installed.radio))

    async def apply(self, networks: Networks, *, least: Step = Step.NONE) -> Applied:
        step, silences = Step.NONE, []
        for radio in self._radios:
            applied = await radio.apply(networks, least)
            step = heavier(step, applied.step)
            silences.append(applied.silent_ms)
        if self._ports is not None and (step not in (Step.NONE, Step.KEYS) or not self._ports.known):
            await self._ports.set(self._bridged(networks))
        # The radios are set one after another; a household notices the longest silence of one.
        known = [silence for silence in silences if silence is not None]
        return Applied(step=step, silent_ms=max(known, default=0) if len(known) == len(silences) else None)

    def _bridged(self, networks: Networks) -> tuple[Port, ...]:
        wanted = {network.network: network for network in networks}
        return tuple(
            Port(interface=bss.interface, bridge=network.bridge, isolated=network.isolated)
            for radio in self._radios
            for bss in radio.bsses
            if (network := wanted.get(bss.network)) is not None and network.bridge is not None
        )

    async def prove(self, network: NetworkSettings) -> OnAir:
        carriers = [radio for radio in self._radios if radio.carried((network,))]
        try:
            for radio in carriers:
                for bss in radio.bsses:
                    if bss.network == network.network:
                        await self._says(radio, bss, network)
        except NotOnAir:
            raise
        except DriverError as error:
            raise NotOnAir(str(error)) from error
        if not carriers:
            return OnAir(note="The network is switched off.")
        if self._scanner is None:
            return OnAir(note=NO_SCANNER)
        try:
            heard = await self._scanner.scan()
        except (OSError, GatewayError):
            # Whoever cannot listen proves nothing against a radio that sends: no network falls for that.
            return OnAir(note=DEAF_SCANNER)
        self._is_heard(heard, carriers, network)
        return OnAir(note=HIDDEN if network.hidden else None)

    async def stations(self) -> tuple[WifiStation, ...]:
        stations = []
        for radio in self._radios:
            if radio.process is None:
                continue
            for bss in radio.bsses:
                for mac, told in await ask_stations(radio.control, bss):
                    flags = told.get("flags", "")
                    if "[ASSOC]" in flags and "[AUTHORIZED]" in flags:
                        stations.append(_station(mac, bss.network, radio.settings.radio, told))
        return tuple(stations)

    async def deauthenticate(self, network: str, mac: str) -> None:
        for radio in self._radios:
            for bss in radio.bsses:
                if bss.network == network:
                    await radio.deauthenticate(bss, mac)

    async def radios(self) -> tuple[WifiRadio, ...]:
        return tuple([await self._radio(radio) for radio in self._radios])

    async def events(self) -> AsyncIterator[RadioEvent]:
        while True:
            yield await self._events.get()

    def _called(self, radio: str) -> HostapdRadio:
        return next(one for one in self._radios if one.installed.radio == radio)

    def _emit(self, event: RadioEvent) -> None:
        if self._events.full():  # the oldest is the least wanted
            self._events.get_nowait()
        self._events.put_nowait(event)

    async def _says(self, radio: HostapdRadio, bss: Bss, network: NetworkSettings) -> None:
        status = await ask_status(radio.control, bss)
        if status.get("state") == "DFS":
            raise ListensForRadar("The radio listens for radar for a minute before it sends.")
        if status.get("state") != "ENABLED":
            raise NotOnAir(f"hostapd says that {bss.interface} is {status.get('state', 'unknown').lower()}.")
        for name, interface in status.items():
            if name.startswith("bss[") and interface == bss.interface:
                ssid = unescape(status.get(f"ssid{name.removeprefix('bss')}", ""))
                if ssid == network.ssid_bytes:
                    return
                raise NotOnAir("hostapd says that it sends another name.")
        raise NotOnAir(f"hostapd does not know {bss.interface}.")

    def _is_heard(
        self, heard: tuple[Heard, ...], carriers: list[HostapdRadio], network: NetworkSettings
    ) -> None:
        for radio in carriers:
            for bss in radio.bsses:
                if bss.network == network.network and not _matches(heard, bss, network):
                    raise NotOnAir(f"A scan does not hear the network on {bss.interface}.")

    async def _radio(self, radio: HostapdRadio) -> WifiRadio:
        status: dict[str, str] = {}
        if radio.process is not None and radio.bsses:
            try:
                status = await ask_status(radio.control, radio.bsses[0])
            except DriverError:
                status = {}
        settings = radio.settings
        on_air = status.get("state") == "ENABLED"
        return WifiRadio(
            id=settings.radio,
            interface=settings.interface,
            band=settings.band,
            channel=int(status.get("channel", settings.channel)) if on_air else None,
            width=_width(status) if on_air else None,
            automatic=radio.wished.channel == AUTO,
            country=settings.country,
            driver=settings.driver,
            max_bss=radio.most_networks,
            channels=() if radio.facts is None else tuple(wifi_channel(one) for one in radio.facts.channels),
            sae=None if radio.facts is None else radio.facts.sae,
            note=radio.able.note,
            state="on_air" if on_air else "down",
        )


def _with_radar(told: WifiImpact) -> WifiImpact:
    if told.step is not Step.RESTART:
        return told
    return msgspec.structs.replace(
        told,
        silent_seconds=told.silent_seconds + RADAR_SECONDS,
        summary="The radio restarts, and listens for radar on its channel for a minute before it sends: "
        "every device is disconnected for that long.",
    )


def _width(status: dict[str, str]) -> int:
    """In MHz, by hostapd's STATUS."""
    if status.get("vht_oper_chwidth", "0") == "1" or status.get("he_oper_chwidth", "0") == "1":
        return 80
    return 20 if status.get("secondary_channel", "0") == "0" else 40


def _matches(heard: tuple[Heard, ...], bss: Bss, network: NetworkSettings) -> bool:
    for beacon in heard:
        if beacon.bssid.lower() == bss.bssid:
            hidden = network.hidden and not beacon.ssid.strip(b"\0")
            named = hidden or beacon.ssid == network.ssid_bytes
            if named and beacon.security in (None, ways_in(network.security)):
                return True
    return False


def ways_in(security: Security) -> frozenset[str]:
    """What a scan shows of a network with this security."""
    if security is Security.WPA2_WPA3:
        return frozenset({"wpa2", "wpa3"})
    return frozenset({security.value})


def _station(mac: str, network: str, radio: str, told: dict[str, str]) -> WifiStation:
    signal, idle = told.get("signal"), told.get("inactive_msec")
    return WifiStation(
        mac=mac,
        network=network,
        signal_dbm=int(signal) if signal else None,
        rx_bytes=int(told.get("rx_bytes", 0)),
        tx_bytes=int(told.get("tx_bytes", 0)),
        connected_seconds=int(told.get("connected_time", 0)),
        key=told.get("keyid"),
        radio=radio,
        idle_seconds=int(idle) / 1000 if idle else None,
    )


def _kernel_driver(interface: str) -> str:
    link = _NET / interface / "phy80211" / "device" / "driver"
    return link.resolve().name if link.exists() else "unknown"
