"""On real radios: a network on two of them, channels that move with their devices, widths, radar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd.errors import GatewayError
from gatewayd.wifi.model import Band
from tests.lab.netns import run
from tests.lab.radio import Radio, Station, radios
from tests.wifi.house import FIRST_SSID, House, open_house
from tests.wifi.radio_air import CHANNEL_6, People, RadioAir, radio_settings, shared_air

pytestmark = [pytest.mark.radio, pytest.mark.timeout(300)]
CHANNELS = {6: CHANNEL_6, 11: 2462, 36: 5180, 44: 5220, 52: 5260}
WORDS = "the first password"
DEBUG = Path("/sys/kernel/debug")


class NoEars:
    """`Scanner` of a household that has none."""

    async def scan(self) -> tuple[()]:
        return ()


@pytest.fixture(scope="module")
def home() -> Iterator[tuple[People, Radio]]:
    """A radio for each band, a phone on 2.4 GHz and a tablet on 5 GHz."""
    found = radios()
    with (
        Station("phone", found[1], frequencies=(CHANNEL_6,)) as phone,
        Station("tablet", found[2], frequencies=(CHANNELS[36],)) as tablet,
    ):
        yield (found[0], (phone, tablet), NoEars()), found[3]


@asynccontextmanager
async def two_radios(home: tuple[People, Radio]) -> AsyncIterator[tuple[RadioAir, House]]:
    """The home network on both radios, and a device on each."""
    people, second = home
    async with shared_air(people) as air:
        air.radio = msgspec.structs.replace(air.radio, country="DE")
        air.more = (
            msgspec.structs.replace(
                radio_settings(second), radio="radio1", band=Band.GHZ_5, channel=36, country="DE"
            ),
        )
        async with open_house(air.folder, air.new_driver) as house:
            await house.settled()
            ended = await house.wait(await house.update(passphrase=WORDS, bands=["2.4", "5"]))
            assert ended["state"] == "applied", ended["reason"]
            air.phones[1].listen_on(CHANNELS[36])
            assert await air.join(FIRST_SSID, WORDS)
            assert await air.join(FIRST_SSID, WORDS, device=1)
            yield air, house


async def _set(house: House, radio: str, **fields: Any) -> dict[str, Any]:
    """Changes a radio; the preview must have said which step that takes."""
    preview = await house.call("wifi.radios.preview", radio=radio, **fields)
    change = (await house.call("wifi.radios.update", radio=radio, **fields))["change"]
    assert change["impact"] == preview["impact"]
    ended = await house.wait(change["id"])
    assert (ended["state"], ended["radio"]) == ("applied", radio), ended["reason"]
    return ended


async def _radio(house: House, radio: str) -> dict[str, Any]:
    told = (await house.call("wifi.radios.list"))["items"]
    return next(one for one in told if one["id"] == radio)


async def _frequency(phone: Station) -> int:
    return int((await asyncio.to_thread(phone.status))["freq"])


async def test_one_network_on_two_bands_and_its_channels_move_with_their_devices(
    home: tuple[People, Radio],
) -> None:
    async with two_radios(home) as (air, house):
        phone, tablet = air.phones
        assert [await _frequency(one) for one in (phone, tablet)] == [CHANNELS[6], CHANNELS[36]]
        stations = (await house.call("wifi.stations.list"))["items"]
        assert sorted((one["mac"], one["network"]) for one in stations) == sorted(
            (one.mac, "home") for one in air.phones
        )

        for radio, device, channel in (("radio1", 1, 44), ("radio0", 0, 11)):
            ended = await _set(house, radio, channel=channel)
            assert (ended["impact"]["step"], ended["impact"]["stations_dropped"]) == ("csa", 0)
            assert await air.joined(device), "it lost its network on the way"
            async with asyncio.timeout(5):
                while await _frequency(air.phones[device]) != CHANNELS[channel]:
                    await asyncio.sleep(0.05)
            assert (await _radio(house, radio))["channel"] == channel
        assert await air.joined(0)
        assert await air.joined(1)

        # what was set stays: for another daemon, and for the radio that chooses for itself
        ended = await _set(house, "radio1", channel="auto")
        assert ended["impact"]["step"] == "none"
        told = await _radio(house, "radio1")
        assert (told["channel"], told["automatic"]) == (44, True)
        assert await air.joined(1)
        pids = air.hostapd(), air.hostapd("radio1")
        await house.service.close()
        async with open_house(air.folder, air.new_driver) as again:
            await again.settled()
            assert [(await _radio(again, name))["channel"] for name in ("radio0", "radio1")] == [11, 44]
        assert (air.hostapd(), air.hostapd("radio1")) == pids
        assert await air.joined(0)
        assert await air.joined(1)


async def test_a_width_is_what_was_asked_for(home: tuple[People, Radio]) -> None:
    async with two_radios(home) as (air, house):
        interface = air.more[0].interface
        for width, line in ((80, "vht_oper_chwidth=1"), (40, "ht_capab=[HT40+]"), (20, None)):
            preview = await house.call("wifi.radios.preview", radio="radio1", width=width)
            assert (preview["impact"]["step"], preview["impact"]["stations_dropped"]) == ("restart", 1)
            await _set(house, "radio1", width=width)
            assert not await air.joined(1)
            assert await air.join(FIRST_SSID, WORDS, device=1)
            config = air.places.config_file("radio1").read_text().splitlines()
            assert line in config if line else not any("chwidth" in one for one in config)
            info = await asyncio.to_thread(run, "iw", "dev", interface, "info")
            assert f"width: {width} MHz" in info
            assert (await _radio(house, "radio1"))["width"] == width
        assert await air.joined(0), "the other band was disturbed"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"channel": 15}, "channel"),
        ({"channel": 14}, "channel"),
        ({"width": 160}, "width"),
        ({"width": 80}, "width"),
        ({"band": "5", "country": "DE"}, "band"),
        ({"country": "Germany"}, "country"),
    ],
)
async def test_what_a_radio_cannot_is_refused(fields: dict[str, Any], field: str) -> None:
    found = radios()
    async with (
        shared_air((found[0], (), NoEars())) as air,
        open_house(air.folder, air.new_driver) as house,
    ):
        await house.settled()
        with pytest.raises(GatewayError) as refused:
            await house.call("wifi.radios.update", radio="radio0", **fields)
        assert refused.value.field == field
        assert (await _radio(house, "radio0"))["channel"] == 6


async def test_a_radar_channel_is_silent_for_a_minute_and_that_was_said(home: tuple[People, Radio]) -> None:
    async with two_radios(home) as (air, house):
        preview = await house.call("wifi.radios.preview", radio="radio1", channel=52)
        assert preview["impact"]["silent_seconds"] >= 60
        assert "radar" in preview["risks"][0]
        change = (await house.call("wifi.radios.update", radio="radio1", channel=52))["change"]["id"]
        await house.wait(change, "proving")
        await asyncio.to_thread(air.phones[1].listen_on, CHANNELS[52])
        assert await air.refused(FIRST_SSID, WORDS, device=1)
        assert (await house.call("wifi.changes.get", change=change))["state"] == "proving"
        assert (await _radio(house, "radio1"))["state"] == "down"
        await house.call("wifi.changes.revert", change=change)
        assert (await house.wait(change))["state"] == "rolled_back"
        air.phones[1].listen_on(CHANNELS[36])
        assert await air.join(FIRST_SSID, WORDS, device=1)
        assert await air.joined(0), "the other band was disturbed"


@pytest.mark.long
async def test_after_radar_the_network_goes_on_elsewhere(home: tuple[People, Radio]) -> None:
    async with two_radios(home) as (air, house):
        ended = await house.wait(
            (await house.call("wifi.radios.update", radio="radio1", channel=52))["change"]["id"], seconds=120
        )
        assert ended["state"] == "applied", ended["reason"]
        assert 60_000 <= ended["outage_ms"] < 90_000
        air.phones[1].listen_on(CHANNELS[52])
        assert await air.join(FIRST_SSID, WORDS, device=1)
        if not any(DEBUG.iterdir()):
            await asyncio.to_thread(run, "mount", "-t", "debugfs", "debugfs", str(DEBUG))
        # a device would look on all channels for its network
        await asyncio.to_thread(_look_everywhere, air.phones[1])
        (DEBUG / "ieee80211" / home[1].phy / "hwsim/dfs_simulate_radar").write_text("1")
        async with asyncio.timeout(30):
            while (channel := (await _radio(house, "radio1"))["channel"]) in (52, None):
                await asyncio.sleep(0.2)
        assert (await house.call("wifi.networks.get", network="home"))["state"] == "on_air"
        async with asyncio.timeout(60):
            while not air.phones[1].connected() or await _frequency(air.phones[1]) != 5000 + 5 * channel:
                await asyncio.sleep(0.5)
                channel = (await _radio(house, "radio1"))["channel"] or 0
        assert await air.joined(0)


def _look_everywhere(phone: Station) -> None:
    everywhere = " ".join(str(5000 + 5 * one) for one in (*range(36, 65, 4), *range(149, 174, 4)))
    for setting in ("scan_freq", "freq_list"):
        assert phone.command(f"SET_NETWORK 0 {setting} {everywhere}") == "OK"
