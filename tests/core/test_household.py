"""The household's time zone: chosen, kept over a restart, followed by what is scheduled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gatewayd.box.household import Household, HouseholdChanged, household_rows
from gatewayd.errors import GatewayError
from tests.support.clock import FakeClock
from tests.support.core import Core, open_core
from tests.wifi.box import Box, open_box

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


@asynccontextmanager
async def box(folder: Path, zone: ZoneInfo = BERLIN) -> AsyncIterator[tuple[Core, Household]]:
    async with open_core(folder, FakeClock()) as core:
        household = Household(core.database, zone)
        await household.load()
        core.registry.add(household_rows(household))
        yield core, household


async def test_it_is_the_boxs_own_until_somebody_chooses(tmp_path: Path) -> None:
    async with box(tmp_path) as (core, household):
        assert await core.call("household.get") == {"time_zone": "Europe/Berlin", "time_zone_from": "box"}
        seen: list[str] = []
        household.watch(lambda: seen.append(household.zone.key))
        with core.bus.subscribe("household.*") as events:
            answer = await core.call("household.update", {"time_zone": "Asia/Kathmandu"})
            assert (await anext(events)).data == HouseholdChanged(time_zone="Asia/Kathmandu")
        assert answer == {"time_zone": "Asia/Kathmandu", "time_zone_from": "household"}
        assert await core.call("household.get") == answer
        assert seen == ["Asia/Kathmandu"]
    async with box(tmp_path) as (core, household):
        assert household.zone.key == "Asia/Kathmandu"
        back = await core.call("household.update", {"time_zone": None})
        assert back == {"time_zone": "Europe/Berlin", "time_zone_from": "box"}
    async with box(tmp_path, ZoneInfo("UTC")) as (_, household):
        assert household.zone.key == "UTC"


@pytest.mark.parametrize(
    "name", ["", "Berlin", "europe/berlin", "../../etc/passwd", "/etc/localtime", "localtime", "x" * 10_000]
)
async def test_what_is_no_zone_changes_nothing(tmp_path: Path, name: str) -> None:
    async with box(tmp_path) as (core, household):
        with pytest.raises(GatewayError, match=rf"time zone.*{len(name)} characters") as refused:
            await core.call("household.update", {"time_zone": name})
        assert (refused.value.code, refused.value.field) == ("request.invalid_field", "time_zone")
        assert household.zone is BERLIN


async def test_a_zone_that_is_known_no_more_counts_as_none(tmp_path: Path) -> None:
    async with box(tmp_path) as (core, _), core.database.unit() as unit:
        unit.execute("UPDATE household SET time_zone = 'Atlantis/Capital'")
    async with box(tmp_path) as (_, household):
        assert household.zone is BERLIN


async def on_air(box: Box) -> bool:
    return (await box.house.call("wifi.networks.get", network="guest"))["off"] is None


async def test_schedules_follow_the_zone_and_its_summer_time(tmp_path: Path) -> None:
    """07:00 to 22:00 by the wall clock, in the night of 29 March 2026 in which Berlin loses an hour."""
    clock = FakeClock(datetime(2026, 3, 28, 20, 30, tzinfo=UTC))  # 21:30 in Berlin
    zones = [ZoneInfo("UTC")]
    async with open_box(tmp_path, clock, zone=lambda: zones[0]) as box:
        made = await box.house.call(
            "wifi.networks.create",
            role="guest",
            schedule=[{"days": list(range(7)), "start": "07:00", "end": "22:00"}],
        )
        await box.applied(made["change"]["id"])
        assert await on_air(box)
        zones[0] = ZoneInfo("Europe/Berlin")
        box.house.service.look_again()
        assert await on_air(box)
        await clock.advance(0.5 * HOUR)
        await box.until(lambda network: network["off"] == "schedule")
        await clock.advance(7.9 * HOUR)  # 04:54 UTC: 06:54 by summer time, and 05:54 by winter time
        assert not await on_air(box)
        await clock.advance(0.1 * HOUR + 30)
        await box.until(lambda network: network["off"] is None)


async def test_another_zone_is_followed_at_once(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    zones = [ZoneInfo("UTC")]
    async with open_box(tmp_path, clock, zone=lambda: zones[0]) as box:
        made = await box.house.call(
            "wifi.networks.create",
            role="guest",
            schedule=[{"days": list(range(7)), "start": "07:00", "end": "14:00"}],
        )
        await box.applied(made["change"]["id"])
        words = (await box.house.call("wifi.networks.reveal", network="guest"))["passphrase"]
        name = (await box.house.call("wifi.networks.get", network="guest"))["ssid"]
        assert box.radio.join("02:aa:00:00:00:01", name, words)
        zones[0] = ZoneInfo("Asia/Tokyo")  # 21:00 there
        box.house.service.look_again()
        began = clock.monotonic()
        while await box.radio.stations():
            assert clock.monotonic() - began < 30, "it waited for its next look at the clock"
            await clock.advance(0.1)
            await asyncio.sleep(0.002)
