"""A survey with real radios: two neighbours on the air, one radio that listens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd.netd import NetdClient
from gatewayd.system import nl80211
from gatewayd.system.clock import SystemClock
from gatewayd.wifi.model import Band
from gatewayd.wifi.survey import concluded
from gatewayd.wifi.surveyor import NetdSurveyor
from tests.lab.netns import run
from tests.lab.radio import AccessPoint, Radio
from tests.support.netd import netd_process

pytestmark = [pytest.mark.radio, pytest.mark.timeout(240)]
SECURE = "wpa=2\nwpa_key_mgmt=WPA-PSK SAE\nrsn_pairwise=CCMP\nieee80211w=1\nwpa_passphrase=correct horse\n"


async def test_the_survey_sees_both_neighbours_and_advises_the_third_channel(
    lab_radios: list[Radio], tmp_path: Path
) -> None:
    path, ear = tmp_path / "netd.sock", lab_radios[2].interface
    run("ip", "link", "set", ear, "up")
    told: list[str] = []
    with (
        AccessPoint("one", lab_radios[0], f"ssid=One\nchannel=1\nhw_mode=g\n{SECURE}") as one,
        AccessPoint("six", lab_radios[1], "ssid2=53697820e29895\nchannel=6\nhw_mode=g\n") as six,
        netd_process(path),
    ):
        door = NetdClient(path)
        try:
            surveyor = NetdSurveyor(door, SystemClock("always"), scan_interface=ear)
            findings = await surveyor.listen((), lambda fraction, message: told.append(message))
        finally:
            await door.close()
    result = concluded(findings, {Band.GHZ_2_4: 6})
    heard = {neighbour.bssid: neighbour for neighbour in result.neighbours}
    assert (heard[one.mac].channel, heard[one.mac].security) == (1, ("wpa2", "wpa3"))
    assert (heard[six.mac].channel, heard[six.mac].security, heard[six.mac].ssid) == (6, ("open",), "Six ☕")
    advice = result.advice[0]
    assert advice.channel == 11, advice.reason
    assert told == [f"Listening on {ear}", "Weighing the channels"]
    print(advice.reason, result.channels, result.notes)


async def test_the_kernel_tells_what_a_radio_may_do(lab_radios: list[Radio]) -> None:
    interface = lab_radios[3].interface
    facts = await nl80211.facts(interface)
    assert facts is not None
    listing = await asyncio.to_thread(run, "iw", "phy", lab_radios[3].phy, "info")
    by_number = {(one.band, one.number): one for one in facts.channels}
    assert by_number["2.4", 6].usable
    for channel in facts.channels:
        line = next(line for line in listing.splitlines() if f"* {channel.frequency} MHz" in line)
        assert channel.disabled == ("(disabled)" in line), line
        if not channel.disabled:  # of those iw tells no more
            assert channel.passive == ("no IR" in line), line
            assert channel.radar == ("radar detection" in line), line
    assert facts.most_access_points > 1
    assert facts.sae
    assert facts.management_protection
