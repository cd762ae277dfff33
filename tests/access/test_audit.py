"""The audit log keeps what it was told: nothing is changed, nothing is deleted but by retention."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.access import AuditLog
from gatewayd.callers import local
from tests.support.access import Access, open_access
from tests.support.clock import FakeClock

SHELL = local(1000)
DAY = 86_400.0


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    async with open_access(tmp_path, FakeClock()) as opened:
        yield opened


async def acts(access: Access, count: int) -> None:
    for _ in range(count):
        await access.call("access.pairing.open", caller=SHELL)


async def ids(access: Access) -> list[int]:
    return [row["id"] for row in await access.database.fetch_all("SELECT id FROM audit ORDER BY id")]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 3",
        "UPDATE audit SET outcome = 'never happened'",
        "UPDATE audit SET id = 100 WHERE id = 1",
        "INSERT OR REPLACE INTO audit (id, time, caller, role, via, operation, outcome)"
        " VALUES (1, 0, 'x', 'x', 'x', 'x', 'x')",
    ],
)
async def test_rows_stay_as_they_are(access: Access, sql: str) -> None:
    await acts(access, 3)
    before = await access.database.fetch_all("SELECT * FROM audit")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        async with access.database.unit() as unit:
            unit.execute(sql)
    after = await access.database.fetch_all("SELECT * FROM audit")
    assert [tuple(row) for row in after] == [tuple(row) for row in before]


async def test_retention_deletes_from_the_beginning_only(access: Access) -> None:
    audit = AuditLog(access.database, access.clock)
    await acts(access, 2)
    await access.clock.advance(10 * DAY)
    await acts(access, 1)
    access.clock.step(-30 * DAY)  # for a while the clock was wrong
    await acts(access, 1)
    access.clock.step(30 * DAY)
    await acts(access, 1)
    now = access.clock.now().timestamp()
    assert await audit.forget_before(now - 5 * DAY) == 2
    assert await ids(access) == [3, 4, 5]
    assert await audit.forget_before(now + DAY) == 3
    await acts(access, 1)
    assert await ids(access) == [6]  # numbers are never given twice
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        async with access.database.unit() as unit:
            unit.execute("DELETE FROM audit")


async def test_an_empty_log_has_nothing_to_forget(access: Access) -> None:
    assert await AuditLog(access.database, access.clock).forget_before(9e9) == 0


async def test_the_export_is_lines_of_json_that_go_on(access: Access) -> None:
    await acts(access, 5)
    lines: list[Any] = []
    cursor: str | None = None
    while True:
        arguments = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = await access.call("access.activity.export", arguments, caller=SHELL)
        assert answer["count"] == len(answer["lines"].splitlines())
        lines += [json.loads(line) for line in answer["lines"].splitlines()]
        cursor = answer["next"]
        if cursor is None:
            break
    assert [line["id"] for line in lines] == ["1", "2", "3", "4", "5"]
    assert {line["operation"] for line in lines} == {"access.pairing.open"}
    assert {line["caller"] for line in lines} == {"uid:1000"}


async def test_the_export_holds_no_name_and_no_secret(access: Access) -> None:
    opened = await access.call("access.pairing.open", caller=SHELL)
    granted = await access.call("access.claim.finish", {"code": opened["code"], "label": "Ada Lovelace"})
    await access.call("access.technician.invite", {"label": "Bo Diddley"}, caller=SHELL)
    text = (await access.call("access.activity.export", caller=SHELL))["lines"]
    for private in ("Ada", "Bo", opened["code"], opened["secret"], granted["token"]):
        assert private not in text
    assert text.count("\n") == 3
