"""What the box remembers of devices: new ones, and those that have a wrong password."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.wifi.airs import DEVICE
from tests.wifi.box import Box, open_box
from tests.wifi.house import FIRST_SSID

OTHER = "02:aa:00:00:00:02"


async def heard(box: Box) -> None:
    for _ in range(20):
        await box.clock.advance(0.1)
        await asyncio.sleep(0.005)


async def test_a_device_is_new_once_on_each_network(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await box.house.passphrase()
        with box.house.core.bus.subscribe("wifi.new_station") as events:
            for _ in range(3):
                assert box.radio.join(DEVICE, FIRST_SSID, words)
                await heard(box)
                box.radio.leave(DEVICE)
            assert box.radio.join(OTHER, FIRST_SSID, words)
            await heard(box)
            events.close()
            told: list[Any] = [event.data async for event in events]
        assert [(one.network, one.mac, one.key) for one in told] == [
            ("home", DEVICE, "main"),
            ("home", OTHER, "main"),
        ]
        assert all(one.simulated for one in told)
    async with open_box(tmp_path) as box:
        with box.house.core.bus.subscribe("wifi.new_station") as events:
            assert box.radio.join(DEVICE, FIRST_SSID, words)
            await heard(box)
            events.close()
            assert [event async for event in events] == []


async def test_a_wrong_password_is_told_once_a_minute_and_listed_with_its_count(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        with box.house.core.bus.subscribe("wifi.wrong_password") as events:
            for _ in range(5):
                assert not box.radio.join(DEVICE, FIRST_SSID, "not this one")
            await heard(box)
            await box.clock.advance(60)
            assert not box.radio.join(DEVICE, FIRST_SSID, "not this one")
            await heard(box)
            events.close()
            told: list[Any] = [event.data async for event in events]
        assert [(one.network, one.mac, one.times) for one in told] == [
            ("home", DEVICE, 1),
            ("home", DEVICE, 6),
        ]
        listed = await box.house.call("wifi.stations.list")
        assert listed["items"] == []
        (refused,) = listed["refused"]
        assert (refused["mac"], refused["network"], refused["times"]) == (DEVICE, "home", 6)
        rows = await box.house.core.database.fetch_all("SELECT * FROM wifi_met")
        assert "not this one" not in str([tuple(row) for row in rows])
        assert [(row["mac"], row["wrong_passwords"], row["first_joined"]) for row in rows] == [
            (DEVICE, 6, None)
        ]


async def test_who_joins_after_all_is_no_longer_listed_and_is_new(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        words = await box.house.passphrase()
        assert not box.radio.join(DEVICE, FIRST_SSID, "not this one")
        await heard(box)
        with box.house.core.bus.subscribe("wifi.new_station") as events:
            assert box.radio.join(DEVICE, FIRST_SSID, words)
            await heard(box)
            events.close()
            assert [event.type async for event in events] == ["wifi.new_station"]
        assert (await box.house.call("wifi.stations.list"))["refused"] == []


async def test_after_an_hour_it_is_forgotten(tmp_path: Path) -> None:
    async with open_box(tmp_path) as box:
        assert not box.radio.join(DEVICE, FIRST_SSID, "not this one")
        await heard(box)
        await box.clock.advance(3600)
        assert (await box.house.call("wifi.stations.list"))["refused"] == []
