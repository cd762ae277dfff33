"""The rows of the box itself: info, status, jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from gatewayd.box.model import Info, Part, Parts, Status
from gatewayd.callers import Caller
from gatewayd.errors import GatewayError
from gatewayd.jobs import Job, Jobs
from gatewayd.operations import Context, Empty, JobAnswer, Operation, Registry, Request, Result, Scope


class JobsQuery(Request, frozen=True, kw_only=True):
    """A page of jobs, newest first; `cursor` is the `next` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class JobName(Request, frozen=True, kw_only=True):
    """One job."""

    job: str


class JobList(Result, frozen=True, kw_only=True):
    """A page of jobs."""

    items: tuple[Job, ...]
    next: str | None = None


def box_operations(info: Callable[[], Info], parts: Parts) -> tuple[Operation, ...]:
    """Who the box is and how it is."""

    async def get_info(request: Empty, context: Context) -> Info:
        return info()

    async def get_status(request: Empty, context: Context) -> Status:
        return Status(
            verdict=await parts.verdict(),
            internet=await parts.internet(),
            wifi=await parts.wifi(),
            devices=Part(state="unknown", sentence="This release does not list the home's devices yet."),
            dvr=await parts.dvr(),
            portal=await parts.portal(),
            health=await parts.health(),
            alerts=await parts.alerts(),
        )

    return (
        Operation(
            name="info.get",
            summary="Who this box is; no token needed",
            request=Empty,
            result=Info,
            scope=None,
            method="GET",
            path="/info",
            handler=get_info,
        ),
        Operation(
            name="status.get",
            summary="The whole box at a glance: each part's state and one sentence",
            request=Empty,
            result=Status,
            scope=Scope.BOX_READ,
            method="GET",
            path="/status",
            handler=get_status,
        ),
    )


def job_operations(jobs: Jobs, registry: Registry) -> tuple[Operation, ...]:
    """Jobs: a caller sees those whose operation it may call."""

    def visible(job: Job, caller: Caller) -> bool:
        try:
            scope = registry.get(job.operation).scope
        except GatewayError:
            return False  # an operation of another release
        return scope is None or scope in caller.scopes

    async def find(identifier: str, caller: Caller) -> Job:
        job = await jobs.get(identifier)
        if not visible(job, caller):
            raise GatewayError("jobs.not_found", "There is no job with this id.", field="job")
        return job

    async def list_jobs(request: JobsQuery, context: Context) -> JobList:
        page = await jobs.list(request.cursor, request.limit)
        return JobList(
            items=tuple(job for job in page if visible(job, context.caller)),
            next=page[-1].id if len(page) == request.limit else None,
        )

    async def get_job(request: JobName, context: Context) -> JobAnswer:
        return JobAnswer(job=await find(request.job, context.caller))

    async def cancel_job(request: JobName, context: Context) -> JobAnswer:
        await find(request.job, context.caller)
        return JobAnswer(job=await jobs.cancel(request.job))

    return (
        Operation(
            name="jobs.list",
            summary="Jobs, newest first",
            request=JobsQuery,
            result=JobList,
            scope=Scope.JOBS_READ,
            method="GET",
            path="/jobs",
            handler=list_jobs,
        ),
        Operation(
            name="jobs.get",
            summary="One job",
            request=JobName,
            result=JobAnswer,
            scope=Scope.JOBS_READ,
            method="GET",
            path="/jobs/{job}",
            handler=get_job,
        ),
        Operation(
            name="jobs.cancel",
            summary="End a job that is under way",
            request=JobName,
            result=JobAnswer,
            scope=Scope.JOBS_CANCEL,
            method="POST",
            path="/jobs/{job}/cancel",
            handler=cancel_job,
            mutates=True,
            recovery="redo",
            target="job",
        ),
    )
