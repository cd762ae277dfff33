"""What a network may be; what a refusal says and never says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import InvalidField
from gatewayd.system.secret import Secret
from gatewayd.wifi import rules
from gatewayd.wifi.model import Band, Confirm, Security

WPA2, MIXED, WPA3 = Security.WPA2, Security.WPA2_WPA3, Security.WPA3


@pytest.mark.parametrize(
    "ssid", ["a", "Maple Street", "x" * 32, "🍁" * 8, "日本語のWi-Fi", " ", '"quoted" \\ ; , :', "é" * 16]
)
def test_names_that_are_fine(ssid: str) -> None:
    rules.check_ssid(ssid)


@pytest.mark.parametrize(
    ("ssid", "said"),
    [
        ("", "has 0"),
        ("x" * 33, "has 33"),
        ("🍁" * 8 + "x", "has 33"),
        ("x" * 100_000, "has 100000"),
        ("a\0b", "(3 bytes) must not contain control characters"),
        ("line\nbreak", "control characters"),
        ("tab\there", "control characters"),
        ("\x7f", "control characters"),
        ("\x9b", "control characters"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_names_that_are_refused(ssid: str, said: str) -> None:
    with pytest.raises(InvalidField) as refused:
        rules.check_ssid(ssid)
    assert (refused.value.code, refused.value.field) == ("wifi.invalid_ssid", "ssid")
    assert said in refused.value.detail


@pytest.mark.parametrize(
    ("words", "security"),
    [
        ("12345678", WPA2),
        ("x" * 63, WPA2),
        ("0aF" + "0" * 61, WPA2),
        (" ~ leading and trailing ", MIXED),
        ("x" * 63, WPA3),
        ("a|b|c|d|e", WPA3),
        ("swordfish|id=7", WPA2),
    ],
)
def test_passwords_that_are_fine(words: str, security: Security) -> None:
    rules.check_passphrase(Secret(words), security)


@pytest.mark.parametrize(
    ("words", "security", "said"),
    [
        ("", WPA2, "this one has 0"),
        ("seven77", WPA2, "this one has 7"),
        ("x" * 64, WPA2, "64 hexadecimal digits; this one has 64"),
        ("0" * 64, WPA3, "63 characters; this one has 64"),
        ("0" * 64, MIXED, "this one has 64"),
        ("x" * 1_000_000, WPA2, "this one has 1000000"),
        ("käsebrot", WPA2, "(8 characters) may contain only"),
        ("line\nbreak", WPA3, "(10 characters) may contain only"),
        ("nul\0inside", WPA2, "may contain only"),
        ("swordfish|id=7", WPA3, "(14 characters) must not contain any of"),
        ("swordfish|mac=x", MIXED, "must not contain any of"),
        ("swordfish", Security.OPEN, "no password"),
        ("swordfish", Security.OWE, "no password"),
    ],
)
def test_passwords_that_are_refused(words: str, security: Security, said: str) -> None:
    with pytest.raises(InvalidField) as refused:
        rules.check_passphrase(Secret(words), security)
    assert (refused.value.code, refused.value.field) == ("wifi.invalid_passphrase", "passphrase")
    assert said in refused.value.detail


@given(st.text(min_size=60), st.sampled_from(Security))
def test_a_refusal_never_says_the_password(words: str, security: Security) -> None:
    words = f"s3cr3t{words}"
    with pytest.raises(InvalidField) as refused:
        rules.check_passphrase(Secret(words), security)
    assert "s3cr3t" not in f"{refused.value}{refused.value.detail}"


def test_a_password_is_needed_where_there_is_one() -> None:
    with pytest.raises(InvalidField, match="needs a password"):
        rules.check_passphrase(None, WPA2)
    rules.check_passphrase(None, Security.OWE)


def test_an_unknown_security_is_refused() -> None:
    assert rules.read_security("wpa2-wpa3") is MIXED
    for name in ("wep", "", "WPA2", "wpa"):
        with pytest.raises(InvalidField, match="one of wpa2, wpa2-wpa3, wpa3, owe, open") as refused:
            rules.read_security(name)
        assert refused.value.code == "wifi.invalid_security"


@pytest.mark.parametrize(
    ("bands", "security", "said"),
    [
        ((), WPA2, "0 given"),
        ((Band.GHZ_2_4, Band.GHZ_2_4), WPA2, "once"),
        ((Band.GHZ_5,), WPA2, "No radio of this box is on 5 GHz"),
        ((Band.GHZ_6,), WPA2, "wpa3 or owe"),
    ],
)
def test_bands_that_are_refused(bands: tuple[Band, ...], security: Security, said: str) -> None:
    with pytest.raises(InvalidField, match="bands") as refused:
        rules.check_bands(bands, security, (Band.GHZ_2_4, Band.GHZ_6))
    assert said in refused.value.detail


@pytest.mark.parametrize(
    ("confirm", "seconds", "fine"),
    [
        ("client", 29, False),
        ("client", 30, True),
        ("station", 900, True),
        ("station", 901, False),
        ("none", 1, True),
    ],
)
def test_deadlines(confirm: Confirm, seconds: int, fine: bool) -> None:
    if fine:
        rules.check_deadline(confirm, seconds)
        return
    with pytest.raises(InvalidField, match="30 to 900"):
        rules.check_deadline(confirm, seconds)
