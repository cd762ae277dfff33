"""Redaction: what looks like a secret, and what is known to be one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.upkeep.redact import HIDDEN, Redactor

TOKEN = "tQ3x" * 11  # as long as a session's


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("joined 02:1f:aa:bb:cc:dd now", "02:1f:aa:bb:cc:dd"),
        ("joined 02-1F-AA-BB-CC-DD now", "02-1F-AA-BB-CC-DD"),
        ("opening http://tv.example/live/anna/hunter22/17.ts", "hunter22"),
        ("opening https://anna:hunter22@tv.example:8080/a", "hunter22"),
        ("rtsp://u:hunter22@[2001:db8::1]:554/stream", "hunter22"),
        ("registered sip:anna@voip.example;transport=tls", "anna"),
        ("mail to anna.b+x@example.org failed", "anna.b"),
        ("Authorization: Bearer abcdefgh12345", "abcdefgh12345"),
        ('{"passphrase": "correct horse"}', "correct horse"),
        ("password=hunter22 next=1", "hunter22"),
        ("api_key: k9k9k9", "k9k9k9"),
        (f"token {TOKEN}", TOKEN),
        (f"/v1/play/{TOKEN}/stream.ts", TOKEN),
        ("-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----", "MIGHAgEA"),
        ("-----BEGIN PRIVATE KEY-----\nMIGHAgEA cut", "MIGHAgEA"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, left: str) -> None:
    assert left not in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "channel=one state=flowing bitrate=8000000",
        "time=12:34:56 at 2026-11-23T15:00:00Z",
        "http://192.0.2.7:8080",
        "fe80::1ff:fe23:4567:890a is there",
        "01M84GCPDN2PJM9RXTKQV5DQV6",
        "dvr.source_http_status: 503",
    ],
)
def test_what_helps_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_device_keeps_its_name_within_a_bundle() -> None:
    redactor = Redactor()
    one, again = redactor.text("02:1f:aa:bb:cc:dd 02-1F-AA-BB-CC-DD").split()
    assert one == again
    assert one.startswith("mac-")
    assert one != redactor.text("02:1f:aa:bb:cc:de")
    assert one != Redactor().text("02:1f:aa:bb:cc:dd")  # nobody can count through all addresses


def test_addresses_of_pages_keep_their_host() -> None:
    assert (
        Redactor().text("GET http://u:p@tv.example:80/a?b=c failed") == "GET http://tv.example:80/... failed"
    )


def test_documents_hide_by_key() -> None:
    document = {
        "ssid": "Home",
        "passphrase": "correct horse",
        "nested": [{"modem_body": "pw=1", "code": "dvr.no_tuner", "has_password": True}],
        "02:1f:aa:bb:cc:dd": 1,
    }
    clean = Redactor().document(document)
    assert clean["ssid"] == "Home"
    assert clean["passphrase"] == HIDDEN
    assert clean["nested"] == [{"modem_body": HIDDEN, "code": "dvr.no_tuner", "has_password": True}]
    assert "02:1f" not in json.dumps(clean)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=30)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(
    DOCUMENTS, st.text(min_size=6, max_size=20).filter(lambda text: HIDDEN not in text), st.text(max_size=9)
)
def test_a_known_secret_is_nowhere(document: Any, secret: str, beside: str) -> None:
    planted = {"a": [document, f"{beside}{secret}{beside}"], secret: secret}
    clean = Redactor().document(planted, {secret})

    def texts(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [text for pair in value.items() for each in pair for text in texts(each)]
        if isinstance(value, list):
            return [text for each in value for text in texts(each)]
        return [value] if isinstance(value, str) else []

    assert not any(secret in text.replace(HIDDEN, "") for text in texts(clean))
