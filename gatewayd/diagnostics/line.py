"""What keeps an eye on the line for ever, built together: watch, journal, history, self-repair, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

import msgspec

from gatewayd.diagnostics.history import History
from gatewayd.diagnostics.model import Diagnosis
from gatewayd.diagnostics.outage_model import Step
from gatewayd.diagnostics.outages import Journal
from gatewayd.diagnostics.repair import Repairs, Rung
from gatewayd.diagnostics.report import Reporter
from gatewayd.diagnostics.service import DiagnosticsService
from gatewayd.diagnostics.watch import OutageWatch
from gatewayd.diagnostics.world import World
from gatewayd.settings import DiagnosticsSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock


@dataclass(frozen=True, slots=True)
class Line:
    """The parts. `watch.run`, `repairs.run` and `history.run` are to be supervised, `history` closed at the
    end; `zone` is the household's."""

    watch: OutageWatch
    journal: Journal
    history: History
    repairs: Repairs
    reporter: Reporter
    clock: Clock
    zone: Callable[[], tzinfo]


async def open_line(
    *,
    doctor: DiagnosticsService,
    world: World,
    targets: DiagnosticsSettings,
    wan: str | None,
    rungs: Mapping[Step, Rung],
    database: Database,
    folder: Path,
    clock: Clock,
    boot: str,
    zone: Callable[[], tzinfo],
) -> Line:
    """Opens `folder/history.db` and takes up what lasted. Raises GatewayError `store.newer_schema`."""
    history = await History.open(folder, clock)
    journal = Journal(database, clock, boot)
    watch = OutageWatch(
        world=world, targets=targets, wan=wan, database=database, journal=journal, history=history,
        clock=clock, zone=zone,
    )  # fmt: skip
    await watch.start()

    async def diagnose() -> Diagnosis:
        return (await doctor.run(_Unwatched())).diagnosis

    repairs = Repairs(
        database=database, clock=clock, boot=boot, lasting=lambda: watch.open, probe=watch.probe,
        diagnose=diagnose, rungs=rungs,
    )  # fmt: skip
    reporter = Reporter(
        doctor=doctor, watch=watch, journal=journal, history=history, repairs=repairs, clock=clock, zone=zone
    )
    return Line(watch, journal, history, repairs, reporter, clock, zone)


class _Unwatched:
    """Nobody waits for this diagnosis."""

    def progress(self, fraction: float, message: str, partial: msgspec.Struct | None = None) -> None:
        """Nothing is told."""
