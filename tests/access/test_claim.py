"""A box without an owner, and how it gets one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gatewayd.callers import local
from gatewayd.errors import GatewayError
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock

SHELL = local(0)
TEN_YEARS = 10 * 365 * 86_400


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


async def claim(access: Access, **fields: Any) -> Any:
    """Claims; lets the answer's delay pass."""
    asking = asyncio.ensure_future(access.call("access.claim.finish", fields))
    while not asking.done():
        await asyncio.sleep(0.001)
        if access.clock._sleepers:  # time stands still while the database is at work
            await access.clock.advance(0.1)
    return asking.result()


async def delay_begins(clock: FakeClock) -> None:
    """Waits until somebody waits for the clock."""
    while not clock._sleepers:
        await asyncio.sleep(0.001)


async def refused(access: Access, **fields: Any) -> str:
    """The code with which a claim is refused; waits out the back-off first."""
    await access.clock.advance(20)
    with pytest.raises(GatewayError) as error:
        await claim(access, **fields)
    return error.value.code


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


async def open_code(access: Access) -> Any:
    return await access.call("access.pairing.open", caller=SHELL)


async def test_a_fresh_box_has_no_owner_and_lets_nobody_in(access: Access) -> None:
    start = await access.call("access.claim.start")
    assert start == {
        "id": access.service.box_id,
        "state": "unclaimed",
        "open": False,
        "closes_in": None,
        "fingerprint": "c3BraQ",
        "salt": None,
        "exchange": None,
        "message": None,
    }
    for guess in ("00000000", "12345678"):
        assert await refused(access, code=guess) == "access.claim_closed"
    assert await refused(access, secret="") == "access.claim_closed"
    assert access.service.state == "unclaimed"
    with refuses("access.unauthenticated"):
        await access.call("access.pairing.open")


async def test_the_typed_code_makes_the_owner(access: Access) -> None:
    opened = await open_code(access)
    assert opened["expires_in"] == 300.0
    assert (await access.call("access.claim.start"))["closes_in"] == 300.0
    typed = f"{opened['code'][:4]} {opened['code'][4:]}"
    with access.bus.subscribe("access.claimed") as events:
        granted = await claim(access, code=typed, label="Ada's phone")
        event = await anext(events)
    assert granted["role"] == "owner"
    assert granted["expires"] == "2027-02-21T12:00:00.000Z"
    assert (event.type, event.data.first) == ("access.claimed", True)  # type: ignore[attr-defined]
    assert access.service.state == "ready"
    caller = await access.service.authenticate(granted["token"])
    assert (caller.id, caller.role) == (f"session:{granted['session']}", "owner")
    sessions = (await access.call("access.sessions.list", caller=caller))["items"]
    assert [(row["label"], row["current"]) for row in sessions] == [("Ada's phone", True)]


async def test_the_secret_of_the_qr_code_redeems_the_same_way(access: Access) -> None:
    opened = await open_code(access)
    fields = parse_qs(urlsplit(opened["uri"]).query)
    assert fields["id"] == [access.service.box_id]
    assert fields["host"] == ["192.0.2.7:8443"]
    assert fields["secret"] == [opened["secret"]]
    assert (await claim(access, secret=fields["secret"][0]))["role"] == "owner"
    assert await refused(access, code=opened["code"]) == "access.already_claimed"


async def test_a_code_is_good_once(access: Access) -> None:
    opened = await open_code(access)
    await claim(access, code=opened["code"])
    assert await refused(access, code=opened["code"]) == "access.already_claimed"


async def test_a_second_pairing_adds_a_session_of_the_same_owner(access: Access) -> None:
    first = await claim(access, code=(await open_code(access))["code"])
    owner = await access.service.authenticate(first["token"])
    opened = await access.call("access.pairing.open", caller=owner)
    second = await claim(access, code=opened["code"], label="Tablet")
    assert second["account"] == first["account"]
    assert second["session"] != first["session"]
    assert len((await access.call("access.sessions.list", caller=owner))["items"]) == 2


async def test_the_window_closes_after_five_minutes_of_monotonic_time(access: Access) -> None:
    opened = await open_code(access)
    access.clock.step(TEN_YEARS)
    await access.clock.advance(299)
    assert (await access.call("access.claim.start"))["open"]
    await access.clock.advance(1)
    access.clock.step(-2 * TEN_YEARS)
    assert not (await access.call("access.claim.start"))["open"]
    assert await refused(access, code=opened["code"]) == "access.claim_closed"


async def test_wall_time_in_1970_or_ten_years_on_does_not_close_the_window(access: Access) -> None:
    opened = await open_code(access)
    access.clock.trust = False
    access.clock.step(-56 * 365 * 86_400)
    granted = await claim(access, code=opened["code"])
    assert granted["expires"] is None  # the box does not know the time, and says so
    access.clock.step(TEN_YEARS * 6)
    access.clock.trust = True
    await access.service.authenticate(granted["token"])


async def test_five_wrong_tries_burn_the_code(access: Access) -> None:
    opened = await open_code(access)
    for _ in range(5):
        assert await refused(access, code=other_than(opened["code"])) == "access.claim_code_wrong"
    assert await refused(access, code=opened["code"]) == "access.claim_closed"
    assert await refused(access, secret=opened["secret"]) == "access.claim_closed"
    assert access.service.state == "unclaimed"


async def test_presence_opens_a_fresh_code_after_a_burnt_one(access: Access) -> None:
    burnt = await open_code(access)
    for _ in range(5):
        await refused(access, code=other_than(burnt["code"]))
    opened = await open_code(access)
    await claim(access, code=opened["code"])  # at once: presence ends the back-off too


async def test_a_restart_does_not_refill_the_tries(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        opened = await open_code(access)
        for _ in range(3):
            await refused(access, code=other_than(opened["code"]))
    async with open_access(tmp_path, clock) as access:
        for _ in range(2):
            assert await refused(access, code=other_than(opened["code"])) == "access.claim_code_wrong"
        assert await refused(access, code=opened["code"]) == "access.claim_closed"


async def test_a_try_counts_although_the_daemon_dies_before_it_answers(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_access(tmp_path, clock) as access:
        opened = await open_code(access)
        for _ in range(5):
            await clock.advance(20)
            asking = asyncio.ensure_future(
                access.call("access.claim.finish", {"code": other_than(opened["code"])})
            )
            await delay_begins(clock)
            clock._sleepers.clear()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    async with open_access(tmp_path, clock) as access:
        assert await refused(access, code=opened["code"]) == "access.claim_closed"


async def test_a_code_outlives_the_daemon_but_not_the_boot(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock, boot="one") as access:
        opened = await open_code(access)
    async with open_access(tmp_path, clock, boot="two") as access:
        assert await refused(access, code=opened["code"]) == "access.claim_closed"
    async with open_access(tmp_path, clock, boot="one") as access:
        await claim(access, code=opened["code"])


async def test_a_start_with_a_terminal_opens_a_code_until_it_is_used(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with open_access(tmp_path, clock) as access:
        opened = await access.service.open_at_start()
        assert opened is not None
        assert opened.expires_in is None
        await clock.advance(TEN_YEARS)
        start = await access.call("access.claim.start")
        assert (start["open"], start["closes_in"]) == (True, None)
        await claim(access, code=opened.code)
        assert await access.service.open_at_start() is None


async def test_starting_again_gives_a_new_code_but_no_new_tries(tmp_path: Path, clock: FakeClock) -> None:
    tried = 0
    for _ in range(5):
        async with open_access(tmp_path, clock) as access:
            opened = await access.service.open_at_start()
            assert opened is not None
            assert await refused(access, code=other_than(opened.code)) == "access.claim_code_wrong"
            tried += 1
    async with open_access(tmp_path, clock) as access:
        assert await access.service.open_at_start() is None
        assert not (await access.call("access.claim.start"))["open"]
        fresh = await open_code(access)  # the shell is presence
        await claim(access, code=fresh["code"])
    assert tried == 5


async def test_of_two_claimants_one_wins(access: Access) -> None:
    opened = await open_code(access)
    both = asyncio.gather(
        access.call("access.claim.finish", {"code": opened["code"], "label": "One"}),
        access.call("access.claim.finish", {"secret": opened["secret"], "label": "Two"}),
        return_exceptions=True,
    )
    results = await both
    losers = [result for result in results if isinstance(result, GatewayError)]
    assert [loser.code for loser in losers] == ["access.already_claimed"]
    assert len(await access.service.sessions()) == 1
    accounts = await access.database.fetch_all("SELECT id FROM accounts")
    assert len(accounts) == 1


async def test_a_wrong_try_is_answered_late_and_the_next_one_must_wait(access: Access) -> None:
    opened = await open_code(access)
    asking = asyncio.ensure_future(access.call("access.claim.finish", {"code": other_than(opened["code"])}))
    await delay_begins(access.clock)
    await access.clock.advance(0.49)
    assert not asking.done()
    await access.clock.advance(0.51)
    with refuses("access.claim_code_wrong"):
        await asking
    await claim_throttled(access, other_than(opened["code"]))


async def claim_throttled(access: Access, wrong: str) -> None:
    """After the second wrong try the wait is 2 s, and the right code is not even looked at."""
    with refuses("access.claim_code_wrong"):
        await claim(access, code=wrong)
    with pytest.raises(GatewayError) as error:
        await claim(access, code=wrong)
    assert error.value.code == "access.throttled"
    assert error.value.retry_after is not None
    assert 0 < error.value.retry_after <= 2
    row = await access.database.fetch_one("SELECT tries FROM pairing")
    assert row is not None
    assert row["tries"] == 2  # a try that was not judged was not counted


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({}, "request.invalid_field", "code"),
        ({"code": "12345678", "secret": "x"}, "request.invalid_field", "code"),
        ({"code": "1234567"}, "request.invalid_field", "code"),
        ({"code": 12345678}, "request.invalid_field", "code"),
        ({"code": "12345678", "label": ""}, "request.invalid_field", "label"),
        ({"code": "12345678", "label": "x" * 65}, "request.invalid_field", "label"),
        ({"code": "12345678", "label": "a\x1b[31m"}, "request.invalid_field", "label"),
        ({"code": "12345678", "role": "owner"}, "request.unknown_field", "role"),
    ],
)
async def test_bad_input_is_named_and_costs_no_try(
    access: Access, fields: dict[str, Any], code: str, field: str
) -> None:
    await open_code(access)
    with pytest.raises(GatewayError) as error:
        await access.call("access.claim.finish", fields)
    assert (error.value.code, error.value.field) == (code, field)
    assert "12345678" not in error.value.detail
    row = await access.database.fetch_one("SELECT tries FROM pairing")
    assert row is not None
    assert row["tries"] == 0


async def test_no_code_secret_or_token_is_stored(access: Access, tmp_path: Path) -> None:
    opened = await open_code(access)
    await access.call("access.claim.start")
    granted = await access.call("access.claim.finish", {"code": opened["code"]}, key="k-1")
    secrets = [opened["code"], opened["secret"], granted["token"], granted["token"].removeprefix("gwt_")]
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], file.name
    with refuses("idempotency.answer_not_kept"):
        await access.call("access.claim.finish", {"code": opened["code"]}, key="k-1")
