"""The outage watch with its journal: a world that fails on command, a clock that tests move, a real state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gatewayd.diagnostics.availability import days, months
from gatewayd.diagnostics.history import History
from gatewayd.diagnostics.outage_model import Outage, OutageBegan, OutageEnded, OutageScope
from gatewayd.diagnostics.outages import Journal
from gatewayd.diagnostics.watch import OutageWatch
from gatewayd.errors import GatewayError
from gatewayd.events import Bus, EventData
from gatewayd.settings import DiagnosticsSettings
from gatewayd.store.database import Database
from tests.support.clock import START, FakeClock
from tests.support.store import open_database
from tests.support.world import TARGETS, WAN, FakeWorld

YEAR = 365 * 86_400.0


@dataclass
class Home:
    """A watch and all that it writes to."""

    clock: FakeClock
    world: FakeWorld
    bus: Bus
    database: Database
    history: History
    boot: str = "boot-1"
    told: list[EventData] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database.on_event(lambda unit, data: self.told.append(data))
        self.journal, self.watch = self._made()

    def _made(self) -> tuple[Journal, OutageWatch]:
        journal = Journal(self.database, self.clock, self.boot)
        watch = OutageWatch(
            world=self.world,
            targets=msgspec.structs.replace(TARGETS, anchors_v6=()),
            wan=WAN.name,
            database=self.database,
            journal=journal,
            history=self.history,
            clock=self.clock,
            zone=lambda: UTC,
            jitter=lambda seconds: seconds,
        )
        return journal, watch

    async def restart(self, boot: str | None = None) -> None:
        """The daemon ends and comes back; with another `boot`, so does the machine."""
        self.boot = boot or self.boot
        self.journal, self.watch = self._made()
        await self.watch.start()

    async def live(self, seconds: float) -> None:
        """Rounds at the watch's own pace."""
        end = self.clock.monotonic() + seconds
        while (now := self.clock.monotonic()) < end:
            await self.clock.advance(min(await self.watch.round(), end - now))

    async def outages(self) -> list[Outage]:
        return await self.journal.newest(None, 50)

    def kinds(self) -> list[str]:
        return [f"{type(one).__name__} {one.outage.scope}" for one in self.told]  # type: ignore[attr-defined]


@asynccontextmanager
async def home(folder: Path, clock: FakeClock | None = None) -> AsyncIterator[Home]:
    clock = clock or FakeClock()
    bus = Bus(clock)
    async with AsyncExitStack() as stack:
        history = await History.open(folder, clock)
        stack.push_async_callback(history.close)
        database = await stack.enter_async_context(open_database(folder, bus))
        made = Home(clock, FakeWorld(), bus, database, history)
        await made.watch.start()
        yield made


def broken(world: FakeWorld, *, names: bool = True) -> None:
    world.others = "timeout"
    world.dns = {"192.0.2.53": "timeout"} if names else {}


def healed(world: FakeWorld) -> None:
    world.others, world.dns, world.link, world.v4 = "connected", {}, WAN, ("192.0.2.20",)


async def test_a_blip_of_six_seconds_leaves_nothing(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        broken(here.world)
        await here.live(6)
        healed(here.world)
        await here.live(600)
        assert await here.outages() == []
        assert here.told == []
        assert here.watch.outlook().state == "ok"


async def test_45_seconds_are_one_alarm_one_clear_and_dated_back(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        began = here.clock.now()
        broken(here.world)
        await here.live(45)
        assert here.watch.outlook() == ("down", "The internet does not answer.")
        ended = here.clock.now()
        healed(here.world)
        await here.live(600)
        assert here.kinds() == ["OutageBegan internet", "OutageEnded internet"]
        (only,) = await here.outages()
        assert (only.start, only.scope, only.lines) == (began, "internet", ("v4", "dns"))
        assert only.end is not None
        assert timedelta(0) <= only.end - ended <= timedelta(seconds=5)
        assert only.seconds == (only.end - only.start).total_seconds()
        assert not only.alerted
        assert here.told[1].outage.id == only.id  # type: ignore[attr-defined]
        assert here.watch.alerts() == ()


async def test_a_minute_is_an_alert_in_the_status_until_it_is_over(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        broken(here.world)
        await here.live(100)
        assert here.watch.alerts() == (("diagnostics.internet", "The internet does not answer."),)
        healed(here.world)
        await here.live(60)
        assert here.watch.alerts() == ()
        assert here.kinds() == ["OutageBegan internet", "OutageAlerted internet", "OutageEnded internet"]


async def test_five_minutes_of_flapping_are_one_unstable(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        for _ in range(6):
            broken(here.world)
            await here.live(25)
            healed(here.world)
            await here.live(25)
        await here.live(3600)
        assert here.kinds().count("OutageBegan unstable") == 1
        assert here.kinds().count("OutageEnded unstable") == 1
        assert here.watch.alerts() == ()
        unstable = next(one for one in await here.outages() if one.scope == "unstable")
        assert 200 <= unstable.seconds <= 360


async def test_a_clock_stepped_by_a_year_in_the_middle_leaves_durations_right(tmp_path: Path) -> None:
    for step in (YEAR, -YEAR):
        folder = tmp_path / str(step)
        folder.mkdir()
        async with home(folder) as here:
            await here.live(60)
            broken(here.world)
            await here.live(50)
            here.clock.step(step)
            await here.live(70)
            (lasting,) = await here.outages()
            assert (lasting.seconds, lasting.end) == (120.0, None)
            healed(here.world)
            now = here.clock.now()
            await here.live(60)
            (only,) = await here.outages()
            assert 120 <= only.seconds <= 125
            assert only.end is not None
            assert abs((only.end - now).total_seconds()) <= 5  # in the time that holds now
            assert (only.end - only.start).total_seconds() == pytest.approx(only.seconds, abs=0.1)


async def test_a_box_that_boots_without_a_clock_dates_its_outage_when_it_has_one(tmp_path: Path) -> None:
    clock = FakeClock(datetime(1970, 1, 1, tzinfo=UTC), trust=False)
    async with home(tmp_path, clock) as here:
        broken(here.world)
        await here.live(300)
        healed(here.world)
        await here.live(60)
        (wrong,) = await here.outages()
        assert wrong.start.year == 1970
        true = START - here.clock.now()
        here.clock.step(true.total_seconds())
        here.clock.trust = True
        await here.live(30)
        (right,) = await here.outages()
        assert right.start == wrong.start + true
        assert right.seconds == wrong.seconds
        measured = (await here.history.read("internet_v4_ms", 0, 1e9, 86_400 * 365))[1]
        assert measured == []  # nothing was filed under 1970


async def test_an_outage_goes_on_over_a_restart_of_the_daemon_and_of_the_box(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        broken(here.world)
        await here.live(100)
        await here.clock.advance(30)
        await here.restart()
        assert here.watch.alerts() != ()
        await here.live(60)
        healed(here.world)
        await here.live(60)
        (only,) = await here.outages()
        assert 190 <= only.seconds <= 196
        assert not only.certain
        assert here.kinds() == ["OutageBegan internet", "OutageAlerted internet", "OutageEnded internet"]

        broken(here.world)
        await here.live(100)
        rebooted = FakeClock(here.clock.now() + timedelta(seconds=40))
        rebooted._monotonic = 20.0
        here.clock = rebooted
        await here.restart("boot-2")
        healed(here.world)
        await here.live(60)
        newest = (await here.outages())[0]
        assert 135 <= newest.seconds <= 145


async def test_a_pulled_cable_is_noticed_within_seconds_without_asking_anybody(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        here.world.link = msgspec.structs.replace(WAN, carrier=False)
        here.world.asked.clear()
        await here.live(10)
        assert here.world.asked == []
        (only,) = await here.outages()
        assert only.cause == "carrier"
        assert only.seconds <= 10


async def test_a_lost_lease_is_an_outage_and_a_family_that_never_was_is_none(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        assert here.watch.lines == {"v4": "online", "v6": "unwatched", "dns": "online"}
        here.world.v4 = ()
        await here.live(60)
        (only,) = await here.outages()
        assert (only.scope, only.cause) == ("internet", "lease")


async def test_a_live_connection_vetoes(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        broken(here.world, names=False)
        here.world.heard = True
        await here.live(600)
        assert await here.outages() == []


async def test_a_round_that_cannot_look_changes_nothing(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        await here.live(60)

        async def refused() -> tuple[()]:
            raise OSError("no more memory")

        here.world.links = refused  # type: ignore[method-assign]
        await here.live(120)
        assert here.watch.lines["v4"] == "online"
        assert await here.outages() == []


async def test_the_watch_wakes_up_when_the_cable_is_pulled(tmp_path: Path) -> None:
    class Cable(FakeWorld):
        """Tells of a change when the test says so, and goes by the test's clock."""

        changed = asyncio.Event()

        async def wait(self, seconds: float) -> bool:
            await self.changed.wait()
            self.changed.clear()
            return True

    async with home(tmp_path) as here:
        world = Cable()
        here.world = world
        await here.restart()
        running = asyncio.create_task(here.watch.run())
        try:
            for _ in range(30):
                await here.clock.advance(1)
                await asyncio.sleep(0.005)
            assert here.watch.lines["v4"] == "online"
            world.link = msgspec.structs.replace(WAN, carrier=False)
            world.changed.set()
            for _ in range(9):
                await asyncio.sleep(0.01)  # the database has a thread of its own
                await here.clock.advance(1)
            await asyncio.sleep(0.05)
            (only,) = await here.outages()
            assert only.cause == "carrier"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_without_targets_nothing_is_claimed(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        here.watch._targets = DiagnosticsSettings()
        await here.live(120)
        assert here.watch.outlook().state == "unknown"
        assert await here.history.watched("2000-01-01", "2100-01-01") == {}


def test_the_portal_is_told_of_beginnings_and_ends() -> None:
    assert (OutageBegan.leaves_box, OutageEnded.leaves_box) == (True, True)


def outage(
    start: datetime, seconds: float, scope: OutageScope = "internet", *, lasts: bool = False
) -> Outage:
    return Outage(
        id="x", scope=scope, lines=("v4",), cause="probes", start=start, seconds=seconds,
        end=None if lasts else start + timedelta(seconds=seconds),
    )  # fmt: skip


def test_availability_by_day_and_month_in_the_households_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = days(
        [
            outage(datetime(2026, 10, 24, 21, 0, tzinfo=UTC), 7200.0),  # 23:00 to 01:00 the next day
            outage(datetime(2026, 10, 24, 21, 30, tzinfo=UTC), 600.0, "v6"),
            outage(datetime(2026, 10, 26, 10, 0, tzinfo=UTC), 0.0, lasts=True),
        ],
        {"2026-10-24": 86_400.0, "2026-10-25": 90_000.0, "2026-10-26": 1000.0},
        zone,
        datetime(2026, 10, 23).date(),
        datetime(2026, 10, 26).date(),
        datetime(2026, 10, 26, 11, 0, tzinfo=UTC),
    )
    assert [one.period for one in found] == ["2026-10-23", "2026-10-24", "2026-10-25", "2026-10-26"]
    assert [one.down for one in found] == [0.0, 3600.0, 3600.0, 3600.0]
    assert [one.partly for one in found] == [0.0, 600.0, 0.0, 0.0]
    assert [one.outages for one in found] == [0, 2, 0, 1]
    assert [one.available for one in found] == [None, 0.958333, 0.96, 0.0]  # the 25th had 25 hours
    (month,) = months(found)
    assert month.down == 10_800.0
    assert month.available == pytest.approx(1 - 10_800 / 180_000)


async def test_an_outage_from_a_boot_without_a_clock_is_counted_from_this_boot_on(tmp_path: Path) -> None:
    clock = FakeClock(datetime(1970, 1, 1, tzinfo=UTC), trust=False)
    async with home(tmp_path, clock) as here:
        broken(here.world)
        await here.live(300)
        here.clock = FakeClock()
        here.clock._monotonic = 45.0
        await here.restart("boot-2")
        healed(here.world)
        await here.live(60)
        (only,) = await here.outages()
        assert only.seconds == 45.0  # not the 56 years since 1970
        assert not only.certain


async def test_an_outage_that_cannot_be_written_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home(tmp_path) as here:
        await here.live(60)
        write = here.journal.write

        async def full(happenings: object) -> None:
            raise GatewayError("store.full", "The disk is full.")

        monkeypatch.setattr(here.journal, "write", full)
        broken(here.world)
        with pytest.raises(GatewayError):
            await here.live(60)
        assert await here.outages() == []
        monkeypatch.setattr(here.journal, "write", write)
        healed(here.world)
        await here.live(60)
        (only,) = await here.outages()
        assert (only.scope, only.end is not None) == ("internet", True)
        assert here.kinds() == ["OutageBegan internet", "OutageEnded internet"]
