"""Ports of bridges: what hostapd does not keep apart, because it is on two interfaces, the bridge does."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gatewayd.errors import GatewayError
from gatewayd.system.secret import Secret
from gatewayd.wifi.driver import DriverError
from gatewayd.wifi.hostapd import HostapdDriver
from gatewayd.wifi.model import DeviceKey
from tests.wifi.airs import FakeAir, fake_air
from tests.wifi.settings import GUEST, RADIO, home

VISITORS = msgspec.structs.replace(GUEST, bridge="br-guest", isolated=True)


class Ports:
    """`KeepApart` that remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []
        self.broken = False

    async def __call__(self, interface: str, *, isolated: bool) -> None:
        if self.broken:
            raise GatewayError("netd.failed", "no such port")
        self.told.append((interface, isolated))


async def driver_of(air: FakeAir, ports: Ports) -> HostapdDriver:
    driver = HostapdDriver(
        (RADIO,),
        binary=air.binary,
        places=air.places,
        run=air.folder / "run",
        tasks=air.tasks,
        keep_apart=ports,
    )
    await driver.start()
    return driver


async def test_ports_follow_their_networks() -> None:
    ports = Ports()
    async with fake_air() as air:
        driver = await driver_of(air, ports)
        await driver.apply((home(),))
        assert ports.told == [], "it is in no bridge"
        lan = home(bridge="br-lan")
        await driver.apply((lan, VISITORS))
        assert ports.told == [("wlan0", False), ("wlan0_1", True)]
        ports.told.clear()
        key = DeviceKey(id="tablet", label="Tablet", passphrase=Secret("tablet password"))
        await driver.apply((msgspec.structs.replace(lan, keys=(key,)), VISITORS))
        assert ports.told == [], "keys leave ports alone"
        await driver.apply((lan, msgspec.structs.replace(VISITORS, isolated=False)))
        assert ports.told == [("wlan0", False), ("wlan0_1", False)]
        await driver.close()


async def test_an_adopted_radio_gets_its_ports_set_once() -> None:
    first, second = Ports(), Ports()
    async with fake_air() as air:
        driver = await driver_of(air, first)
        await driver.apply((home(), VISITORS))
        await driver.close()
        driver = await driver_of(air, second)
        for _ in range(2):
            await driver.apply((home(), VISITORS))
        assert second.told == [("wlan0_1", True)]
        await driver.close()


async def test_wifi_does_not_wait_for_whoever_sets_ports() -> None:
    """At a start he may come later; then it is made up for."""
    ports = Ports()
    ports.broken = True
    async with fake_air() as air:
        driver = await driver_of(air, ports)
        await driver.apply((home(), VISITORS))
        assert await air.join("Maple Street", "correct horse")
        ports.broken = False
        async with asyncio.timeout(10):
            while ports.told != [("wlan0_1", True)]:
                await asyncio.sleep(0.05)
        await driver.close()


async def test_a_network_whose_guests_cannot_be_kept_apart_does_not_work() -> None:
    ports = Ports()
    async with fake_air() as air:
        driver = await driver_of(air, ports)
        await driver.apply((home(),))
        ports.broken = True
        with pytest.raises(DriverError, match=r"br-guest does not keep wlan0_1 apart: .*no such port"):
            await driver.apply((home(), VISITORS))
        await driver.close()
