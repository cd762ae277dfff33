"""A timer that a controller sets: a job that does nothing but end in time."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gatewayd.errors import GatewayError
from gatewayd.jobs import JobAnswer, JobHandle
from gatewayd.operations import Context, Operation, Request, Scope
from gatewayd.system.clock import Clock

MOST_SECONDS = 7 * 86_400
MOST_TIMERS = 20


class TimerRequest(Request, frozen=True, kw_only=True):
    """Seconds until the job is done, counted on the monotonic clock."""

    seconds: Annotated[int, Meta(ge=1, le=MOST_SECONDS)]


class Timers:
    """At most `MOST_TIMERS` run at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[str, float] = {}
        """When each timer ends, on the monotonic clock, by its job."""

    async def start(self, request: TimerRequest, context: Context) -> JobAnswer:
        """Starts one. A restart of the daemon interrupts it, and that is told."""
        now = self._clock.monotonic()
        self._ends = {job: end for job, end in self._ends.items() if end > now}
        if len(self._ends) >= MOST_TIMERS:
            raise GatewayError(
                "portal.too_many_timers",
                f"There are {len(self._ends)} timers already, and {MOST_TIMERS} there may be.",
            )

        async def run(_job: JobHandle) -> None:
            try:
                await self._clock.sleep(request.seconds)
            finally:
                self._ends.pop(answer.job.id, None)

        answer = await context.start_job(run)
        context.unit.after(lambda: self._ends.update({answer.job.id: now + request.seconds}))
        return answer


def timer_operations(timers: Timers) -> tuple[Operation, ...]:
    """The row."""
    return (
        Operation(
            name="portal.timer",
            summary="Start a timer whose end the operator is told of",
            request=TimerRequest,
            result=JobAnswer,
            scope=Scope.JOBS_CANCEL,
            method="POST",
            path="/portal/timers",
            handler=timers.start,
            mutates=True,
            recovery="transaction",
            status=202,
        ),
    )
