"""The lab's radios, hostapd and stations: what every proof about Wi-Fi stands on."""

from collections.abc import Iterator

import pytest

from tests.lab.radio import AccessPoint, Radio, Station, radios, scan, software_phys

pytestmark = pytest.mark.radio

CHANNEL_1 = 2412
WPA2 = """
ssid=Lab home
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=correct horse
"""


@pytest.fixture(scope="module")
def air() -> list[Radio]:
    return radios()


@pytest.fixture(scope="module")
def home(air: list[Radio]) -> Iterator[AccessPoint]:
    with AccessPoint("home", air[0], WPA2) as access_point:
        yield access_point


@pytest.fixture
def station(air: list[Radio]) -> Iterator[Station]:
    with Station("phone", air[1], frequencies=(CHANNEL_1,)) as phone:
        yield phone


def test_a_station_joins_and_leaves(home: AccessPoint, station: Station) -> None:
    station.set_network("Lab home", psk="correct horse")
    status = station.wait_connected()
    assert (status["ssid"], status["bssid"], status["key_mgmt"]) == ("Lab home", home.mac, "WPA2-PSK")
    assert home.stations() == [station.mac]

    station.disconnect()
    station.wait_disconnected()
    station.reconnect()
    station.wait_connected()


def test_a_joined_station_reaches_the_access_point(home: AccessPoint, station: Station) -> None:
    home.namespace.address(home.radio.interface, "10.83.0.1/24")
    station.set_network("Lab home", psk="correct horse")
    station.wait_connected()
    station.namespace.address(station.radio.interface, "10.83.0.2/24")
    station.namespace.run("ping", "-c1", "-W5", "10.83.0.1")


def test_a_wrong_passphrase_does_not_join(home: AccessPoint, station: Station) -> None:
    home.drain_events()
    station.set_network("Lab home", psk="wrong horse")
    home.wait_event("AP-STA-POSSIBLE-PSK-MISMATCH")
    assert not station.connected()
    assert station.mac not in home.stations()


def test_both_kinds_of_scan_hear_the_network(air: list[Radio], home: AccessPoint, station: Station) -> None:
    heard = [one for one in station.scan() if one.bssid == home.mac]
    assert [(one.ssid, one.frequency) for one in heard] == [(b"Lab home", CHANNEL_1)]
    assert "WPA2-PSK" in heard[0].flags

    with Station("neighbour", air[2]) as other:
        other.command("TERMINATE")
        # The kernel also tells what it heard up to 30 s ago: networks of tests before this one.
        found = scan(other.namespace, other.radio.interface, CHANNEL_1)
    [again] = [one for one in found if (one.bssid, one.ssid) == (home.mac, b"Lab home")]
    assert (again.ssid, again.flags) == (b"Lab home", "RSN")


def test_an_open_and_a_wpa3_network(air: list[Radio], station: Station) -> None:
    lines = "ssid=Caf\u00e9\nhw_mode=g\nchannel=1\nutf8_ssid=1\n"
    with AccessPoint("cafe", air[3], lines) as cafe:
        station.set_network("Caf\u00e9")
        assert station.wait_connected()["key_mgmt"] == "NONE"
        assert cafe.stations() == [station.mac]
    lines = "ssid=Three\nhw_mode=g\nchannel=1\nwpa=2\nwpa_key_mgmt=SAE\nrsn_pairwise=CCMP\nieee80211w=2\n"
    with AccessPoint("three", air[3], lines + "sae_password=correct horse\n"):
        station.set_network("Three", sae="correct horse")
        status = station.wait_connected()
        assert (status["key_mgmt"], status["pmf"]) == ("SAE", "2")


def test_a_network_on_5_ghz_is_heard_in_its_country(air: list[Radio]) -> None:
    lines = "ssid=Five\ncountry_code=DE\nhw_mode=a\nchannel=36\nieee80211n=1\n"
    with AccessPoint("five", air[3], lines) as five, Station("tablet", air[2], frequencies=(5180,)) as tablet:
        tablet.set_network("Five")
        assert tablet.wait_connected()["freq"] == "5180"
        assert five.stations() == [tablet.mac]


def test_radios_come_back_fresh(air: list[Radio], home: AccessPoint) -> None:
    assert home.radio.phy not in software_phys()
    assert set(software_phys()) == {radio.phy for radio in air} - {home.radio.phy}
