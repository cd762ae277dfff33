"""The household's people: how they are invited, sign in, change roles and leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd.access.passwords import Passwords, check_new
from gatewayd.callers import Caller, anonymous
from gatewayd.client.proof import AppKey
from gatewayd.errors import GatewayError, InvalidField
from tests.access.apps import ADDRESS, SHELL, App, pair
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock

PASSWORD = "correct horse battery"
VISITOR = anonymous("http", address=ADDRESS)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


async def invite(access: Access, name: str, role: str = "member") -> dict[str, Any]:
    answer: dict[str, Any] = await access.call(
        "access.accounts.create", {"name": name, "role": role}, caller=SHELL
    )
    return answer


async def join(access: Access, name: str, role: str = "member", password: str = PASSWORD) -> App:
    invited = await invite(access, name, role)
    fields = {"invitation": invited["invitation"], "password": password, "label": f"{name}'s browser"}
    return App(access, await access.call("access.accounts.join", fields, caller=VISITOR))


async def login(
    access: Access, name: str, password: str = PASSWORD, caller: Caller = VISITOR, **more: Any
) -> App:
    fields = {"name": name, "password": password} | more
    return App(access, await access.call("access.login", fields, caller=caller))


async def test_who_is_invited_sets_a_password_and_signs_in(access: Access) -> None:
    await pair(access)
    bea = await join(access, "Bea", "viewer")
    assert (await bea.caller()).role == "viewer"
    again = await login(access, "  bEA ")
    assert again.granted["account"] == bea.granted["account"]
    me = await access.call("access.session.get", caller=await again.caller())
    assert (me["name"], me["role"], me["password"], me["fresh"]) == ("Bea", "viewer", True, True)
    people = (await access.call("access.accounts.list", caller=SHELL))["items"]
    assert [(each["name"], each["role"], each["password"]) for each in people] == [
        (None, "owner", False),
        ("Bea", "viewer", True),
    ]


async def test_an_invitation_is_good_once_for_a_day_of_this_boot(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        invited = await invite(access, "Bea")
        fields = {"invitation": invited["invitation"], "password": PASSWORD}
        clock.step(-20 * 365 * 86_400)
        await access.call("access.accounts.join", fields, caller=VISITOR)
        with refuses("access.invitation_invalid"):
            await access.call("access.accounts.join", fields, caller=VISITOR)
        second = await access.call("access.accounts.invite", {"account": invited["account"]}, caller=SHELL)
        third = await access.call("access.accounts.invite", {"account": invited["account"]}, caller=SHELL)
        await clock.advance(60)
        with refuses("access.invitation_invalid"):  # the newest alone
            await access.call("access.accounts.join", fields | second_of(second), caller=VISITOR)
        await clock.advance(86_400)
        with refuses("access.invitation_invalid"):
            await access.call("access.accounts.join", fields | second_of(third), caller=VISITOR)
        fourth = await access.call("access.accounts.invite", {"account": invited["account"]}, caller=SHELL)
    async with open_access(tmp_path, clock, boot="next") as access:
        with refuses("access.invitation_invalid"):
            await access.call("access.accounts.join", fields | second_of(fourth), caller=VISITOR)


def second_of(answer: dict[str, Any]) -> dict[str, Any]:
    return {"invitation": answer["invitation"]}


async def test_a_wrong_password_and_an_unknown_name_read_the_same(access: Access, clock: FakeClock) -> None:
    await join(access, "Bea")
    told = []
    for name in ("Bea", "Nobody"):
        with pytest.raises(GatewayError) as error:
            await login(access, name, "wrong")
        told.append((error.value.code, error.value.detail, error.value.field))
        with refuses("access.throttled"):
            await login(access, name, PASSWORD)
        await clock.advance(1)
    assert told[0] == told[1]
    await login(access, "Bea")


async def test_a_role_is_taken_away_at_once(access: Access) -> None:
    bea = await join(access, "Bea", "owner")
    caller = await bea.caller()
    token = await access.call(
        "access.tokens.create", {"name": "T", "scopes": ["wifi:write", "dvr:read"]}, caller=caller
    )
    answer = await access.call(
        "access.accounts.update", {"account": bea.granted["account"], "name": "Beatrice"}, caller=caller
    )
    assert answer["name"] == "Beatrice"
    cy = await join(access, "Cy", "owner")
    answer = await access.call(
        "access.accounts.update",
        {"account": bea.granted["account"], "role": "viewer"},
        caller=await cy.caller(),
    )
    assert answer["role"] == "viewer"
    assert not access.service.still_valid(caller)
    assert not await bea.is_let_in()
    tool = await access.service.authenticate(token["token"])
    assert {scope.value for scope in tool.scopes} == {"dvr:read"}


async def test_the_last_owner_stays(access: Access) -> None:
    ada = await pair(access)
    own = {"account": ada.granted["account"]}
    with refuses("access.last_owner"):
        await access.call("access.accounts.remove", own, caller=SHELL)
    with refuses("access.last_owner"):
        await access.call("access.accounts.update", own | {"role": "member"}, caller=SHELL)
    cy = await join(access, "Cy", "owner")
    await access.call("access.accounts.remove", own, caller=await cy.caller())
    assert not await ada.is_let_in()
    assert access.service.state == "ready"
    added = await pair(access)  # a device of the owner who is left
    assert added.granted["account"] == cy.granted["account"]


async def test_nothing_is_left_of_who_leaves(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        await pair(access)
        bea = await join(access, "Bea Canary", "owner")
        caller = await bea.caller()
        token = await access.call(
            "access.tokens.create", {"name": "Canary tool", "scopes": ["box:read"]}, caller=caller
        )
        await access.call("access.accounts.remove", {"account": bea.granted["account"]}, caller=SHELL)
        assert not await bea.is_let_in()
        with refuses("access.unauthenticated"):
            await access.service.authenticate(token["token"])
        with refuses("access.login_wrong"):
            await login(access, "Bea Canary")
        for table in ("passwords", "tool_tokens"):
            assert await access.database.fetch_all(f"SELECT * FROM {table}") == []
        names = await access.database.fetch_all("SELECT name FROM access_names")
        assert [row["name"] for row in names] == ["App"]


async def test_a_changed_password_ends_what_rested_on_the_old_one(access: Access) -> None:
    bea = await join(access, "Bea")
    other, key = await login(access, "Bea"), AppKey.generate()
    app = await login(access, "Bea", caller=anonymous("http", key=key.thumbprint, address=ADDRESS))
    app.key = key
    caller = await bea.caller()
    with refuses("access.login_wrong"):
        await access.call("access.password.set", {"password": "new words to say"}, caller=caller)
    await access.clock.advance(1)
    await access.call(
        "access.password.set", {"current": PASSWORD, "password": "new words to say"}, caller=caller
    )
    assert [await each.is_let_in() for each in (bea, other, app)] == [True, False, True]
    with refuses("access.login_wrong"):
        await login(access, "Bea")
    await access.clock.advance(1)
    await login(access, "Bea", "new words to say")


async def test_a_first_password_needs_presence(access: Access, clock: FakeClock) -> None:
    ada = await pair(access)
    await clock.advance(301)
    with refuses("access.step_up_needed"):
        await access.call("access.password.set", {"password": PASSWORD}, caller=await ada.caller())
    again = await pair(access)
    await access.call("access.password.set", {"password": PASSWORD}, caller=await again.caller())
    await access.call(
        "access.accounts.update",
        {"account": ada.granted["account"], "name": "Ada"},
        caller=await again.caller(),
    )
    assert (await login(access, "ada")).granted["role"] == "owner"


async def test_proving_oneself_anew_is_good_for_five_minutes(access: Access, clock: FakeClock) -> None:
    bea = await join(access, "Bea", "owner")
    await clock.advance(300)
    wanted = {"name": "Tool", "scopes": ["box:read"]}
    with refuses("access.step_up_needed"):
        await access.call("access.tokens.create", wanted, caller=await bea.caller())
    with refuses("access.login_wrong"):
        await access.call("access.stepup", {"password": "wrong"}, caller=await bea.caller())
    with refuses("access.throttled"):
        await access.call("access.stepup", {"password": PASSWORD}, caller=await bea.caller())
    await clock.advance(1)
    answer = await access.call("access.stepup", {"password": PASSWORD}, caller=await bea.caller())
    assert answer == {"fresh_for": 300.0}
    await access.call("access.tokens.create", wanted, caller=await bea.caller())
    clock.step(-86_400)
    await clock.advance(300)
    with refuses("access.step_up_needed"):
        await access.call("access.tokens.create", wanted, caller=await bea.caller())


async def test_without_anything_to_prove_it_by_the_key_of_the_app_is(
    access: Access, clock: FakeClock
) -> None:
    free, bound = await pair(access), await pair(access, key=AppKey.generate())
    await clock.advance(600)
    with refuses("access.step_up_unavailable"):
        await access.call("access.stepup", caller=await free.caller())
    await access.call("access.stepup", caller=await bound.caller())
    assert (await bound.caller()).fresh
    await access.call("access.password.set", {"password": PASSWORD}, caller=await bound.caller())
    await clock.advance(600)
    await bound.renew()
    with refuses("access.login_wrong"):  # now there is something
        await access.call("access.stepup", caller=await bound.caller())


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("access.accounts.create", {"name": ""}, "name"),
        ("access.accounts.create", {"name": "x" * 65}, "name"),
        ("access.accounts.create", {"name": "a\x1b[31m"}, "name"),
        ("access.accounts.create", {"name": "Bo", "role": "technician"}, "role"),
        ("access.accounts.join", {"invitation": "x" * 2000, "password": PASSWORD}, "invitation"),
        ("access.login", {"name": "x" * 201, "password": "x"}, "name"),
        ("access.login", {"name": "x", "password": "x" * 2000}, "password"),
        ("access.login", {"name": "x", "password": "x", "label": ""}, "label"),
        ("access.tokens.create", {"name": "T", "scopes": []}, "scopes"),
        ("access.tokens.create", {"name": "T", "scopes": ["access:manage"]}, "scopes"),
        ("access.tokens.create", {"name": "T", "scopes": ["everything"]}, "scopes[0]"),
        ("access.tokens.create", {"name": "T", "scopes": ["box:read"], "expires_in": 59}, "expires_in"),
        ("access.tokens.create", {"name": "T", "scopes": ["box:read"], "expires_in": 1e12}, "expires_in"),
        ("access.tokens.create", {"name": "", "scopes": ["box:read"]}, "name"),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    access: Access, name: str, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(GatewayError) as error:
        await access.call(name, arguments, caller=SHELL)
    assert (error.value.code, error.value.field) == ("request.invalid_field", field)
    for table in ("accounts", "tool_tokens", "passwords", "invitations"):
        assert await access.database.fetch_all(f"SELECT * FROM {table}") == []


@pytest.mark.parametrize(
    "password",
    ["", "short", "x" * 129, "aaaabbbb"[:4] * 2, "aaaaaaaa", "12345678", "hgfedcba", "bea12345", "BEA-2026"],
)
async def test_a_weak_password_is_refused_and_the_invitation_stays(access: Access, password: str) -> None:
    invited = await invite(access, "Bea")
    fields = {"invitation": invited["invitation"], "password": password}
    with pytest.raises(InvalidField) as error:
        await access.call("access.accounts.join", fields, caller=VISITOR)
    assert error.value.field == "password"
    assert password not in error.value.detail or len(password) < 3
    await access.call("access.accounts.join", fields | {"password": PASSWORD}, caller=VISITOR)


def test_a_password_is_the_same_however_it_is_typed() -> None:
    check_new("Büro Straße 17", "Bea")
    check_new("bea and a horse in the field", "Bea")


async def test_a_name_is_taken_once(access: Access) -> None:
    await invite(access, "Bea")
    with refuses("access.account_exists"):
        await invite(access, "bEa ")
    other = await invite(access, "Cy")
    with refuses("access.account_exists"):
        await access.call(
            "access.accounts.update", {"account": other["account"], "name": "BEA"}, caller=SHELL
        )
    await access.call("access.accounts.update", {"account": other["account"], "name": "CY"}, caller=SHELL)


async def test_no_password_is_stored_or_told(access: Access, tmp_path: Path) -> None:
    app = await join(access, "Bea")
    listed = await access.call("access.accounts.list", caller=SHELL)
    activity = await access.call("access.activity.list", caller=SHELL)
    assert PASSWORD not in str((listed, activity, app.granted))
    assert "Bea" not in str(activity["items"][0]["target"])
    for file in tmp_path.iterdir():
        assert PASSWORD.encode() not in file.read_bytes(), file.name
    stored = (await access.database.fetch_all("SELECT hash FROM passwords"))[0]["hash"]
    assert stored.startswith("$argon2id$v=19$m=64,t=2,p=1$")


async def test_the_real_cost_of_a_hash_is_the_one_that_was_decided() -> None:
    hashing = Passwords()
    stored = await hashing.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hashing.holds(stored, PASSWORD)
    assert not await hashing.holds(stored, PASSWORD + ".")
    assert not await hashing.holds("$argon2id$nonsense", PASSWORD)


async def test_two_passwords_are_hashed_at_once_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0
    gate = asyncio.Event()

    async def slow(work: Any, *arguments: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        return work(*arguments)

    monkeypatch.setattr("gatewayd.access.passwords.asyncio.to_thread", slow)
    hashing = Passwords(memory_kib=64)
    all_of_them = [asyncio.ensure_future(hashing.hash(PASSWORD)) for _ in range(20)]
    await asyncio.sleep(0.01)
    assert most == running == 2
    gate.set()
    assert len(set(await asyncio.gather(*all_of_them))) == 20
    assert most == 2


async def test_a_session_by_password_knows_its_address(access: Access) -> None:
    bea = await join(access, "Bea")
    await bea.caller()
    sessions = (await access.call("access.sessions.list", caller=SHELL))["items"]
    assert [(each["address"], each["bound"], each["label"]) for each in sessions] == [
        (ADDRESS, False, "Bea's browser")
    ]
    member = msgspec.structs.replace(await bea.caller())
    with refuses("access.forbidden"):
        await access.call("access.accounts.list", caller=member)
