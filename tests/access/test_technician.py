"""Technicians' visits: by grant and by code, on any clock, and what the owner sees of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.callers import ROLES, Caller, anonymous, local
from gatewayd.errors import GatewayError
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock
from tests.support.operators import KEY, Operator, payload

SHELL = local(0)
WITH_KEY = anonymous("http", key=KEY)
HOUR = 3600.0
TEN_YEARS = 10 * 365 * 86_400
OPERATOR = Operator("EdDSA")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def access(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Access]:
    async with open_access(tmp_path, clock, operator=OPERATOR.key) as opened:
        yield opened


def grant(access: Access, **changes: Any) -> str:
    return OPERATOR.sign(payload(access.service.box_id, access.clock.now().timestamp(), **changes))


async def present(access: Access) -> None:
    await access.call("access.pairing.open", caller=SHELL)


async def redeem(access: Access, text: str, caller: Caller = WITH_KEY) -> Any:
    return await access.call("access.technician.redeem", {"grant": text}, caller=caller)


async def lives(access: Access, answer: Any) -> bool:
    """Whether the session of a visit is still good for anything."""
    sessions = await access.service.sessions()
    return answer["session"] in [session.id for session, _ in sessions]


async def by_code(access: Access, **more: Any) -> Any:
    code = (await access.call("access.technician.invite", more, caller=SHELL))["code"]
    return await access.call("access.technician.redeem", {"code": code})


# --- grants -------------------------------------------------------------------------------------------


async def test_a_grant_is_redeemed_once_by_its_key_with_presence(access: Access) -> None:
    text = grant(access)
    with refuses("access.presence_needed"):
        await redeem(access, text)
    await present(access)
    with refuses("access.grant_key_needed"):
        await redeem(access, text, anonymous("http"))
    with refuses("access.grant_key_needed"):
        await redeem(access, text, anonymous("http", key="x" * 43))
    answer = await redeem(access, text)
    assert (answer["role"], answer["token_type"], answer["lifetime"]) == ("technician", "DPoP", 7200.0)
    await present(access)
    with refuses("access.grant_used"):
        await redeem(access, text)


async def test_presence_is_spent_by_a_redeemed_grant(access: Access) -> None:
    """The button that lets a technician in does not make him the owner as well."""
    await present(access)
    await redeem(access, grant(access))
    assert not (await access.call("access.claim.start"))["open"]


async def test_a_visit_has_the_scopes_of_its_grant_and_no_more(access: Access) -> None:
    await present(access)
    answer = await redeem(access, grant(access, scope="box:read upkeep:restart"))
    [(session, label)] = await access.service.sessions()
    caller = access.service._sessions.caller(session)
    assert {scope.value for scope in caller.scopes} == {"box:read", "upkeep:restart"}
    assert label == "Technician tech-7"
    for name in ("access.sessions.list", "access.activity.list", "access.technician.invite"):
        with refuses("access.forbidden"):
            await access.call(name, caller=caller)
    assert answer["account"] is None


def test_no_technician_may_have_what_is_private() -> None:
    private = {
        "wifi:reveal",
        "dvr:read",
        "dvr:write",
        "dvr:manage",
        "access:manage",
        "activity:read",
        "privacy",
    }
    assert not private & {scope.value for scope in ROLES["technician"]}


async def test_a_box_without_an_operator_takes_no_grant(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock) as access:
        await present(access)
        with refuses("access.grant_invalid"):
            await redeem(access, grant(access))


async def test_a_grant_is_good_from_its_beginning_to_its_end(access: Access) -> None:
    await present(access)
    now = access.clock.now().timestamp()
    early = grant(access, nbf=int(now) + 301, exp=int(now) + 3600)
    with refuses("access.grant_expired"):
        await redeem(access, early)
    late = grant(access, nbf=int(now) - 3600, exp=int(now))
    with refuses("access.grant_expired"):
        await redeem(access, late)
    half = grant(access, nbf=int(now) - 3600, exp=int(now) + 3600)
    assert (await redeem(access, half))["lifetime"] == 3600.0


# --- clocks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [-56 * 365 * 86_400, -TEN_YEARS, TEN_YEARS])
async def test_a_clock_that_is_not_believed_locks_out_nobody_and_lengthens_nothing(
    access: Access, clock: FakeClock, wrong: float
) -> None:
    text = grant(access)
    clock.step(wrong)
    clock.trust = False
    await present(access)
    answer = await redeem(access, text)
    assert answer["lifetime"] == 7200.0
    clock.step(-wrong)
    clock.trust = True
    await clock.advance(7199)
    assert await lives(access, answer)
    clock.step(-TEN_YEARS)
    await clock.advance(1)
    assert not await lives(access, answer)


async def test_a_grant_that_ended_before_the_newest_believed_time_is_refused_on_any_clock(
    access: Access, clock: FakeClock
) -> None:
    old = grant(access)
    await clock.advance(3 * HOUR)
    async with access.database.unit() as unit:
        unit.execute(
            "INSERT INTO facts (name, value) VALUES ('last_seen', ?)", (str(clock.now().timestamp()),)
        )
    clock.step(-TEN_YEARS)
    clock.trust = False
    await present(access)
    with refuses("access.grant_expired"):
        await redeem(access, old)


async def test_a_visit_goes_on_after_a_reboot_but_gains_no_time(tmp_path: Path, clock: FakeClock) -> None:
    async with open_access(tmp_path, clock, boot="one", operator=OPERATOR.key) as access:
        text = grant(access)
        await present(access)
        first = await redeem(access, text)
        await clock.advance(HOUR)
        await access.service.technicians.visits.count()
    clock.trust = False
    clock.step(-TEN_YEARS)
    async with open_access(tmp_path, clock, boot="two", operator=OPERATOR.key) as access:
        assert not await lives(access, first)
        second = await redeem(access, text)  # without presence: the key was let in before
        assert second["lifetime"] == 7200 - HOUR - 60
        assert second["visit"] == first["visit"]
        with refuses("access.grant_used"):
            await redeem(access, text)
        await clock.advance(7200 - HOUR - 60)
        await access.service.technicians.visits.count()
        assert not await lives(access, second)
    async with open_access(tmp_path, clock, boot="three", operator=OPERATOR.key) as access:
        await access.service.technicians.visits.count()
        with refuses("access.grant_used"):
            await redeem(access, text)


# --- the owner's codes -----------------------------------------------------------------------------------


async def test_the_owners_code_lets_one_technician_in_once(access: Access) -> None:
    invited = await access.call("access.technician.invite", {"label": "Bo", "lifetime": HOUR}, caller=SHELL)
    assert invited["expires_in"] == 3600.0
    typed = invited["code"].upper().replace("-", " ")
    answer = await access.call("access.technician.redeem", {"code": typed})
    assert (answer["role"], answer["lifetime"]) == ("technician", HOUR)
    asking = asyncio.ensure_future(access.call("access.technician.redeem", {"code": typed}))
    while not access.clock._sleepers:
        await asyncio.sleep(0.001)
    await access.clock.advance(0.5)
    with refuses("access.technician_code_wrong"):
        await asking
    await access.clock.advance(HOUR - 0.5)
    assert not await lives(access, answer)


async def test_a_code_ends_with_its_time_and_with_the_boot(tmp_path: Path, clock: FakeClock) -> None:
    async def wrong(access: Access, code: str) -> bool:
        asking = asyncio.ensure_future(access.call("access.technician.redeem", {"code": code}))
        while not asking.done():
            await asyncio.sleep(0.001)
            if clock._sleepers:
                await clock.advance(0.5)
        return isinstance(asking.exception(), GatewayError)

    async with open_access(tmp_path, clock, boot="one") as access:
        code = (await access.call("access.technician.invite", {"valid": 60}, caller=SHELL))["code"]
        other = (await access.call("access.technician.invite", {"valid": 60}, caller=SHELL))["code"]
        late = (await access.call("access.technician.invite", caller=SHELL))["code"]
        await clock.advance(59)
        assert not await wrong(access, code)
        await clock.advance(1)
        assert await wrong(access, other)
    async with open_access(tmp_path, clock, boot="two") as access:
        assert await wrong(access, late)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"lifetime": 8 * HOUR + 1}, "lifetime"),
        ({"lifetime": 0}, "lifetime"),
        ({"valid": 2 * 86_400}, "valid"),
        ({"label": ""}, "label"),
        ({"scopes": ["wifi:reveal"]}, "scopes"),
        ({"scopes": []}, "scopes"),
    ],
)
async def test_an_invitation_beyond_the_limits(access: Access, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(GatewayError) as error:
        await access.call("access.technician.invite", fields, caller=SHELL)
    assert (error.value.code, error.value.field) == ("request.invalid_field", field)


# --- what the owner sees and can end ------------------------------------------------------------------------


async def technician(access: Access, answer: Any) -> Caller:
    session = access.service._sessions.find(answer["session"])
    assert session is not None
    return access.service._sessions.caller(session)


async def test_every_act_stands_in_the_receipt(access: Access) -> None:
    answer = await by_code(access)
    caller = await technician(access, answer)
    with refuses("access.forbidden"):
        await access.call("access.pairing.open", caller=caller)
    await access.call("access.logout", caller=caller)
    await access.call("access.pairing.open", caller=SHELL)  # somebody else's
    receipt = await access.call("access.technician.visits.get", {"visit": answer["visit"]}, caller=SHELL)
    acts = [(act["operation"], act["outcome"]) for act in receipt["acts"]]
    assert acts == [("access.pairing.open", "access.forbidden"), ("access.logout", "ok")]
    assert receipt["ended"] is not None
    assert receipt["left"] == 0.0
    listed = await access.call("access.technician.visits.list", caller=SHELL)
    assert [item["id"] for item in listed["items"]] == [answer["visit"]]


async def test_the_owner_ends_a_visit_at_once(access: Access) -> None:
    answer = await by_code(access)
    caller = await technician(access, answer)
    await access.call("access.technician.visits.end", {"visit": answer["visit"]}, caller=SHELL)
    assert not await lives(access, answer)
    assert not access.service.still_valid(caller)
    with refuses("access.visit_not_found"):
        await access.call("access.technician.visits.end", {"visit": "no"}, caller=SHELL)


async def test_raising_the_epoch_ends_everything_of_the_earlier_one(access: Access) -> None:
    await present(access)
    answer = await redeem(access, grant(access))
    code = (await access.call("access.technician.invite", caller=SHELL))["code"]
    raised = await access.call("access.technician.revoke", caller=SHELL)
    assert raised == {"epoch": 1}
    assert not await lives(access, answer)
    await present(access)
    with refuses("access.grant_expired"):
        await redeem(access, grant(access, jti="grant-2"))
    asking = asyncio.ensure_future(access.call("access.technician.redeem", {"code": code}))
    while not access.clock._sleepers:
        await asyncio.sleep(0.001)
    await access.clock.advance(1)
    with refuses("access.technician_code_wrong"):
        await asking
    await redeem(access, grant(access, jti="grant-3", epoch=1))


async def test_an_operator_who_raised_the_epoch_ends_earlier_visits(access: Access) -> None:
    await present(access)
    first = await redeem(access, grant(access))
    await present(access)
    await redeem(access, grant(access, jti="grant-2", epoch=5))
    assert not await lives(access, first)
    assert await access.service.technicians.epoch() == 5


async def test_a_restored_backup_voids_all_grants(access: Access) -> None:
    await present(access)
    answer = await redeem(access, grant(access))
    await access.service.void_sessions()
    assert not await lives(access, answer)
    await present(access)
    with refuses("access.grant_expired"):
        await redeem(access, grant(access, jti="grant-2"))
