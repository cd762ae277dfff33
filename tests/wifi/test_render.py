"""hostapd's configuration: golden files, and that no name or password can add a line to it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import InvalidField
from gatewayd.system.secret import Secret
from gatewayd.wifi import rules
from gatewayd.wifi.commands import channel_switch
from gatewayd.wifi.keys import pmk, suggest_passphrase
from gatewayd.wifi.model import Band, NetworkSettings, Security
from gatewayd.wifi.render import (
    Places,
    RadioSettings,
    bssid,
    carried,
    centre_channel,
    dry_run_configs,
    render,
)
from tests.wifi.settings import RADIO, home

GOLDEN = Path(__file__).parent / "golden"
PLACES = Places(configuration=Path("/state/hostapd"), control=Path("/run/hostapd"), group="gatewayd")
FIVE = RadioSettings(
    radio="radio1", interface="wlan1", address="02:00:00:00:01:00", band=Band.GHZ_5, channel=36, country="DE"
)
GUEST = home(
    network="guest", role="guest", ssid="Guests", security=Security.OWE, passphrase=None, isolated=True
)
CASES: dict[str, tuple[RadioSettings, tuple[NetworkSettings, ...]]] = {
    "wpa2": (RADIO, (home(),)),
    "mixed": (RADIO, (home(security=Security.WPA2_WPA3, ssid="Ahornstraße 🍁", hidden=True),)),
    "wpa3-5ghz": (FIVE, (home(security=Security.WPA3, bands=(Band.GHZ_5,)),)),
    "open": (RADIO, (home(security=Security.OPEN, passphrase=None),)),
    "wide-2.4ghz": (msgspec.structs.replace(RADIO, channel=11, width=40), (home(),)),
    "wide-5ghz": (msgspec.structs.replace(FIVE, channel=104, width=80), (home(bands=(Band.GHZ_5,)),)),
    "wide-6ghz": (
        msgspec.structs.replace(FIVE, band=Band.GHZ_6, channel=5, width=80),
        (home(security=Security.WPA3, bands=(Band.GHZ_6,)),),
    ),
    "two-networks": (RADIO, (GUEST, home())),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    radio, networks = CASES[name]
    rendered = render(radio, networks, PLACES)
    keys = "".join(f"== {network}.psk\n{content}" for network, content in sorted(rendered.keys.items()))
    content = rendered.config + keys
    file = GOLDEN / f"{name}.conf"
    if os.environ.get("GATEWAYD_GOLDEN") == "write":
        file.write_text(content)
    assert content == file.read_text(), "GATEWAYD_GOLDEN=write pytest tests/wifi/test_render.py writes them"


# The middles of the blocks as IEEE Std 802.11-2020, annex E, lists them.
@pytest.mark.parametrize(
    ("band", "width", "middles"),
    [
        (Band.GHZ_5, 40, (38, 46, 54, 62, 102, 110, 118, 126, 134, 142, 151, 159)),
        (Band.GHZ_5, 80, (42, 58, 106, 122, 138, 155)),
        (Band.GHZ_6, 40, (3, 11, 19, 27, 35, 43)),
        (Band.GHZ_6, 80, (7, 23, 39, 55)),
    ],
)
def test_each_channel_lies_in_the_block_around_its_middle(
    band: Band, width: int, middles: tuple[int, ...]
) -> None:
    for middle in middles:
        half = width // 10 - 2
        for channel in range(middle - half, middle + half + 1, 4):
            assert centre_channel(band, channel, width) == middle
            assert centre_channel(band, channel, 20) == channel


@pytest.mark.parametrize(
    ("band", "channel", "width", "command"),
    [
        (Band.GHZ_2_4, 11, 20, "CHAN_SWITCH 5 2462 center_freq1=2462 bandwidth=20 ht"),
        (Band.GHZ_5, 44, 20, "CHAN_SWITCH 5 5220 center_freq1=5220 bandwidth=20 ht vht"),
        (
            *(Band.GHZ_5, 44, 40),
            "CHAN_SWITCH 5 5220 sec_channel_offset=1 center_freq1=5230 bandwidth=40 ht vht",
        ),
        (
            *(Band.GHZ_5, 48, 80),
            "CHAN_SWITCH 5 5240 sec_channel_offset=-1 center_freq1=5210 bandwidth=80 ht vht",
        ),
    ],
)
def test_a_channel_is_announced_with_its_width(band: Band, channel: int, width: int, command: str) -> None:
    radio = msgspec.structs.replace(FIVE, band=band, channel=channel, width=width)
    assert channel_switch(radio) == command


@given(ssid=st.text(max_size=40), words=st.text(max_size=70), security=st.sampled_from(Security))
def test_nothing_a_caller_chose_adds_or_alters_a_line(ssid: str, words: str, security: Security) -> None:
    passphrase = Secret(words) if security.has_passphrase else None
    wanted = home(ssid=ssid, passphrase=passphrase, security=security)
    try:
        rules.check_network(wanted, (Band.GHZ_2_4,))
    except InvalidField:
        return
    plain = home(ssid="plain", passphrase=Secret("plain pass") if passphrase else None, security=security)
    lines = render(RADIO, (wanted,), PLACES).config.split("\n")
    plain_lines = render(RADIO, (plain,), PLACES).config.split("\n")
    assert len(lines) == len(plain_lines)
    for line, other in zip(lines, plain_lines, strict=True):
        name, _, value = line.partition("=")
        assert name == other.partition("=")[0]
        if name == "ssid2":
            assert bytes.fromhex(value) == ssid.encode()
        elif name == "sae_password":
            assert value == words
        else:
            assert line == other
    for content in render(RADIO, (wanted,), PLACES).keys.values():
        assert content.count("\n") == 1
        assert len(content) == len("keyid=main 00:00:00:00:00:00 ") + 64 + 1


def test_what_our_rules_would_refuse_never_reaches_a_file() -> None:
    # Belt and braces: even without the rules a WPA2 network's file has only hexadecimal of theirs.
    evil = home(ssid="x\nbss=evil", passphrase="y\nwpa=0 and more")
    rendered = render(RADIO, (evil,), PLACES)
    assert "evil" not in rendered.config
    assert "more" not in rendered.config + "".join(rendered.keys.values())


def test_keys_are_those_of_the_standard() -> None:
    # IEEE Std 802.11-2020, J.4.2, test case 1
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert pmk(Secret("password"), b"IEEE") == key
    assert pmk(Secret("AB" * 32), b"any") == "ab" * 32


def test_the_digest_tells_a_new_password_though_the_file_is_the_same() -> None:
    one, other = (
        render(RADIO, (home(passphrase=words),), PLACES) for words in ("one password", "other pass")
    )
    assert one.config == other.config
    assert one.digest != other.digest
    assert one.digest == render(RADIO, (home(passphrase="one password", revision=9),), PLACES).digest


def test_only_enabled_networks_of_the_band_are_carried() -> None:
    off = home(network="off", enabled=False)
    other = home(network="five", bands=(Band.GHZ_5,))
    assert [one.network for one in carried(RADIO, (home(), off, other, GUEST))] == ["guest", "home"]


@given(st.integers(0, 0xFFFFFFFFFFFF))
def test_bssids_of_one_radio_differ_and_are_local(number: int) -> None:
    address = ":".join(f"{number:012x}"[at : at + 2] for at in range(0, 12, 2))
    made = [bssid(address, index) for index in range(8)]
    assert made[0] == address
    assert len(set(made[1:])) == 7
    assert all(int(one[:2], 16) & 0x02 for one in made[1:])
    assert all((int(one[:2], 16) ^ int(address[:2], 16)) & 0x01 == 0 for one in made[1:])


def test_a_dry_run_has_each_network_alone_and_touches_nothing() -> None:
    one, two = dry_run_configs(render(RADIO, (GUEST, home()), PLACES).config)
    for config in (one, two):
        lines = config.splitlines()
        assert "interface=lo" in lines
        assert "driver=none" in lines
        assert not [line for line in lines if line.startswith(("ctrl_interface", "bss"))]
    assert "wpa_key_mgmt=WPA-PSK" in one
    assert "wpa_key_mgmt=OWE" in two


def test_suggested_passwords_can_be_used_anywhere() -> None:
    suggested = {suggest_passphrase().reveal() for _ in range(50)}
    assert len(suggested) == 50
    for words in suggested:
        for security in (Security.WPA2, Security.WPA3):
            rules.check_passphrase(Secret(words), security)
        assert not set(words) & set('0O1lI\\;,:"')


def test_no_settings_print_their_password() -> None:
    with contextlib.suppress(TypeError):
        assert b"correct horse" not in msgspec.json.encode(home(), enc_hook=str)
    assert "correct horse" not in repr(home())
