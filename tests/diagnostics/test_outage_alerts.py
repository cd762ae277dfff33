"""Outages as alerts of the household's: one when it has lasted a minute, one when it is over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from gatewayd.diagnostics.outage_model import (
    Outage,
    OutageAlerted,
    OutageBegan,
    OutageEnded,
    OutageScope,
)
from gatewayd.events import EventData
from gatewayd.household_view import OutageAlerts
from tests.support.access import Access, open_access
from tests.support.clock import FakeClock


def outage(identifier: str, scope: OutageScope = "internet", *, alerted: bool = True) -> Outage:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return Outage(
        id=identifier, scope=scope, lines=("v4",), cause="probes", start=start, end=None, seconds=61.0,
        alerted=alerted,
    )  # fmt: skip


async def told(access: Access, *events: EventData) -> list[tuple[str, str]]:
    access.database.on_event(OutageAlerts(access.service.alerts).witness)
    for event in events:
        async with access.database.unit() as unit:
            unit.emit(event)
    rows = await access.database.fetch_all("SELECT kind, subject FROM alerts ORDER BY rowid")
    return [(row["kind"], row["subject"]) for row in rows]


async def test_an_outage_is_two_alerts(tmp_path: Path) -> None:
    one, short = outage("o1"), outage("o2", alerted=False)
    async with open_access(tmp_path, FakeClock()) as access:
        assert await told(
            access,
            OutageBegan(outage=one), OutageAlerted(outage=one), OutageEnded(outage=one),
            OutageBegan(outage=short), OutageEnded(outage=short),
        ) == [("outage", "o1"), ("outage_over", "o1")]  # fmt: skip


async def test_a_part_that_became_the_whole_is_not_over(tmp_path: Path) -> None:
    part = outage("o1", "v6")
    async with open_access(tmp_path, FakeClock()) as access:
        found = await told(access, OutageAlerted(outage=part), OutageEnded(outage=part, became="internet"))
        assert found == [("outage_part", "o1")]


@pytest.mark.parametrize("scope", get_args(OutageScope))
async def test_only_the_whole_line_is_called_the_internet(scope: OutageScope, tmp_path: Path) -> None:
    async with open_access(tmp_path, FakeClock()) as access:
        [(kind, _)] = await told(access, OutageAlerted(outage=outage("o1", scope)))
        [alert] = await access.service.alerts.unseen()
    assert (kind == "outage") is (scope == "internet")
    assert ("A part" in alert.sentence) is (scope in ("v4", "v6", "dns"))
