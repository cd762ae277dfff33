"""Refresh tokens: used once each, a lost reply forgiven, a copy found out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.access.refresh import REPEAT_UNBOUND, SPENT_KEPT
from gatewayd.client.proof import AppKey
from tests.access.apps import App, pair
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


@pytest.fixture(params=["free", "bound"])
async def app(access: Access, request: pytest.FixtureRequest) -> App:
    return await pair(access, key=AppKey.generate() if request.param == "bound" else None)


async def test_each_refresh_gives_new_tokens_of_the_same_session(app: App) -> None:
    seen = {app.token, app.granted["refresh_token"]}
    for _ in range(5):
        session = app.session
        await app.renew()
        assert app.session == session
        assert not seen & {app.token, app.granted["refresh_token"]}
        seen |= {app.token, app.granted["refresh_token"]}
        assert await app.is_let_in()


async def test_a_reply_that_was_lost_is_given_again_until_the_next_is_used(app: App) -> None:
    before = app.granted["refresh_token"]
    lost = await app.refresh()
    again = await app.refresh()
    assert again["refresh_token"] == lost["refresh_token"]
    app.granted |= again
    assert await app.is_let_in()
    await app.renew()
    with refuses("access.unauthenticated"):  # the next one was used: its holder had got it
        await app.refresh(before)


async def test_a_used_token_ends_the_session_with_an_alert(access: Access, app: App) -> None:
    stolen = app.granted["refresh_token"]
    await app.renew()
    await app.renew()
    with access.bus.subscribe("access.refresh_reused", "access.session_revoked") as events:
        with refuses("access.unauthenticated"):
            await app.refresh(stolen)
        told, ended = await anext(events), await anext(events)
    assert (told.type, ended.type) == ("access.refresh_reused", "access.session_revoked")
    assert (told.data.session, ended.data.reason) == (app.session, "reused")  # type: ignore[attr-defined]
    assert not await app.is_let_in()
    with refuses("access.unauthenticated"):
        await app.renew()


async def test_an_old_token_is_found_out_after_many_refreshes(access: Access) -> None:
    app = await pair(access)
    old = app.granted["refresh_token"]
    for _ in range(30):
        await app.renew()
    with refuses("access.unauthenticated"):
        await app.refresh(old)
    assert not await app.is_let_in()


async def test_what_is_remembered_of_used_tokens_is_bounded(access: Access) -> None:
    app = await pair(access)
    for _ in range(5):
        await app.renew()
    async with access.database.unit() as unit:
        unit.execute("UPDATE refresh_spent SET number = number - ? WHERE number <= 2", (SPENT_KEPT,))
    await app.renew()
    await app.renew()
    rows = await access.database.fetch_all("SELECT number FROM refresh_spent ORDER BY number")
    assert [row["number"] for row in rows] == [3, 4, 5, 6]


async def test_without_its_key_a_refresh_token_is_worth_nothing(access: Access) -> None:
    app = await pair(access, key=AppKey.generate())
    for thief in (None, AppKey.generate()):
        with refuses("access.unauthenticated"):
            await App(access, app.granted, thief).refresh()
    assert await app.is_let_in()  # its holder loses nothing by that
    await app.renew()
    assert await app.is_let_in()


async def test_the_one_before_shown_with_another_key_is_a_copy(access: Access) -> None:
    app = await pair(access, key=AppKey.generate())
    before = app.granted["refresh_token"]
    await app.renew()
    with refuses("access.unauthenticated"):
        await App(access, app.granted, AppKey.generate()).refresh(before)
    assert not await app.is_let_in()


async def test_without_a_key_a_lost_reply_is_forgiven_for_ten_minutes_only(
    access: Access, clock: FakeClock
) -> None:
    app = await pair(access)
    lost = await app.refresh()
    await clock.advance(REPEAT_UNBOUND)
    assert (await app.refresh())["refresh_token"] == lost["refresh_token"]
    await clock.advance(1)
    with refuses("access.unauthenticated"):
        await app.refresh()
    assert await access.service.sessions() == []


@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
async def test_a_lost_reply_is_forgiven_over_a_restart(tmp_path: Path, clock: FakeClock, boot: str) -> None:
    async with open_access(tmp_path, clock) as access:
        free, bound = await pair(access), await pair(access, key=AppKey.generate())
        lost = [await free.refresh(), await bound.refresh()]
    async with open_access(tmp_path, clock, boot=boot) as access:
        for app, before in zip((free, bound), lost, strict=True):
            app.access = access
            again = await app.refresh()
            assert again["refresh_token"] == before["refresh_token"]
            app.granted |= again
            await app.renew()
            assert await app.is_let_in()


async def test_a_copy_is_found_out_over_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        app = await pair(access)
        stolen = app.granted["refresh_token"]
        for _ in range(3):
            await app.renew()
    async with open_access(tmp_path, clock) as access:
        app.access = access
        with refuses("access.unauthenticated"):
            await app.refresh(stolen)
        assert not await app.is_let_in()


async def test_a_thief_and_his_victim_do_not_live_side_by_side(access: Access, clock: FakeClock) -> None:
    """Without a key: whoever of the two refreshes second, a quarter of an hour later, ends it for both."""
    victim = await pair(access)
    thief = App(access, dict(victim.granted))
    await thief.renew()
    await clock.advance(900)
    with refuses("access.unauthenticated"):
        await victim.renew()
    assert not await thief.is_let_in()


async def test_no_token_of_a_chain_is_stored(access: Access, tmp_path: Path) -> None:
    app = await pair(access)
    tokens = [app.token, app.granted["refresh_token"]]
    for _ in range(3):
        await app.renew()
        tokens += [app.token, app.granted["refresh_token"]]
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert not [token for token in tokens if token[4:].encode() in content], file.name


@pytest.mark.parametrize("text", ["", "gwr_", "x" * 5000, "\udcff", "gwt_" + "A" * 43])
async def test_what_is_no_refresh_token(access: Access, text: str) -> None:
    app = await pair(access)
    with refuses("access.unauthenticated"):
        await app.refresh(text or "-")
    with refuses("access.unauthenticated"):
        await app.refresh(app.token)
    assert await app.is_let_in()
