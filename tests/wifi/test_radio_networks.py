"""On a real radio with several networks: what is changed in one is not noticed on the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from gatewayd.wifi.model import Security, Step
from tests.wifi.conformance import proven
from tests.wifi.house import House, open_house
from tests.wifi.radio_air import People, RadioAir, household, shared_air
from tests.wifi.settings import GUEST, home

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]
WORDS = "guest password"


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with household() as found:
        yield found


@asynccontextmanager
async def two_networks(people: People, security: str) -> AsyncIterator[tuple[RadioAir, House]]:
    """A home network with the phone on it, and one for things with the tablet on it, which a test changes."""
    async with shared_air(people, scan=True) as air, open_house(air.folder, air.new_driver) as house:
        await house.settled()
        made = await house.call(
            "wifi.networks.create",
            role="iot",
            id="things",
            ssid="Things",
            passphrase=WORDS,
            security=security,
        )
        assert (await house.wait(made["change"]["id"]))["state"] == "applied"
        assert await air.join("Home-1234", await house.passphrase())
        assert await air.join("Things", WORDS, device=1)
        yield air, house


async def _changed(house: House, air: RadioAir, fields: dict[str, Any]) -> dict[str, Any]:
    """Previews and makes the change of `things`; the preview must have said what happened."""
    preview = await house.call("wifi.networks.preview", network="things", **fields)
    change = await house.call("wifi.networks.update", network="things", **fields)
    ended = await house.wait(change["change"]["id"])
    assert ended["state"] == "applied", ended["reason"]
    impact = preview.get("impact", preview)
    assert ended["impact"]["step"] == impact["step"]
    others = impact["stations_dropped"] > 1
    assert await air.joined() is not others, "the preview said otherwise of the phone at home"
    return ended


@pytest.mark.parametrize("security", ["wpa2", "wpa2-wpa3"])
async def test_password_and_name_of_one_network_drop_nobody_of_the_other(
    people: People, security: str
) -> None:
    async with two_networks(people, security) as (air, house):
        ended = await _changed(house, air, {"passphrase": "another password"})
        assert ended["impact"]["stations_dropped"] == 1
        assert ended["outage_ms"] < 1000
        assert await air.refused("Things", WORDS, device=1)
        assert await air.join("Things", "another password", device=1)
        ended = await _changed(house, air, {"ssid": "Ding & Dong 🏠"})
        assert ended["impact"]["step"] == "bss"
        assert await air.join("Ding & Dong 🏠", "another password", device=1)
        assert await air.joined(), "the phone at home was disturbed"


async def test_security_of_one_network_and_its_end_drop_nobody_of_the_other(people: People) -> None:
    async with two_networks(people, "wpa2") as (air, house):
        ended = await _changed(house, air, {"security": "wpa3", "passphrase": "another password"})
        assert ended["impact"]["step"] == "bss"
        assert await air.join("Things", "another password", device=1)
        ended = await _changed(house, air, {"enabled": False})
        assert ended["impact"]["step"] == "bss"
        assert await air.refused("Things", "another password", device=1)
        assert await air.joined(), "the phone at home was disturbed"


async def test_what_drops_everybody_was_said_beforehand(people: People) -> None:
    async with two_networks(people, "wpa2") as (air, house):
        preview = await house.call("wifi.networks.preview", network="home", security="wpa2-wpa3")
        impact = preview.get("impact", preview)
        assert (impact["step"], impact["stations_dropped"]) == ("restart", 2)
        ended = await house.wait(await house.update(security="wpa2-wpa3"))
        assert (ended["state"], ended["impact"]["step"]) == ("applied", "restart")
        assert not await air.joined()
        assert not await air.joined(1)
        assert ended["outage_ms"] > 100


async def test_what_a_reload_drops_was_said_beforehand(people: People) -> None:
    async with two_networks(people, "wpa2") as (air, house):
        preview = await house.call("wifi.networks.preview", network="home", isolated=True)
        assert (preview["impact"]["step"], preview["impact"]["stations_dropped"]) == ("reload", 2)
        ended = await house.wait(await house.update(isolated=True))
        assert (ended["state"], ended["impact"]) == ("applied", preview["impact"])
        assert [await air.joined(), await air.joined(1)] == [False, False]


async def test_the_scan_is_asked_for_the_security_too(people: People) -> None:
    async with shared_air(people, scan=True) as air:
        for security in (Security.WPA2, Security.WPA2_WPA3, Security.WPA3):
            await air.driver.apply((home(security=security),))
            await proven(air, security=security)
        # who hears WPA3 when WPA2 was wanted hears something else than what was wanted
        await proven(air, security=Security.WPA2, holds=False)


async def test_after_a_password_change_neither_wpa2_nor_wpa3_returns_with_the_old_one(people: People) -> None:
    async with shared_air(people) as air:
        phone, tablet = air.phones
        await air.driver.apply((home(security=Security.WPA2_WPA3), GUEST))
        await asyncio.to_thread(phone.set_network, "Maple Street", psk="correct horse")
        await asyncio.to_thread(tablet.set_network, "Maple Street", sae="correct horse")
        ways = [(await asyncio.to_thread(one.wait_connected))["key_mgmt"] for one in (phone, tablet)]
        assert ways == ["WPA2-PSK", "SAE"]
        for one in (phone, tablet):
            one.drain_events()
        changed = home(security=Security.WPA2_WPA3, passphrase="battery staple")
        assert (await air.driver.apply((changed, GUEST))).step is Step.BSS
        for one in (phone, tablet):
            await asyncio.to_thread(one.wait_event, "CTRL-EVENT-DISCONNECTED", 5.0)
        # both go on trying what they have, every second, the tablet also the key that it remembers of before
        await asyncio.sleep(6)
        assert not [one.mac for one in (phone, tablet) if one.connected()]
        assert not await air.driver.stations()
        await asyncio.to_thread(phone.set_network, "Maple Street", psk="battery staple")
        await asyncio.to_thread(tablet.set_network, "Maple Street", sae="battery staple")
        for one in (phone, tablet):
            await asyncio.to_thread(one.wait_connected)


async def test_owe_and_open_networks_admit_without_a_password(people: People) -> None:
    async with shared_air(people) as air:
        nameless = msgspec.structs.replace(GUEST, security=Security.OPEN, passphrase=None)
        assert (await air.driver.apply((home(), nameless))).step is Step.RESTART
        assert await air.join("Maple Street", "correct horse")
        assert await air.join("Guests", None, device=1)
        (station,) = [one for one in await air.driver.stations() if one.network == "guest"]
        assert station.mac == air.phones[1].mac
        encrypted = msgspec.structs.replace(nameless, security=Security.OWE)
        assert (await air.driver.apply((home(), encrypted))).step is Step.BSS
        await asyncio.to_thread(air.phones[1].set_network, "Guests", owe=True)
        assert (await asyncio.to_thread(air.phones[1].wait_connected))["key_mgmt"] == "OWE"
        assert await air.refused("Guests", None, device=1), "it came in without encryption"
        await air.driver.apply((home(), nameless))
        renamed = msgspec.structs.replace(nameless, ssid="Visitors")
        assert (await air.driver.apply((home(), renamed))).step is Step.BSS
        assert await air.join("Visitors", None, device=1)
        assert await air.joined()
