"""Self-repair: what the household has allowed is tried, one step at a time, and whether it helped is written
down. Nothing is allowed until somebody allows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

import msgspec
import structlog

from gatewayd.diagnostics.model import Diagnosis
from gatewayd.diagnostics.outage_incidents import Incident
from gatewayd.diagnostics.outage_model import (
    STEPS,
    OutageScope,
    RepairAttempt,
    RepairTaken,
    Step,
    StepState,
)
from gatewayd.diagnostics.outages import attempt_from_row
from gatewayd.diagnostics.repair_guard import STEP_EVERY, Past, least_ago, next_step
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
LOOK = 10.0
AFTER = 60.0
"""Seconds that an outage lasts before anything is tried: most are over by then."""
DIAGNOSE_EVERY = 120.0
LONGEST = 60.0
"""Seconds that a step itself may take."""
PROBE_EVERY = 5.0
SETTLE: dict[Step, float] = {"renew_lease": 30.0, "bounce_wan": 60.0, "restart_modem": 240.0, "reboot": 240.0}
"""Seconds within which the probe has to work again for a step to count as having helped."""
KEPT = 500
MOST_NOTE = 300
_SCOPES: frozenset[OutageScope] = frozenset({"internet", "v4", "dns"})


class Rung(NamedTuple):
    """A step as it can be taken here. `take` raises GatewayError when it cannot; `mend` undoes what a crash
    in its middle may have left."""

    take: Callable[[], Awaitable[None]]
    mend: Callable[[], Awaitable[None]] | None = None


class Repairs:
    """Owns the tables `repairs` and `repair_steps`.

    `lasting` tells the outages that last, `probe` asks again what one failed at, `diagnose` finds the
    verdict. `rungs` are the steps that this box can take.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        boot: str,
        lasting: Callable[[], Collection[Incident]],
        probe: Callable[[OutageScope], Awaitable[bool]],
        diagnose: Callable[[], Awaitable[Diagnosis]],
        rungs: Mapping[Step, Rung],
    ) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot
        self._lasting = lasting
        self._probe = probe
        self._diagnose = diagnose
        self._rungs = dict(rungs)
        self._diagnosed: float | None = None

    @property
    def possible(self) -> tuple[Step, ...]:
        """The steps that this box can take, the gentlest first."""
        return tuple(step for step in STEPS if step in self._rungs)

    async def allowed(self) -> tuple[Step, ...]:
        """The steps that the household allows."""
        rows = await self._database.fetch_all("SELECT step FROM repair_steps")
        chosen = {row["step"] for row in rows}
        return tuple(step for step in STEPS if step in chosen)

    def allow(self, unit: Unit, steps: Collection[Step]) -> tuple[Step, ...]:
        """Queues the choice of steps, in the place of the one before. Raises InvalidField `steps` for a step
        that this box cannot take."""
        if missing := [step for step in STEPS if step in steps and step not in self._rungs]:
            raise InvalidField("steps", f"This box cannot do {missing[0]}: {_WHY_NOT[missing[0]]}")
        unit.execute("DELETE FROM repair_steps")
        for step in set(steps):
            unit.execute("INSERT INTO repair_steps (step) VALUES (?)", (step,))
        return tuple(step for step in STEPS if step in steps)

    async def newest(self, limit: int) -> list[RepairAttempt]:
        """The steps that were taken last, newest first."""
        rows = await self._database.fetch_all("SELECT * FROM repairs ORDER BY seq DESC LIMIT ?", (limit,))
        return [attempt_from_row(row) for row in rows]

    async def run(self) -> None:
        """Runs for ever. First it ends what a restart has left open."""
        await self.recover()
        while True:
            await self.look()
            await self._clock.sleep(LOOK)

    # --- after a restart --------------------------------------------------------------------------------

    async def recover(self) -> None:
        """A restart of the machine that we asked for is judged now. Any other step that was under way when
        the daemon ended is undone where it must be, and nobody knows whether it helped. Raises GatewayError
        when it cannot be undone yet (the helper is not up): to be tried again, since the WAN may be down."""
        for row in await self._database.fetch_all("SELECT * FROM repairs WHERE state = 'running'"):
            attempt = attempt_from_row(row)
            if attempt.step == "reboot" and row["boot"] != self._boot:
                found = await self._database.fetch_one(
                    "SELECT scope FROM outages WHERE id = ?", (attempt.outage,)
                )
                await self._judge(attempt, "internet" if found is None else found["scope"])
                continue
            rung = self._rungs.get(attempt.step)
            if rung is not None and rung.mend is not None:
                await rung.mend()
            await self._end(attempt, "interrupted", "The daemon ended in the middle of this step.")

    # --- one look ---------------------------------------------------------------------------------------

    async def look(self) -> RepairAttempt | None:
        """Takes the next step if there is one to take; returns it with its outcome."""
        incident = self._worst()
        if incident is None or not (allowed := set(await self.allowed()) & self._rungs.keys()):
            return None
        past = await self._past()
        ran = self._clock.monotonic()
        waits = any(ago < STEP_EVERY for ago in least_ago(past, self._boot, ran))
        if waits or (self._diagnosed is not None and ran - self._diagnosed < DIAGNOSE_EVERY):
            return None
        self._diagnosed = ran
        diagnosis = await self._diagnose()
        if diagnosis.confidence == "low" or incident not in self._lasting():
            return None
        now = self._clock.monotonic()
        step = next_step(allowed, diagnosis.verdict, incident.id, past, self._boot, now)
        return None if step is None else await self._take(step, incident, diagnosis.verdict)

    def _worst(self) -> Incident | None:
        now = self._clock.monotonic()
        old = [
            one
            for one in self._lasting()
            if one.scope in _SCOPES and one.end is None and now - one.start >= AFTER
        ]
        return min(old, key=lambda one: ("internet", "v4", "dns").index(one.scope), default=None)

    async def _past(self) -> list[Past]:
        rows = await self._database.fetch_all(
            "SELECT step, outage, boot, ran, state FROM repairs ORDER BY seq DESC LIMIT ?", (KEPT,)
        )
        return [Past(*row) for row in reversed(rows)]

    async def _take(self, step: Step, incident: Incident, verdict: str) -> RepairAttempt:
        attempt = RepairAttempt(
            id=new_id(),
            step=step,
            outage=incident.id,
            verdict=verdict,
            state="running",
            began=self._clock.now(),
        )
        async with self._database.unit() as unit:  # before the step: what it breaks is not forgotten
            unit.execute(
                "INSERT INTO repairs (id, step, outage, verdict, boot, ran, began, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 'running')",
                (
                    *(attempt.id, step, incident.id, verdict, self._boot),
                    *(self._clock.monotonic(), attempt.began.timestamp()),
                ),
            )
            unit.execute("DELETE FROM repairs WHERE seq <= (SELECT max(seq) FROM repairs) - ?", (KEPT,))
            unit.emit(RepairTaken(attempt=attempt))
        log.warning("repair.step", step=step, verdict=verdict)
        try:
            async with asyncio.timeout(LONGEST):
                await self._rungs[step].take()
        except GatewayError as error:
            return await self._end(attempt, "failed", error.detail)
        except TimeoutError:
            return await self._end(attempt, "failed", f"It took longer than {LONGEST:.0f} s.")
        return await self._judge(attempt, incident.scope)

    async def _judge(self, attempt: RepairAttempt, scope: OutageScope) -> RepairAttempt:
        """Runs the failing probe again until it works, or until the step has had its time."""
        end = self._clock.monotonic() + SETTLE[attempt.step]
        while True:
            await self._clock.sleep(PROBE_EVERY)
            if await self._probe(scope):
                return await self._end(attempt, "helped")
            if self._clock.monotonic() >= end:
                return await self._end(attempt, "did_not_help")

    async def _end(self, attempt: RepairAttempt, state: StepState, note: str = "") -> RepairAttempt:
        row = await self._database.fetch_one("SELECT boot, ran FROM repairs WHERE id = ?", (attempt.id,))
        same = row is not None and row["boot"] == self._boot
        seconds = None if row is None or not same else round(self._clock.monotonic() - row["ran"], 1)
        ended = msgspec.structs.replace(attempt, state=state, seconds=seconds, note=note[:MOST_NOTE])
        async with self._database.unit() as unit:
            unit.execute(
                "UPDATE repairs SET state = ?, seconds = ?, note = ? WHERE id = ?",
                (state, seconds, ended.note, attempt.id),
            )
            unit.emit(RepairTaken(attempt=ended))
        log.warning("repair.outcome", step=attempt.step, state=state)
        return ended


_WHY_NOT: dict[Step, str] = {
    "renew_lease": "nothing here can ask for a new lease.",
    "bounce_wan": "the settings do not name the WAN's interface (network.wan).",
    "restart_modem": "the settings do not say how the modem is restarted (repair.modem_url).",
    "reboot": "it has no power switch.",
}
