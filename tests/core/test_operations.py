"""Dispatch: the one executor, with everything that it promises."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd import wire
from gatewayd.callers import INTERNAL, ROLES, Caller, anonymous
from gatewayd.errors import GatewayError
from gatewayd.operations import Call, Context, Operation, PartRefused, Request, Result, Scope
from gatewayd.system.secret import Secret
from tests.support.core import Core, open_core

VIEWER = Caller(id="session:viewer", role="viewer", scopes=ROLES["viewer"], via="http")


class CupPut(Request, frozen=True, kw_only=True):
    cup: Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
    litres: Annotated[float, msgspec.Meta(ge=0, le=5)] = 1.0
    password: Secret | None = None


class CupAnswer(Result, frozen=True, kw_only=True):
    cup: str
    count: int


class Kitchen:
    """A feature in miniature: it counts how often its effect took place."""

    def __init__(self) -> None:
        self.poured = 0
        self.happened: CupAnswer | None = None
        self.fail: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def pour(self, request: CupPut, context: Context) -> CupAnswer:
        if self.gate is not None:
            await self.gate.wait()
        if self.fail is not None:
            raise self.fail
        self.poured += 1
        context.unit.execute(
            "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?",
            (request.cup, str(self.poured), str(self.poured)),
        )
        return CupAnswer(cup=request.cup, count=self.poured)

    async def check(self, request: CupPut) -> CupAnswer | None:
        return self.happened

    def rows(self) -> list[Operation]:
        rows = [
            self._row(f"kitchen.{kind}", recovery=kind, check=self.check if kind == "check" else None)
            for kind in ("transaction", "redo", "check", "never")
        ]
        rows.append(self._row("kitchen.secret", recovery="transaction", secret_answer=True))
        return rows

    def _row(self, name: str, **more: Any) -> Operation:
        return Operation(
            name=name,
            summary=name,
            request=CupPut,
            result=CupAnswer,
            scope=Scope.DVR_MANAGE,
            method="POST",
            path=f"/{name}/{{cup}}",
            handler=self.pour,
            mutates=True,
            lock="kitchen:{cup}",
            target="cup",
            **more,
        )


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
async def core(tmp_path: Path, kitchen: Kitchen) -> AsyncIterator[Core]:
    async with open_core(tmp_path) as made:
        made.registry.add(kitchen.rows())
        yield made


async def refusal(core: Core, name: str, arguments: dict[str, Any], **more: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await core.call(name, arguments, **more)
    return caught.value


async def audit(core: Core) -> list[tuple[str, str, str]]:
    rows = await core.database.fetch_all("SELECT caller, target, outcome FROM audit ORDER BY id")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("kind", ["transaction", "redo", "check", "never"])
async def test_a_repeat_with_the_same_key_gets_the_first_answer(
    core: Core, kitchen: Kitchen, kind: str
) -> None:
    first = await core.call(f"kitchen.{kind}", {"cup": "a"}, key="k1")
    again = await core.call(f"kitchen.{kind}", {"cup": "a"}, key="k1")
    assert first == again == {"cup": "a", "count": 1}
    assert kitchen.poured == 1


async def test_without_a_key_it_is_done_each_time(core: Core, kitchen: Kitchen) -> None:
    await core.call("kitchen.transaction", {"cup": "a"})
    await core.call("kitchen.transaction", {"cup": "a"})
    assert kitchen.poured == 2


async def test_two_at_once_with_one_key_are_done_once(core: Core, kitchen: Kitchen) -> None:
    kitchen.gate = asyncio.Event()
    both = [asyncio.create_task(core.call("kitchen.redo", {"cup": "a"}, key="k")) for _ in range(2)]
    await asyncio.sleep(0.05)
    kitchen.gate.set()
    assert await both[0] == await both[1]
    assert kitchen.poured == 1


async def test_the_same_key_with_another_body_is_a_mismatch(core: Core, kitchen: Kitchen) -> None:
    await core.call("kitchen.transaction", {"cup": "a"}, key="k")
    error = await refusal(core, "kitchen.transaction", {"cup": "b"}, key="k")
    assert error.code == "idempotency.mismatch"
    assert error.field == "Idempotency-Key"
    assert kitchen.poured == 1


async def test_the_same_key_of_another_caller_is_another_key(core: Core, kitchen: Kitchen) -> None:
    other = msgspec.structs.replace(INTERNAL, id="uid:7")
    await core.call("kitchen.transaction", {"cup": "a"}, key="k")
    await core.call("kitchen.transaction", {"cup": "a"}, key="k", caller=other)
    assert kitchen.poured == 2


async def test_a_secret_answer_is_not_kept(core: Core) -> None:
    await core.call("kitchen.secret", {"cup": "a"}, key="k")
    assert (
        await refusal(core, "kitchen.secret", {"cup": "a"}, key="k")
    ).code == "idempotency.answer_not_kept"
    row = await core.database.fetch_one("SELECT answer FROM ledger")
    assert row is not None
    assert row["answer"] is None


@pytest.mark.parametrize(
    ("kind", "happened", "poured"),
    [("redo", None, 1), ("check", None, 1), ("check", CupAnswer(cup="a", count=7), 0), ("never", None, None)],
)
async def test_what_was_begun_before_a_restart(
    core: Core, kitchen: Kitchen, kind: str, happened: CupAnswer | None, poured: int | None
) -> None:
    """The row is there, the answer is not: each recovery tells the truth in its own way."""
    kitchen.gate = asyncio.Event()
    cut = asyncio.create_task(core.call(f"kitchen.{kind}", {"cup": "a"}, key="k"))
    await asyncio.sleep(0.05)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    kitchen.gate, kitchen.happened = None, happened
    if poured is None:
        error = await refusal(core, f"kitchen.{kind}", {"cup": "a"}, key="k")
        assert error.code == "operation.outcome_unknown"
        assert kitchen.poured == 0
        return
    answer = await core.call(f"kitchen.{kind}", {"cup": "a"}, key="k")
    assert answer["count"] == (happened.count if happened else 1)
    assert kitchen.poured == poured
    assert await core.call(f"kitchen.{kind}", {"cup": "a"}, key="k") == answer


async def test_a_refusal_changes_nothing_and_is_audited(core: Core, kitchen: Kitchen) -> None:
    kitchen.fail = GatewayError("wifi.network_not_found", "no")
    assert (
        await refusal(core, "kitchen.transaction", {"cup": "a"}, key="k")
    ).code == "wifi.network_not_found"
    kitchen.fail = None
    await core.call("kitchen.transaction", {"cup": "a"}, key="k")
    assert await audit(core) == [("box", "a", "wifi.network_not_found"), ("box", "a", "ok")]


async def test_several_together_are_one_change(core: Core, kitchen: Kitchen) -> None:
    kitchen.gate = asyncio.Event()
    kitchen.gate.set()
    told: list[list[bytes]] = []
    calls = [Call(name="kitchen.transaction", arguments={"cup": cup, "litres": "2"}) for cup in ("a", "b")]
    answers = await core.registry.together(calls, INTERNAL, also=lambda _unit, bodies: told.append(bodies))
    assert [answer.body for answer in answers] == told[0]
    assert await audit(core) == [("box", "a", "ok"), ("box", "b", "ok")]
    assert await core.database.fetch_one("SELECT * FROM facts WHERE name = 'b'") is not None


@pytest.mark.parametrize(("cups", "index"), [(("", "a"), 0), (("a", ""), 1)])
async def test_one_refusal_among_several_undoes_them_all(
    core: Core, kitchen: Kitchen, cups: tuple[str, str], index: int
) -> None:
    calls = [Call(name="kitchen.transaction", arguments={"cup": cup}) for cup in cups]
    with pytest.raises(PartRefused) as refused:
        await core.registry.together(calls, INTERNAL)
    assert (refused.value.index, refused.value.error.code) == (index, "request.invalid_field")
    assert kitchen.poured == 0


async def test_a_crash_among_several_undoes_them_all(core: Core, kitchen: Kitchen) -> None:
    def spoil(_unit: object, _bodies: list[bytes]) -> None:
        kitchen.fail = ZeroDivisionError("boom")

    call = Call(name="kitchen.transaction", arguments={"cup": "a"})
    await core.registry.together([call], INTERNAL, also=spoil)
    with pytest.raises(PartRefused) as refused:
        await core.registry.together([call], INTERNAL)
    assert refused.value.error.code == "operation.crashed"
    stored = await core.database.fetch_one("SELECT value FROM facts WHERE name = 'a'")
    assert stored is not None
    assert stored["value"] == "1"


async def test_several_with_one_lock_do_not_wait_for_one_another(core: Core, kitchen: Kitchen) -> None:
    calls = [Call(name="kitchen.transaction", arguments={"cup": "a"})] * 2
    async with asyncio.timeout(5):
        await asyncio.gather(*(core.registry.together(calls, INTERNAL) for _ in range(4)))
    assert kitchen.poured == 8


async def test_a_crash_is_answered_with_the_id_of_its_log_entry(core: Core, kitchen: Kitchen) -> None:
    kitchen.fail = ZeroDivisionError("the reason stays inside")
    error = await refusal(core, "kitchen.transaction", {"cup": "a"})
    body = wire.problem(error)
    assert (body["status"], body["code"]) == (500, "operation.crashed")
    assert body["id"] in body["detail"]
    assert "reason stays" not in str(body)


@pytest.mark.parametrize("caller", [VIEWER, anonymous("http")])
async def test_default_deny(core: Core, kitchen: Kitchen, caller: Caller) -> None:
    assert (await refusal(core, "kitchen.redo", {"cup": "a"}, caller=caller)).code == "access.forbidden"
    assert kitchen.poured == 0
    # a stranger's refusals go to the log, not to the table: they must not fill the disk
    assert await audit(core) == ([] if caller.role == "anonymous" else [(VIEWER.id, "a", "access.forbidden")])


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        ({}, "request.missing_field", "cup"),
        ({"cup": "a", "handle": 1}, "request.unknown_field", "handle"),
        ({"cup": ""}, "request.invalid_field", "cup"),
        ({"cup": "x" * 9}, "request.invalid_field", "cup"),
        ({"cup": 5}, "request.invalid_field", "cup"),
        ({"cup": "a", "litres": 6}, "request.invalid_field", "litres"),
        ({"cup": "a", "litres": "1"}, "request.invalid_field", "litres"),
        ({"cup": "a", "password": 12345678}, "request.invalid_field", "password"),
    ],
)
async def test_bad_input_names_the_field(
    core: Core, kitchen: Kitchen, arguments: dict[str, Any], code: str, field: str
) -> None:
    error = await refusal(core, "kitchen.transaction", arguments)
    assert (error.code, error.field) == (code, field)
    assert "12345678" not in error.detail
    assert kitchen.poured == 0


async def test_unknown_operation_and_bad_key(core: Core) -> None:
    assert (await refusal(core, "kitchen.dance", {})).code == "operation.unknown"
    assert (await refusal(core, "kitchen.redo", {"cup": "a"}, key="k" * 201)).field == "Idempotency-Key"


async def test_a_secret_reaches_neither_the_audit_log_nor_the_ledger(core: Core, tmp_path: Path) -> None:
    await core.call("kitchen.transaction", {"cup": "a", "password": "correct horse"}, key="k")
    for table in ("audit", "ledger", "jobs"):
        rows = await core.database.fetch_all(f"SELECT * FROM {table}")
        assert "correct horse" not in repr([tuple(row) for row in rows])


@given(
    st.dictionaries(
        st.sampled_from(["cup", "litres", "password", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_decoding_accepts_or_refuses_with_a_code(arguments: dict[str, Any]) -> None:
    with contextlib.suppress(GatewayError):  # nothing else may escape
        assert 1 <= len(wire.decode(arguments, CupPut).cup) <= 8


def test_rows_are_checked_when_they_are_made(kitchen: Kitchen) -> None:
    with pytest.raises(ValueError, match="recovery"):
        kitchen._row("kitchen.bad", recovery=None)
    with pytest.raises(ValueError, match="check"):
        kitchen._row("kitchen.bad", recovery="check")
