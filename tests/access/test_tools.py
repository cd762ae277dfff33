"""Tokens of tools, and tickets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd.access.tickets import MOST_EACH
from gatewayd.access.tools import MOST
from gatewayd.callers import ROLES, Caller, Scope, Shown
from gatewayd.client.proof import AppKey
from gatewayd.errors import GatewayError
from tests.access.apps import ADDRESS, SHELL, pair
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock

DAY = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


async def create(access: Access, *, caller: Caller = SHELL, **more: Any) -> Any:
    fields = {"name": "Meter", "scopes": ["metrics", "box:read"], "expires_in": 30 * DAY} | more
    return await access.call("access.tokens.create", fields, caller=caller)


async def is_let_in(access: Access, token: str) -> bool:
    try:
        await access.service.authenticate(token)
    except GatewayError:
        return False
    return True


async def test_a_tool_may_what_its_token_says_and_no_more(access: Access) -> None:
    made = await create(access)
    caller = await access.service.admit(Shown(kind="bearer", token=made["token"], address=ADDRESS))
    assert (caller.id, caller.role) == (f"token:{made['id']}", "tool")
    assert caller.scopes == {Scope.METRICS, Scope.BOX_READ}
    assert not caller.fresh
    for name in ("access.tokens.list", "access.sessions.list", "access.tickets.create"):
        with refuses("access.forbidden"):
            await access.call(name, caller=caller)
    listed = (await access.call("access.tokens.list", caller=SHELL))["items"]
    assert [(each["name"], each["last_used"]) for each in listed] == [("Meter", "2026-11-23T12:00:00.000Z")]
    assert made["token"] not in str(listed)
    assert made["expires"] == "2026-12-23T12:00:00.000Z"


@pytest.mark.parametrize("kind", ["dpop", "cookie", "ticket"])
async def test_it_is_a_bearer_and_nothing_else(access: Access, kind: Any) -> None:
    made = await create(access)
    with refuses("access.unauthenticated"):
        await access.service.admit(Shown(kind=kind, token=made["token"]))


async def test_no_tool_can_be_given_people_keys_or_what_leaves_the_house(access: Access) -> None:
    for scope in ("access:manage", "access:self", "privacy", "activity:read", "wifi:reveal", "portal:manage"):
        with pytest.raises(GatewayError) as error:
            await create(access, scopes=["box:read", scope])
        assert error.value.field == "scopes"
    granting = Caller(
        id="x", role="owner", scopes=ROLES["owner"] - {Scope.WIFI_WRITE}, via="http", fresh=True
    )
    with refuses("request.invalid_field"):  # nobody gives what he does not have
        await create(access, caller=granting, scopes=["wifi:write"])


async def test_it_runs_out_by_running_time_whatever_the_clock_says(tmp_path: Path, clock: FakeClock) -> None:
    clock.trust = False
    async with open_access(tmp_path, clock) as access:
        made = await create(access)
        assert made["expires"] is None
        await clock.advance(15 * DAY)
        await access.service.close()
    clock.step(-3650 * DAY)
    async with open_access(tmp_path, clock) as access:
        await clock.advance(15 * DAY - 1)
        clock.step(20 * 3650 * DAY)
        assert await is_let_in(access, made["token"])
        await clock.advance(1)
        assert not await is_let_in(access, made["token"])
        await access.service.close()
        assert await access.database.fetch_all("SELECT * FROM tool_tokens") == []
        assert await access.database.fetch_all("SELECT * FROM access_names") == []


async def test_a_clock_that_is_believed_ends_it_after_a_year_in_a_drawer(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_access(tmp_path, clock) as access:
        made = await create(access)
        caller = await access.service.authenticate(made["token"])
        clock.step(31 * DAY)
        assert not await is_let_in(access, made["token"])
        assert not access.service.still_valid(caller)
        clock.step(-31 * DAY)  # it was set wrong: nobody is locked out for good
        assert await is_let_in(access, made["token"])
        clock.trust = False
        clock.step(3650 * DAY)
        assert await is_let_in(access, made["token"])


async def test_it_outlives_a_restart_and_ends_when_revoked(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        made = await create(access)
    async with open_access(tmp_path, clock, boot="next") as access:
        caller = await access.service.authenticate(made["token"])
        assert access.service.still_valid(caller)
        await access.call("access.tokens.revoke", {"token": made["id"]}, caller=SHELL)
        assert not access.service.still_valid(caller)
        assert not await is_let_in(access, made["token"])
        with refuses("access.token_not_found"):
            await access.call("access.tokens.revoke", {"token": made["id"]}, caller=SHELL)
    async with open_access(tmp_path, clock) as access:
        assert not await is_let_in(access, made["token"])


async def test_they_are_counted_and_void_after_a_restore(access: Access) -> None:
    made = [await create(access) for _ in range(MOST)]
    with refuses("access.too_many_tokens"):
        await create(access)
    await access.service.void_sessions()
    assert not await is_let_in(access, made[0]["token"])
    await create(access)


async def test_no_token_of_a_tool_is_stored(access: Access, tmp_path: Path) -> None:
    made = await create(access)
    for file in tmp_path.iterdir():
        assert made["token"][4:].encode() not in file.read_bytes(), file.name


async def test_a_ticket_is_good_once_and_for_half_a_minute(access: Access, clock: FakeClock) -> None:
    app = await pair(access, key=AppKey.generate())
    caller = await app.caller()
    first = (await access.call("access.tickets.create", caller=caller))["ticket"]
    again = await access.call("access.tickets.create", caller=caller)
    assert again["expires_in"] == 30.0
    entered = await access.service.admit(Shown(kind="ticket", token=first))
    assert (entered.id, entered.scopes) == (caller.id, caller.scopes)
    with refuses("access.unauthenticated"):
        await access.service.admit(Shown(kind="ticket", token=first))
    await clock.advance(30)
    with refuses("access.unauthenticated"):
        await access.service.admit(Shown(kind="ticket", token=again["ticket"]))
    for wrong in ("", "gwk_", app.token):
        with refuses("access.unauthenticated"):
            await access.service.admit(Shown(kind="ticket", token=wrong))
    with refuses("access.unauthenticated"):
        await access.service.admit(Shown(kind="bearer", token=first))


async def test_a_ticket_ends_with_its_session(access: Access) -> None:
    app = await pair(access)
    caller = await app.caller()
    ticket = (await access.call("access.tickets.create", caller=caller))["ticket"]
    await access.call("access.logout", caller=caller)
    with refuses("access.unauthenticated"):
        await access.service.admit(Shown(kind="ticket", token=ticket))


async def test_tickets_that_wait_are_bounded(access: Access, clock: FakeClock) -> None:
    app, other = await pair(access), await pair(access)
    caller = await app.caller()
    for _ in range(MOST_EACH):
        await access.call("access.tickets.create", caller=caller)
    with pytest.raises(GatewayError) as error:
        await access.call("access.tickets.create", caller=caller)
    assert error.value.code == "access.throttled"
    assert error.value.retry_after == 30.0
    await access.call("access.tickets.create", caller=await other.caller())
    await clock.advance(30)
    await access.call("access.tickets.create", caller=caller)


async def test_a_ticket_does_not_carry_a_fresh_proof(access: Access) -> None:
    """What one proved for one request is not proved for whoever holds the ticket."""
    app = await pair(access)
    caller = await app.caller()
    assert caller.fresh
    ticket = (await access.call("access.tickets.create", caller=caller))["ticket"]
    entered = await access.service.admit(Shown(kind="ticket", token=ticket))
    assert not entered.fresh
    assert msgspec.structs.replace(caller, fresh=False, key=None) == entered
