"""Everything that a technician takes away: the newest diagnosis with its evidence, outages, availability,
self-repair, measurements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

from gatewayd.diagnostics.availability import Availability, days, midnight, months
from gatewayd.diagnostics.history import History
from gatewayd.diagnostics.model import Diagnosis
from gatewayd.diagnostics.outage_model import Outage, RepairAttempt
from gatewayd.diagnostics.outages import Journal, Reported
from gatewayd.diagnostics.repair import Repairs
from gatewayd.diagnostics.service import DiagnosticsService
from gatewayd.diagnostics.watch import OutageWatch
from gatewayd.system.clock import Clock

MOST_RUNS, MOST_OUTAGES, MOST_REPAIRS = 20, 100, 50
HOUR = 3600


class ReportBox(Struct, frozen=True, kw_only=True):
    """Which box this is about."""

    id: str
    name: str
    model: str
    version: str


class ReportRun(Struct, frozen=True, kw_only=True):
    """A diagnosis in a line."""

    started: datetime
    verdict: str
    confidence: str
    remedy: str


class ReportSeries(Struct, frozen=True, kw_only=True):
    """A measured value by the hour: `[time, mean, low, high]`, times in Unix seconds, oldest first. `unit` is
    the ending of its name."""

    name: str
    unit: str
    points: tuple[tuple[int, float, float, float], ...]


class Report(Struct, frozen=True, kw_only=True):
    """The report. Times of days are those of the household's zone `time_zone`."""

    made: datetime
    time_zone: str
    box: ReportBox
    connection: str
    sentence: str
    diagnosis: Diagnosis | None
    diagnosed: datetime | None
    runs: tuple[ReportRun, ...]
    outages: tuple[Outage, ...]
    reported: tuple[Reported, ...]
    months: tuple[Availability, ...]
    days: tuple[Availability, ...]
    repairs: tuple[RepairAttempt, ...]
    measured: tuple[ReportSeries, ...]


class Reporter:
    """Collects reports from those who know."""

    def __init__(
        self,
        *,
        doctor: DiagnosticsService,
        watch: OutageWatch,
        journal: Journal,
        history: History,
        repairs: Repairs,
        clock: Clock,
        zone: Callable[[], tzinfo],
    ) -> None:
        self._doctor = doctor
        self._watch = watch
        self._journal = journal
        self._history = history
        self._repairs = repairs
        self._clock = clock
        self._zone = zone

    async def report(self, box: ReportBox, span: int) -> Report:
        """The last `span` days."""
        runs = await self._doctor.list(None, MOST_RUNS)
        each = await self.availability(span)
        outlook = self._watch.outlook()
        now = self._clock.now()
        return Report(
            made=now,
            time_zone=str(self._zone()),
            box=box,
            connection=outlook.state,
            sentence=outlook.sentence,
            diagnosis=runs[0].diagnosis if runs else None,
            diagnosed=runs[0].started if runs else None,
            runs=tuple(
                ReportRun(
                    started=run.started,
                    verdict=run.diagnosis.verdict,
                    confidence=run.diagnosis.confidence,
                    remedy=run.diagnosis.remedy,
                )
                for run in runs
            ),
            outages=tuple(await self._journal.newest(None, MOST_OUTAGES)),
            reported=await self._journal.reported(),
            months=tuple(months(each)),
            days=tuple(each),
            repairs=tuple(await self._repairs.newest(MOST_REPAIRS)),
            measured=await self._measured(now, span),
        )

    async def availability(self, span: int) -> list[Availability]:
        """The last `span` days, today the last of them."""
        zone, now = self._zone(), self._clock.now()
        last = now.astimezone(zone).date()
        first = last - timedelta(days=span - 1)
        outages = await self._journal.between(midnight(first, zone).timestamp(), now.timestamp())
        watched = await self._history.watched(first.isoformat(), last.isoformat())
        return days(outages, watched, zone, first, last, now)

    async def _measured(self, now: datetime, span: int) -> tuple[ReportSeries, ...]:
        end = now.timestamp() + 1
        step = HOUR * max(1, -(-span * 24 // 720))  # at most a month of hours: a page is no archive
        found = []
        for name in sorted(await self._history.series()):
            _, points = await self._history.read(name, end - span * 24 * HOUR, end, step)
            if points:
                told = tuple(
                    (one.time, round(one.mean, 3), round(one.low, 3), round(one.high, 3)) for one in points
                )
                found.append(ReportSeries(name=name, unit=name.rpartition("_")[2], points=told))
        return tuple(found)
