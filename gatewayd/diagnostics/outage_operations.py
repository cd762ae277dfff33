"""The rows of outages, availability, history, self-repair and the report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from gatewayd.diagnostics.availability import Availability, months
from gatewayd.diagnostics.line import Line
from gatewayd.diagnostics.outage_model import LineState, Outage, RepairAttempt, Step
from gatewayd.diagnostics.outages import Reported
from gatewayd.diagnostics.report import Report, ReportBox
from gatewayd.diagnostics.report_page import page
from gatewayd.diagnostics.service import State
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope

MOST_REPORTED = 20
_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class OutagesQuery(Request, frozen=True, kw_only=True):
    """A page of outages, newest first; `cursor` is the `next` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class Outages(Result, frozen=True, kw_only=True):
    """A page of outages as the box saw them; `reported` is what the provider says, all of it on each page.
    `lines` is how each address family and the resolving of names are now."""

    state: State
    sentence: str
    lines: dict[str, LineState]
    items: tuple[Outage, ...]
    reported: tuple[Reported, ...]
    next: str | None = None


class ReportedOutage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outage of the provider's: its own id, what to tell people, and when, as far as it is known."""

    id: _Id
    sentence: _Words
    start: datetime | None = None
    end: datetime | None = None


class OutagesReport(Request, frozen=True, kw_only=True):
    """All outages that the provider knows of for this line, in the place of those told before."""

    reports: Annotated[tuple[ReportedOutage, ...], msgspec.Meta(max_length=MOST_REPORTED)]


class OutagesReported(Result, frozen=True, kw_only=True):
    """What is shown beside the box's own view from now on."""

    reported: tuple[Reported, ...]


class AvailabilityQuery(Request, frozen=True, kw_only=True):
    """The last `days` days, today the last of them."""

    days: Annotated[int, msgspec.Meta(ge=1, le=731)] = 31


class AvailabilityAnswer(Result, frozen=True, kw_only=True):
    """Days and months of the household's zone, oldest first."""

    days: tuple[Availability, ...]
    months: tuple[Availability, ...]


class HistoryQuery(Request, frozen=True, kw_only=True):
    """Measurements of a series, `seconds` up to `to` (now, if left out). `step` in seconds."""

    series: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=60, le=63_072_000)] = 86_400.0
    to: datetime | None = None
    step: Annotated[int, msgspec.Meta(ge=1, le=86_400)] | None = None


class HistoryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in the `step` from `time` on; `count` is how often."""

    time: datetime
    count: int
    mean: float
    low: float
    high: float


class HistoryAnswer(Result, frozen=True, kw_only=True):
    """`series` names all that is measured; points are of the series asked for, none where none was named.
    `step` may be longer than asked: old measurements are thinned."""

    series: tuple[str, ...]
    step: int | None
    points: tuple[HistoryPoint, ...]


class RepairSteps(Request, frozen=True, kw_only=True):
    """The steps that the box may take by itself, all others it may not."""

    steps: tuple[Step, ...]


class Repair(Result, frozen=True, kw_only=True):
    """`steps` are allowed, `possible` can be; `taken` are the newest ones, newest first."""

    steps: tuple[Step, ...]
    possible: tuple[Step, ...]
    taken: tuple[RepairAttempt, ...]


class ReportQuery(Request, frozen=True, kw_only=True):
    """The last `days` days; `html` adds the page."""

    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 31
    format: Literal["json", "html"] = "json"


class ReportAnswer(Result, frozen=True, kw_only=True):
    """The report, and with `format=html` the same as a page to print that needs nothing beside it."""

    report: Report
    page: str | None = None


class _Handlers:
    def __init__(self, line: Line, box: Callable[[], ReportBox]) -> None:
        self._line = line
        self._box = box

    async def outages(self, request: OutagesQuery, context: Context) -> Outages:
        found = await self._line.journal.newest(request.cursor, request.limit + 1)
        shown = tuple(found[: request.limit])
        outlook = self._line.watch.outlook()
        return Outages(
            state=outlook.state,
            sentence=outlook.sentence,
            lines={str(name): state for name, state in self._line.watch.lines.items()},
            items=shown,
            reported=await self._line.journal.reported(),
            next=shown[-1].id if len(found) > request.limit else None,
        )

    async def told(self, request: OutagesReport, context: Context) -> OutagesReported:
        if len({one.id for one in request.reports}) < len(request.reports):
            raise InvalidField("reports", "Two outages have the same id.")
        for one in request.reports:
            if one.start is not None and one.end is not None and one.end < one.start:
                raise InvalidField("reports", "An outage ends before it starts.")
            if any(moment is not None and moment.tzinfo is None for moment in (one.start, one.end)):
                raise InvalidField("reports", "A time needs its zone: 2026-11-23T12:00:00Z.")
        now = context.clock.now()
        reported = tuple(
            Reported(id=one.id, sentence=one.sentence, start=one.start, end=one.end, told=now)
            for one in request.reports
        )
        self._line.journal.report(context.unit, reported)
        return OutagesReported(reported=reported)

    async def availability(self, request: AvailabilityQuery, context: Context) -> AvailabilityAnswer:
        each = await self._line.reporter.availability(request.days)
        return AvailabilityAnswer(days=tuple(each), months=tuple(months(each)))

    async def history(self, request: HistoryQuery, context: Context) -> HistoryAnswer:
        names = tuple(sorted(await self._line.history.series()))
        if request.series is None:
            return HistoryAnswer(series=names, step=None, points=())
        if request.series not in names:
            raise GatewayError(
                "diagnostics.series_not_found",
                f"Nothing of this name was measured. There is: {', '.join(names) or 'nothing yet'}.",
                field="series",
            )
        end = (context.clock.now() if request.to is None else request.to).timestamp()
        step, points = await self._line.history.read(request.series, end - request.seconds, end, request.step)
        zone = context.clock.now().tzinfo
        return HistoryAnswer(
            series=names,
            step=step,
            points=tuple(
                HistoryPoint(
                    time=datetime.fromtimestamp(one.time, zone),
                    count=one.measured,
                    mean=round(one.mean, 3),
                    low=one.low,
                    high=one.high,
                )
                for one in points
            ),
        )

    async def repair(self, request: Empty, context: Context) -> Repair:
        repairs = self._line.repairs
        return Repair(
            steps=await repairs.allowed(), possible=repairs.possible, taken=tuple(await repairs.newest(20))
        )

    async def allow(self, request: RepairSteps, context: Context) -> Repair:
        repairs = self._line.repairs
        steps = repairs.allow(context.unit, request.steps)
        return Repair(steps=steps, possible=repairs.possible, taken=tuple(await repairs.newest(20)))

    async def report(self, request: ReportQuery, context: Context) -> ReportAnswer:
        made = await self._line.reporter.report(self._box(), request.days)
        shown = page(made, self._line.zone()) if request.format == "html" else None
        return ReportAnswer(report=made, page=shown)


def outage_operations(line: Line, box: Callable[[], ReportBox]) -> tuple[Operation, ...]:
    """`diagnostics.outages.list` and `report`, `diagnostics.availability.get`, `diagnostics.history.get`,
    `diagnostics.repair.get` and `update`, `diagnostics.report.get`."""
    does = _Handlers(line, box)
    return (
        _read("outages.list", "Outages, and how the connection is now", "/outages", OutagesQuery, Outages,
              does.outages),
        Operation(
            name="diagnostics.outages.report",
            summary="Tell the box of the provider's own outages",
            request=OutagesReport,
            result=OutagesReported,
            scope=Scope.UPKEEP_MANAGE,
            method="PUT",
            path="/diagnostics/outages/reported",
            handler=does.told,
            mutates=True,
            recovery="transaction",
        ),
        _read("availability.get", "How much of each day and month the internet was there", "/availability",
              AvailabilityQuery, AvailabilityAnswer, does.availability),
        _read("history.get", "Measurements over time", "/history", HistoryQuery, HistoryAnswer, does.history),
        _read("repair.get", "Self-repair: what is allowed, and what was done", "/repair", Empty, Repair,
              does.repair),
        Operation(
            name="diagnostics.repair.update",
            summary="Choose what the box may do by itself against an outage",
            request=RepairSteps,
            result=Repair,
            scope=Scope.UPKEEP_MANAGE,
            method="PATCH",
            path="/diagnostics/repair",
            handler=does.allow,
            mutates=True,
            recovery="transaction",
            lock="diagnostics.repair",
        ),
        _read("report.get", "Everything known of the connection, with evidence, to take away", "/report",
              ReportQuery, ReportAnswer, does.report),
    )  # fmt: skip


def _read(
    name: str,
    summary: str,
    path: str,
    request: type[Request],
    result: type[Result],
    handler: Callable[..., object],
) -> Operation:
    return Operation(
        name=f"diagnostics.{name}",
        summary=summary,
        request=request,
        result=result,
        scope=Scope.DIAGNOSTICS_READ,
        method="GET",
        path=f"/diagnostics{path}",
        handler=handler,  # type: ignore[arg-type]
    )
