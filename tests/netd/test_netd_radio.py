"""netd's scan and radio_set on real nl80211 radios (mac80211_hwsim)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd.errors import GatewayError
from gatewayd.netd import NetdClient
from tests.lab.netns import Namespace
from tests.lab.radio import AccessPoint, Radio, move
from tests.support.netd import netd_process

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]


async def test_a_scan_hears_the_neighbour(lab_radios: list[Radio], tmp_path: Path) -> None:
    path, radio = tmp_path / "netd.sock", lab_radios[1]
    lines = "ssid=Home \u2615\nchannel=1\nhw_mode=g\nbss_load_update_period=10\n"
    lines += (
        "wpa=2\nwpa_key_mgmt=WPA-PSK SAE\nrsn_pairwise=CCMP\nieee80211w=1\nwpa_passphrase=correct horse\n"
    )
    with AccessPoint("home", lab_radios[0], lines) as home, Namespace("ear") as ear:
        move(radio, ear)
        ear.up(radio.interface)
        with netd_process(path, inside=ear):
            door = NetdClient(path)
            try:
                first = asyncio.create_task(door.scan(radio.interface))
                await asyncio.sleep(0.2)
                with pytest.raises(GatewayError, match=r"netd\.busy"):
                    await door.scan(radio.interface)
                heard = {(one.bssid, one.ssid): one for one in (await first).networks}
                survey = await door.survey(radio.interface)
                await door.link_set(radio.interface, up=False)
                with pytest.raises(GatewayError, match=r"netd\.interface_down"):
                    await door.scan(radio.interface)
            finally:
                await door.close()
    network = heard[home.mac, "Home \u2615".encode()]  # not what an earlier test sent from there
    assert network.ssid == "Home \u2615".encode()
    assert network.frequency == 2412
    assert network.signal_dbm is not None
    assert -100 < network.signal_dbm < 0
    assert (network.security, network.channel, network.stations) == (("wpa2", "wpa3"), 1, 0)
    assert network.seen_ms is not None
    assert network.seen_ms < 20_000
    assert all(one.noise_dbm is None or one.noise_dbm < 0 for one in survey.channels)
    print(f"survey: {survey}")


async def test_an_access_point_can_scan_while_it_sends(lab_radios: list[Radio], tmp_path: Path) -> None:
    path, interface = tmp_path / "netd.sock", lab_radios[0].interface
    with (
        AccessPoint("home", lab_radios[0], "ssid=Home\nchannel=1\n") as home,
        AccessPoint("next", lab_radios[1], "ssid=Next\nchannel=11\n") as neighbour,
        netd_process(path, inside=home.namespace),
    ):
        door = NetdClient(path)
        try:
            with pytest.raises(GatewayError, match=r"netd\.not_supported"):
                await door.scan(interface)
            answer = await door.scan(interface, while_sending=True)
            heard = {(one.bssid, one.ssid): one for one in answer.networks}
        finally:
            await door.close()
        assert "state=ENABLED" in home.command("STATUS")
    found = heard[neighbour.mac, b"Next"]
    assert (found.channel, found.security) == (11, ("open",))


async def test_the_power_of_an_access_point_is_set(lab_radios: list[Radio], tmp_path: Path) -> None:
    path, interface = tmp_path / "netd.sock", lab_radios[0].interface
    with (
        AccessPoint("home", lab_radios[0], "ssid=Home\nchannel=1\n") as home,
        netd_process(path, inside=home.namespace),
    ):
        door = NetdClient(path)
        try:
            await door.radio_set(interface, tx_power_dbm=10)
            assert "txpower 10.00 dBm" in home.namespace.run("iw", "dev", interface, "info")
            await door.radio_set(interface, country="DE")
            with pytest.raises(GatewayError, match=r"netd\.invalid"):
                await door.radio_set(interface, country="de")
            with pytest.raises(GatewayError, match=r"netd\.invalid"):
                await door.radio_set(interface, tx_power_dbm=99)
        finally:
            await door.close()
