"""Diagnostics' rows in the operations table."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gatewayd.diagnostics.model import Diagnosis, DiagnosticsPartial, DiagnosticsRun
from gatewayd.diagnostics.service import DiagnosticsService
from gatewayd.operations import Context, JobAnswer, JobHandle, Operation, Request, Result, Scope


class DiagnosticsStart(Request, frozen=True, kw_only=True):
    """What is probed is in the settings. `thorough` pings for ten seconds and fills the line as well: that
    takes up to 45 seconds, and everybody at home notices."""

    thorough: bool = False


class DiagnosticsRunsQuery(Request, frozen=True, kw_only=True):
    """A page of kept runs, newest first; `cursor` is the `next` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class DiagnosticsRunQuery(Request, frozen=True, kw_only=True):
    """One kept run by its id."""

    run: str


class DiagnosticsRuns(Result, frozen=True, kw_only=True):
    """A page of runs."""

    items: tuple[DiagnosticsRun, ...]
    next: str | None = None


def operations(service: DiagnosticsService) -> tuple[Operation, ...]:
    """`diagnostics.run`, `diagnostics.runs.list`, `diagnostics.runs.get`."""

    async def run(request: DiagnosticsStart, context: Context) -> JobAnswer:
        async def diagnose(handle: JobHandle) -> Diagnosis:
            return (await service.run(handle, thorough=request.thorough)).diagnosis

        return await context.start_job(diagnose, lock="diagnostics")

    async def list_runs(request: DiagnosticsRunsQuery, context: Context) -> DiagnosticsRuns:
        found = await service.list(request.cursor, request.limit + 1)
        page = tuple(found[: request.limit])
        return DiagnosticsRuns(items=page, next=page[-1].id if len(found) > request.limit else None)

    async def get_run(request: DiagnosticsRunQuery, context: Context) -> DiagnosticsRun:
        return await service.get(request.run)

    return (
        Operation(
            name="diagnostics.run",
            summary="Find out what is wrong with the connection, and what to do",
            request=DiagnosticsStart,
            result=JobAnswer,
            scope=Scope.DIAGNOSTICS_RUN,
            method="POST",
            path="/diagnostics/runs",
            handler=run,
            mutates=True,
            recovery="transaction",
            status=202,
            outcome=Diagnosis,
            partial=DiagnosticsPartial,
        ),
        Operation(
            name="diagnostics.runs.list",
            summary="The last diagnoses",
            request=DiagnosticsRunsQuery,
            result=DiagnosticsRuns,
            scope=Scope.DIAGNOSTICS_READ,
            method="GET",
            path="/diagnostics/runs",
            handler=list_runs,
        ),
        Operation(
            name="diagnostics.runs.get",
            summary="One diagnosis with everything that its probes found",
            request=DiagnosticsRunQuery,
            result=DiagnosticsRun,
            scope=Scope.DIAGNOSTICS_READ,
            method="GET",
            path="/diagnostics/runs/{run}",
            handler=get_run,
        ),
    )
