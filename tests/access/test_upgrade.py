"""A box of before there were refresh tokens: its owner is not locked out by the upgrade."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from gatewayd.access import codes
from gatewayd.store import migrate
from tests.access.apps import SHELL
from tests.support.access import open_access, refuses
from tests.support.clock import START, FakeClock

OLD = "gwt_" + "A" * 43


def write_old_state(path: Path) -> None:
    """state.db of schema 7 with an owner, one session, and its name."""
    connection = sqlite3.connect(path, isolation_level=None)
    for step in migrate.migrations("state"):
        if step.number <= 7:
            connection.executescript(step.sql)
    connection.execute("PRAGMA user_version=7")
    moment = START.timestamp()
    connection.execute("INSERT INTO accounts VALUES ('A1', 'owner', ?)", (moment,))
    connection.execute(
        "INSERT INTO sessions (id, account, digest, created, last_used, idle)"
        " VALUES ('S1', 'A1', ?, ?, ?, 60.0)",
        (codes.digest(OLD), moment, moment),
    )
    connection.execute("INSERT INTO access_names VALUES ('S1', 'Old phone')")
    connection.close()


async def test_an_old_token_lives_as_long_as_its_session(tmp_path: Path) -> None:
    clock = FakeClock()
    await asyncio.to_thread(write_old_state, tmp_path / "state.db")
    for boot in ("one", "two"):
        async with open_access(tmp_path, clock, boot=boot) as access:
            caller = await access.service.authenticate(OLD)
            assert (caller.id, caller.role) == ("session:S1", "owner")
            sessions = (await access.call("access.sessions.list", caller=caller))["items"]
            assert [each["label"] for each in sessions] == ["Old phone"]
            await clock.advance(86_400)
    async with open_access(tmp_path, clock) as access:
        await access.call("access.sessions.revoke", {"session": "S1"}, caller=SHELL)
        with refuses("access.unauthenticated"):
            await access.service.authenticate(OLD)
