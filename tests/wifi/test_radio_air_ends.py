"""On a real radio: how a change ends when nobody joins or confirms, when clocks jump, when the radio goes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.errors import GatewayError
from tests.lab.plug import plug, unplug
from tests.lab.radio import Radio
from tests.support.clock import LeapingClock
from tests.wifi.house import FIRST_SSID, House, open_house
from tests.wifi.radio_air import People, RadioAir, household, shared_air

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]
DAY = 86_400.0
FIRST_PASSPHRASE = "the first password"


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with household() as found:
        yield found


@asynccontextmanager
async def leaping(people: People) -> AsyncIterator[tuple[RadioAir, House, LeapingClock]]:
    """A household with nobody on its network, whose password is `FIRST_PASSPHRASE`."""
    clock = LeapingClock()
    async with shared_air(people) as air, open_house(air.folder, air.new_driver, clock=clock) as house:
        await house.settled()
        await house.wait(await house.update(passphrase=FIRST_PASSPHRASE))
        yield air, house, clock


async def _proving(house: House, **fields: object) -> str:
    """A change that is on the air and waits."""
    change = await house.update(**fields)
    async with asyncio.timeout(30):
        while (now := await house.wait(change, "proving", "applied", "rolled_back"))["proof"] == "none":
            assert now["state"] == "proving", now
            await asyncio.sleep(0.02)
    return change


async def test_at_night_nobody_is_needed_but_who_waits_for_somebody_goes_back(people: People) -> None:
    async with leaping(people) as (air, house, clock):
        ended = await house.wait(await house.update(ssid="Night", confirm="none"))
        assert (ended["state"], ended["proof"]) == ("applied", "on_air")

        for confirm, reason in (("station", "No device joined"), ("client", "Nobody confirmed it")):
            change = await _proving(house, ssid="Later", confirm=confirm, deadline_seconds=30)
            clock.leap(25)
            await asyncio.sleep(1.5)
            assert (await house.call("wifi.changes.get", change=change))["state"] == "proving"
            clock.leap(5)
            ended = await house.wait(change)
            assert (ended["state"], ended["reason"]) == ("rolled_back", f"{reason} within 30 s.")
        assert await air.join("Night", FIRST_PASSPHRASE)
        assert await air.refused("Later", FIRST_PASSPHRASE, device=1)


async def test_who_joins_or_confirms_keeps_it(people: People) -> None:
    async with leaping(people) as (air, house, clock):
        change = await _proving(house, ssid="Joined", confirm="station", deadline_seconds=30)
        assert await air.join("Joined", FIRST_PASSPHRASE)
        ended = await house.wait(change)
        assert (ended["state"], ended["proof"]) == ("applied", "station")

        # a device that joins is not the one who asked
        change = await _proving(house, ssid="Confirmed", confirm="client", deadline_seconds=30)
        assert await air.join("Confirmed", FIRST_PASSPHRASE)
        async with asyncio.timeout(10):
            while (await house.wait(change, "proving"))["proof"] != "station":
                await asyncio.sleep(0.05)
        answer = (await house.call("wifi.changes.confirm", change=change))["change"]
        assert (answer["state"], answer["proof"]) == ("applied", "client")
        clock.leap(60)
        await asyncio.sleep(1.5)
        assert await air.joined()


async def test_who_never_left_does_not_count_as_joined(people: People) -> None:
    async with leaping(people) as (air, house, clock):
        assert await air.join(FIRST_SSID, FIRST_PASSPHRASE)
        change = await _proving(house, hidden=True, confirm="station", deadline_seconds=30)
        await asyncio.sleep(2)
        now = await house.call("wifi.changes.get", change=change)
        assert (now["state"], now["proof"]) == ("proving", "on_air")
        assert await air.joined()
        clock.leap(30)
        assert (await house.wait(change))["state"] == "rolled_back"


async def test_a_wall_clock_that_jumps_changes_nothing_of_the_deadline(people: People) -> None:
    async with leaping(people) as (air, house, clock):
        change = await _proving(house, passphrase="another password", confirm="client", deadline_seconds=60)
        for jump in (DAY, -800 * DAY, 400 * DAY):
            clock.step(jump)
            await asyncio.sleep(1.2)
            assert (await house.call("wifi.changes.get", change=change))["state"] == "proving"
        clock.leap(60)
        ended = await house.wait(change)
        assert (ended["state"], ended["reason"]) == ("rolled_back", "Nobody confirmed it within 60 s.")
        assert await air.refused(FIRST_SSID, "another password", device=1)
        assert await air.join(FIRST_SSID, FIRST_PASSPHRASE)


async def test_a_hostapd_killed_while_a_change_waits_ends_on_the_old_network(people: People) -> None:
    async with leaping(people) as (air, house, _):
        change = await _proving(house, ssid="Nowhere", confirm="client")
        os.kill(air.hostapd(), signal.SIGKILL)
        ended = await house.wait(change)
        assert ended["state"] == "rolled_back"
        assert "hostapd has ended" in ended["reason"]
        assert await air.join(FIRST_SSID, FIRST_PASSPHRASE)


async def test_a_radio_pulled_out_in_mid_change_comes_back_with_the_old_network(people: People) -> None:
    spare = await asyncio.to_thread(plug)
    try:
        async with shared_air((spare, *people[1:])) as air, open_house(air.folder, air.new_driver) as house:
            await house.settled()
            await house.wait(await house.update(passphrase=FIRST_PASSPHRASE))
            change = await _proving(house, ssid="Nowhere", confirm="client")
            await asyncio.to_thread(unplug, spare)
            ended = await house.wait(change)
            assert (ended["state"], ended["reason"][:22]) == ("rolled_back", "The radio fell silent:")
            network = await house.until(lambda one: one["state"] == "down")
            assert network["ssid"] == FIRST_SSID
            health, sentence = await house.service.health()
            assert health == "down", sentence
            with pytest.raises(GatewayError, match=r"wifi\.radio_unavailable"):
                await house.call("wifi.stations.list")

            spare = await asyncio.to_thread(plug, spare)
            await house.settled(60)
            assert await air.join(FIRST_SSID, FIRST_PASSPHRASE)
    finally:
        await asyncio.to_thread(unplug, spare)


def test_a_plugged_radio_is_a_radio() -> None:
    began = time.monotonic()
    spare = plug()
    try:
        assert isinstance(spare, Radio)
        assert (Path("/sys/class/net") / spare.interface / "phy80211").exists()
    finally:
        unplug(spare)
    assert not (Path("/sys/class/net") / spare.interface).exists()
    print(f"{time.monotonic() - began:.1f} s")
