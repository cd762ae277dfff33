"""The portal link put together: the agent on the table of operations, links under it, the outbox beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from gatewayd.events import Bus
from gatewayd.ledger import Ledger
from gatewayd.operations import Auditor, Locks, Operation, Registry
from gatewayd.portal import core, trust
from gatewayd.portal.commands import CommandLedger
from gatewayd.portal.contracts import About
from gatewayd.portal.identity import PortalIdentity, draw_endpoint_id
from gatewayd.portal.links import Links
from gatewayd.portal.log import PortalLog
from gatewayd.portal.notifications_queue import NotificationsQueue
from gatewayd.portal.operations import PortalOffice, portal_operations
from gatewayd.portal.outbox import Deliverer
from gatewayd.portal.policy import OwnerPolicy
from gatewayd.portal.restored import RestoredGuard
from gatewayd.portal.stored import Stored
from gatewayd.portal.timers import Timers, timer_operations
from gatewayd.portal.wiring import LINK, specs
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock
from gatewayd.tasks import Tasks


class Ground(Struct, frozen=True, kw_only=True):
    """What the portal stands on. `key` is the file of the box's key, `folder` is where its certificates are
    kept; `oui` and `serial` are the maker's, where he provisioned them;
    `restored`: the state is that of a backup, since this start."""

    database: Database
    bus: Bus
    clock: Clock
    tasks: Tasks
    locks: Locks
    ledger: Ledger
    auditor: Auditor
    may_leave: Callable[[str], bool]
    key: Path
    folder: Path
    secret: bytes
    software: str
    boot: str
    oui: str | None = None
    serial: str | None = None
    restored: bool = False


class Portal:
    """The portal's part of the house. Its `rows` belong in the table before `start`."""

    def __init__(
        self,
        ground: Ground,
        stored: Stored,
        identity: PortalIdentity,
        policy: OwnerPolicy,
        guard: RestoredGuard,
    ) -> None:
        self._ground = ground
        self._stored = stored
        self.identity = identity
        self.policy = policy
        self.log = PortalLog(ground.database, ground.clock, ground.auditor)
        self._queue = NotificationsQueue(ground.database, ground.clock, ground.may_leave)
        self.links = Links(
            stored, identity, guard, database=ground.database, clock=ground.clock, bus=ground.bus
        )
        self._deliverer = Deliverer(self._queue, self.links.send)
        self.links.on_up(self._deliverer.wake, self._deliverer.heard)

    @classmethod
    async def open(cls, ground: Ground) -> Portal:
        """Reads what is kept."""
        stored = Stored(ground.database)
        await stored.load()
        async with ground.database.unit() as unit:
            trust.seed(unit, stored)
        drawn = await draw_endpoint_id(ground.database, oui=ground.oui, serial=ground.serial)
        endpoint = (stored.row(LINK) or {}).get("EndpointID") or drawn
        policy = OwnerPolicy(ground.database, ground.clock, ground.may_leave)
        await policy.load()
        guard = RestoredGuard(ground.database)
        await guard.load()
        if ground.restored:
            await guard.arm(specs(stored))
        return cls(ground, stored, PortalIdentity(endpoint, ground.key, ground.folder), policy, guard)

    @property
    def rows(self) -> tuple[Operation, ...]:
        """Its operations."""
        office = PortalOffice(
            stored=self._stored,
            identity=self.identity,
            links=self.links,
            queue=self._queue,
            policy=self.policy,
            log=self.log,
        )
        return (*portal_operations(office), *timer_operations(Timers(self._ground.clock)))

    async def start(self, registry: Registry) -> None:
        """Begins to work; `registry` is complete."""
        ground = self._ground
        built = await core.build(
            about=About(
                endpoint=self.identity.endpoint,
                software=ground.software,
                oui=ground.oui or "",
                serial=ground.serial or "",
                started=ground.clock.monotonic(),
                folder=str(ground.key.parent),
            ),
            database=ground.database,
            bus=ground.bus,
            clock=ground.clock,
            registry=registry,
            stored=self._stored,
            commands=CommandLedger(ground.ledger, ground.locks, ground.clock),
            outbox=self._queue,
            policy=self.policy,
            witness=self.log,
            secret=ground.secret,
            links=self.links,
        )
        await built.notifier.start(ground.boot)
        ground.tasks.supervise("portal notifier", built.notifier.run)
        ground.tasks.supervise("portal triggers", built.triggers.run)
        ground.tasks.supervise("portal outbox", self._deliverer.run, most=5.0)
        ground.tasks.supervise("portal links", lambda: self.links.run(built.agent))

    def summary(self) -> tuple[bool, bool, str]:
        """Whether there is a link at all, whether it is up, and a sentence."""
        if (self._stored.row(LINK) or {}).get("Enabled") != "true":
            return False, False, "No portal is configured."
        states = tuple(self.links.status.values())
        if not states:
            return True, False, "The portal is configured and nothing of it can be used."
        down = [each for each in states if each.state != "up"]
        if not down:
            return True, True, "The link to the portal is up."
        reason = f": {down[0].reason}" if down[0].reason else ""
        return True, False, f"The link to the portal is down{reason}."
