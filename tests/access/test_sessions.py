"""Tokens: who holds one, until when, and who may do what with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gatewayd.access import ScopeAuthoriser, ensure_box_id
from gatewayd.access.identity import ALPHABET
from gatewayd.access.sessions import MOST_EACH
from gatewayd.callers import ROLES, Caller, Scope, anonymous, local
from gatewayd.errors import GatewayError
from tests.access.apps import SHELL, App, pair
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock
from tests.support.store import open_database

DAY = 86_400.0
TEN_YEARS = 3650 * DAY


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


async def new_token(access: Access, label: str = "App") -> str:
    return (await pair(access, label)).token


async def is_valid(access: Access, token: str) -> bool:
    try:
        await access.service.authenticate(token)
    except GatewayError:
        return False
    return True


async def test_only_the_exact_token_opens(access: Access) -> None:
    token = await new_token(access)
    assert await is_valid(access, token)
    for wrong in ("", "gwt_", token[:-1], token + "A", token.swapcase(), f" {token}", "\udcff"):
        with refuses("access.unauthenticated"):
            await access.service.authenticate(wrong)


async def test_tokens_survive_a_restart_of_the_daemon_and_sessions_one_of_the_box(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_access(tmp_path, clock) as access:
        app = await pair(access)
    async with open_access(tmp_path, clock) as access:
        assert access.service.state == "ready"
        assert await is_valid(access, app.token)
    async with open_access(tmp_path, clock, boot="next") as access:
        assert not await is_valid(access, app.token)  # nobody knows for how long the box was off
        app = App(access, app.granted)
        await app.renew()
        assert await app.is_let_in()


async def test_an_access_token_is_good_for_a_quarter_of_an_hour(access: Access, clock: FakeClock) -> None:
    app = await pair(access)
    assert app.granted["expires_in"] == 900.0
    await clock.advance(899)
    assert await app.is_let_in()
    await clock.advance(1)
    assert not await app.is_let_in()
    old = app.token
    await app.renew()
    assert await app.is_let_in()
    assert not await app.is_let_in(old)


async def test_requests_under_way_during_a_refresh_are_let_in(access: Access) -> None:
    app = await pair(access)
    tokens = [app.token]
    for _ in range(3):
        await app.renew()
        tokens.append(app.token)
    assert [await app.is_let_in(token) for token in tokens] == [True] * 4
    await app.renew()
    assert [await app.is_let_in(token) for token in tokens] == [False, True, True, True]
    rows = await access.database.fetch_all("SELECT * FROM session_tokens")
    assert len(rows) == 4


async def test_revoking_ends_a_session_at_once_and_for_good(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        keeper, lost = await new_token(access), await new_token(access, "Lost phone")
        owner = await access.service.authenticate(keeper)
        victim = await access.service.authenticate(lost)
        with access.bus.subscribe("access.session_revoked") as events:
            session = victim.id.removeprefix("session:")
            answer = await access.call("access.sessions.revoke", {"session": session}, caller=owner)
            event = await anext(events)
        assert answer == {"session": session}
        assert event.data.session == session  # type: ignore[attr-defined]
        assert not access.service.still_valid(victim)
        assert access.service.still_valid(owner)
        assert not await is_valid(access, lost)
        with refuses("access.session_not_found"):
            await access.call("access.sessions.revoke", {"session": session}, caller=owner)
    async with open_access(tmp_path, clock) as access:
        assert not await is_valid(access, lost)
        assert await is_valid(access, keeper)
        names = await access.database.fetch_all("SELECT name FROM access_names")
        assert [row["name"] for row in names] == ["App"]


async def test_logging_out_ends_the_own_session_only(access: Access) -> None:
    mine, other = await new_token(access), await new_token(access)
    me = await access.service.authenticate(mine)
    await access.call("access.logout", caller=me)
    assert not await is_valid(access, mine)
    assert await is_valid(access, other)
    with refuses("access.session_not_found"):
        await access.call("access.logout", caller=SHELL)


async def test_ninety_idle_days_end_a_session_and_use_keeps_it(access: Access, clock: FakeClock) -> None:
    used, idle = await pair(access), await pair(access)
    caller = await idle.caller()
    await clock.advance(60 * DAY)
    await used.renew()
    await clock.advance(30 * DAY + 1)
    assert not access.service.still_valid(caller)
    with refuses("access.unauthenticated"):
        await idle.renew()
    await used.renew()
    assert await used.is_let_in()


async def test_no_step_of_wall_time_ends_a_session_or_keeps_it(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        app = await pair(access)
        for step in (TEN_YEARS, -2 * TEN_YEARS, -40 * 365 * DAY):
            clock.step(step)
            assert await app.is_let_in()
        await clock.advance(900)
        clock.step(-TEN_YEARS)
        assert not await app.is_let_in()  # setting the clock back brings nothing back
        await app.renew()
        await access.service.close()
    clock.step(8 * TEN_YEARS)
    async with open_access(tmp_path, clock) as access:
        app = App(access, app.granted)
        assert await app.is_let_in()
        clock.step(-TEN_YEARS)
        await clock.advance(91 * DAY)
        with refuses("access.unauthenticated"):
            await app.renew()


async def test_idle_days_add_up_over_restarts(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        app = await pair(access)
    for _ in range(10):
        async with open_access(tmp_path, clock) as access:
            await clock.advance(10 * DAY)
            await access.service.close()
    async with open_access(tmp_path, clock) as access:
        with refuses("access.unauthenticated"):
            await App(access, app.granted).renew()


async def test_a_use_after_long_idling_survives_a_crash(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        app = await pair(access)
        await clock.advance(89 * DAY)
        await access.service.close()
    async with open_access(tmp_path, clock) as access:
        await App(access, app.granted).renew()  # and then it is killed: close() is not called
    async with open_access(tmp_path, clock) as access:
        await clock.advance(89 * DAY)
        await App(access, app.granted).renew()


async def test_idle_sessions_are_swept_from_the_database(access: Access, clock: FakeClock) -> None:
    await new_token(access)
    await clock.advance(91 * DAY)
    await access.service._sessions.end_idle()
    assert await access.database.fetch_all("SELECT id FROM sessions") == []
    assert await access.database.fetch_all("SELECT id FROM access_names") == []


async def test_use_is_written_down_every_few_hours(access: Access, clock: FakeClock) -> None:
    token = await new_token(access)
    keeping = asyncio.ensure_future(access.service.keep())
    await asyncio.sleep(0)
    await clock.advance(600)
    await access.service.authenticate(token)
    used = clock.now().timestamp()
    await clock.advance(6 * 3600 - 600)
    while True:
        row = await access.database.fetch_one("SELECT last_used, idle FROM sessions")
        assert row is not None
        if row["last_used"] == used:
            break
        await asyncio.sleep(0.01)
    assert row["idle"] == 6 * 3600 - 600
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_signing_in_again_and_again_replaces_the_idlest(access: Access, clock: FakeClock) -> None:
    idle = await pair(access, "Idle")
    await clock.advance(10)
    app = await pair(access)
    for _ in range(MOST_EACH - 2):
        await pair(access)
    assert await idle.is_let_in()
    await clock.advance(1)
    assert await app.is_let_in()
    await pair(access)
    assert len(await access.service.sessions()) == MOST_EACH
    assert await app.is_let_in()


async def test_a_session_that_ends_during_its_refresh(access: Access) -> None:
    app = await pair(access)
    unit = access.database.unit()
    await access.service.refresher.refresh(unit, app.granted["refresh_token"], app.stranger())
    await access.call("access.sessions.revoke", {"session": app.session}, caller=SHELL)
    await access.database.commit(unit)
    assert not await app.is_let_in()
    for table in ("sessions", "session_tokens", "refresh_spent"):
        assert await access.database.fetch_all(f"SELECT * FROM {table}") == []


async def test_after_a_restored_backup_every_session_is_void(access: Access) -> None:
    tokens = [await new_token(access), await new_token(access)]
    assert await access.service.void_sessions() == 2
    assert [await is_valid(access, token) for token in tokens] == [False, False]
    assert access.service.state == "ready"  # the box still has its owner, who must pair again


async def test_every_operation_is_denied_by_default(access: Access) -> None:
    authoriser = ScopeAuthoriser()
    for operation in access.registry:
        for role, scopes in ROLES.items():
            caller = Caller(id="x", role=role, scopes=scopes, via="http", fresh=True)
            allowed = operation.scope is None or operation.scope in scopes
            code = "access.unauthenticated" if role == "anonymous" else "access.forbidden"
            if allowed:
                authoriser.authorise(caller, operation, {})
                stale = msgspec.structs.replace(caller, fresh=False)
                if operation.step_up:
                    with refuses("access.step_up_needed"):
                        authoriser.authorise(stale, operation, {})
            else:
                with refuses(code):
                    authoriser.authorise(caller, operation, {})
    open_to_all = {operation.name for operation in access.registry if operation.scope is None}
    assert open_to_all == {
        "access.claim.start",
        "access.claim.finish",
        "access.refresh",
        "access.login",
        "access.accounts.join",
        "access.technician.redeem",
    }


@pytest.mark.parametrize("role", ["member", "viewer", "technician", "portal"])
async def test_only_the_owner_and_the_shell_pair_and_revoke(access: Access, role: str) -> None:
    caller = Caller(id="x", role=role, scopes=ROLES[role], via="http")  # type: ignore[arg-type,index]
    for name, arguments in (
        ("access.pairing.open", {}),
        ("access.sessions.list", {}),
        ("access.sessions.revoke", {"session": "x"}),
        ("access.activity.list", {}),
    ):
        with refuses("access.forbidden"):
            await access.call(name, arguments, caller=caller)


async def test_the_box_keeps_its_id(tmp_path: Path) -> None:
    ids = set()
    for _ in range(2):
        async with open_database(tmp_path) as database:
            ids.add(await ensure_box_id(database))
            ids.add(await ensure_box_id(database))
    (box_id,) = ids
    assert box_id.startswith("gw-")
    assert len(box_id) == 11
    assert set(box_id[3:]) <= set(ALPHABET)


async def test_the_box_draws_another_id_than_its_neighbour(tmp_path: Path) -> None:
    ids = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        async with open_database(tmp_path / name) as database:
            ids.add(await ensure_box_id(database))
    assert len(ids) == 2


def test_scopes_cover_what_access_needs() -> None:
    assert anonymous("http").scopes == frozenset()
    assert Scope.ACCESS_MANAGE in local(0).scopes
