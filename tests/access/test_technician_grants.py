"""The grant as a signed text: what is taken, and everything that is not. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.access import base64url
from gatewayd.access.grants import read_key, verify
from gatewayd.callers import Scope
from gatewayd.errors import GatewayError
from tests.support.operators import KEY, Operator, payload

BOX = "gw-7k3m9x2a"
NOW = 1_800_000_000
ES = Operator("ES256")
ED = Operator("EdDSA")


def refused(text: str, operator: Operator = ES) -> str:
    with pytest.raises(GatewayError) as error:
        verify(text, operator.key, box=BOX)
    assert error.value.code == "access.grant_invalid"
    return error.value.detail


@pytest.mark.parametrize("operator", [ES, ED])
def test_a_good_grant(operator: Operator) -> None:
    grant = verify(operator.sign(payload(BOX, NOW)), operator.key, box=BOX)
    assert (grant.id, grant.technician, grant.key, grant.epoch) == ("grant-1", "tech-7", KEY, 0)
    assert grant.lifetime == 7200
    assert grant.scopes == {
        Scope.BOX_READ,
        Scope.DIAGNOSTICS_READ,
        Scope.DIAGNOSTICS_RUN,
        Scope.UPKEEP_RESTART,
        Scope.ACCESS_SELF,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "gw-00000000"},
        {"aud": [BOX]},
        {"exp": NOW + 8 * 3600 + 1},
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": None},
        {"nbf": None},
        {"nbf": -1},
        {"nbf": str(NOW)},
        {"exp": 1e30},
        {"cnf": None},
        {"cnf": {}},
        {"cnf": {"jkt": "short"}},
        {"cnf": {"jkt": KEY, "jwk": {}}},
        {"scope": ""},
        {"scope": "box:read  jobs:read"},
        {"scope": "wifi:reveal"},
        {"scope": "dvr:read"},
        {"scope": "access:manage"},
        {"scope": "box:read everything"},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 65},
        {"jti": "a b"},
        {"sub": "Ada Lovelace"},
        {"epoch": -1},
        {"epoch": None},
        {"role": "owner"},
    ],
)
def test_a_signed_payload_that_is_no_grant(changes: dict[str, Any]) -> None:
    refused(ES.sign(payload(BOX, NOW, **changes)))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "gatewayd-grant+jwt"},
        {"alg": "HS256", "typ": "gatewayd-grant+jwt"},
        {"alg": "EdDSA", "typ": "gatewayd-grant+jwt"},
        {"alg": "ES256"},
        {"alg": "ES256", "typ": "JWT"},
        {"alg": "ES256", "typ": "gatewayd-grant+jwt", "crit": ["exp"]},
        {"alg": "ES256", "typ": "gatewayd-grant+jwt", "jwk": {"kty": "EC"}},
        {"alg": "ES256", "typ": "gatewayd-grant+jwt", "b64": False},
        ["ES256"],
        b"",
        b"\xff",
        b'{"a":' * 2000,
    ],
)
def test_a_header_decides_nothing(header: Any) -> None:
    refused(ES.sign(payload(BOX, NOW), header))


def test_another_signer_or_another_text_is_refused() -> None:
    text = ES.sign(payload(BOX, NOW))
    refused(Operator("ES256").sign(payload(BOX, NOW)))
    refused(ED.sign(payload(BOX, NOW)))
    refused(text, ED)
    head, _, tail = text.split(".")
    other = base64url.encode(json.dumps(payload(BOX, NOW, jti="grant-2")).encode())
    refused(f"{head}.{other}.{tail}")
    for zero in (bytes(64), b"\xff" * 64, bytes(63), b""):
        refused(f"{head}.{text.split('.')[1]}.{base64url.encode(zero)}")


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b", "a.b.c.d", "A" * 5000, "é.é.é", "!.!.!", "QQ==.QQ==.QQ=="],
)
def test_what_is_no_jws(text: str) -> None:
    refused(text)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.characters(min_codepoint=1, max_codepoint=0x2FF))
def test_any_other_letter_anywhere_breaks_it(place: int, letter: str) -> None:
    text = ED.sign(payload(BOX, NOW))
    place %= len(text)
    if text[place] != letter:
        refused(text[:place] + letter + text[place + 1 :], ED)


def test_the_operators_key_in_the_settings() -> None:
    def pem(key: Any) -> str:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return str(key.public_bytes(serialization.Encoding.PEM, form).decode())

    text = ED.sign(payload(BOX, NOW))
    assert verify(text, read_key(pem(ED.key)), box=BOX).id == "grant-1"
    for bad in (
        "",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        pem(ec.generate_private_key(ec.SECP384R1()).public_key()),
        pem(rsa.generate_private_key(65537, 2048).public_key()),
    ):
        with pytest.raises(GatewayError) as error:
            read_key(bad)
        assert error.value.code == "settings.invalid"
