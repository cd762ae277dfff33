"""The driver for radios that NetworkManager drives: Raspberry Pi OS, desktops.

NetworkManager takes a network down and up again for every change (its Reapply ignores a new password), and
it sends one network on each radio. A change begins with a checkpoint of its own: when it fails, or we die
in the middle, NetworkManager goes back by itself. Whether a connection is on the air as it is written is
known by a mark in it that changes with every writing: the applied connection has the mark, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog

from gatewayd.errors import GatewayError
from gatewayd.system import nl80211
from gatewayd.system.identity import new_id
from gatewayd.tasks import Tasks
from gatewayd.wifi import networkmanager_bus as nm
from gatewayd.wifi import networkmanager_profile as profiles
from gatewayd.wifi.driver import (
    Applied,
    DriverError,
    Heard,
    Networks,
    NotOnAir,
    OnAir,
    RadioEvent,
    Refused,
    Scanner,
)
from gatewayd.wifi.hostapd import DEAF_SCANNER, ways_in
from gatewayd.wifi.model import Band, NetworkSettings, Step, WifiImpact, WifiRadio, WifiStation
from gatewayd.wifi.planner import Plan, heavier, impact
from gatewayd.wifi.render import RadioSettings, carried
from gatewayd.wifi.tunings import SetByOthers

log = structlog.get_logger(__name__)
OWN_WORD = "No second radio listens here: this is NetworkManager's own word."
NO_RADIO = "This box has no Wi-Fi radio."
ACTIVATION_SECONDS = 40.0
CHECKPOINT_SECONDS = 93
"""Longer than a change takes. The number also tells ours from those of others, after a crash."""
_PACE = 1.0
_POLL = 0.25
_QUEUE = 1024
_FREQUENCIES_KNOWN = 0x100  # NM_WIFI_DEVICE_CAP_FREQ_VALID
_CAN = {Band.GHZ_2_4: nm.CAN_2_4, Band.GHZ_5: nm.CAN_5}
# NM_DEVICE_STATE_REASON_*
_REASONS = {
    3: "it does not manage the radio any more",
    4: "the configuration failed",
    7: "the password is missing",
    8: "wpa_supplicant broke it off",
    9: "wpa_supplicant refused the settings",
    10: "wpa_supplicant failed",
    11: "wpa_supplicant did not answer in time",
    18: "sharing the connection could not be started",
    19: "sharing the connection failed",
    36: "the radio was removed",
    38: "the connection was removed",
    39: "somebody ended it",
}

Ears = Callable[[str], Awaitable[tuple[nl80211.PhyStation, ...]]]


class NetworkManagerDriver(SetByOthers):
    """Drives radios through NetworkManager. See `driver.Driver`."""

    name = "networkmanager"
    simulated = False

    def __init__(
        self,
        radios: tuple[RadioSettings, ...],
        *,
        tasks: Tasks,
        address: str | None = None,
        scanner: Scanner | None = None,
        ears: Ears = nl80211.stations,
        pace: float = _PACE,
    ) -> None:
        """`address`: the bus, None for the system's. `ears` tells who is on an interface, every `pace` s."""
        self._radios = radios
        self._tasks = tasks
        self._scanner = scanner
        self._ears = ears
        self._pace = pace
        self._bus = nm.NetworkManagerBus(address, self._signal)
        self._events: asyncio.Queue[RadioEvent] = asyncio.Queue(_QUEUE)
        self._running: dict[str, Networks | None] = {radio.interface: None for radio in radios}
        self._sending: dict[str, str] = {}  # the device's path: the radio's interface
        self._failed: dict[str, int] = {}
        self._news = asyncio.Event()
        self._here: dict[tuple[str, str], str] = {}
        self._watching: asyncio.Task[None] | None = None

    @property
    def bands(self) -> tuple[Band, ...]:
        return tuple(dict.fromkeys(radio.band for radio in self._radios))

    async def start(self) -> None:
        if not self._radios:
            raise DriverError(NO_RADIO)
        if not await self._bus.running():
            raise DriverError("NetworkManager does not run.")
        devices = [await self._device(radio) for radio in self._radios]
        ours = {device.path for device in devices}
        for path, named, seconds in await self._bus.checkpoints():
            if seconds == CHECKPOINT_SECONDS and set(named) <= ours:
                log.warning("wifi.checkpoint_left", note="killed in mid-change: NetworkManager goes back")
                await self._bus.go_back(path)
        if self._watching is None:
            self._watching = self._tasks.supervise("wifi.networkmanager", self._watch)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        await self._bus.close()

    async def check(self, networks: Networks) -> None:
        for radio in self._radios:
            wanted = carried(radio, networks)
            profiles.check(radio, wanted)
            if not wanted:
                continue
            able = (await self._device(radio)).capabilities
            if not able & nm.CAN_BE_ACCESS_POINT:
                raise Refused(f"The radio {radio.interface} cannot be an access point.")
            if able & _FREQUENCIES_KNOWN and not able & _CAN.get(radio.band, 0):
                raise Refused(f"The radio {radio.interface} is not made for {radio.band} GHz.")

    def impact(self, old: NetworkSettings, networks: Networks, stations: dict[str, int]) -> WifiImpact:
        step = Step.NONE
        for radio in self._radios:
            if not _same(self._running[radio.interface], carried(radio, networks)):
                step = Step.RESTART
        new = next(network for network in networks if network.network == old.network)
        return impact(Plan(step=step), old, new, stations)

    async def apply(self, networks: Networks, *, least: Step = Step.NONE) -> Applied:
        step, longest = Step.NONE, 0
        for radio in self._radios:
            done, silent_ms = await self._apply(radio, carried(radio, networks), least)
            step, longest = heavier(step, done), max(longest, silent_ms)
        return Applied(step=step, silent_ms=longest)

    async def _apply(self, radio: RadioSettings, wanted: Networks, least: Step) -> tuple[Step, int]:
        profiles.check(radio, wanted)
        device = await self._device(radio)
        if least is Step.NONE and await self._is_so(radio, device, wanted):
            self._settle(radio, device, wanted)
            return Step.NONE, 0
        self._running[radio.interface] = None
        self._sending.pop(device.path, None)
        began = time.monotonic()
        if wanted:
            checkpoint = await self._checkpoint(device)
            try:
                began = await self._bring_up(radio, device, wanted[0])
            except DriverError:
                if checkpoint is not None:
                    with contextlib.suppress(DriverError):
                        await self._bus.go_back(checkpoint)
                raise
            if checkpoint is not None:
                with contextlib.suppress(nm.Refusal):
                    await self._bus.forget(checkpoint)
        await self._remove_others(radio, wanted)
        self._settle(radio, device, wanted)
        return Step.RESTART, round((time.monotonic() - began) * 1000)

    async def _checkpoint(self, device: nm.Device) -> str | None:
        """None when somebody else has one on this device: then we go on without."""
        try:
            return await self._bus.checkpoint(device.path, CHECKPOINT_SECONDS)
        except nm.Refusal as refusal:
            log.warning("wifi.no_checkpoint", device=device.interface, error=refusal.name)
            return None

    async def _bring_up(self, radio: RadioSettings, device: nm.Device, network: NetworkSettings) -> float:
        """Writes the connection and activates it; when the radio fell silent."""
        path = await self._bus.find(profiles.identity(radio, network.network))
        before = None if path is None else await self._bus.profile(path)
        writing = new_id()
        made = profiles.profile(radio, network, writing=writing, before=before)
        path = await self._bus.write(made, path)
        self._failed.pop(device.path, None)
        began = time.monotonic()
        await self._bus.activate(path, device.path)
        await self._activated(radio, device, writing)
        return began

    async def _activated(self, radio: RadioSettings, device: nm.Device, writing: str) -> None:
        deadline = time.monotonic() + ACTIVATION_SECONDS
        while time.monotonic() < deadline:
            self._news.clear()
            if (reason := self._failed.pop(device.path, None)) is not None:
                told = _REASONS.get(reason, f"reason {reason}")
                raise DriverError(f"NetworkManager could not start {radio.interface}: {told}.")
            now = await self._device(radio)
            if now.is_access_point and profiles.written(await self._bus.applied(now.path)) == writing:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL):
                    await self._news.wait()
        raise DriverError(f"NetworkManager did not start {radio.interface} in {ACTIVATION_SECONDS:.0f} s.")

    async def _is_so(self, radio: RadioSettings, device: nm.Device, wanted: Networks) -> bool:
        """Whether the radio sends exactly this, by what NetworkManager has written and applied."""
        if not wanted:
            return not await self._others(radio, wanted)
        uuid = profiles.identity(radio, wanted[0].network)
        if not device.is_access_point or device.active != uuid or await self._others(radio, wanted):
            return False
        path = await self._bus.find(uuid)
        if path is None:
            return False
        now = await self._bus.profile(path, secrets=True)
        writing = profiles.written(now)
        if writing is None or profiles.written(await self._bus.applied(device.path)) != writing:
            return False
        return profiles.same(profiles.profile(radio, wanted[0], writing=writing, before=now), now)

    async def _others(self, radio: RadioSettings, wanted: Networks) -> list[str]:
        """Connections of ours on this radio that are not wanted."""
        kept = {profiles.identity(radio, network.network) for network in wanted}
        found = []
        for path in await self._bus.connections():
            with contextlib.suppress(nm.Refusal):
                one = await self._bus.profile(path)
                section = one.get(profiles.CONNECTION, {})
                here = section.get("interface-name")
                if here is None or here.value != radio.interface or profiles.written(one) is None:
                    continue
                if section["uuid"].value not in kept:
                    found.append(path)
        return found

    async def _remove_others(self, radio: RadioSettings, wanted: Networks) -> None:
        for path in await self._others(radio, wanted):
            await self._bus.delete(path)

    def _settle(self, radio: RadioSettings, device: nm.Device, wanted: Networks) -> None:
        self._running[radio.interface] = wanted
        if wanted:
            self._sending[device.path] = radio.interface

    async def prove(self, network: NetworkSettings) -> OnAir:
        carriers = [radio for radio in self._radios if carried(radio, (network,))]
        if not carriers:
            return OnAir(note="The network is switched off.")
        try:
            devices = [(radio, await self._device(radio)) for radio in carriers]
        except DriverError as error:
            raise NotOnAir(str(error)) from error
        for radio, device in devices:
            if not device.is_access_point or device.active != profiles.identity(radio, network.network):
                raise NotOnAir(f"NetworkManager says that {radio.interface} does not send it.")
            if device.ssid is not None and device.ssid != network.ssid_bytes:
                raise NotOnAir("NetworkManager says that it sends another name.")
        if self._scanner is None:
            return OnAir(note=OWN_WORD)
        try:
            heard = await self._scanner.scan()
        except (OSError, GatewayError):
            # Whoever cannot listen proves nothing against a radio that sends: no network falls for that.
            return OnAir(note=DEAF_SCANNER.replace("hostapd", "NetworkManager"))
        for radio, device in devices:
            if not any(_matches(beacon, device.bssid, network) for beacon in heard):
                raise NotOnAir(f"A scan does not hear the network on {radio.interface}.")
        return OnAir()

    async def stations(self) -> tuple[WifiStation, ...]:
        found = []
        for radio in self._radios:
            running = self._running[radio.interface]
            if not running:
                continue
            try:
                told = await self._ears(radio.interface)
            except OSError as error:
                raise DriverError(f"The stations of {radio.interface} are not known.") from error
            found += [_station(one, running[0].network) for one in told if one.authorized]
        return tuple(found)

    async def deauthenticate(self, network: str, mac: str) -> None:
        raise DriverError("NetworkManager cannot throw a single device off.")

    async def radios(self) -> tuple[WifiRadio, ...]:
        return tuple([await self._radio(radio) for radio in self._radios])

    async def _radio(self, radio: RadioSettings) -> WifiRadio:
        try:
            device = await self._device(radio)
            on_air, driver = device.is_access_point, device.driver
        except DriverError:
            on_air, driver = False, radio.driver
        return WifiRadio(
            id=radio.radio,
            interface=radio.interface,
            band=radio.band,
            channel=radio.channel if on_air else None,
            country=radio.country,
            driver=driver,
            state="on_air" if on_air else "down",
            max_bss=1,
        )

    async def events(self) -> AsyncIterator[RadioEvent]:
        while True:
            yield await self._events.get()

    async def _device(self, radio: RadioSettings) -> nm.Device:
        for device in await self._bus.devices():
            if device.interface == radio.interface:
                if not device.managed:
                    raise DriverError(f"NetworkManager does not manage {radio.interface}.")
                return device
        raise DriverError(f"NetworkManager knows no radio {radio.interface}.")

    # --- what NetworkManager and the kernel tell ----------------------------------------------------------

    def _signal(self, path: str, name: str, body: list[Any]) -> None:
        if name == f"{nm.DEVICE}.StateChanged" and len(body) == 3:
            new, _, reason = body
            if new == nm.FAILED:
                self._failed[path] = reason
            if new in (nm.UNMANAGED, nm.UNAVAILABLE, nm.DISCONNECTED, nm.FAILED):
                self._fell_silent(path, _REASONS.get(reason, f"NetworkManager's reason {reason}"))
        elif name == "org.freedesktop.DBus.NameOwnerChanged" and body and not body[-1]:
            for sending in tuple(self._sending):
                self._fell_silent(sending, "NetworkManager has ended")
        elif name == f"{nm.SERVICE}.DeviceRemoved" and body:
            self._fell_silent(body[0], "the radio was removed")
        self._news.set()

    def _fell_silent(self, device: str, reason: str) -> None:
        """Tells it once; while we change something ourselves nothing counts as sending."""
        interface = self._sending.pop(device, None)
        if interface is not None:
            self._running[interface] = None
            self._emit(RadioEvent(kind="lost", reason=reason))

    async def _watch(self) -> None:
        """NetworkManager does not tell of stations: the kernel is asked, every `pace` seconds."""
        while True:
            await asyncio.sleep(self._pace)
            with contextlib.suppress(DriverError):
                self._compare(await self.stations())

    def _compare(self, now: tuple[WifiStation, ...]) -> None:
        seen = {(one.mac, one.network): one.network for one in now}
        for mac, network in self._here.keys() - seen.keys():
            self._emit(RadioEvent(kind="left", network=network, mac=mac))
        for mac, network in seen.keys() - self._here.keys():
            self._emit(RadioEvent(kind="joined", network=network, mac=mac))
        self._here = seen

    def _emit(self, event: RadioEvent) -> None:
        if self._events.full():  # the oldest is the least wanted
            self._events.get_nowait()
        self._events.put_nowait(event)


def _same(running: Networks | None, wanted: Networks) -> bool:
    if running is None or len(running) != len(wanted):
        return False
    return all(one.same_as(other) for one, other in zip(running, wanted, strict=True))


def _matches(beacon: Heard, bssid: str, network: NetworkSettings) -> bool:
    hidden = network.hidden and not beacon.ssid.strip(b"\0")
    named = hidden or beacon.ssid == network.ssid_bytes
    return beacon.bssid == bssid and named and beacon.security in (None, ways_in(network.security))


def _station(one: nl80211.PhyStation, network: str) -> WifiStation:
    return WifiStation(
        mac=one.mac,
        network=network,
        signal_dbm=one.signal_dbm,
        rx_bytes=one.rx_bytes,
        tx_bytes=one.tx_bytes,
        connected_seconds=one.connected_seconds,
        idle_seconds=one.idle_seconds,
    )
