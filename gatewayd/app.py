"""The one place that builds everything, in order, and stops it in reverse.

    settings and places -> clock, bus, state -> identity -> the other processes -> doors -> trades ->
    the table -> ways in -> READY

Each step pushes its end onto one exit stack: the order of `House.live` is the order of the start and,
read upwards, of the stop.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path

import structlog

from gatewayd import __version__, places
from gatewayd.access import (
    AccessService,
    AuditLog,
    Mailer,
    PrivacySettings,
    ScopeAuthoriser,
    check_mail,
    ensure_box_id,
    privacy_operations,
    read_key,
)
from gatewayd.access import operations as access_operations
from gatewayd.api import Advert, ApiServer, BoxTls, Given, PageFiles, sockets
from gatewayd.api.mdns import own_addresses
from gatewayd.api.server import ADMIN_GROUP, group_id
from gatewayd.banner import banner
from gatewayd.box.household import household_rows
from gatewayd.box.model import Info
from gatewayd.box.operations import box_operations, job_operations
from gatewayd.diagnostics import operations as diagnostics_operations
from gatewayd.doors import Doors, real_doors, simulated_doors
from gatewayd.dvr.operations import operations as dvr_operations
from gatewayd.errors import GatewayError
from gatewayd.events import Bus
from gatewayd.jobs import Jobs
from gatewayd.ledger import Ledger
from gatewayd.lookout import open_look
from gatewayd.meter import further_routes
from gatewayd.netd.client import NetdClient
from gatewayd.operations import Locks, Registry
from gatewayd.overview import overview
from gatewayd.places import Places
from gatewayd.portal.policy import VetoingAuthoriser
from gatewayd.settings import SYSTEM_FILE, Settings, load, parse
from gatewayd.store import outbox
from gatewayd.store.database import Database
from gatewayd.store.keeper import Keeper
from gatewayd.system import core_dumps, files, logs, memory
from gatewayd.system.activation import inherited
from gatewayd.system.boot import boot_id
from gatewayd.system.children import Child
from gatewayd.system.clock import SystemClock
from gatewayd.system.notify import feed_watchdog, notify, watchdog_seconds
from gatewayd.tasks import Tasks
from gatewayd.trades import Ground, Trades, line_operations, open_portal, open_privacy, open_trades, wifi_rows
from gatewayd.upkeep.look_operations import look_operations
from gatewayd.upkeep.operations import operations as upkeep_operations
from gatewayd.wifi.surveyor import Surveyor

log = structlog.get_logger(__name__)
RECORDER_IDLE = 60
SWEEP = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    config: Path | None = None
    demo: bool = False
    state_dir: Path | None = None
    port: int | None = None
    socket: Path | None = None
    log_level: logs.Level = "info"


def run(options: Options) -> bool:
    """Runs the daemon until it is told to stop; True when it is to be started again.

    Ends the process with status 1 and one sentence when it cannot start.
    """
    ring = logs.Ring()
    logs.configure(options.log_level, ring)
    os.umask(0o077)
    core_dumps.forbid()
    memory.give_back_large_blocks()
    try:
        settings = read_settings(options)
        where = places.find(
            demo=options.demo, state_dir=options.state_dir, socket=options.socket, media=settings.dvr.folder
        )
        return asyncio.run(House(options, settings, where, ring).live())
    except GatewayError as error:
        sys.exit(f"gatewayd: {error.detail}")
    except OSError as error:
        sys.exit(f"gatewayd: {error}")


def read_settings(options: Options) -> Settings:
    """`--config`, else the demo's own, else the system's file, else the defaults."""
    if options.config is not None:
        return load(options.config)
    if options.demo:
        return parse((resources.files("gatewayd") / "demo.toml").read_text("utf-8"), "demo.toml")
    return load(SYSTEM_FILE) if SYSTEM_FILE.exists() else Settings()


class House:
    """A running daemon."""

    def __init__(
        self, options: Options, settings: Settings, where: Places, ring: logs.Ring | None = None
    ) -> None:
        self._options = options
        self._settings = settings
        self._where = where
        self._clock = SystemClock(settings.clock.trust)
        self._started = self._clock.now()
        self.ring = ring or logs.Ring()  # what is logged from now on
        self._bus = Bus(self._clock)
        self._tasks = Tasks()
        self._keeper = Keeper(where.state, self._clock)
        self._stop = asyncio.Event()
        self._again = False
        self.ready = asyncio.Event()
        """Set once everything is up; from then on `registry` and `trades` are there."""
        self.registry: Registry | None = None
        self.trades: Trades | None = None

    def stop(self) -> None:
        """Ends `live`, as SIGTERM does."""
        self._stop.set()

    async def live(self) -> bool:
        """From the first file to the last; True when the daemon is to be started again."""
        async with AsyncExitStack() as stack:
            self._listen_to_signals()
            await asyncio.to_thread(self._make_folders)
            stack.callback(os.close, self._lock)
            database = await self._open_state(stack)
            tls = await self._open_identity(database)
            await self._start_processes(stack)
            doors = await self._open_doors(stack)
            access = await self._open_access(stack, database, tls)
            ground = Ground(self._settings, self._where, self._clock, self._bus, self._tasks, database)
            trades = await open_trades(stack, ground, doors, access, self.restart)
            stack.push_async_callback(self._tasks.close)
            registry = await self._lay_table(ground, trades, doors.surveyor)
            api = await self._open_ways_in(stack, registry, tls, trades)
            self.registry, self.trades = registry, trades
            await self._say_ready(api, tls, trades)
            self.ready.set()
            await self._stop.wait()
            notify("STOPPING=1")
        return self._again

    def restart(self) -> None:
        """Ends this process so that a new one takes its place; what it started goes on meanwhile."""
        self._again = True
        self._stop.set()

    # --- ground -------------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    def _make_folders(self) -> None:
        for folder in (self._where.state, self._where.run, self._where.state / "hostapd"):
            files.ensure_folder(folder)
        # Also the lock: two daemons on one state would undo one another's promises.
        self._lock = os.open(self._where.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GatewayError(
                "settings.invalid", f"another gatewayd already runs on {self._where.state}"
            ) from None

    async def _open_state(self, stack: AsyncExitStack) -> Database:
        database = await self._keeper.open(self._bus)
        stack.push_async_callback(database.close)
        self._privacy = PrivacySettings(database)
        await self._privacy.load()
        database.on_leaving(outbox.writer(self._clock, self._privacy.may_leave))
        row = await database.fetch_one("SELECT value FROM facts WHERE name = 'last_seen'")
        if row is not None:
            self._clock.floor(datetime.fromtimestamp(float(row["value"]), UTC))
        self._tasks.supervise("backup", lambda: self._keeper.back_up_daily(database))
        self._tasks.supervise("last-seen", lambda: self._remember_time(database))
        return database

    async def _remember_time(self, database: Database) -> None:
        """The newest time that can be believed, so that a dead clock battery is noticed."""
        while True:
            if self._clock.trusted():
                async with database.unit() as unit:
                    unit.execute(
                        "INSERT INTO facts (name, value) VALUES ('last_seen', ?)"
                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                        (str(self._clock.now().timestamp()),),
                    )
            await self._clock.sleep(SWEEP)

    async def _open_identity(self, database: Database) -> BoxTls:
        self._box_id = await ensure_box_id(database)
        api = self._settings.api
        given = Given.of(api.certificate, api.key)
        tls = BoxTls(self._where.state / "tls", self._clock, box=self._box_id, names=api.hosts, given=given)
        await tls.load()
        self._tasks.supervise("certificate", tls.keep)
        return tls

    # --- the other processes ------------------------------------------------------------------------

    async def _start_processes(self, stack: AsyncExitStack) -> None:
        """Those that systemd does not run. The demo has no netd: its network is simulated."""
        where = self._where
        if where.managed:
            return
        recorder = Child(
            "recorder",
            [
                *("-m", "gatewayd.dvr.media", "--socket", str(where.media_socket)),
                *("--folder", str(where.media), "--idle-exit", str(RECORDER_IDLE)),
            ],
            where.media_socket,
        )
        helper = Child("netd", ["-m", "gatewayd.netd", "--socket", str(where.netd_socket)], where.netd_socket)
        supervisors = Tasks()
        for child in (recorder,) if self._options.demo else (recorder, helper):
            # Recordings wait for it: one that worked is back at once, however often it dies.
            supervisors.supervise(child.name, child.run, first=0.1, steady=2.0)
            stack.push_async_callback(self._end_process, child)
        stack.push_async_callback(supervisors.close)

    async def _end_process(self, child: Child) -> None:
        """At the end; not before a restart of ourselves: a recording goes on and is adopted."""
        if not self._again:
            await child.stop()

    async def _open_doors(self, stack: AsyncExitStack) -> Doors:
        if self._options.demo:
            return simulated_doors(self._clock, self._tasks)
        network = NetdClient(self._where.netd_socket)
        stack.push_async_callback(network.close)
        return await asyncio.to_thread(
            real_doors, self._settings, self._where, network, self._clock, self._tasks
        )

    # --- access and the table -----------------------------------------------------------------------

    async def _open_access(self, stack: AsyncExitStack, database: Database, tls: BoxTls) -> AccessService:
        operator, email = self._settings.access.operator_key, self._settings.email
        mailed = check_mail(email)
        access = AccessService(
            database=database,
            clock=self._clock,
            box_id=self._box_id,
            fingerprint=tls.spki_sha256(),
            host=lambda: f"{self._box_id}.local:{self._port}",
            boot=await asyncio.to_thread(boot_id),
            operator=None if operator is None else read_key(operator),
            mailed=mailed,
        )
        await access.load()
        if self._keeper.restored_from is not None:
            await access.void_sessions()
        stack.push_async_callback(access.close)
        self._tasks.supervise("sessions", access.keep)
        self._tasks.supervise("visits", access.technicians.keep)
        if mailed:
            mailer = Mailer(database, self._bus, self._clock, email, box=self._settings.box.name)
            self._tasks.supervise("mail", mailer.run)
        return access

    async def _lay_table(self, ground: Ground, trades: Trades, surveyor: Surveyor) -> Registry:
        """The operations of everything, behind the one executor."""
        database, locks = ground.database, Locks()
        audit = AuditLog(database, self._clock, trades.access.alerts.changed)
        jobs = Jobs(database, self._bus, self._clock, self._tasks, locks)
        await jobs.recover()
        secret = await asyncio.to_thread(self._ledger_secret)
        ledger = Ledger(database, self._clock, secret)
        portal = await open_portal(ground, self._privacy, locks, ledger, audit, secret, self._keeper)
        registry = Registry(
            database=database,
            clock=self._clock,
            jobs=jobs,
            locks=locks,
            ledger=ledger,
            authoriser=VetoingAuthoriser(ScopeAuthoriser(), portal.policy),
            auditor=portal.log,
        )
        look = open_look(ground, registry, self.ring, started=self._started, helper=not self._options.demo)
        parts = overview(trades, portal, look, self._keeper.restored_from)
        self._further = partial(further_routes, trades, parts, look)
        registry.add((*box_operations(lambda: self._info(trades), parts), *job_operations(jobs, registry)))
        registry.add(household_rows(trades.household))
        registry.add(access_operations(trades.access, audit))
        registry.add(wifi_rows(trades.wifi, surveyor))
        registry.add(dvr_operations(trades.dvr))
        registry.add(diagnostics_operations(trades.diagnostics))
        registry.add(line_operations(ground, trades))
        registry.add((*upkeep_operations(trades.upkeep), *look_operations(look)))
        privacy = open_privacy(ground, trades, self._privacy, audit, self._keeper, look.bundles.drop)
        registry.add(privacy_operations(privacy))
        registry.add(portal.rows)
        await portal.start(registry)
        self._tasks.supervise("ledger", ledger.keep)
        return registry

    def _ledger_secret(self) -> bytes:
        file = self._where.state / "ledger.key"
        if not file.exists():
            files.write_atomically(file, secrets.token_bytes(32))
        return file.read_bytes()

    def _info(self, trades: Trades) -> Info:
        return Info(
            id=self._box_id,
            name=self._settings.box.name,
            model=self._settings.box.model,
            version=__version__,
            api="v1",
            state=trades.access.state,
            started=self._started,
        )

    # --- the ways in --------------------------------------------------------------------------------

    @property
    def _port(self) -> int:
        return self._options.port or self._settings.api.port

    async def _open_ways_in(
        self, stack: AsyncExitStack, registry: Registry, tls: BoxTls, trades: Trades
    ) -> ApiServer:
        async def info() -> Info:
            return self._info(trades)

        api = ApiServer(
            registry=registry,
            bus=self._bus,
            authenticator=trades.access,
            box=info,
            hosts=self._settings.api.hosts,
            page=await asyncio.to_thread(PageFiles),
            extra=self._further,
        )
        given, group = inherited(), await asyncio.to_thread(group_id, ADMIN_GROUP)
        stack.push_async_callback(api.close)
        await api.start(
            tls=tls.context,
            https=given.get("https") or [sockets.open_tcp(self._port, self._settings.api.address)],
            local=given.get("api") or [sockets.open_unix(self._where.api_socket, group=group)],
            redirect=given.get("http", []),
        )
        if self._settings.api.advertise:
            lan = self._settings.network.lan
            addresses = None if lan is None else lambda: own_addresses([lan])
            advert = Advert(info, self._bus, port=api.port, addresses=addresses)
            self._tasks.supervise("mdns", advert.run)
        return api

    async def _say_ready(self, api: ApiServer, tls: BoxTls, trades: Trades) -> None:
        if (within := watchdog_seconds()) is not None:
            self._tasks.supervise("watchdog", lambda: feed_watchdog(within / 3))
        notify("READY=1")
        log.info("gatewayd.ready", id=self._box_id, port=api.port, version=__version__)
        if self._options.demo:
            opened = await trades.access.open_at_start()
            text = banner(
                address=f"https://localhost:{api.port}/",
                socket=str(self._where.api_socket),
                fingerprint=tls.spki_sha256(),
                claimed=trades.access.state == "ready",
                code=opened.code if opened else None,
                uri=opened.uri if opened else None,
            )
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
