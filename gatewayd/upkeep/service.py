"""Restarting the daemon and the box: written down first, never twice, not while something records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from gatewayd.callers import Caller
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id
from gatewayd.tasks import Tasks
from gatewayd.upkeep.model import Restart, Restarted, Restarting, Target, When

HOUR = 3600.0
MOST_PER_HOUR = 4
"""A portal that repeats itself cannot keep the box down: at most this many restarts an hour, all callers."""
LEAD = 1.0
"""Seconds between the answer and the restart, so that the answer reaches who asked."""
LOOK = 10.0


class Power(Protocol):
    """The machine's power switch."""

    async def reboot(self) -> None:
        """Asks for a restart of the machine. Raises GatewayError."""
        ...


class Upkeep:
    """Owns the restarts. `restart_daemon` ends this process so that it comes back.

    `busy` says in one sentence why it is a bad moment (a recording runs), or None.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        tasks: Tasks,
        power: Power,
        restart_daemon: Callable[[], None],
        busy: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._tasks = tasks
        self._power = power
        self._restart_daemon = restart_daemon
        self._busy = busy

    async def start(self) -> None:
        """Reports the restarts that brought us here; takes up those that were still waiting."""
        rows = await self._database.fetch_all("SELECT * FROM restarts WHERE back IS NULL")
        now = self._clock.now().timestamp()
        async with self._database.unit() as unit:
            for row in rows:
                if row["began"] is None:
                    self._follow(_from_row(row))
                    continue
                unit.execute("UPDATE restarts SET back = ? WHERE id = ?", (now, row["id"]))
                unit.emit(Restarted(restart=_from_row({**dict(row), "back": now})))

    async def restart(self, target: Target, when: When, reason: str, caller: Caller, unit: Unit) -> Restart:
        """Queues a restart into the unit; it happens after the answer.

        Raises GatewayError `upkeep.target_unavailable`, `upkeep.too_many_restarts` (with Retry-After) and
        `upkeep.restart_refused` when the box is to go now although something records.
        """
        if target not in ("daemon", "box"):
            raise GatewayError(
                "upkeep.target_unavailable",
                f"This box cannot restart its {target} separately. Restart the box instead.",
                field="target",
            )
        await self._limit()
        busy = await self._busy()
        if target == "box" and when == "now" and busy is not None:
            raise GatewayError(
                "upkeep.restart_refused", f"{busy} Ask with when=idle to restart afterwards.", field="when"
            )
        waits = target == "box" and when == "idle" and busy is not None
        restart = Restart(
            id=new_id(),
            target=target,
            state="waiting" if waits else "restarting",
            reason=reason,
            asked=self._clock.now(),
        )
        unit.execute(
            "INSERT INTO restarts (id, target, caller, reason, asked) VALUES (?, ?, ?, ?, ?)",
            (restart.id, target, caller.id, reason, restart.asked.timestamp()),
        )
        unit.after(lambda: self._follow(restart))
        return restart

    async def _limit(self) -> None:
        now = self._clock.now().timestamp()
        rows = await self._database.fetch_all(
            "SELECT asked FROM restarts WHERE asked > ? AND asked <= ? ORDER BY asked", (now - HOUR, now)
        )
        if len(rows) >= MOST_PER_HOUR:
            raise GatewayError(
                "upkeep.too_many_restarts",
                f"There were {len(rows)} restarts within an hour; the limit is {MOST_PER_HOUR}.",
                retry_after=rows[0]["asked"] + HOUR - now,
            )

    def _follow(self, restart: Restart) -> None:
        self._tasks.spawn(f"restart {restart.target}", self._go(restart))

    async def _go(self, restart: Restart) -> None:
        await self._clock.sleep(LEAD)
        while restart.target == "box" and restart.state == "waiting" and await self._busy() is not None:
            await self._clock.sleep(LOOK)
        restart = msgspec.structs.replace(restart, state="restarting")
        async with self._database.unit() as unit:
            unit.execute(
                "UPDATE restarts SET began = ? WHERE id = ?", (self._clock.now().timestamp(), restart.id)
            )
            unit.emit(Restarting(restart=restart))
        if restart.target == "box":
            await self._power.reboot()
        else:
            self._restart_daemon()


def _from_row(row: Any) -> Restart:
    asked, began, back = row["asked"], row["began"], row["back"]
    return Restart(
        id=row["id"],
        target=row["target"],
        state="back" if back is not None else "waiting" if began is None else "restarting",
        reason=row["reason"],
        asked=datetime.fromtimestamp(asked, UTC),
        back_after=None if back is None or began is None else max(0.0, back - began),
    )
