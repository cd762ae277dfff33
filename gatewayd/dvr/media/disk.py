"""Two threads that touch the disk, so that neither the event loop nor a write waits for a slow card.

`writes` runs everything that must happen in order and soon: batches, rolling, index records.
`syncs` runs what waits for the hardware: fdatasync, closing, journal entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")
GATHER = 0.01
"""Seconds that queued writes wait for company: one hand-over to the thread for all channels of a beat."""


class Disk:
    """Jobs run in the order in which they were given, one at a time per thread; a crash is logged."""

    def __init__(self) -> None:
        self._writes = ThreadPoolExecutor(1, "disk")
        self._syncs = ThreadPoolExecutor(1, "sync")
        self._queued: list[Callable[[], object]] = []
        self._flush: asyncio.TimerHandle | None = None

    def write(self, job: Callable[[], object]) -> None:
        """Queues a job for the writing thread; call it in the event loop."""
        self._queued.append(job)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(GATHER, self.flush)

    def flush(self) -> Future[None] | None:
        """Hands over what is queued; the future ends when all of it has run."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if not self._queued:
            return None
        jobs, self._queued = self._queued, []
        return self._writes.submit(_run, jobs)

    async def ask(self, job: Callable[[], T]) -> T:
        """Runs a job after all writes queued so far and returns its result."""
        self.flush()
        return await asyncio.wrap_future(self._writes.submit(job))

    def sync(self, job: Callable[[], object]) -> None:
        """Queues a job for the syncing thread; any thread may."""
        self._syncs.submit(_run, [job])

    async def ask_sync(self, job: Callable[[], T]) -> T:
        """Runs a job after all writes and then all syncs queued so far and returns its result."""
        await self.ask(lambda: None)
        return await asyncio.wrap_future(self._syncs.submit(job))

    async def close(self) -> None:
        """Ends both threads after their last job."""
        self.flush()
        await asyncio.to_thread(self._writes.shutdown)
        await asyncio.to_thread(self._syncs.shutdown)


def _run(jobs: list[Callable[[], Any]]) -> None:
    for job in jobs:
        try:
            job()
        except Exception:  # the crash boundary of the two threads: one channel's defect is not another's
            log.exception("media.disk_job_crashed")
