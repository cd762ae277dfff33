"""The second factor, with a clock that may be wrong."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from gatewayd.access import codes
from gatewayd.callers import Caller
from tests.access.apps import SHELL, App
from tests.access.test_accounts import PASSWORD, join, login
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


class Authenticator:
    """The app on the phone; its clock may be ahead."""

    def __init__(self, clock: FakeClock, secret: str) -> None:
        self._clock = clock
        self._totp = TOTP(base64.b32decode(secret), 6, SHA1(), 30, enforce_key_length=False)

    def code(self, ahead: float = 0.0) -> str:
        return self._totp.generate(int(self._clock.now().timestamp() + ahead)).decode()


async def set_up(access: Access, bea: App) -> tuple[Authenticator, list[str]]:
    """The second factor of Bea's, switched on; the next code is a fresh one."""
    started = await access.call("access.totp.start", caller=await bea.caller())
    assert f"secret={started['secret']}" in started["uri"]
    assert started["qr"] == codes.qr_svg(started["uri"])
    phone = Authenticator(access.clock, started["secret"])
    answer = await access.call("access.totp.confirm", {"code": phone.code()}, caller=await bea.caller())
    await access.clock.advance(30)
    return phone, list(answer["codes"])


@pytest.fixture
async def bea(access: Access) -> App:
    return await join(access, "Bea", "owner")


def test_codes_are_those_of_rfc_6238() -> None:
    """Appendix B of the RFC, cut to six digits: 1970-01-01 00:00:59 and 2033-05-18 03:33:20."""
    totp = TOTP(b"12345678901234567890", 6, SHA1(), 30)
    assert (totp.generate(59), totp.generate(2_000_000_000)) == (b"287082", b"279037")


async def test_the_code_is_asked_for_and_taken_once(access: Access, bea: App, clock: FakeClock) -> None:
    phone, _ = await set_up(access, bea)
    with refuses("access.second_factor_needed"):
        await login(access, "Bea")
    code = phone.code()
    await login(access, "Bea", code=f"{code[:3]} {code[3:]}")
    with refuses("access.second_factor_wrong"):
        await login(access, "Bea", code=code)
    await clock.advance(30)
    with refuses("access.login_wrong"):  # the code alone is nothing
        await login(access, "Bea", "wrong", code=phone.code())


async def test_a_phone_half_a_minute_off_is_taken_and_two_are_not(
    access: Access, bea: App, clock: FakeClock
) -> None:
    phone, _ = await set_up(access, bea)
    await clock.advance(90)
    for ahead in (-30, 30):
        await login(access, "Bea", code=phone.code(ahead))
    await clock.advance(300)
    with refuses("access.second_factor_wrong"):
        await login(access, "Bea", code=phone.code(-60))
    await clock.advance(300)
    with refuses("access.second_factor_wrong"):
        await login(access, "Bea", code=phone.code(60))


@pytest.mark.parametrize("step", [-56 * 365 * 86_400, 3650 * 86_400])
async def test_without_the_time_a_recovery_code_opens_and_the_app_does_not(
    access: Access, bea: App, clock: FakeClock, step: float
) -> None:
    phone, recovery = await set_up(access, bea)
    clock.trust = False
    clock.step(step)
    with refuses("access.clock_untrusted"):
        await login(access, "Bea", code=phone.code())
    await clock.advance(1)
    await login(access, "Bea", code=recovery[0].upper())
    with refuses("access.second_factor_wrong"):
        await login(access, "Bea", code=recovery[0])
    await clock.advance(1)
    await login(access, "Bea", code=recovery[1].replace("-", " "))
    clock.trust = True
    clock.step(-step)
    await clock.advance(30)
    await login(access, "Bea", code=phone.code())


async def test_ten_recovery_codes_and_new_ones_end_them(access: Access, bea: App) -> None:
    _, recovery = await set_up(access, bea)
    assert len(set(recovery)) == 10
    fresh = await access.call("access.totp.recovery", caller=await bea.caller())
    with refuses("access.second_factor_wrong"):
        await login(access, "Bea", code=recovery[0])
    await access.clock.advance(1)
    for code in fresh["codes"]:
        await login(access, "Bea", code=code)
    assert await access.database.fetch_all("SELECT * FROM recovery_codes") == []


async def test_with_a_second_factor_it_is_what_proves(access: Access, bea: App, clock: FakeClock) -> None:
    phone, _ = await set_up(access, bea)
    await clock.advance(300)
    for arguments, code in (
        ({"password": PASSWORD}, "access.second_factor_needed"),
        ({"code": "000000"}, "access.second_factor_wrong"),
        ({"code": "nonsense"}, "access.second_factor_wrong"),
    ):
        with refuses(code):
            await access.call("access.stepup", arguments, caller=await bea.caller())
        if code != "access.second_factor_needed":  # which is no guess
            await clock.advance(10)
    with refuses("access.step_up_needed"):
        await access.call("access.totp.remove", caller=await bea.caller())
    await access.call("access.stepup", {"code": phone.code()}, caller=await bea.caller())
    await access.call("access.totp.remove", caller=await bea.caller())
    await login(access, "Bea")


async def test_an_unconfirmed_second_factor_counts_for_nothing(access: Access, bea: App) -> None:
    await access.call("access.totp.start", caller=await bea.caller())
    with refuses("access.second_factor_wrong"):
        await access.call("access.totp.confirm", {"code": "000000"}, caller=await bea.caller())
    await login(access, "Bea")
    with refuses("access.second_factor_not_started"):
        await access.call("access.totp.recovery", caller=await bea.caller())
    phone, _ = await set_up(access, bea)
    with refuses("access.second_factor_exists"):
        await access.call("access.totp.start", caller=await bea.caller())
    with refuses("access.second_factor_not_started"):
        await access.call("access.totp.confirm", {"code": phone.code()}, caller=await bea.caller())


async def test_an_owner_ends_the_second_factor_of_who_lost_it(access: Access, bea: App) -> None:
    cy = await join(access, "Cy", "member")
    await set_up(access, cy)
    own = {"account": bea.granted["account"]}
    with refuses("access.forbidden"):
        await access.call("access.totp.remove", own, caller=await cy.caller())
    await access.call("access.totp.remove", {"account": cy.granted["account"]}, caller=await bea.caller())
    await login(access, "Cy")


async def test_it_outlives_a_restart_and_so_does_its_use(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        phone, _ = await set_up(access, await join(access, "Bea", "owner"))
        code = phone.code()
        await login(access, "Bea", code=code)
    async with open_access(tmp_path, clock) as access:
        with refuses("access.second_factor_wrong"):
            await login(access, "Bea", code=code)


async def test_the_shell_has_no_second_factor(access: Access) -> None:
    caller: Caller = SHELL
    assert await access.call("access.stepup", caller=caller) == {"fresh_for": 300.0}
    with refuses("access.account_not_found"):
        await access.call("access.totp.start", caller=caller)
