"""Wrong clocks, and clocks that are set: nobody is locked out, nothing lives longer than it should."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.callers import Shown, anonymous
from gatewayd.client.proof import AppKey
from tests.access.apps import ADDRESS, SHELL, App, pair
from tests.access.test_accounts import PASSWORD, invite, join, login
from tests.support.access import Access, open_access, refuses
from tests.support.clock import START, FakeClock

YEAR = 365 * 86_400.0
TO_1970 = -START.timestamp()
STEPS = {"1970": TO_1970, "ten years back": -10 * YEAR, "ten years on": 10 * YEAR, "an hour on": 3600.0}
VISITOR = anonymous("http", address=ADDRESS)


@pytest.fixture(params=[True, False], ids=["believed", "not believed"])
def clock(request: pytest.FixtureRequest) -> FakeClock:
    return FakeClock(trust=request.param)


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


@pytest.fixture(params=STEPS)
def step(request: pytest.FixtureRequest) -> float:
    return STEPS[request.param]


async def test_an_app_goes_on_and_its_token_ends_in_time(
    access: Access, clock: FakeClock, step: float
) -> None:
    bound, free = await pair(access, key=AppKey.generate()), await pair(access)
    await clock.advance(450)
    clock.step(step)
    assert [await app.is_let_in() for app in (bound, free)] == [True, True]
    await clock.advance(449)
    clock.step(-step / 2)
    assert [await app.is_let_in() for app in (bound, free)] == [True, True]
    await clock.advance(1)
    clock.step(-step)
    assert [await app.is_let_in() for app in (bound, free)] == [False, False]
    for app in (bound, free):
        await app.renew()
        assert await app.is_let_in()


async def test_a_box_that_starts_in_1970_lets_everybody_in_again(
    tmp_path: Path, clock: FakeClock, step: float
) -> None:
    async with open_access(tmp_path, clock) as access:
        await join(access, "Bea", "owner")
        app = await pair(access, key=AppKey.generate())
        await access.service.close()
    clock.step(step)
    async with open_access(tmp_path, clock, boot="after the power cut") as access:
        app.access = access
        assert not await app.is_let_in()
        await app.renew()
        assert await app.is_let_in()
        await login(access, "Bea")
        new = await pair(access)
        clock.step(-step)
        assert await new.is_let_in()


async def test_what_is_short_lived_stays_so(access: Access, clock: FakeClock, step: float) -> None:
    bea = await join(access, "Bea", "owner")
    caller = await bea.caller()
    tickets = [(await access.call("access.tickets.create", caller=caller))["ticket"] for _ in range(2)]
    opened = await access.call("access.pairing.open", caller=SHELL)
    await clock.advance(29)
    clock.step(step)
    await access.service.admit(Shown(kind="ticket", token=tickets[0]))
    await clock.advance(1)
    clock.step(-2 * step)
    with refuses("access.unauthenticated"):
        await access.service.admit(Shown(kind="ticket", token=tickets[1]))
    await clock.advance(269)
    assert (await bea.caller()).fresh
    assert (await access.call("access.claim.start"))["open"]
    await clock.advance(1)
    clock.step(step)
    assert not (await bea.caller()).fresh
    assert not (await access.call("access.claim.start"))["open"]
    with refuses("access.already_claimed"):  # and no code is open
        await access.call("access.claim.finish", {"code": opened["code"]}, caller=VISITOR)


async def test_a_wait_is_as_long_as_it_was_said(access: Access, clock: FakeClock, step: float) -> None:
    await join(access, "Bea")
    for wait in (1, 2, 4, 8):
        with refuses("access.login_wrong"):
            await login(access, "Bea", "wrong")
        await clock.advance(wait - 0.5)
        clock.step(step)
        with refuses("access.throttled"):
            await login(access, "Bea")
        await clock.advance(0.5)
    await login(access, "Bea")


async def test_an_invitation_is_good_for_its_day(access: Access, clock: FakeClock, step: float) -> None:
    first, second = await invite(access, "Bea"), await invite(access, "Cy")
    clock.step(step)
    await clock.advance(86_399)
    fields = {"invitation": first["invitation"], "password": PASSWORD}
    app = App(access, await access.call("access.accounts.join", fields, caller=VISITOR))
    assert await app.is_let_in()
    await clock.advance(1)
    clock.step(-step)
    with refuses("access.invitation_invalid"):
        fields = {"invitation": second["invitation"], "password": PASSWORD}
        await access.call("access.accounts.join", fields, caller=VISITOR)


async def test_a_tools_token_lives_no_longer_than_it_should(
    access: Access, clock: FakeClock, step: float
) -> None:
    made = await access.call(
        "access.tokens.create",
        {"name": "Tool", "scopes": ["box:read"], "expires_in": 7 * 86_400.0},
        caller=SHELL,
    )
    clock.step(-abs(step))
    await clock.advance(7 * 86_400.0 - 1)
    assert (await access.service.authenticate(made["token"])).role == "tool"
    await clock.advance(1)
    clock.step(-YEAR)
    with refuses("access.unauthenticated"):
        await access.service.authenticate(made["token"])
