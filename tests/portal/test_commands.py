"""The ledger of commands: once, in time, and answered truthfully."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from gatewayd.errors import GatewayError
from gatewayd.ledger import Ledger
from gatewayd.operations import Locks, Recovery
from gatewayd.portal.commands import CommandLedger
from gatewayd.portal.contracts import Command, Finish
from gatewayd.store.database import Database
from tests.support.clock import FakeClock
from tests.support.store import open_database

SECRET = b"k" * 32


class Bench:
    """A ledger, and an effect that counts itself in the same unit as the answer."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.clock = clock
        self.effects = 0
        self.commands = CommandLedger(Ledger(database, clock, SECRET), Locks(), clock)

    async def act(self, finish: Finish) -> bytes:
        """The effect."""
        self.effects += 1
        async with self.database.unit() as unit:
            finish(unit, f"answer {self.effects}".encode())
        return f"answer {self.effects}".encode()

    async def once(self, act: Callable[[Finish], Awaitable[bytes]] | None = None, **changes: object) -> bytes:
        """Sends the command."""
        return await self.commands.once(command(**changes), act or self.act)


def command(**changes: object) -> Command:
    """A command that changes something."""
    plain = Command(
        controller="self::desk", key="key:job-7", name="set", request=b"body", recovery="transaction"
    )
    return msgspec.structs.replace(plain, **changes)


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """On a state of its own."""
    async with open_database(tmp_path) as database:
        yield Bench(database, FakeClock())


async def refused(bench: Bench, **changes: Any) -> str:
    """The code of its refusal."""
    with pytest.raises(GatewayError) as caught:
        await bench.once(**changes)
    return caught.value.code


class PowerCut(BaseException):
    """Nothing after this line happens."""


@pytest.mark.parametrize("recovery", ["transaction", "redo", "never"])
async def test_five_times_is_once(bench: Bench, recovery: Recovery) -> None:
    answers = [await bench.once(recovery=recovery) for _ in range(5)]
    assert answers == [b"answer 1"] * 5
    assert bench.effects == 1


async def test_another_body_with_the_same_key_is_refused(bench: Bench) -> None:
    await bench.once()
    assert await refused(bench, request=b"another body") == "idempotency.mismatch"
    assert await bench.once() == b"answer 1"


async def test_another_body_with_the_same_message_id_is_another_command(bench: Bench) -> None:
    assert await bench.once(key="msg:1") == b"answer 1"
    assert await bench.once(key="msg:1", request=b"another body") == b"answer 2"
    assert await bench.once(key="msg:1") == b"answer 1"


async def test_another_controller_has_keys_of_its_own(bench: Bench) -> None:
    assert await bench.once() == b"answer 1"
    assert await bench.once(controller="self::clerk") == b"answer 2"


@pytest.mark.parametrize(
    ("recovery", "again"),
    [("transaction", "answer 1"), ("redo", "answer 1"), ("never", "operation.outcome_unknown")],
)
async def test_cut_off_before_its_effect(bench: Bench, recovery: Recovery, again: str) -> None:
    async def cut(finish: Finish) -> bytes:
        raise PowerCut

    with pytest.raises(PowerCut):
        await bench.once(cut, recovery=recovery)
    if "." in again:
        assert await refused(bench, recovery=recovery) == again
        assert bench.effects == 0
    else:
        assert (await bench.once(recovery=recovery)).decode() == again


async def test_a_refusal_is_remembered_where_a_row_came_first(bench: Bench) -> None:
    async def refuse(finish: Finish) -> bytes:
        raise GatewayError("wifi.network_not_found", "There is no such network.")

    with pytest.raises(GatewayError):
        await bench.once(refuse, recovery="redo")
    assert await refused(bench, recovery="redo") == "wifi.network_not_found"
    assert bench.effects == 0


async def test_expired_is_never_carried_out_and_says_so(bench: Bench) -> None:
    past = bench.clock.now().timestamp() - 1
    assert await refused(bench, expires=past) == "portal.expired"
    # Not even when it comes again without its limit: it was said that it will not be.
    assert await refused(bench, expires=None) == "portal.expired"
    assert bench.effects == 0


async def test_in_time_is_answered_also_when_it_is_late_by_then(bench: Bench) -> None:
    soon = bench.clock.now().timestamp() + 10
    assert await bench.once(expires=soon) == b"answer 1"
    await bench.clock.advance(60)
    assert await bench.once(expires=soon) == b"answer 1"


async def test_begun_before_a_restart_and_late_by_then_is_unknown(bench: Bench) -> None:
    async def cut(finish: Finish) -> bytes:
        raise PowerCut

    soon = bench.clock.now().timestamp() + 10
    with pytest.raises(PowerCut):
        await bench.once(cut, recovery="redo", expires=soon)
    await bench.clock.advance(60)
    assert await refused(bench, recovery="redo", expires=soon) == "operation.outcome_unknown"
    assert bench.effects == 0


async def test_without_a_clock_a_limit_cannot_be_kept(bench: Bench) -> None:
    bench.clock.trust = False
    later = bench.clock.now().timestamp() + 3600
    assert await refused(bench, expires=later) == "portal.clock_untrusted"
    assert await bench.once() == b"answer 1"  # nothing was remembered against it


async def test_the_ledger_holds_no_request(bench: Bench) -> None:
    await bench.once(request=b"passphrase123", key="msg:9")
    rows = await bench.database.fetch_all("SELECT * FROM ledger")
    assert len(rows) == 1
    assert b"passphrase123" not in b"".join(str(tuple(row)).encode() for row in rows)
