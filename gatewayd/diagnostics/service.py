"""Runs diagnoses, keeps the last ones, and knows the newest answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.checks import all_checks
from gatewayd.diagnostics.engine import run_checks
from gatewayd.diagnostics.house import EmptyHouse, House, Load
from gatewayd.diagnostics.learned import Learned, learn
from gatewayd.diagnostics.model import DiagnosticsPartial, DiagnosticsRun
from gatewayd.diagnostics.remedies import REMEDIES
from gatewayd.diagnostics.results import AnyResult
from gatewayd.diagnostics.verdict import judge
from gatewayd.diagnostics.words import Verdict
from gatewayd.diagnostics.world import World
from gatewayd.errors import GatewayError
from gatewayd.settings import DiagnosticsSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

KEPT = 200
State = Literal["ok", "degraded", "down", "unknown"]
_DOWN: frozenset[Verdict] = frozenset(
    {
        "LINK_DOWN", "ADDR_NO_LEASE", "ADDR_POOL_FULL", "ADDR_LEASE_LOST", "ROUTE_MISSING", "GW_NO_ARP",
        "ISP_UPSTREAM_DOWN", "CAPTIVE_PORTAL", "WALLED_GARDEN", "TCP_BLOCKED",
    }
)  # fmt: skip
_WELL: frozenset[Verdict] = frozenset(
    {
        "OK", "OK_IPV6_ONLY", "OK_CLOUD_DOWN", "SELF_DISK", "WIFI_WEAK", "LAN_CLIENT_LOSS", "PHONE_REG_FAIL",
        "PHONE_ACCOUNT", "PHONE_NOT_REGISTERED",
        "TV_STREAM_SERVER", "TV_MULTICAST", "TV_SIGNAL", "MAIL_UNREACHABLE",
    }
)  # fmt: skip
"""The internet itself works."""


class Progress(Protocol):
    """Where a run tells how far it is (a job's handle)."""

    def progress(self, fraction: float, message: str, partial: msgspec.Struct | None = None) -> None:
        """`fraction` 0..1."""
        ...


class InternetState(NamedTuple):
    """The newest verdict as one word and one sentence, for a status."""

    state: State
    sentence: str
    verdict: Verdict | None


class DiagnosticsService:
    """`wan` is the interface that leads to the modem; None lets the link check find it."""

    def __init__(
        self,
        *,
        world: World,
        targets: DiagnosticsSettings,
        wan: str | None,
        database: Database,
        clock: Clock,
        checks: Sequence[Check[Any]] | None = None,
        lan: tuple[str, ...] = (),
        house: House | None = None,
        load: Load | None = None,
    ) -> None:
        self._world = world
        self._targets = targets
        self._wan = wan
        self._database = database
        self._clock = clock
        self._checks = tuple(checks if checks is not None else all_checks())
        self._latest: Verdict | None = None
        self._lan = lan
        self._house: House = house or EmptyHouse()
        self._load = load
        self._learned = Learned()

    async def start(self) -> None:
        """Remembers the newest verdict of the last time, and what the line was like while it was well."""
        learned = await self._database.fetch_one("SELECT learned FROM diagnostics_learned")
        if learned is not None:
            self._learned = msgspec.json.decode(learned["learned"], type=Learned)
        row = await self._database.fetch_one("SELECT verdict FROM diagnostics_runs ORDER BY id DESC LIMIT 1")
        if row is not None and row["verdict"] in REMEDIES:
            self._latest = row["verdict"]

    async def run(self, handle: Progress, *, thorough: bool = False) -> DiagnosticsRun:
        """One diagnosis, streamed to `handle`, stored when it is finished. `thorough` fills the line, too."""
        started, clock_started = self._clock.now(), self._clock.monotonic()
        so_far: list[AnyResult] = []

        def told(result: AnyResult) -> None:
            so_far.append(result)
            message = result.detail or f"{result.__struct_config__.tag}: {result.status}"
            handle.progress(
                0.95 * len(so_far) / len(self._checks), message, DiagnosticsPartial(results=tuple(so_far))
            )

        around = Surroundings(
            world=self._world,
            targets=self._targets,
            wan=self._wan,
            clock=self._clock,
            lan=self._lan,
            house=self._house,
            load=self._load,
            learned=self._learned,
            thorough=thorough,
        )
        results = await run_checks(self._checks, around, told=told)
        seconds = self._clock.monotonic() - clock_started
        diagnosis = judge(results, seconds=seconds, notes=self._world.notes)
        run = DiagnosticsRun(id=new_id(), started=started, diagnosis=diagnosis, results=results)
        await self._keep(run, learn(self._learned, results))
        self._latest = diagnosis.verdict
        return run

    async def list(self, before: str | None, limit: int) -> list[DiagnosticsRun]:
        """Newest first, older than the id `before`."""
        rows = await self._database.fetch_all(
            "SELECT run FROM diagnostics_runs WHERE id < ? ORDER BY id DESC LIMIT ?", (before or "~", limit)
        )
        return [msgspec.json.decode(row["run"], type=DiagnosticsRun) for row in rows]

    async def get(self, identifier: str) -> DiagnosticsRun:
        """One kept run. Raises GatewayError `diagnostics.run_not_found`."""
        row = await self._database.fetch_one("SELECT run FROM diagnostics_runs WHERE id = ?", (identifier,))
        if row is None:
            raise GatewayError(
                "diagnostics.run_not_found",
                "There is no diagnosis with this id; the last 200 are kept.",
                field="run",
            )
        return msgspec.json.decode(row["run"], type=DiagnosticsRun)

    def latest(self) -> InternetState:
        """What the newest diagnosis said."""
        if self._latest is None:
            return InternetState("unknown", "Nobody has asked for a diagnosis yet.", None)
        return InternetState(_state(self._latest), REMEDIES[self._latest].short, self._latest)

    async def _keep(self, run: DiagnosticsRun, learned: Learned) -> None:
        async with self._database.unit() as unit:
            if learned != self._learned:
                unit.execute(
                    "INSERT INTO diagnostics_learned (id, learned) VALUES (1, ?)"
                    " ON CONFLICT (id) DO UPDATE SET learned = excluded.learned",
                    (msgspec.json.encode(learned),),
                )
                self._learned = learned
            unit.execute(
                "INSERT INTO diagnostics_runs (id, started, verdict, run) VALUES (?, ?, ?, ?)",
                (run.id, run.started.timestamp(), run.diagnosis.verdict, msgspec.json.encode(run)),
            )
            unit.execute(
                "DELETE FROM diagnostics_runs WHERE id NOT IN"
                " (SELECT id FROM diagnostics_runs ORDER BY id DESC LIMIT ?)",
                (KEPT,),
            )


def _state(verdict: Verdict) -> State:
    if verdict in _WELL:
        return "ok"
    if verdict == "UNKNOWN":
        return "unknown"
    return "down" if verdict in _DOWN else "degraded"
