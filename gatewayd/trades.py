"""The features, built on the doors they are given. `app.py` calls it; nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gatewayd.access import AccessService, AuditLog, Privacy, PrivacySettings
from gatewayd.box.household import Household
from gatewayd.diagnostics import DiagnosticsService
from gatewayd.diagnostics import personal as diagnostics_personal
from gatewayd.doors import Doors
from gatewayd.dvr.client import RecorderClient
from gatewayd.dvr.fetcher import HttpNetwork
from gatewayd.dvr.personal import DvrArea
from gatewayd.dvr.service import DvrService
from gatewayd.events import Bus
from gatewayd.places import Places
from gatewayd.settings import Settings
from gatewayd.store.database import Database
from gatewayd.store.keeper import Keeper
from gatewayd.store.personal import PersonalArea
from gatewayd.system.clock import SystemClock
from gatewayd.system.zone import find_zone
from gatewayd.tasks import Tasks
from gatewayd.upkeep import personal as upkeep_personal
from gatewayd.upkeep.service import Upkeep
from gatewayd.wifi import WifiService
from gatewayd.wifi import personal as wifi_personal


@dataclass(frozen=True, slots=True)
class Ground:
    """What every feature stands on."""

    settings: Settings
    where: Places
    clock: SystemClock
    bus: Bus
    tasks: Tasks
    database: Database


@dataclass(frozen=True, slots=True)
class Trades:
    """The features, built."""

    access: AccessService
    household: Household
    wifi: WifiService
    dvr: DvrService
    diagnostics: DiagnosticsService
    upkeep: Upkeep


async def open_trades(
    stack: AsyncExitStack, ground: Ground, doors: Doors, access: AccessService, restart: Callable[[], None]
) -> Trades:
    """Starts every feature; what must end is pushed onto `stack`. `restart` starts the daemon anew."""
    box_zone = await asyncio.to_thread(find_zone, ground.settings.box.time_zone)
    household = Household(ground.database, box_zone)
    await household.load()
    wifi = await _wifi(stack, ground, doors, access.box_id, household)
    dvr = _television(stack, ground)
    doctor = DiagnosticsService(
        world=doors.world,
        targets=doors.targets,
        wan=ground.settings.network.wan,
        database=ground.database,
        clock=ground.clock,
    )
    await doctor.start()

    async def busy() -> str | None:
        running = (await dvr.summary()).recording
        return f"{running} recording{'s are' if running > 1 else ' is'} running." if running else None

    upkeep = Upkeep(ground.database, ground.clock, ground.tasks, doors.power, restart, busy)
    await upkeep.start()
    return Trades(access, household, wifi, dvr, doctor, upkeep)


def open_privacy(
    ground: Ground, trades: Trades, settings: PrivacySettings, audit: AuditLog, keeper: Keeper
) -> Privacy:
    """Exporting and erasing what all features hold of people, and their retention."""
    privacy = Privacy(
        ground.database,
        ground.clock,
        settings,
        audit,
        personal_areas(ground, trades),
        folder=ground.where.state / "exports",
        rewrite_backups=lambda: keeper.rewrite_backups(ground.database),
    )
    ground.tasks.supervise("privacy", privacy.keep)
    return privacy


def personal_areas(ground: Ground, trades: Trades) -> tuple[PersonalArea, ...]:
    """What each feature holds of people."""
    database = ground.database
    return (
        trades.access.personal,
        wifi_personal.personal(database),
        DvrArea(database, ground.clock, ground.where.media, trades.dvr.wake, trades.dvr.exports.drop),
        diagnostics_personal.personal(database),
        upkeep_personal.personal(database),
    )


async def _wifi(
    stack: AsyncExitStack, ground: Ground, doors: Doors, box: str, household: Household
) -> WifiService:
    settings = ground.settings
    service = WifiService(
        driver=doors.radio,
        database=ground.database,
        bus=ground.bus,
        clock=ground.clock,
        tasks=ground.tasks,
        first_ssid=f"Home {box[-4:]}",
        max_changes_per_minute=settings.wifi.max_changes_per_minute,
        zone=lambda: household.zone,
        bridges=settings.network.bridges,
    )
    household.watch(service.look_again)
    stack.push_async_callback(service.close)
    await service.start()
    return service


def _television(stack: AsyncExitStack, ground: Ground) -> DvrService:
    settings = ground.settings.dvr
    recorder = RecorderClient(ground.where.media_socket)
    stack.push_async_callback(recorder.close)
    place = ground.settings.network
    home = (place.lan,) if place.mode != "host" and place.lan else ()  # no questions to the provider's side
    network = HttpNetwork(allow_loopback=settings.allow_loopback, interfaces=home)
    service = DvrService(settings, ground.database, ground.clock, recorder=recorder, network=network)
    ground.tasks.supervise("television", service.run, most=2.0)
    ground.tasks.supervise("sources", service.refresher.run)
    return service
