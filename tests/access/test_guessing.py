"""Guessers: how much a day of them gets, and who does not notice."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.access.admission import Admission
from gatewayd.access.guesses import NOBODY, Guesses
from gatewayd.access.throttle import Buckets, Rate, neighbourhood
from gatewayd.callers import Shown, anonymous
from gatewayd.client.proof import AppKey
from gatewayd.errors import GatewayError
from tests.access.apps import pair
from tests.access.test_accounts import PASSWORD, join, login
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock

DAY = 86_400
MOST_GUESSES_A_DAY = 106
"""1 + 2 + 4 ... + 512 s for the first ten, then one each 900 s: 10 + 95, and the one at the very start."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


def addresses(seed: int) -> list[str]:
    """A botnet: IPv4 addresses, and IPv6 addresses in a few networks."""
    chosen = random.Random(seed)
    return [
        f"198.51.{chosen.randrange(256)}.{chosen.randrange(256)}"
        if chosen.random() < 0.5
        else f"2001:db8:0:{chosen.randrange(64):x}::{chosen.randrange(1 << 32):x}"
        for _ in range(2000)
    ]


async def test_a_day_of_attack_from_many_addresses(access: Access, clock: FakeClock) -> None:
    """24 hours, a guess from another address every two seconds at first, then every half minute, at two names
    and at tokens.

    The guesses that are judged stay below 106 for each account. The owner's paired app asks all the while,
    and an app whose token has run out refreshes it: neither is ever refused, also not at the address of an
    attacker.
    """
    await join(access, "Bea", "owner")
    app = await pair(access, key=AppKey.generate())
    free = await pair(access)
    told: Counter[tuple[str, str]] = Counter()
    seconds = [*range(0, 1200, 2), *range(1200, DAY, 30)]
    for second, bot in zip(seconds, itertools.cycle(addresses(7)), strict=False):
        for name in ("Bea", "Nobody"):
            try:
                await login(access, name, f"guess {second}", caller=anonymous("http", address=bot))
            except GatewayError as error:
                told[name, error.code] += 1
        with pytest.raises(GatewayError):
            await access.service.admit(Shown(kind="bearer", token=f"gwt_{second}", address=bot))
        if second % 600 == 0:
            await app.renew()
            assert (await access.service.admit(app.shown(address=bot))).role == "owner"
            await free.renew()
            assert (await access.service.admit(free.shown(address=bot))).role == "owner"
        await clock.advance(2 if second < 1200 else 30)
    for name in ("Bea", "Nobody"):
        assert 90 <= told[name, "access.login_wrong"] <= MOST_GUESSES_A_DAY
    assert told.total() == 2 * len(seconds)
    assert {code for _, code in told} == {"access.login_wrong", "access.throttled"}
    await clock.advance(900)  # and there is no ban
    await login(access, "Bea", PASSWORD)


async def test_many_guesses_at_once_are_one(access: Access) -> None:
    await join(access, "Bea")
    tries = [
        login(access, "Bea", f"guess {number}", caller=anonymous("http", address=f"192.0.2.{number}"))
        for number in range(50)
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    codes = [result.code for result in results if isinstance(result, GatewayError)]
    assert sorted(codes) == ["access.login_wrong"] + ["access.throttled"] * 49


async def test_a_restart_hands_out_no_new_guesses(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        await join(access, "Bea")
        for wait in (1, 2, 4, 8, 16):
            with refuses("access.login_wrong"):
                await login(access, "Bea", "wrong")
            await clock.advance(wait)
    for _ in range(3):
        async with open_access(tmp_path, clock) as access:
            with pytest.raises(GatewayError) as error:
                await login(access, "Bea")
            assert error.value.code == "access.throttled"
            assert error.value.retry_after == 16.0
    async with open_access(tmp_path, clock) as access:
        await clock.advance(16)
        await login(access, "Bea")
    async with open_access(tmp_path, clock) as access:
        await login(access, "Bea")


async def test_others_guesses_do_not_slow_down_who_is_in(access: Access, clock: FakeClock) -> None:
    bea = await join(access, "Bea", "owner")
    for wait in (1, 2, 4, 8, 16, 32, 64, 128):
        with refuses("access.login_wrong"):
            await login(access, "Bea", "wrong")
        await clock.advance(wait - 0.5 if wait == 128 else wait)
    with refuses("access.throttled"):
        await login(access, "Bea")
    await access.call("access.stepup", {"password": PASSWORD}, caller=await bea.caller())


async def test_a_neighbourhood_makes_ten_failures_and_then_one_a_minute(clock: FakeClock) -> None:
    guesses = Guesses(clock)
    judged = 0
    for second in range(3600):
        try:
            guesses.begin(f"{NOBODY}{second}", f"2001:db8::{second:x}")
            judged += 1
        except GatewayError:
            pass
        await clock.advance(1)
    assert judged == 10 + 59
    guesses.begin(f"{NOBODY}other", "2001:db8:0:1::1")  # the next /64


async def test_all_together_make_sixty_failures_and_then_one_in_five_seconds(clock: FakeClock) -> None:
    guesses = Guesses(clock)
    judged = 0
    for number in range(36_000):
        try:
            guesses.begin(f"{NOBODY}{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
            judged += 1
        except GatewayError:
            pass
        await clock.advance(0.1)
    assert 770 <= judged <= 60 + 720


async def test_what_is_remembered_of_guessers_is_bounded_and_keeps_accounts(clock: FakeClock) -> None:
    guesses = Guesses(clock)
    for _ in range(5):
        guesses.begin("account", None)
        await clock.advance(900)
    for number in range(3000):
        guesses.begin(f"{NOBODY}{number}", None)
    assert len(guesses._nobodys) == 1024
    assert guesses.begin("account", None) == 6


def test_being_right_counts_for_nothing(clock: FakeClock) -> None:
    guesses = Guesses(clock)
    for _ in range(1000):
        guesses.begin("account", "192.0.2.1")
        guesses.right("account", "192.0.2.1")


async def test_buckets_forget_who_is_quiet_longest(clock: FakeClock) -> None:
    buckets = Buckets(clock, each=Rate(burst=2, every=60.0), overall=None, most=3)
    for number in range(5):
        for _ in range(2):
            buckets.failed(f"192.0.2.{number}")
    buckets.check("192.0.2.0")
    with refuses("access.throttled"):
        buckets.check("192.0.2.4")
    await clock.advance(60)
    buckets.check("192.0.2.4")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("uid:0", "uid:0"),
        ("", ""),
    ],
)
def test_neighbourhoods(address: str, name: str) -> None:
    assert neighbourhood(address) == name


async def test_unknown_tokens_are_slowed_and_expired_ones_are_not(access: Access, clock: FakeClock) -> None:
    app = await pair(access)
    await clock.advance(900)
    for _ in range(500):
        with refuses("access.unauthenticated"):  # an app that comes back after a while
            await access.service.admit(app.shown())
    for _ in range(60):
        with refuses("access.unauthenticated"):
            await access.service.admit(app.shown("gwt_unknown"))
    with refuses("access.throttled"):
        await access.service.admit(app.shown("gwt_unknown"))
    with refuses("access.unauthenticated"):
        await access.service.admit(app.shown())
    await app.renew()
    assert await app.is_let_in()
    assert isinstance(access.service._admission, Admission)
