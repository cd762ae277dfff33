"""On a real radio, through the service: device keys, a change-over, WPA2 beside WPA3, wrong passwords."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gatewayd.wifi.events import WifiWrongPassword
from tests.wifi.family import LAPTOP, PHONE, TABLET, Watched, family, returns
from tests.wifi.house import FIRST_SSID, House, open_house
from tests.wifi.radio_air import People, RadioAir, shared_air
from tests.wifi.test_keys import state_bytes

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]
REVOKED_WITHIN = 1.0
STAYS_OUT = 8.0


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with family() as found:
        yield found


@asynccontextmanager
async def box(people: People) -> AsyncIterator[tuple[RadioAir, House]]:
    async with shared_air(people) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        yield air, house


async def done(house: House, answer: dict[str, Any]) -> dict[str, Any]:
    """The change of an answer, applied."""
    ended = await house.wait(answer["change"]["id"])
    assert ended["state"] == "applied", ended
    return ended


async def key_for(house: House, label: str) -> str:
    """A new device key, on the radio; its password."""
    answer = await house.call("wifi.keys.create", network="home", label=label)
    await done(house, answer)
    words: str = answer["passphrase"]
    return words


async def revoke(house: House, air: RadioAir, key: str, device: int) -> dict[str, Any]:
    """Revokes a key by the API and holds the device's end to its time."""
    async with Watched(air, device) as watched:
        watched.begin()
        answer: dict[str, Any] = await house.call("wifi.keys.revoke", network="home", key=key)
        answered = watched.so_far()
        seconds = await watched.seconds()
    print(f"answered after {answered * 1000:.0f} ms, off the air after {seconds * 1000:.0f} ms")
    assert seconds <= REVOKED_WITHIN
    return await done(house, answer)


async def test_a_revoked_key_is_out_within_a_second_and_the_others_stay(people: People) -> None:
    async with box(people) as (air, house):
        made = await house.call(
            "wifi.networks.create", role="iot", id="things", ssid="Things", passphrase="for the things"
        )
        await done(house, made)
        tablet, laptop = await key_for(house, "Tablet"), await key_for(house, "Laptop")
        assert await air.join(FIRST_SSID, await house.passphrase(), device=PHONE)
        assert await air.join(FIRST_SSID, tablet, device=TABLET)
        assert await air.join("Things", "for the things", device=LAPTOP)

        ended = await revoke(house, air, "tablet", TABLET)
        assert (ended["impact"]["step"], ended["impact"]["stations_dropped"]) == ("keys", 1)
        # It looks for its network every second, with whatever keys it remembers.
        assert not await asyncio.to_thread(returns, air.phones[TABLET], STAYS_OUT)
        stations = (await house.call("wifi.stations.list"))["items"]
        assert {(one["network"], one["key"]) for one in stations} == {("home", "main"), ("things", "main")}
        assert await air.joined(PHONE), "the phone on the same network was disturbed"
        assert await air.joined(LAPTOP), "the laptop on the other network was disturbed"

        # The same while another change of that network waits to be confirmed.
        assert await air.join(FIRST_SSID, laptop, device=LAPTOP)
        waiting = await house.update(hidden=True, confirm="client")
        await house.wait(waiting, "proving")
        await revoke(house, air, "laptop", LAPTOP)
        assert (await house.call("wifi.changes.get", change=waiting))["state"] == "proving"
        await house.call("wifi.changes.revert", change=waiting)
        assert (await house.wait(waiting))["state"] == "rolled_back"
        assert await air.refused(FIRST_SSID, laptop, device=LAPTOP)
        assert await air.joined(PHONE), "the phone on the same network was disturbed"


async def test_a_change_over_ends_for_those_with_the_old_password_only(people: People) -> None:
    async with box(people) as (air, house):
        old = await house.passphrase()
        assert await air.join(FIRST_SSID, old, device=PHONE)
        assert await air.join(FIRST_SSID, old, device=TABLET)
        await done(house, await house.call("wifi.rotation.start", network="home"))
        new = await house.passphrase()
        assert new != old
        assert await air.joined(PHONE), "nobody notices the beginning"
        assert await air.joined(TABLET), "nobody notices the beginning"
        assert await late(house) == {air.phones[PHONE].mac: True, air.phones[TABLET].mac: True}
        assert await air.join(FIRST_SSID, new, device=PHONE)
        assert await air.join(FIRST_SSID, old, device=TABLET)
        async with asyncio.timeout(10):
            while await late(house) != {air.phones[TABLET].mac: True}:
                await asyncio.sleep(0.1)
        async with Watched(air, TABLET) as watched:
            watched.begin()
            ended = await done(house, await house.call("wifi.rotation.finish", network="home"))
            assert await watched.seconds() <= REVOKED_WITHIN
        assert ended["impact"]["stations_dropped"] == 1
        assert await air.joined(PHONE), "who has the new password was disturbed"
        assert await air.refused(FIRST_SSID, old, device=TABLET)
        assert await late(house) is None
        assert await air.join(FIRST_SSID, new, device=TABLET)
        await house.service.close()
        await house.core.database.close()
        assert old.encode() not in await asyncio.to_thread(state_bytes, air.folder)


async def late(house: House) -> dict[str, bool] | None:
    """Who has the old password, and whether he is there; None when no change-over lasts."""
    told = await house.call("wifi.rotation.get", network="home")
    return {one["mac"]: one["connected"] for one in told["devices"]} if told["active"] else None


async def test_wpa2_and_wpa3_side_by_side_and_a_wrong_password_is_named(people: People) -> None:
    async with box(people) as (air, house):
        words = await house.passphrase()
        assert (await house.wait(await house.update(security="wpa2-wpa3")))["state"] == "applied"
        phone, tablet, laptop = air.phones
        await asyncio.to_thread(lambda: phone.set_network(FIRST_SSID, sae=words))
        await asyncio.to_thread(lambda: tablet.set_network(FIRST_SSID, psk=words))
        assert (await asyncio.to_thread(phone.wait_connected, 20.0))["key_mgmt"] == "SAE"
        assert (await asyncio.to_thread(tablet.wait_connected, 20.0))["key_mgmt"] == "WPA2-PSK"

        with house.core.bus.subscribe("wifi.wrong_password") as events:
            await asyncio.to_thread(lambda: laptop.set_network(FIRST_SSID, psk="not the password"))
            async with asyncio.timeout(20):
                told = await anext(events)
        assert isinstance(told.data, WifiWrongPassword)
        assert (told.data.mac, told.data.network) == (laptop.mac, "home")
        refused = (await house.call("wifi.stations.list"))["refused"]
        assert [(one["mac"], one["network"]) for one in refused] == [(laptop.mac, "home")]
        assert refused[0]["times"] >= 1
        assert await air.join(FIRST_SSID, words, device=LAPTOP)
        async with asyncio.timeout(10):
            while (await house.call("wifi.stations.list"))["refused"]:
                await asyncio.sleep(0.1)
        assert await asyncio.to_thread(phone.connected)
        assert await asyncio.to_thread(tablet.connected)
