"""The reference client against the real API: what an app developer's code would do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.callers import INTERNAL
from gatewayd.client import (
    AppKey,
    Client,
    Membership,
    Refused,
    Unreachable,
    WrongKey,
    claim_by_code,
    claim_by_qr,
    sign_in,
)
from gatewayd.client.connection import Connection
from tests.support.box import FakeBox, Noted, open_box


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[FakeBox]:
    async with open_box(tmp_path) as opened:
        yield opened


async def open_pairing(box: FakeBox) -> tuple[str, str]:
    """The code and the text of the QR code that the box shows."""
    async with box.core.database.unit() as unit:
        opened = box.access.open_pairing(unit)
    return opened.code, opened.uri


@pytest.fixture
async def member(box: FakeBox) -> Membership:
    return await claim_by_qr((await open_pairing(box))[1], label="Phone", url=box.url)


async def test_an_app_claims_by_the_code_that_somebody_typed(box: FakeBox) -> None:
    code, _ = await open_pairing(box)
    member = await claim_by_code(box.url, f"{code[:4]} {code[4:]}", label="Ada's phone")
    assert (member.box, member.fingerprint, member.role) == (box.access.box_id, box.pin, "owner")
    async with Client(member) as client:
        sessions = await client.call("access.sessions.list")
    assert [(each["label"], each["bound"], each["current"]) for each in sessions["items"]] == [
        ("Ada's phone", True, True)
    ]


async def test_a_wrong_code_gives_nothing(box: FakeBox) -> None:
    code, _ = await open_pairing(box)
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    with pytest.raises(Refused) as error:
        await claim_by_code(box.url, wrong, label="App")
    assert error.value.code == "access.claim_code_wrong"
    assert await box.access.sessions() == []


async def test_an_app_claims_by_the_qr_code(box: FakeBox, member: Membership) -> None:
    async with Client(Membership.from_json(member.to_json())) as client:
        me = await client.call("access.session.get")
    assert (me["role"], me["fresh"]) == ("owner", True)


@pytest.mark.parametrize(
    "text", ["", "https://x/", "gatewayd://claim?id=1", "gatewayd://other?id=1&secret=2&spki=3"]
)
async def test_what_is_no_qr_code_of_a_box(text: str) -> None:
    with pytest.raises(ValueError, match="QR code"):
        await claim_by_qr(text, label="App")


async def test_another_box_at_the_address_hears_nothing(box: FakeBox, member: Membership) -> None:
    member.fingerprint = "00" * 32
    async with Client(member) as client:
        with pytest.raises(WrongKey) as error:
            await client.call("access.session.get")
    assert error.value.got.hex() == box.pin
    assert error.value.got == bytes.fromhex(box.pin)


async def test_tokens_are_renewed_and_the_next_refresh_token_is_saved_first(
    box: FakeBox, member: Membership
) -> None:
    saved: list[str] = []

    async def save(kept: Membership) -> None:
        saved.append(kept.refresh_token)

    async with Client(member, save=save) as client:
        await client.call("info.get")
        client._renew_at = 0.0  # a quarter of an hour later
        await asyncio.gather(*(client.call("access.session.get") for _ in range(5)))
    assert len(saved) == 2
    assert saved[-1] == member.refresh_token


async def test_a_token_that_the_box_no_longer_takes_is_renewed(box: FakeBox, member: Membership) -> None:
    async with Client(member) as client:
        await client.call("access.session.get")
        box.access._sessions.tokens.forget(member.session)
        assert (await client.call("access.session.get"))["role"] == "owner"


async def test_stolen_tokens_are_worth_nothing_without_the_key(box: FakeBox, member: Membership) -> None:
    async with Client(member) as client:
        await client.call("info.get")
        stolen = client._token
    assert stolen is not None
    pin = bytes.fromhex(box.pin)
    for key in (None, AppKey.generate()):
        async with Connection(box.url, fingerprint=pin, key=key) as thief:
            for path, body, token in (
                ("/v1/access/stepup", {}, stolen),
                ("/v1/access/refresh", {"refresh_token": member.refresh_token}, None),
            ):
                with pytest.raises(Refused) as error:
                    await thief.post(path, body, token=token)
                assert error.value.code in ("access.unauthenticated", "access.dpop_invalid")
    async with Client(member) as client:
        assert (await client.call("access.session.get"))["role"] == "owner"


async def test_what_the_box_refuses_is_told(member: Membership) -> None:
    async with Client(member) as client:
        with pytest.raises(Refused) as error:
            await client.call("access.sessions.revoke", {"session": "none"})
        assert (error.value.code, error.value.field) == ("access.session_not_found", "session")
        with pytest.raises(Refused, match=r"Did you mean access\.sessions\.list"):
            await client.call("access.session.list")
        with pytest.raises(Refused) as error:
            await client.call("access.sessions.revoke", {})
        assert (error.value.code, error.value.field) == ("request.missing_field", "session")


async def test_events_go_on_after_the_box_was_away(box: FakeBox, member: Membership) -> None:
    async with Client(member) as client:
        heard = client.events("wifi.*")
        first = asyncio.ensure_future(anext(heard))
        while not box.core.bus._readers:
            await asyncio.sleep(0.01)
        box.core.bus.publish(Noted(text="one"))
        assert (await first).data == {"text": "one"}
        await box.close()
        box.core.bus.publish(Noted(text="while it was away"))
        await box.serve()
        async with asyncio.timeout(15):
            assert (await anext(heard)).data == {"text": "while it was away"}
        await heard.aclose()  # type: ignore[attr-defined]


async def test_events_end_with_the_session(box: FakeBox, member: Membership) -> None:
    async with Client(member) as client:
        heard = client.events("wifi.*")
        waiting = asyncio.ensure_future(anext(heard))
        while not box.core.bus._readers:
            await asyncio.sleep(0.01)
        began = asyncio.get_running_loop().time()
        async with box.core.database.unit() as unit:
            box.access.revoke(unit, member.session)
        with pytest.raises(Refused) as error:
            await waiting
        assert error.value.code == "access.session_revoked"
        assert asyncio.get_running_loop().time() - began < 1.0
        with pytest.raises(Refused):
            await client.call("access.session.get")


async def test_signing_in_with_a_password(box: FakeBox, member: Membership) -> None:
    async with Client(member) as client:
        invited = await client.call("access.accounts.create", {"name": "Bea"})
    await box.registry.dispatch(
        "access.accounts.join",
        {"invitation": invited["invitation"], "password": "correct horse battery"},
        INTERNAL,
    )
    bea = await sign_in(
        box.url, "bea", "correct horse battery", fingerprint=member.fingerprint, label="Bea's phone"
    )
    async with Client(bea) as client:
        assert (await client.call("access.session.get"))["name"] == "Bea"
        await client.log_out()
        with pytest.raises(Refused):
            await client.call("access.session.get")


async def test_nobody_at_the_address(box: FakeBox, member: Membership) -> None:
    await box.close()
    async with Client(member) as client:
        with pytest.raises(Unreachable):
            await client.call("access.session.get")
    with pytest.raises(Unreachable):
        await claim_by_code(box.url, "12345678", label="App")
    await box.serve()


async def test_what_happens_once_it_listens_is_never_missed(box: FakeBox, member: Membership) -> None:
    async with Client(member) as client, client.listening(("wifi.*",)) as events:
        box.core.bus.publish(Noted(text="at once"))
        async with asyncio.timeout(10):
            assert (await anext(events)).data == {"text": "at once"}
