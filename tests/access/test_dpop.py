"""Proofs of a key: the right ones are taken once, and nothing else is."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.access import base64url, dpop
from gatewayd.access.nonces import LIFE, MOST_STRANGE, Nonces
from gatewayd.callers import Shown
from gatewayd.client.proof import AppKey, encode
from gatewayd.errors import GatewayError
from tests.access.apps import ADDRESS, URL, App, pair
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock

KEY = AppKey.generate()
VECTORS = Path(__file__).parents[2] / "docs" / "client" / "dpop-vectors.json"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def app(access: Access) -> App:
    return await pair(access, key=AppKey.generate())


def base64url_bytes(text: str) -> bytes:
    raw = base64url.decode(text)
    assert raw is not None
    return raw


def header(**more: Any) -> dict[str, Any]:
    return {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.jwk} | more


def claims(**more: Any) -> dict[str, Any]:
    return {"jti": "1", "htm": "GET", "htu": URL, "iat": 0} | more


def read(text: str, token: str | None = None) -> dpop.Proof:
    return dpop.read(text, method="GET", url=URL, token=token)


def test_a_proof_names_its_key() -> None:
    proof = read(KEY.prove("GET", URL, nonce="n", token="t"), token="t")
    assert (proof.key, proof.nonce) == (KEY.thumbprint, "n")


def test_the_published_vectors_hold() -> None:
    vectors = json.loads(VECTORS.read_text("utf-8"))
    assert len(vectors["accepted"]) >= 3
    assert len(vectors["refused"]) >= 15
    for vector in vectors["accepted"]:
        proof = dpop.read(
            vector["proof"], method=vector["method"], url=vector["url"], token=vector.get("token")
        )
        assert proof.key == vectors["thumbprint"], vector["what"]
    for vector in vectors["refused"]:
        with pytest.raises(GatewayError) as error:
            dpop.read(vector["proof"], method=vector["method"], url=vector["url"], token=vector.get("token"))
        assert error.value.code == "access.dpop_invalid", vector["what"]


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    """RFC 9449, section 6: the key of the RFC's examples and the thumbprint it gives for it."""
    assert (
        dpop.thumbprint(
            "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
        )
        == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    )


@pytest.mark.parametrize(
    "text",
    [
        KEY.sign(header(alg="none"), claims()),
        KEY.sign(header(alg="HS256"), claims()),
        KEY.sign(header(alg="ES384"), claims()),
        KEY.sign(header(typ="JWT"), claims()),
        KEY.sign(header(crit=["exp"]), claims()),
        KEY.sign(header(kid="1"), claims()),
        KEY.sign(header(jwk=KEY.jwk | {"d": "AA"}), claims()),
        KEY.sign(header(jwk=KEY.jwk | {"kty": "oct", "k": "AA"}), claims()),
        KEY.sign(header(jwk=KEY.jwk | {"crv": "P-384"}), claims()),
        KEY.sign(header(jwk=KEY.jwk | {"x": encode(bytes(32))}), claims()),
        KEY.sign(header(jwk=KEY.jwk | {"x": KEY.jwk["x"] + "="}), claims()),
        KEY.sign(header(jwk=KEY.jwk | {"x": encode(b"\0" + base64url_bytes(KEY.jwk["x"]))}), claims()),
        KEY.sign(header(jwk=AppKey.generate().jwk), claims()),
        KEY.sign({"typ": "dpop+jwt", "alg": "ES256"}, claims()),
        KEY.sign(header(), claims(htm="POST")),
        KEY.sign(header(), claims(htm="get")),
        KEY.sign(header(), claims(htu="https://other.local/v1/info")),
        KEY.sign(header(), claims(htu="http://box.local/v1/info")),
        KEY.sign(header(), claims(htu="https://box.local:444/v1/info")),
        KEY.sign(header(), claims(htu="https://box.local/v1/")),
        KEY.sign(header(), claims(htu="https://you@box.local/v1/info")),
        KEY.sign(header(), claims(htu="//box.local/v1/info")),
        KEY.sign(header(), claims(htu="https://[/v1/info")),
        KEY.sign(header(), claims(jti="")),
        KEY.sign(header(), claims(jti="x" * 129)),
        KEY.sign(header(), claims(iat="now")),
        KEY.sign(header(), {"htm": "GET", "htu": URL, "iat": 0}),
        KEY.sign(header(), claims()) + "A",
        KEY.sign(header(), claims())[:-1],
        KEY.sign(header(), claims()) + ".",
        KEY.sign(header(), claims(more="x" * 3000)),
        "",
        "..",
        "a.b.c",
        "\udcff.\udcff.\udcff",
        encode(b"[" * 1500) + ".e30.AA",
    ],
)
def test_what_is_no_proof(text: str) -> None:
    with refuses("access.dpop_invalid"):
        read(text)


def test_a_signature_of_zeros_or_swapped_halves_is_none() -> None:
    head, body, signature = KEY.sign(header(), claims()).split(".")
    raw = base64url_bytes(signature)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for wrong in (bytes(64), raw[32:] + raw[:32], raw[:32] + bytes(32), order.to_bytes(32, "big") * 2):
        with refuses("access.dpop_invalid"):
            read(f"{head}.{body}.{encode(wrong)}")


@pytest.mark.parametrize(
    "url",
    [URL, URL + "?a=b", URL + "#top", "https://BOX.local/v1/info", "https://box.local:443/v1/info"],
)
def test_the_address_is_compared_without_its_query(url: str) -> None:
    assert read(KEY.sign(header(), claims(htu=url))).key == KEY.thumbprint


@given(st.text(max_size=300))
def test_any_text_is_refused_and_nothing_breaks(text: str) -> None:
    with refuses("access.dpop_invalid"):
        read(text)


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_changed_bit_spoils_a_proof(place: int, bit: int) -> None:
    text = bytearray(PROOF.encode())
    text[place % len(text)] ^= 1 << bit
    changed = text.decode("latin-1")
    if changed != PROOF:
        with refuses("access.dpop_invalid"):
            read(changed)


PROOF = KEY.sign(header(), claims())


async def test_a_bound_token_needs_its_key(access: Access, app: App) -> None:
    assert await app.is_let_in()
    nonce = access.service.nonce()
    other = AppKey.generate()
    for shown, code in (
        (Shown(kind="bearer", token=app.token, url=URL), "access.unauthenticated"),
        (Shown(kind="dpop", token=app.token, url=URL), "access.dpop_invalid"),
        (app.shown(proof=other.prove("GET", URL, nonce=nonce, token=app.token)), "access.dpop_invalid"),
        (app.shown(method="POST"), "access.dpop_invalid"),
        (app.shown(url="https://box.local/v1/status"), "access.dpop_invalid"),
    ):
        with refuses(code):
            await access.service.admit(shown)


async def test_a_proof_is_for_one_token(access: Access, app: App) -> None:
    assert app.key is not None
    proof = app.key.prove("GET", URL, nonce=access.service.nonce(), token="another")
    with refuses("access.dpop_invalid"):
        await access.service.admit(app.shown(proof=proof))


async def test_a_proof_is_good_once(access: Access, app: App) -> None:
    shown = app.shown()
    await access.service.admit(shown)
    with refuses("access.dpop_invalid"):
        await access.service.admit(shown)
    assert await app.is_let_in()


async def test_a_free_token_does_not_pass_for_a_bound_one(access: Access) -> None:
    free = await pair(access)
    key = AppKey.generate()
    proof = key.prove("GET", URL, nonce=access.service.nonce(), token=free.token)
    with refuses("access.unauthenticated"):
        await access.service.admit(Shown(kind="dpop", token=free.token, proof=proof, url=URL))


async def test_a_proof_without_a_nonce_of_ours_is_asked_for_one(access: Access, app: App) -> None:
    assert app.key is not None
    for nonce in (None, "", "made-up"):
        proof = app.key.prove("GET", URL, nonce=nonce, token=app.token)
        with refuses("access.dpop_nonce"):
            await access.service.admit(app.shown(proof=proof))


async def test_the_clock_of_the_app_does_not_matter(access: Access, app: App) -> None:
    assert app.key is not None
    for moment in (0, -1, 4102444800, 1.5):
        proof = app.key.sign(
            header(jwk=app.key.jwk),
            claims(
                jti=str(moment),
                iat=moment,
                nonce=access.service.nonce(),
                ath=dpop.token_hash(app.token),
            ),
        )
        await access.service.admit(app.shown(proof=proof))


async def test_the_clock_of_the_box_does_not_matter(access: Access, app: App, clock: FakeClock) -> None:
    for step in (3650 * 86_400, -2 * 3650 * 86_400, -40 * 365 * 86_400):
        clock.step(step)
        assert await app.is_let_in()


async def test_a_nonce_is_good_for_five_to_ten_minutes(access: Access, app: App, clock: FakeClock) -> None:
    old = app.shown()
    late = app.shown()
    await clock.advance(LIFE + 1)
    await access.service.admit(old)
    with refuses("access.dpop_invalid"):  # what was used is remembered as long as its nonce is good
        await access.service.admit(old)
    await clock.advance(LIFE)
    with refuses("access.dpop_nonce"):
        await access.service.admit(late)


def spent(nonces: Nonces, number: int, *, known: bool = True) -> None:
    nonces.spend(dpop.Proof(key="k", jti=str(number), nonce=nonces.current()), known=known)


def test_what_is_remembered_is_bounded_and_nothing_is_taken_twice(clock: FakeClock) -> None:
    nonces = Nonces(clock, most=100)
    proofs = []
    for number in range(1000):
        proof = dpop.Proof(key="k", jti=str(number), nonce=nonces.current())
        nonces.spend(proof, known=True)
        proofs.append(proof)
    for proof in proofs:
        with pytest.raises(GatewayError):
            nonces.spend(proof, known=True)
    assert sum(len(seen) for seen in nonces._seen.values()) <= 200


def test_strangers_cannot_wear_the_nonces_out(clock: FakeClock) -> None:
    nonces = Nonces(clock, most=100)
    before = nonces.current()
    for number in range(MOST_STRANGE + 100):
        spent(nonces, number, known=False)
    assert nonces.current() == before
    assert len(nonces._strange) == MOST_STRANGE


async def test_a_key_that_a_stranger_proves_binds_his_session(access: Access) -> None:
    key = AppKey.generate()
    url = "https://box.local/v1/access/claim/finish"
    nonce = access.service.nonce()
    caller = await access.service.admit(
        Shown(proof=key.prove("POST", url, nonce=nonce), method="POST", url=url, address=ADDRESS)
    )
    assert (caller.role, caller.key, caller.address) == ("anonymous", key.thumbprint, ADDRESS)
    with refuses("access.dpop_nonce"):
        await access.service.admit(Shown(proof=key.prove("POST", url, nonce=None), method="POST", url=url))
    with refuses("access.dpop_invalid"):
        await access.service.admit(Shown(proof="x.y.z", method="POST", url=url))


def test_the_curve_is_checked() -> None:
    """A point of another curve in the clothes of P-256."""
    other = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": encode(other.x.to_bytes(32, "big")),
        "y": encode(other.y.to_bytes(32, "big")),
    }
    with pytest.raises(GatewayError) as error:
        read(KEY.sign(header(jwk=jwk), claims()))
    assert "point" in error.value.detail


def test_base64_with_other_spellings_is_refused() -> None:
    head, body, signature = KEY.sign(header(), claims()).split(".")
    standard = base64.b64encode(base64url_bytes(signature)).decode()
    if standard.rstrip("=") != signature:
        with refuses("access.dpop_invalid"):
            read(f"{head}.{body}.{standard}")
    with refuses("access.dpop_invalid"):
        read(f"{head}=.{body}.{signature}")
