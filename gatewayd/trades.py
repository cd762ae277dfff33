"""The features, built on the doors they are given. `app.py` calls it; nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gatewayd import __version__
from gatewayd.access import AccessService, AuditLog, Privacy, PrivacySettings
from gatewayd.box.household import Household
from gatewayd.callers import INTERNAL, Caller
from gatewayd.diagnostics import (
    DiagnosticsService,
    Line,
    ReportBox,
    open_line,
    outage_operations,
    signal_operations,
)
from gatewayd.diagnostics.loading import load_by
from gatewayd.diagnostics.outage_model import Step
from gatewayd.diagnostics.personal import DiagnosticsArea
from gatewayd.diagnostics.repair import Rung
from gatewayd.diagnostics.repair_steps import bounce_wan, called, restart_modem
from gatewayd.diagnostics.tool_operations import tool_operations
from gatewayd.diagnostics.tools import Tools
from gatewayd.doors import Doors
from gatewayd.dvr.client import RecorderClient
from gatewayd.dvr.fetcher import HttpNetwork
from gatewayd.dvr.personal import DvrArea
from gatewayd.dvr.service import DvrService
from gatewayd.events import Bus
from gatewayd.household_view import HouseholdView, OutageAlerts, TelevisionSignal
from gatewayd.ledger import Ledger
from gatewayd.operations import Locks, Operation
from gatewayd.places import Places
from gatewayd.portal.service import Ground as PortalGround
from gatewayd.portal.service import Portal
from gatewayd.settings import Settings
from gatewayd.store.database import Database
from gatewayd.store.keeper import Keeper
from gatewayd.store.personal import PersonalArea
from gatewayd.system.boot import boot_id
from gatewayd.system.clock import SystemClock
from gatewayd.system.zone import find_zone
from gatewayd.tasks import Tasks
from gatewayd.upkeep import personal as upkeep_personal
from gatewayd.upkeep.service import Upkeep
from gatewayd.wifi import WifiService
from gatewayd.wifi import personal as wifi_personal
from gatewayd.wifi.household_operations import household_operations
from gatewayd.wifi.operations import operations as wifi_operations
from gatewayd.wifi.radio_operations import radio_operations
from gatewayd.wifi.survey_operations import operations as survey_operations
from gatewayd.wifi.surveyor import Surveyor


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
    line: Line
    tools: Tools


async def open_trades(
    stack: AsyncExitStack, ground: Ground, doors: Doors, access: AccessService, restart: Callable[[], None]
) -> Trades:
    """Starts every feature; what must end is pushed onto `stack`. `restart` starts the daemon anew."""
    box_zone = await asyncio.to_thread(find_zone, ground.settings.box.time_zone)
    household = Household(ground.database, box_zone)
    await household.load()
    wifi = await _wifi(stack, ground, doors, access.box_id, household)
    dvr = _television(stack, ground, access)

    async def busiest(rate: float) -> str | None:
        return await busiest_station(wifi, rate)

    view = HouseholdView(wifi, dvr, busiest)
    tools = doors.tools(busiest)
    doctor = DiagnosticsService(
        world=doors.world,
        targets=doors.targets,
        wan=ground.settings.network.wan,
        database=ground.database,
        clock=ground.clock,
        house=view,
        lan=tuple(name for name in (ground.settings.network.lan, ground.settings.network.guest) if name),
        load=load_by(tools.speedtest),
    )
    await doctor.start()
    ground.tasks.supervise("carriers", doors.carriers.run)

    async def busy() -> str | None:
        running = (await dvr.summary()).recording
        return f"{running} recording{'s are' if running > 1 else ' is'} running." if running else None

    upkeep = Upkeep(ground.database, ground.clock, ground.tasks, doors.power, restart, busy)
    await upkeep.start()
    ground.database.on_event(OutageAlerts(access.alerts).witness)
    line = await _line(stack, ground, doors, doctor, household, upkeep)
    view.watch = line.watch
    return Trades(access, household, wifi, dvr, doctor, upkeep, line, tools)


async def busiest_station(wifi: WifiService, rate: float, seconds: float = 1.0) -> str | None:
    """The Wi-Fi device, by its address, that moves at least half of `rate` (bit/s); None when none does."""
    before = {one.mac: one.rx_bytes + one.tx_bytes for one in await wifi.known_stations()}
    await asyncio.sleep(seconds)
    moved = {
        one.mac: one.rx_bytes + one.tx_bytes - before.get(one.mac, 0)
        for one in await wifi.known_stations()
        if one.mac in before
    }
    most = max(moved, key=lambda mac: moved[mac], default=None)
    return None if most is None or moved[most] * 8 < rate / 2 * seconds else f"the Wi-Fi device {most}"


def line_operations(ground: Ground, trades: Trades) -> tuple[Operation, ...]:
    """The rows of outages and the report, of television's signal, and of the tools."""
    box = ground.settings.box
    about = ReportBox(id=trades.access.box_id, name=box.name, model=box.model, version=__version__)
    return (
        *outage_operations(trades.line, lambda: about),
        *signal_operations(TelevisionSignal(trades.dvr)),
        *tool_operations(trades.tools, trades.line.history.add),
    )


async def _line(
    stack: AsyncExitStack,
    ground: Ground,
    doors: Doors,
    doctor: DiagnosticsService,
    household: Household,
    upkeep: Upkeep,
) -> Line:
    wan = ground.settings.network.wan

    async def reboot() -> None:
        async with ground.database.unit() as unit:
            await upkeep.restart("box", "now", "Self-repair of an outage", INTERNAL, unit)

    rungs: dict[Step, Rung] = {"reboot": called(reboot)}
    if wan is not None:
        rungs["renew_lease"] = called(lambda: doors.lease.renew(wan))
        rungs["bounce_wan"] = bounce_wan(doors.network, wan, ground.clock)
    if (modem := restart_modem(ground.settings.repair)) is not None:
        rungs["restart_modem"] = modem
    line = await open_line(
        doctor=doctor,
        world=doors.world,
        targets=doors.targets,
        wan=wan,
        rungs=rungs,
        database=ground.database,
        folder=ground.where.state,
        clock=ground.clock,
        boot=await asyncio.to_thread(boot_id),
        zone=lambda: household.zone,
    )
    stack.push_async_callback(line.history.close)
    ground.tasks.supervise("outages", line.watch.run)
    ground.tasks.supervise("repair", line.repairs.run)
    ground.tasks.supervise("history", line.history.run)
    return line


def wifi_rows(wifi: WifiService, surveyor: Surveyor) -> tuple[Operation, ...]:
    """The rows of Wi-Fi."""
    return (
        *wifi_operations(wifi),
        *household_operations(wifi),
        *radio_operations(wifi),
        *survey_operations(wifi.radios, surveyor),
    )


def open_privacy(
    ground: Ground,
    trades: Trades,
    settings: PrivacySettings,
    audit: AuditLog,
    keeper: Keeper,
    drop_copies: Callable[[], Awaitable[None]],
) -> Privacy:
    """Exporting and erasing what all features hold of people, and their retention.

    `drop_copies` removes files that may tell of what was erased.
    """

    async def rewrite() -> int:
        await drop_copies()
        return await keeper.rewrite_backups(ground.database)

    privacy = Privacy(
        ground.database,
        ground.clock,
        settings,
        audit,
        personal_areas(ground, trades),
        folder=ground.where.state / "exports",
        rewrite_backups=rewrite,
    )
    ground.tasks.supervise("privacy", privacy.keep)
    return privacy


async def open_portal(
    ground: Ground,
    privacy: PrivacySettings,
    locks: Locks,
    ledger: Ledger,
    audit: AuditLog,
    secret: bytes,
    keeper: Keeper,
) -> Portal:
    """The link to the operator: its rows belong in the table, then it is started. `secret` keys marks."""
    maker, state = ground.settings.portal, ground.where.state
    return await Portal.open(
        PortalGround(
            database=ground.database,
            bus=ground.bus,
            clock=ground.clock,
            tasks=ground.tasks,
            locks=locks,
            ledger=ledger,
            auditor=audit,
            may_leave=privacy.may_leave,
            key=state / "tls" / "key.pem",
            folder=state / "portal",
            secret=secret,
            software=__version__,
            boot=await asyncio.to_thread(boot_id),
            restored=keeper.restored_from is not None,
            oui=maker.oui,
            serial=maker.serial,
        )
    )


def personal_areas(ground: Ground, trades: Trades) -> tuple[PersonalArea, ...]:
    """What each feature holds of people."""
    database = ground.database
    return (
        trades.access.personal,
        wifi_personal.personal(database),
        DvrArea(database, ground.clock, ground.where.media, trades.dvr.wake, trades.dvr.exports.drop),
        DiagnosticsArea(database, trades.line.history),
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


class _Viewers:
    """Who watches television, as access knows them."""

    def __init__(self, access: AccessService) -> None:
        self._access = access

    def still_valid(self, caller: Caller) -> bool:
        return self._access.still_valid(caller)

    def viewer(self, caller: Caller) -> str:
        account = self._access.account_of(caller)
        return "" if account is None else account.id


def _television(stack: AsyncExitStack, ground: Ground, access: AccessService) -> DvrService:
    settings = ground.settings.dvr
    recorder = RecorderClient(ground.where.media_socket)
    stack.push_async_callback(recorder.close)
    place = ground.settings.network
    home = (place.lan,) if place.mode != "host" and place.lan else ()  # no questions to the provider's side
    network = HttpNetwork(allow_loopback=settings.allow_loopback, interfaces=home)
    service = DvrService(
        settings,
        ground.database,
        ground.clock,
        recorder=recorder,
        network=network,
        media=ground.where.media,
        viewers=_Viewers(access),
    )
    ground.tasks.supervise("television", service.run, most=2.0)
    ground.tasks.supervise("sources", service.refresher.run)
    return service
