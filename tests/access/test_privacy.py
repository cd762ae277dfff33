"""What may leave the box: asked at the outbox; how long things are kept; what deleting leaves on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.access import AuditLog, Privacy, PrivacySettings, privacy_operations
from gatewayd.access.alerts import AlertRaised
from gatewayd.callers import local
from gatewayd.errors import GatewayError
from gatewayd.store import outbox
from gatewayd.store.keeper import Keeper
from gatewayd.upkeep.model import Restart, Restarted
from tests.support.access import Access, open_access, refuses
from tests.support.clock import START, FakeClock

SHELL = local(0)
DAY = 86_400.0
ALERT = AlertRaised(kind="new_session", subject="s1", sentence="Somebody.")


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    async with open_access(tmp_path, FakeClock()) as opened:
        yield opened


async def settings_of(access: Access) -> PrivacySettings:
    """As app.py has it: loaded, asked by the outbox, and changed by its operations."""
    settings = PrivacySettings(access.database)
    await settings.load()
    access.database.on_leaving(outbox.writer(access.clock, settings.may_leave))
    privacy = Privacy(
        access.database,
        access.clock,
        settings,
        AuditLog(access.database, access.clock),
        [access.service.personal],
        folder=access.database.path.parent / "exports",
        rewrite_backups=lambda: Keeper(access.database.path.parent, access.clock).rewrite_backups(
            access.database
        ),
    )
    access.registry.add(privacy_operations(privacy))
    return settings


async def leave(access: Access) -> list[str]:
    """Lets one event of each of two purposes happen; the topics that wait in the outbox."""
    async with access.database.unit() as unit:
        unit.emit(ALERT)
        unit.emit(RESTARTED)
    return [row["type"] for row in await access.database.fetch_all("SELECT type FROM outbox ORDER BY id")]


RESTARTED = Restarted(restart=Restart(id="r", target="daemon", state="back", reason="", asked=START))


async def test_only_what_the_service_needs_leaves_by_default(access: Access) -> None:
    settings = await settings_of(access)
    assert [purpose for purpose, on in settings.share.items() if on] == ["service"]
    assert await leave(access) == ["upkeep.restarted"]
    for topic in ("dvr.recording_changed", "devices.joined", "wifi.changed", "nobody.knows", "jobs.changed"):
        assert not settings.may_leave(topic)


async def test_a_purpose_that_is_allowed_leaves_and_one_that_is_withdrawn_does_not(access: Access) -> None:
    settings = await settings_of(access)
    shown = await access.call("privacy.settings.update", {"share": {"alerts": True}}, caller=SHELL)
    assert shown["share"]["alerts"]
    assert await leave(access) == ["access.alert", "upkeep.restarted"]
    await access.call("privacy.settings.update", {"share": {"alerts": False}}, caller=SHELL)
    assert [row["type"] for row in await access.database.fetch_all("SELECT type FROM outbox")] == [
        "upkeep.restarted"
    ]  # what waited is gone as well
    await access.call("privacy.settings.update", {"share": {"service": False}}, caller=SHELL)
    assert await leave(access) == []
    assert not settings.allows("service")


async def test_a_choice_outlives_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_access(tmp_path, clock) as access:
        await settings_of(access)
        await access.call(
            "privacy.settings.update", {"share": {"usage": True}, "keep": {"audit": 30}}, caller=SHELL
        )
    async with open_access(tmp_path, clock) as access:
        settings = await settings_of(access)
        assert settings.allows("usage")
        assert settings.days["audit"] == 30


def test_before_it_is_loaded_nothing_leaves(tmp_path: Path) -> None:
    settings = PrivacySettings(None)  # type: ignore[arg-type]  # it is not asked
    assert not settings.may_leave("upkeep.restarted")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"share": {"everything": True}}, "share"),
        ({"share": {"usage": 1}}, "share"),
        ({"keep": {"audit": 0}}, "keep"),
        ({"keep": {"audit": 4000}}, "keep"),
        ({"keep": {"secrets": 5}}, "keep"),
    ],
)
async def test_a_choice_that_is_none(access: Access, fields: dict[str, Any], field: str) -> None:
    settings = await settings_of(access)
    with pytest.raises(GatewayError) as error:
        await access.call("privacy.settings.update", fields, caller=SHELL)
    assert (error.value.code, (error.value.field or "").partition("[")[0]) == ("request.invalid_field", field)
    assert settings.days["audit"] == 400


async def test_deleting_needs_areas_that_exist_and_a_proof_of_oneself(access: Access) -> None:
    await settings_of(access)
    with pytest.raises(GatewayError) as error:
        await access.call("privacy.delete", {"areas": ["moon"]}, caller=SHELL)
    assert error.value.field == "areas"
    code = (await access.call("access.pairing.open", caller=SHELL))["code"]
    granted = await access.call("access.claim.finish", {"code": code})
    await access.clock.advance(3600)
    session = access.service._sessions.find(granted["session"])
    assert session is not None
    with refuses("access.step_up_needed"):
        await access.call(
            "privacy.delete", {"areas": ["accounts"]}, caller=access.service._sessions.caller(session)
        )


async def test_retention_forgets_what_is_older_than_was_chosen(access: Access) -> None:
    settings = await settings_of(access)
    async with access.database.unit() as unit:
        settings.change(unit, {}, {"audit": 10, "alerts": 5})
    privacy = Privacy(
        access.database,
        access.clock,
        settings,
        AuditLog(access.database, access.clock),
        [access.service.personal],
        folder=access.database.path.parent,
        rewrite_backups=lambda: Keeper(access.database.path.parent, access.clock).rewrite_backups(
            access.database
        ),
    )
    await access.call("access.pairing.open", caller=SHELL)
    async with access.database.unit() as unit:
        unit.emit(ALERT)
        access.service.alerts.raise_(unit, "many_failures", "claim")
    await access.clock.advance(7 * DAY)
    access.clock.trust = False
    await privacy.forget_old()
    assert await rows(access, "alerts") == 1  # nobody knows the time
    access.clock.trust = True
    await privacy.forget_old()
    assert (await rows(access, "alerts"), await rows(access, "audit")) == (0, 1)
    await access.clock.advance(4 * DAY)
    await privacy.forget_old()
    assert await rows(access, "audit") == 0


async def rows(access: Access, table: str) -> int:
    row = await access.database.fetch_one(f"SELECT count(*) AS rows FROM {table}")
    assert row is not None
    return int(row["rows"])


async def test_scrubbing_leaves_no_freed_page_and_no_old_log(tmp_path: Path) -> None:
    word = "Canary-freed-page"
    async with open_access(tmp_path, FakeClock()):
        pass
    with sqlite3.connect(tmp_path / "state.db") as state:  # an earlier release, without secure_delete
        state.execute("PRAGMA secure_delete=OFF")
        state.execute("CREATE TABLE old (text TEXT)")
        state.executemany("INSERT INTO old VALUES (?)", [(f"{word} {n} " + "x" * 500,) for n in range(200)])
        state.commit()
        state.execute("DROP TABLE old")
    state.close()
    async with open_access(tmp_path, FakeClock()) as access:
        assert any(word.encode() in path.read_bytes() for path in tmp_path.iterdir())
        await access.database.scrub()
        assert not [path.name for path in tmp_path.iterdir() if word.encode() in path.read_bytes()]
        assert (tmp_path / "state.db-wal").stat().st_size == 0
        await access.call("access.pairing.open", caller=SHELL)  # and it is still a database


async def test_backups_and_damaged_files_are_replaced(access: Access, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, access.clock)
    await keeper.back_up(access.database, access.clock.now())
    await access.clock.advance(DAY)
    await keeper.back_up(access.database, access.clock.now())
    for name in ("state.damaged-1.db", "state.damaged-1.db-wal", "backups/state-x.part"):
        (tmp_path / name).write_text("old")
    await access.clock.advance(1)
    assert await keeper.rewrite_backups(access.database) == 5
    assert len(keeper.backups()) == 1
    assert not list(tmp_path.glob("state.damaged*"))
