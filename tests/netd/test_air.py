"""Beacons as neighbours send them, well or badly made: what is told of them, and that nothing breaks."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.netd import air, radios, verbs
from gatewayd.system.genetlink import Message, attribute, each, u32
from gatewayd.system.nl80211 import channel_of

BSSID = bytes.fromhex("02000000000a")
CCMP = bytes.fromhex("000fac04")


def element(kind: int, content: bytes) -> bytes:
    return bytes([kind, len(content)]) + content


def rsn(*suites: int, oui: str = "000fac") -> bytes:
    """An RSN element with one pairwise cipher and these ways in."""
    listed = b"".join(bytes.fromhex(oui) + bytes([suite]) for suite in suites)
    return element(48, b"\1\0" + CCMP + b"\1\0" + CCMP + struct.pack("<H", len(suites)) + listed + b"\0\0")


def answer(elements: bytes, *, frequency: int = 2437, privacy: bool = True, seen_ms: int = 40) -> bytes:
    """The attributes of a scan's answer, as the kernel makes them."""
    told = attribute(1, BSSID) + u32(2, frequency) + attribute(5, struct.pack("=H", 0x11 if privacy else 1))
    told += attribute(6, elements) + u32(7, -5600) + u32(10, seen_ms)
    return u32(3, 7) + attribute(47 | 0x8000, told)


def heard(elements: bytes, *, frequency: int = 2437, privacy: bool = True) -> verbs.ScanBss:
    found = air.bss(answer(elements, frequency=frequency, privacy=privacy))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("elements", "privacy", "security"),
    [
        (b"", False, {"open"}),
        (b"", True, {"wep"}),
        (rsn(2), True, {"wpa2"}),
        (rsn(6), True, {"wpa2"}),
        (rsn(2, 8), True, {"wpa2", "wpa3"}),
        (rsn(8), True, {"wpa3"}),
        (rsn(24, 9), True, {"wpa3"}),
        (rsn(18), True, {"owe"}),
        (rsn(1), True, {"enterprise"}),
        (rsn(2, 99), True, {"wpa2", "other"}),
        (rsn(2, oui="123456"), True, {"other"}),
        (rsn(), True, {"other"}),
        (element(221, bytes.fromhex("0050f2010100")), True, {"wpa1"}),
        (element(221, bytes.fromhex("0050f2010100")) + rsn(2), True, {"wpa1", "wpa2"}),
        (element(48, b""), True, {"other"}),
        (element(48, b"\1\0"), True, {"enterprise"}),
        (element(48, b"\1\0" + CCMP + b"\xff\xff"), True, {"other"}),
        (element(48, b"\1\0" + CCMP + b"\1\0" + CCMP + b"\xff\xff\0\x0f\xac\2"), True, {"wpa2"}),
        (rsn(8) + rsn(2), True, {"wpa3"}),
    ],
)
def test_the_ways_in(elements: bytes, privacy: bool, security: set[str]) -> None:
    assert set(heard(elements, privacy=privacy).security) == security


def test_a_network_with_everything() -> None:
    load = element(11, struct.pack("<HBH", 5, 51, 0))
    ht, vht = element(61, bytes([36, 5]) + bytes(20)), element(192, bytes([1, 42, 0, 0, 0]))
    network = heard(element(0, "Café".encode()) + rsn(2, 8) + load + ht + vht, frequency=5180)
    assert network == verbs.ScanBss(
        bssid="02:00:00:00:00:0a",
        ssid="Café".encode(),
        frequency=5180,
        signal_dbm=-56.0,
        security=("wpa2", "wpa3"),
        channel=36,
        width=80,
        utilisation=0.2,
        stations=5,
        seen_ms=40,
    )


@pytest.mark.parametrize(
    ("elements", "width"),
    [
        (b"", 20),
        (element(61, bytes([6, 4]) + bytes(20)), 20),
        (element(61, bytes([6, 7]) + bytes(20)), 40),
        (element(192, bytes([1, 42, 50, 0, 0])), 160),
        (element(192, bytes([2, 50, 0, 0, 0])), 160),
        (element(192, bytes([0, 0, 0, 0, 0])), 20),
        (
            element(255, bytes([36]) + (1 << 17).to_bytes(3, "little") + bytes(3) + bytes([5, 3, 7, 0, 0])),
            160,
        ),
        (element(255, bytes([36]) + (1 << 17).to_bytes(3, "little") + bytes(3)), 20),
    ],
)
def test_the_width(elements: bytes, width: int) -> None:
    assert heard(elements).width == width


@pytest.mark.parametrize(
    ("frequency", "channel"),
    [
        *((2412, 1), (2472, 13), (2484, 14), (5180, 36), (5825, 165), (5935, 2), (5955, 1), (7115, 233)),
        *((2413, None), (900, None), (60480, None), (0, None)),
    ],
)
def test_channels(frequency: int, channel: int | None) -> None:
    assert channel_of(frequency) == channel


def test_an_element_that_claims_more_than_there_is_ends_the_reading() -> None:
    network = heard(element(0, b"Maple") + b"\x30\xff\1\0")
    assert network.ssid == b"Maple"
    assert network.security == ("wep",)


@given(st.binary(max_size=400), st.booleans())
def test_no_elements_break_it(raw: bytes, privacy: bool) -> None:
    network = heard(raw, privacy=privacy)
    assert len(network.ssid) <= 32
    assert network.security
    assert network.width in (20, 40, 80, 160)
    assert network.utilisation is None or 0 <= network.utilisation <= 1


@given(st.data())
def test_a_whole_network_cut_anywhere(data: st.DataObject) -> None:
    whole = element(0, b"Maple") + element(11, bytes(5)) + rsn(2, 8) + element(61, bytes(22))
    at = data.draw(st.integers(0, len(whole)))
    assert heard(whole[:at]).ssid in (b"", b"Maple")


@given(
    st.lists(
        st.builds(
            lambda kind, raw, claimed: bytes([kind, claimed if claimed is not None else len(raw)]) + raw,
            st.sampled_from([0, 3, 11, 48, 61, 192, 221, 255]),
            st.binary(max_size=40),
            st.none() | st.integers(0, 255),
        ),
        max_size=8,
    )
)
def test_elements_with_wrong_lengths(made: list[bytes]) -> None:
    heard(b"".join(made))


@given(st.binary(max_size=300))
def test_no_answer_of_a_kernel_breaks_it(raw: bytes) -> None:
    air.bss(raw)
    air.survey(raw)
    air.bss(attribute(47, raw))
    air.survey(attribute(84, raw))
    each(raw)


def test_one_bad_neighbour_does_not_hide_the_others() -> None:
    good = Message(34, answer(element(0, b"Good") + rsn(2)))
    bad = Message(34, answer(element(0, b"Bad") + element(48, b"")))
    found = radios.heard([bad, Message(34, b"\xff\xff"), good], lasted_ms=1000)
    assert {one.ssid for one in found.networks} == {b"Good", b"Bad"}


def test_what_was_heard_before_the_scan_proves_nothing() -> None:
    before = Message(34, answer(element(0, b"Before"), seen_ms=3000))
    now = Message(34, answer(element(0, b"Now"), seen_ms=900))
    found = radios.heard([before, now], lasted_ms=1000)
    assert [one.ssid for one in found.networks] == [b"Now"]


def test_a_survey() -> None:
    info = u32(1, 2437) + attribute(2, b"\xa1") + attribute(3, b"")
    info += attribute(4, struct.pack("=Q", 1000)) + attribute(5, struct.pack("=Q", 250))
    assert air.survey(u32(3, 7) + attribute(84 | 0x8000, info)) == verbs.ChannelSurvey(
        frequency=2437, channel=6, in_use=True, noise_dbm=-95, active_ms=1000, busy_ms=250
    )
    bare = air.survey(attribute(84, u32(1, 5180)))
    assert bare is not None
    assert (bare.in_use, bare.noise_dbm, bare.active_ms, bare.busy_ms) == (False, None, None, None)
