"""On a real radio: changes through the API arrive, refusals and kills end on a network that works."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from gatewayd.wifi import rules
from tests.wifi.house import open_house
from tests.wifi.radio_air import Credentials, People, RadioAir, household, shared_air, which
from tests.wifi.runner import Nursery, Runner

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]
KILLS, LONG_KILLS = 15, 100


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with household() as found:
        yield found


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as found:
        yield found


async def test_a_station_follows_the_new_name_and_password(people: People) -> None:
    async with shared_air(people, scan=True) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        first = await house.passphrase()
        assert await air.join("Home-1234", first)
        pid = air.hostapd()

        change = await house.update(ssid="Ahornstraße 🍁", passphrase="battery staple")
        ended = await house.wait(change)
        assert (ended["state"], ended["reason"]) == ("applied", None)
        assert ended["impact"]["step"] == "bss"
        assert ended["impact"]["stations_dropped"] == 1
        assert await air.join("Ahornstraße 🍁", "battery staple")
        async with asyncio.timeout(10):
            while (await house.wait(change))["proof"] != "station":
                await asyncio.sleep(0.05)
        assert [one["mac"] for one in (await house.call("wifi.stations.list"))["items"]] == [air.phone.mac]
        assert not await asyncio.to_thread(air.admits, "Ahornstraße 🍁", first, 4.0)
        assert air.hostapd() == pid
        print(f"outage {ended['outage_ms']} ms")


async def test_what_hostapd_refuses_touches_nobody(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shared_air(people) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        assert await air.join("Home-1234", await house.passphrase())
        # Our own rules would refuse this password; without them it reaches the real hostapd's dry run.
        monkeypatch.setattr(rules, "SAE_OPTIONS", ())
        ended = await house.wait(await house.update(security="wpa3", passphrase="swordfish|mac=nonsense"))
        assert (ended["state"], ended["outage_ms"]) == ("rolled_back", 0)
        assert "sae_password" in ended["reason"]
        assert "swordfish" not in ended["reason"]
        assert await air.joined()
        assert (await house.call("wifi.networks.get", network="home"))["security"] == "wpa2"


async def test_a_hostapd_that_hangs_ends_on_the_old_network(people: People) -> None:
    async with shared_air(people) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        first = await house.passphrase()
        pid = air.hostapd()
        os.kill(pid, signal.SIGSTOP)
        ended = await house.wait(await house.update(ssid="Nowhere", passphrase="battery staple"))
        assert ended["state"] == "rolled_back"
        assert "did not answer" in ended["reason"]
        assert air.hostapd() != pid
        assert await air.join("Home-1234", first)
        assert not await asyncio.to_thread(air.admits, "Nowhere", "battery staple", 4.0)


async def test_a_hostapd_that_dies_comes_back(people: People) -> None:
    async with shared_air(people) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        os.kill(air.hostapd(), signal.SIGKILL)
        assert await air.join("Home-1234", await house.passphrase())


async def test_hostapd_outlives_the_daemon(people: People, nursery: Nursery) -> None:
    async with shared_air(people) as air:
        await asyncio.to_thread(_outlives, air, nursery)


def _outlives(air: RadioAir, nursery: Nursery) -> None:
    with Runner(air.runner_places(), nursery) as daemon:
        daemon.settle()
        passphrase = daemon.call("wifi.networks.reveal", network="home")["passphrase"]
        assert air.admits("Home-1234", passphrase)
    pid = air.hostapd()
    air.phone.drain_events()
    with Runner(air.runner_places(), nursery) as daemon:
        daemon.settle()
        stations = daemon.call("wifi.stations.list")["items"]
        assert [one["mac"] for one in stations] == [air.phone.mac]
    assert air.hostapd() == pid
    with pytest.raises(TimeoutError):
        air.phone.wait_event("CTRL-EVENT-DISCONNECTED", 1.0)


async def test_killed_in_mid_change_it_ends_on_the_old_network(people: People, nursery: Nursery) -> None:
    async with shared_air(people) as air:
        await asyncio.to_thread(_killed_while_applying, air, nursery)


def _killed_while_applying(air: RadioAir, nursery: Nursery) -> None:
    with Runner(air.runner_places(), nursery) as daemon:
        daemon.settle()
        first = daemon.call("wifi.networks.reveal", network="home")["passphrase"]
        pid = air.hostapd()
        os.kill(pid, signal.SIGSTOP)  # the change waits for hostapd, and is surely in the middle
        change = daemon.update(ssid="Nowhere", passphrase="battery staple")
        daemon.wait(change, "applying")
        time.sleep(1)
    os.kill(pid, signal.SIGCONT)  # it now does what it was told last: half of the change
    with Runner(air.runner_places(), nursery) as daemon:
        ended = daemon.wait(change, "applied", "rolled_back")
        assert (ended["state"], ended["reason"]) == ("rolled_back", "The daemon was restarted in mid-change.")
        assert air.hostapd() == pid
        assert air.admits("Home-1234", first)
        assert not air.admits("Nowhere", "battery staple", 4.0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """15 kills; twice 100, each its own throw of the dice, where the long forms are asked for."""
    if "kills" in metafunc.fixturenames:
        long = "long" in metafunc.config.getoption("markexpr")
        marks = (pytest.mark.long, pytest.mark.timeout(5400)) if long else (pytest.mark.timeout(600),)
        rows = ((LONG_KILLS, 7), (LONG_KILLS, 8)) if long else ((KILLS, 7),)
        metafunc.parametrize(("kills", "seed"), [pytest.param(*row, marks=marks) for row in rows])


async def test_killed_at_any_moment_nobody_is_locked_out(
    people: People, nursery: Nursery, kills: int, seed: int
) -> None:
    async with shared_air(people) as air:
        await asyncio.to_thread(_killed_at_random, air, nursery, kills, seed)


def _killed_at_random(air: RadioAir, nursery: Nursery, kills: int, seed: int) -> None:
    """Whatever the change's end is, a device gets in with that end's credentials and with no others."""
    dice = random.Random(seed)
    with Runner(air.runner_places(), nursery) as daemon:
        daemon.settle()
        before = _told(daemon)
        after = _other(before, 1)
        change = daemon.update(**after)
        time.sleep(dice.uniform(0, 1.5))
    ends: list[str] = []
    for number in range(2, kills + 2):
        with Runner(air.runner_places(), nursery) as daemon:
            ended = daemon.wait(change, "applied", "rolled_back")["state"]
            daemon.settle()
            good, bad = (after, before) if ended == "applied" else (before, after)
            assert _told(daemon) == good, ended
            ends.append(ended)
            assert which(air.phone, bad, good) is good, ends
            before, after = good, _other(good, number)
            change = daemon.update(**after)
            time.sleep(dice.uniform(0, 1.5))
    print(f"{ends.count('applied')} applied, {ends.count('rolled_back')} rolled back")
    assert set(ends) == {"applied", "rolled_back"}, "the dice never hit one side of the change"


def _told(daemon: Runner) -> Credentials:
    told = daemon.call("wifi.networks.reveal", network="home")
    return {"ssid": told["ssid"], "passphrase": told["passphrase"]}


def _other(now: Credentials, number: int) -> Credentials:
    """A new name and password; every fifth time the password alone."""
    return {
        "ssid": now["ssid"] if number % 5 == 0 else f"Round {number}",
        "passphrase": f"password {number}",
    }
