"""The claim by typed code as apps make it: start, confirm, finish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.callers import local
from gatewayd.client.pake import ClaimByCode, WrongBox
from gatewayd.errors import GatewayError
from tests.support.access import Access, open_access
from tests.support.clock import FakeClock

SHELL = local(0)
KEY = "c3BraQ"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock) as opened:
        yield opened


async def patiently(access: Access, name: str, fields: dict[str, Any]) -> Any:
    """Calls, and lets the answer's fixed time pass."""
    asking = asyncio.ensure_future(access.call(name, fields))
    while not asking.done():
        await asyncio.sleep(0.001)
        if access.clock._sleepers:
            await access.clock.advance(0.05)
    return asking.result()


async def begin(access: Access, code: str, *, seen: str = KEY) -> tuple[ClaimByCode, dict[str, Any]]:
    """An app that has sent its message, and what the box answered."""
    start = await access.call("access.claim.start")
    app = ClaimByCode(code, box=start["id"], salt=start["salt"] or "", fingerprint=seen)
    return app, await patiently(access, "access.claim.start", {"message": app.message})


async def finish(access: Access, app: ClaimByCode, answer: dict[str, Any], **more: Any) -> Any:
    offered = {"exchange": answer["exchange"], "confirmation": app.confirm(answer["message"])}
    granted = await patiently(access, "access.claim.finish", offered | more)
    app.check(granted["confirmation"])
    return granted


async def refused(access: Access, app: ClaimByCode, answer: dict[str, Any]) -> str:
    await access.clock.advance(20)  # the back-off
    with pytest.raises(GatewayError) as error:
        await finish(access, app, answer)
    return error.value.code


async def opened_code(access: Access) -> str:
    return str((await access.call("access.pairing.open", caller=SHELL))["code"])


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


async def test_an_app_becomes_the_owner_and_knows_the_box(access: Access) -> None:
    code = await opened_code(access)
    app, answer = await begin(access, code)
    granted = await finish(access, app, answer, label="Ada's phone")
    assert granted["role"] == "owner"
    caller = await access.service.authenticate(granted["token"])
    assert caller.role == "owner"
    assert access.service.state == "ready"


async def test_another_key_in_the_apps_handshake_fails_at_the_box_and_costs_a_try(access: Access) -> None:
    code = await opened_code(access)
    app, answer = await begin(access, code, seen="another")
    assert await refused(access, app, answer) == "access.claim_code_wrong"
    assert access.service.state == "unclaimed"
    row = await access.database.fetch_one("SELECT tries FROM pairing")
    assert row is not None
    assert row["tries"] == 1


async def test_a_box_that_does_not_know_the_code_fails_at_the_app(access: Access) -> None:
    """The app's check does not hang on the box's honesty."""
    code = await opened_code(access)
    app, answer = await begin(access, other_than(code))
    app.confirm(answer["message"])
    with pytest.raises(WrongBox):
        app.check("A" * 43)


async def test_five_wrong_confirmations_burn_the_code_over_restarts(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        code = await opened_code(access)
        for _ in range(3):
            app, answer = await begin(access, other_than(code))
            assert await refused(access, app, answer) == "access.claim_code_wrong"
            await clock.advance(20)
    async with open_access(tmp_path, clock) as access:
        for _ in range(2):
            app, answer = await begin(access, other_than(code))
            assert await refused(access, app, answer) == "access.claim_code_wrong"
            await clock.advance(20)
        with pytest.raises(GatewayError) as error:
            app = ClaimByCode(code, box=access.service.box_id, salt="", fingerprint=KEY)
            await patiently(access, "access.claim.start", {"message": app.message})
        assert error.value.code == "access.claim_closed"


async def test_an_exchange_is_good_once_and_beginning_costs_no_try(access: Access) -> None:
    code = await opened_code(access)
    for _ in range(8):
        await begin(access, code)
    row = await access.database.fetch_one("SELECT tries FROM pairing")
    assert row is not None
    assert row["tries"] == 0
    app, answer = await begin(access, other_than(code))
    confirmation = app.confirm(answer["message"])
    for expected in ("access.claim_code_wrong", "access.claim_exchange_ended"):
        await access.clock.advance(20)
        with pytest.raises(GatewayError) as error:
            await patiently(
                access,
                "access.claim.finish",
                {"exchange": answer["exchange"], "confirmation": confirmation},
            )
        assert error.value.code == expected


async def test_an_exchange_ends_after_a_minute_and_with_its_code(access: Access) -> None:
    code = await opened_code(access)
    app, answer = await begin(access, code)
    await access.clock.advance(60)
    assert await refused(access, app, answer) == "access.claim_exchange_ended"
    app, answer = await begin(access, code)
    await opened_code(access)  # another code takes the place of the first
    assert await refused(access, app, answer) == "access.claim_exchange_ended"


async def test_of_two_apps_with_the_code_one_wins(access: Access) -> None:
    code = await opened_code(access)
    both = [await begin(access, code), await begin(access, code)]
    results = await asyncio.gather(
        *(finish(access, app, answer) for app, answer in both), return_exceptions=True
    )
    losers = [result.code for result in results if isinstance(result, GatewayError)]
    assert losers == ["access.already_claimed"]
    assert len(await access.service.sessions()) == 1


async def test_an_answer_takes_the_same_time_whatever_the_arithmetic_took(access: Access) -> None:
    code = await opened_code(access)
    start = await access.call("access.claim.start")
    app = ClaimByCode(code, box=start["id"], salt=start["salt"], fingerprint=KEY)
    for message in (app.message, "QQ"):
        asking = asyncio.ensure_future(access.call("access.claim.start", {"message": message}))
        while not access.clock._sleepers:
            await asyncio.sleep(0.001)
        await access.clock.advance(0.24)
        assert not asking.done()
        await access.clock.advance(0.01)
        await asyncio.gather(asking, return_exceptions=True)


async def test_strangers_begin_a_bounded_number_of_exchanges(access: Access) -> None:
    code = await opened_code(access)
    app, answer = await begin(access, code)
    for _ in range(64):
        await begin(access, "00000000")
    assert await refused(access, app, answer) == "access.claim_exchange_ended"
    app, answer = await begin(access, code)
    await finish(access, app, answer)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"exchange": "x"}, "confirmation"),
        ({"confirmation": "A" * 43}, "code"),
        ({"code": "12345678", "confirmation": "A" * 43}, "confirmation"),
        ({"exchange": "x", "code": "12345678", "confirmation": "A" * 43}, "code"),
        ({"exchange": "x", "confirmation": "A" * 42}, "confirmation"),
        ({"exchange": "x", "confirmation": "!" * 43}, "confirmation"),
        ({"exchange": "x", "confirmation": "A" * 300}, "confirmation"),
    ],
)
async def test_a_bad_request_names_its_field_and_costs_no_try(
    access: Access, fields: dict[str, str], field: str
) -> None:
    await opened_code(access)
    with pytest.raises(GatewayError) as error:
        await access.call("access.claim.finish", fields)
    assert (error.value.code, error.value.field) == ("request.invalid_field", field)
    row = await access.database.fetch_one("SELECT tries FROM pairing")
    assert row is not None
    assert row["tries"] == 0


@pytest.mark.parametrize("message", ["", "A", "=", "x" * 201, "Qg" * 22])
async def test_a_message_that_is_none(access: Access, message: str) -> None:
    await opened_code(access)
    with pytest.raises(GatewayError) as error:
        await patiently(access, "access.claim.start", {"message": message})
    assert (error.value.code, error.value.field) == ("request.invalid_field", "message")
