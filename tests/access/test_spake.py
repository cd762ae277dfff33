"""The typed code as a key exchange: both sides, a man in the middle, and vectors for app developers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.access import base64url, spake
from gatewayd.client.pake import ClaimByCode, WrongBox

BOX = "gw-7k3m9x2a"
KEY, OTHER_KEY = "1f" * 32, "2e" * 32
SALT = bytes(range(16))
VECTORS = Path(__file__).parents[2] / "docs" / "client" / "claim-vectors.json"


def app(code: str = "12345678", *, seen: str = KEY, box: str = BOX, **more: Any) -> ClaimByCode:
    return ClaimByCode(code, box=box, salt=base64url.encode(SALT), fingerprint=seen, **more)


def answered(message: str, code: str = "12345678", **more: Any) -> spake.Reply:
    raw = base64url.decode(message)
    assert raw is not None
    return spake.answer(raw, password=spake.password(SALT, code), box=BOX, fingerprint=KEY, **more)


def meet(one: ClaimByCode, code: str = "12345678") -> tuple[bool, bool]:
    """Whether the box takes the app's confirmation, and the app the box's."""
    reply = answered(one.message, code)
    offered = base64url.decode(one.confirm(base64url.encode(reply.message)))
    assert offered is not None
    try:
        one.check(base64url.encode(reply.confirmation))
    except WrongBox:
        return reply.confirmed_by(offered), False
    return reply.confirmed_by(offered), True


@pytest.mark.parametrize("typed", ["12345678", "1234 5678", "1234-5678"])
def test_both_sides_confirm_one_another(typed: str) -> None:
    assert meet(app(typed)) == (True, True)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param({"code": "12345679"}, id="another code"),
        pytest.param({"seen": OTHER_KEY}, id="another key in the handshake"),
        pytest.param({"box": "gw-00000000"}, id="another box"),
    ],
)
def test_neither_side_confirms_what_differs(one: dict[str, str]) -> None:
    assert meet(app(**one)) == (False, False)


def test_a_code_that_is_known_to_the_man_in_the_middle_too_late_helps_nobody() -> None:
    """He relays between an app that sees his key and the box: what he learns confirms nowhere."""
    one = app(seen=OTHER_KEY)
    reply = answered(one.message)
    relayed = base64url.decode(one.confirm(base64url.encode(reply.message)))
    assert relayed is not None
    assert not reply.confirmed_by(relayed)
    with pytest.raises(WrongBox):
        one.check(base64url.encode(reply.confirmation))


def test_the_app_believes_no_box_that_confirms_nothing() -> None:
    one = app()
    one.confirm(base64url.encode(answered(one.message).message))
    for nothing in (None, "", base64url.encode(bytes(32)), "***"):
        with pytest.raises(WrongBox):
            one.check(nothing)


@pytest.mark.parametrize("point", [b"", b"\0" * 32, b"\1" + b"\0" * 31, b"\xff" * 32, b"\0" * 33])
@pytest.mark.parametrize("side", [b"A", b"B", b"S", b""])
def test_what_is_no_point_of_the_group_is_refused(side: bytes, point: bytes) -> None:
    """Also the points of small order, which would make the key known."""
    with pytest.raises(ValueError):
        spake.answer(side + point, password=b"p", box=BOX, fingerprint=KEY)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_refused_or_answered(message: bytes) -> None:
    try:
        reply = spake.answer(message, password=b"p", box=BOX, fingerprint=KEY)
    except ValueError:
        return
    assert len(reply.message) == len(message) == spake.MESSAGE_BYTES
    assert not reply.confirmed_by(reply.confirmation)


def test_a_message_sent_back_is_refused() -> None:
    one = app()
    with pytest.raises(WrongBox):
        one.confirm(one.message)


# --- vectors ------------------------------------------------------------------------------------------


def stream(seed: str) -> Callable[[int], bytes]:
    """Bytes that anybody can make again: SHA-256(seed | counter as one byte), one after the other."""
    left = b"".join(hashlib.sha256(seed.encode() + bytes([counter])).digest() for counter in range(8))

    def draw(count: int) -> bytes:
        nonlocal left
        drawn, left = left[:count], left[count:]
        return drawn

    return draw


def vector(name: str, code: str) -> dict[str, str]:
    """One whole exchange, from named seeds."""
    one = app(code, entropy=stream(f"{name} app"))
    reply = answered(one.message, code, entropy=stream(f"{name} box"))
    confirmation = one.confirm(base64url.encode(reply.message))
    one.check(base64url.encode(reply.confirmation))
    assert reply.confirmed_by(base64url.decode(confirmation) or b"")
    return {
        "name": name,
        "code": code,
        "box": BOX,
        "salt": base64url.encode(SALT),
        "fingerprint": KEY,
        "password": spake.password(SALT, code).hex(),
        "app_scalar": scalar(f"{name} app"),
        "box_scalar": scalar(f"{name} box"),
        "app_message": one.message,
        "box_message": base64url.encode(reply.message),
        "app_confirmation": confirmation,
        "box_confirmation": base64url.encode(reply.confirmation),
    }


def scalar(seed: str) -> str:
    """The secret number of a side, as the library draws it from its entropy; decimal."""
    from spake2.parameters.ed25519 import ParamsEd25519

    return str(ParamsEd25519.group.random_scalar(stream(seed)))


def test_the_published_vectors_hold() -> None:
    """`docs/client/claim-vectors.json` is made of these; a change of the protocol must change its number."""
    made = [vector("one", "12345678"), vector("two", "00000000"), vector("three", "98765432")]
    assert json.loads(VECTORS.read_text())["vectors"] == made
