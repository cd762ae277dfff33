"""The audit log: who changed what."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.callers import ROLES, Caller, local
from gatewayd.errors import GatewayError
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock

SHELL = local(1000)


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    async with open_access(tmp_path, FakeClock()) as opened:
        yield opened


async def test_changes_and_refusals_are_told_newest_first(access: Access) -> None:
    opened = await access.call("access.pairing.open", caller=SHELL)
    granted = await access.call("access.claim.finish", {"code": opened["code"], "label": "Ada's phone"})
    owner = await access.service.authenticate(granted["token"])
    await access.call("access.pairing.open", caller=owner)
    viewer = Caller(id="session:v", role="viewer", scopes=ROLES["viewer"], via="http")
    with pytest.raises(GatewayError):
        await access.call("access.sessions.revoke", {"session": "s1"}, caller=viewer)
    answer = await access.call("access.activity.list", caller=owner)
    rows = [(row["operation"], row["caller"], row["outcome"], row["name"]) for row in answer["items"]]
    session = f"session:{granted['session']}"
    assert rows == [
        ("access.sessions.revoke", "session:v", "access.forbidden", None),
        ("access.pairing.open", session, "ok", "Ada's phone"),
        ("access.claim.finish", "anonymous", "ok", None),
        ("access.pairing.open", "uid:1000", "ok", None),
    ]
    assert answer["items"][0]["target"] == "s1"
    assert answer["items"][0]["time"] == "2026-11-23T12:00:00.000Z"
    assert answer["next"] is None


async def test_pages_follow_one_another_without_loss_while_rows_are_added(access: Access) -> None:
    for _ in range(5):
        await access.call("access.pairing.open", caller=SHELL)
    seen: list[str] = []
    cursor = None
    while True:
        arguments = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await access.call("access.activity.list", arguments, caller=SHELL)
        seen += [row["id"] for row in page["items"]]
        await access.call("access.pairing.open", caller=SHELL)
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["5", "4", "3", "2", "1"]


@pytest.mark.parametrize("arguments", [{"cursor": "x"}, {"cursor": "9" * 40}, {"limit": 0}, {"limit": 201}])
async def test_a_bad_page_is_refused(access: Access, arguments: dict[str, object]) -> None:
    with refuses("request.invalid_field"):
        await access.call("access.activity.list", arguments, caller=SHELL)


async def test_rows_cannot_be_rewritten(access: Access) -> None:
    await access.call("access.pairing.open", caller=SHELL)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        async with access.database.unit() as unit:
            unit.execute("UPDATE audit SET outcome = 'never happened'")
