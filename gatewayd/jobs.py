"""What takes longer than a reply: jobs with progress, results, cancellation, and a row that survives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, Protocol

import msgspec
import structlog

from gatewayd import wire
from gatewayd.errors import Crash, GatewayError
from gatewayd.events import Bus, EventData
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id
from gatewayd.tasks import Tasks

log = structlog.get_logger(__name__)
KEPT = 30 * 86_400.0
State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled", "interrupted"})


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed: the same code and sentence that a refusal has."""

    code: str
    detail: str
    field: str | None = None
    id: str | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as every side sees it; `progress` is 0..1, `result` the operation's own once it is done."""

    id: str
    operation: str
    state: State
    progress: float
    message: str
    result: dict[str, Any] | None
    error: JobError | None
    created: datetime
    changed: datetime


class JobAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of an operation that takes its time."""

    job: Job


class JobChanged(EventData, frozen=True, kw_only=True):
    """A job was created, went on, or ended; `partial` holds results that are already there."""

    topic: ClassVar[str] = "jobs.changed"
    job: Job
    partial: dict[str, Any] | None = None


class Locks(Protocol):
    """Named locks shared with the operations."""

    def hold(self, name: str | None) -> AbstractAsyncContextManager[None]:
        """Holds the lock of that name; None holds nothing."""
        ...


Run = Callable[["JobHandle"], Awaitable[msgspec.Struct | None]]


class JobHandle:
    """What a running job tells of itself."""

    def __init__(self, jobs: Jobs, job: str) -> None:
        self._jobs = jobs
        self.job = job

    def progress(self, fraction: float, message: str, partial: msgspec.Struct | None = None) -> None:
        """How far (0..1) and what now; `partial` is shown at once to who watches. Kept in memory."""
        self._jobs.report(self.job, fraction, message, partial)


class Jobs:
    """Creates, runs, remembers and cancels jobs. Rows change with their state; progress is in memory."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, tasks: Tasks, locks: Locks) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._locks = locks
        self._live: dict[str, Job] = {}
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._unwanted: set[str] = set()

    async def recover(self) -> None:
        """At start: what was under way when the daemon ended is `interrupted`; old jobs are forgotten."""
        now = self._clock.now().timestamp()
        error = JobError(
            code="jobs.interrupted", detail="The daemon ended while this job ran. Start it again."
        )
        async with self._database.unit() as unit:
            unit.execute(
                "UPDATE jobs SET state = 'interrupted', error = ?, changed = ?"
                " WHERE state IN ('queued', 'running')",
                (wire.encode(error), now),
            )
            if self._clock.trusted():
                unit.execute("DELETE FROM jobs WHERE changed < ?", (now - KEPT,))

    def create(self, unit: Unit, operation: str, caller: str, run: Run, *, lock: str | None) -> Job:
        """Queues the row into the caller's unit; the job begins after its commit."""
        now = self._clock.now()
        job = Job(
            id=new_id(),
            operation=operation,
            state="queued",
            progress=0.0,
            message="Waiting",
            result=None,
            error=None,
            created=now,
            changed=now,
        )
        unit.execute(
            "INSERT INTO jobs (id, operation, caller, state, message, created, changed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (job.id, operation, caller, job.state, job.message, now.timestamp(), now.timestamp()),
        )
        unit.emit(JobChanged(job=job))
        unit.after(lambda: self._begin(job, run, lock))
        return job

    async def get(self, identifier: str) -> Job:
        """One job. Raises GatewayError `jobs.not_found`."""
        if (live := self._live.get(identifier)) is not None:
            return live
        row = await self._database.fetch_one("SELECT * FROM jobs WHERE id = ?", (identifier,))
        if row is None:
            raise GatewayError("jobs.not_found", "There is no job with this id.", field="job")
        return _from_row(row)

    async def list(self, before: str | None, limit: int) -> list[Job]:
        """Newest first, older than the id `before`."""
        rows = await self._database.fetch_all(
            "SELECT * FROM jobs WHERE id < ? ORDER BY id DESC LIMIT ?", (before or "~", limit)
        )
        return [self._live.get(row["id"]) or _from_row(row) for row in rows]

    async def cancel(self, identifier: str) -> Job:
        """Ends a job and returns it. Raises GatewayError `jobs.not_found` or `jobs.not_running`."""
        job = await self.get(identifier)
        task = self._running.get(identifier)
        if task is None:
            raise GatewayError("jobs.not_running", f"The job has ended: {job.state}.", field="job")
        self._unwanted.add(identifier)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if identifier in self._live:  # cancelled before its first step: its own clean-up never ran
            await self._change(identifier, state="cancelled", message="Cancelled")
            self._forget(identifier)
        return await self.get(identifier)

    def report(self, identifier: str, fraction: float, message: str, partial: msgspec.Struct | None) -> None:
        """A running job's word; one that has ended is not changed any more."""
        job = self._live.get(identifier)
        if job is None:
            return
        job = msgspec.structs.replace(
            job, progress=min(1.0, max(0.0, fraction)), message=message, changed=self._clock.now()
        )
        self._live[identifier] = job
        self._bus.publish(JobChanged(job=job, partial=None if partial is None else wire.plain(partial)))

    def _begin(self, job: Job, run: Run, lock: str | None) -> None:
        self._live[job.id] = job
        self._running[job.id] = self._tasks.spawn(
            f"job {job.operation} {job.id}", self._run(job.id, run, lock)
        )

    async def _run(self, identifier: str, run: Run, lock: str | None) -> None:
        try:
            async with self._locks.hold(lock):
                await self._change(identifier, state="running", message="Started")
                result = await run(JobHandle(self, identifier))
            await self._change(
                identifier,
                state="done",
                progress=1.0,
                message="Done",
                result=None if result is None else wire.plain(result),
            )
        except GatewayError as error:
            await self._fail(identifier, error)
        except asyncio.CancelledError:
            if identifier in self._unwanted:
                await self._change(identifier, state="cancelled", message="Cancelled")
            else:  # the daemon is stopping
                await self._change(identifier, state="interrupted", message="Interrupted by a restart")
        except Exception as error:  # the crash boundary of a job: logged under an id, told with that id
            crash = Crash(new_id())
            log.exception("job.crashed", job=identifier, id=crash.id, error=type(error).__name__)
            await self._fail(identifier, crash)
        finally:
            self._forget(identifier)

    def _forget(self, identifier: str) -> None:
        self._unwanted.discard(identifier)
        self._running.pop(identifier, None)
        self._live.pop(identifier, None)

    async def _fail(self, identifier: str, error: GatewayError) -> None:
        told = JobError(
            code=error.code, detail=error.detail, field=error.field, id=getattr(error, "id", None)
        )
        await self._change(identifier, state="failed", message=error.detail, error=told)

    async def _change(self, identifier: str, **changes: Any) -> None:
        job = msgspec.structs.replace(self._live[identifier], changed=self._clock.now(), **changes)
        self._live[identifier] = job
        async with self._database.unit() as unit:
            unit.execute(
                "UPDATE jobs SET state = ?, progress = ?, message = ?, result = ?, error = ?, changed = ?"
                " WHERE id = ?",
                (
                    job.state,
                    job.progress,
                    job.message,
                    None if job.result is None else wire.encode(job.result),
                    None if job.error is None else wire.encode(job.error),
                    job.changed.timestamp(),
                    job.id,
                ),
            )
            unit.emit(JobChanged(job=job))


def _from_row(row: Any) -> Job:
    return Job(
        id=row["id"],
        operation=row["operation"],
        state=row["state"],
        progress=row["progress"],
        message=row["message"],
        result=None if row["result"] is None else msgspec.json.decode(row["result"]),
        error=None if row["error"] is None else msgspec.json.decode(row["error"], type=JobError),
        created=datetime.fromtimestamp(row["created"], UTC),
        changed=datetime.fromtimestamp(row["changed"], UTC),
    )
