"""On a real radio, over bridges made by hand: guests reach the box, not one another and not the household."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from gatewayd.system import netlink
from gatewayd.wifi.events import WifiSwitched
from gatewayd.wifi.hostapd import HostapdDriver
from tests.lab.netns import CommandFailed, Namespace, run
from tests.lab.plug import plug, unplug
from tests.lab.radio import Radio, Station
from tests.support.clock import LeapingClock
from tests.wifi.family import LAPTOP, PHONE, TABLET, family
from tests.wifi.house import FIRST_SSID, House, open_house
from tests.wifi.radio_air import HOSTAPD, People, RadioAir, admits, end_hostapd, radio_settings, shared_air
from tests.wifi.settings import GUEST

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]
LAN, GUESTS = "gwt-lan", "gwt-guests"
BOX, SERVER, LAPTOP_HOME = "10.77.0.1", "10.77.0.9", "10.77.0.20"
GUEST_BOX, PHONE_GUEST, TABLET_GUEST = "10.77.1.1", "10.77.1.2", "10.77.1.3"
CHANNEL_11 = 2462
HOUR = 3600.0


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with family() as found:
        yield found


@contextlib.contextmanager
def bridges() -> Iterator[Namespace]:
    """The household's bridge with a server behind a cable, and the guests' bridge; both end at the box."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Namespace("server"))
        for bridge, address in ((LAN, BOX), (GUESTS, GUEST_BOX)):
            run("ip", "link", "add", bridge, "type", "bridge", "forward_delay", "0")
            stack.callback(run, "ip", "link", "delete", bridge)
            run("ip", "address", "add", f"{address}/24", "dev", bridge)
            run("ip", "link", "set", bridge, "up")
        run("ip", "link", "add", "gwt-cable", "type", "veth", "peer", "name", "eth0", "netns", server.name)
        run("ip", "link", "set", "gwt-cable", "master", LAN, "up")
        server.address("eth0", f"{SERVER}/24")
        yield server


@asynccontextmanager
async def box(people: People) -> AsyncIterator[tuple[RadioAir, House, LeapingClock]]:
    clock = LeapingClock()
    with bridges():
        async with (
            shared_air(people) as air,
            open_house(
                air.folder, air.new_driver, clock=clock, bridges={"home": LAN, "guest": GUESTS}
            ) as house,
        ):
            await house.settled()
            yield air, house, clock


async def reaches(air: RadioAir, device: int, address: str) -> bool:
    """Whether the device gets an answer from an address, to ARP and to ping."""
    station = air.phones[device]

    def ping() -> bool:
        try:
            station.namespace.run("ping", "-c", "3", "-i", "0.3", "-W", "1", address)
        except CommandFailed:
            return False
        return True

    return await asyncio.to_thread(ping)


async def answers_arp(air: RadioAir, device: int, address: str) -> bool:
    """Whether anybody says that this address is his, on the device's own cable so to speak."""
    station = air.phones[device]
    argv = ("busybox", "arping", "-c", "2", "-w", "2", "-f", "-I", station.radio.interface, address)

    def ask() -> bool:
        try:
            station.namespace.run(*argv)
        except CommandFailed:
            return False
        return True

    return await asyncio.to_thread(ask)


def settle_in(station: Station, address: str) -> None:
    """Gives a device a static address, and no other."""
    station.namespace.ip("address", "flush", "dev", station.radio.interface)
    station.namespace.address(station.radio.interface, f"{address}/24")


async def test_guests_reach_neither_one_another_nor_the_household(people: People) -> None:
    async with box(people) as (air, house, clock):
        made = await house.call("wifi.networks.create", role="guest", ssid="Guests", for_seconds=2 * HOUR)
        assert (await house.wait(made["change"]["id"]))["state"] == "applied"
        words = (await house.call("wifi.networks.reveal", network="guest"))["passphrase"]
        for device, address in ((PHONE, PHONE_GUEST), (TABLET, TABLET_GUEST)):
            assert await air.join("Guests", words, device=device)
            await asyncio.to_thread(settle_in, air.phones[device], address)
        assert await air.join(FIRST_SSID, await house.passphrase(), device=LAPTOP)
        await asyncio.to_thread(settle_in, air.phones[LAPTOP], LAPTOP_HOME)

        for device in (PHONE, TABLET):
            assert await reaches(air, device, GUEST_BOX), "a guest does not reach the box"
        assert await reaches(air, LAPTOP, SERVER), "the household does not reach its server"
        assert not await reaches(air, PHONE, TABLET_GUEST)
        assert not await reaches(air, TABLET, PHONE_GUEST)
        # As if it were a guest's own network: nobody of the household is within reach of a broadcast.
        for address in (SERVER, LAPTOP_HOME):
            assert not await answers_arp(air, PHONE, address)
        assert await answers_arp(air, LAPTOP, SERVER)

        # Without isolation they do reach one another: it is that which kept them apart.
        together = await house.call("wifi.networks.update", network="guest", isolated=False, accept_risk=True)
        assert (await house.wait(together["change"]["id"]))["state"] == "applied"
        for device in (PHONE, TABLET):
            assert await air.join("Guests", words, device=device)
        assert await reaches(air, PHONE, TABLET_GUEST)
        assert await air.joined(LAPTOP), "the household was disturbed"

        await _ends(air, house, clock, words)


async def _ends(air: RadioAir, house: House, clock: LeapingClock, words: str) -> None:
    """Its time is up: it is off the air, the household does not notice."""
    with house.core.bus.subscribe("wifi.switched") as events:
        clock.leap(2 * HOUR)
        await house.call("wifi.networks.update", network="home", enabled=True)  # nothing, but it looks
        async with asyncio.timeout(20):
            told = await anext(events)
    assert told.data == WifiSwitched(network="guest", on=False)
    assert (await house.call("wifi.networks.get", network="guest"))["off"] == "expired"
    assert not await asyncio.to_thread(air.phones[PHONE].connected)
    assert await air.refused("Guests", words, device=PHONE)
    assert await air.joined(LAPTOP), "the household was disturbed"
    assert await reaches(air, LAPTOP, SERVER)


@asynccontextmanager
async def more_radios() -> AsyncIterator[tuple[Radio, Station]]:
    """A second radio for the box, on channel 11, and one more guest who hears only that one."""
    ours, theirs = await asyncio.to_thread(plug), await asyncio.to_thread(plug)
    far = Station("far", theirs, frequencies=(CHANNEL_11,))
    try:
        await asyncio.to_thread(far.__enter__)
        yield ours, far
    finally:
        await asyncio.to_thread(far.__exit__)
        await asyncio.to_thread(unplug, ours)
        await asyncio.to_thread(unplug, theirs)


async def keep_apart(interface: str, *, isolated: bool) -> None:
    """What netd does for an unprivileged daemon."""
    await netlink.set_isolated(socket.if_nametoindex(interface), isolated=isolated)


async def test_guests_on_two_radios_do_not_reach_one_another_either(people: People) -> None:
    """They are kept apart on each radio by hostapd; from one radio to the other the bridge has to do it."""
    with bridges():
        async with more_radios() as (second, far), shared_air(people) as air:
            other = msgspec.structs.replace(
                radio_settings(second), radio="radio1", channel=11, driver=air.radio.driver
            )
            driver = HostapdDriver(
                (air.radio, other),
                binary=HOSTAPD,
                places=air.places,
                run=air.folder / "run",
                tasks=air.tasks,
                keep_apart=keep_apart,
            )
            await driver.start()
            try:
                for isolated in (True, False):
                    guest = msgspec.structs.replace(GUEST, bridge=GUESTS, isolated=isolated)
                    await driver.apply((guest,))
                    assert await air.join("Guests", "guest password", device=PHONE)
                    assert await asyncio.to_thread(admits, far, "Guests", "guest password")
                    await asyncio.to_thread(settle_in, air.phones[PHONE], PHONE_GUEST)
                    await asyncio.to_thread(settle_in, far, TABLET_GUEST)
                    assert await reaches(air, PHONE, GUEST_BOX)
                    assert await reaches(air, PHONE, TABLET_GUEST) is not isolated
            finally:
                await driver.close()
                await asyncio.to_thread(end_hostapd, air.places.config_file("radio1"))
