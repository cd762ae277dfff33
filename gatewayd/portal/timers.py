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
        self._running = 0

    async def start(self, request: TimerRequest, context: Context) -> JobAnswer:
        """Starts one. A restart of the daemon interrupts it, and that is told."""
        if self._running >= MOST_TIMERS:
            raise GatewayError(
                "portal.too_many_timers",
                f"There are {self._running} timers already, and {MOST_TIMERS} there may be.",
            )

        async def run(_job: JobHandle) -> None:
            self._running += 1
            try:
                await self._clock.sleep(request.seconds)
            finally:
                self._running -= 1

        return await context.start_job(run)


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
