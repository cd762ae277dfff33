"""Two threads that touch the disk, so that neither the event loop nor a write waits for a slow card.

`writes` runs everything that must happen in order and soon: batches, rolling, index records; and what
shall happen at a beat. `syncs` runs what waits for the hardware: fdatasync, closing, journal entries.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")
GATHER = 0.01
"""Seconds that queued writes wait for company: one hand-over to the thread for all channels of a beat."""


class Disk:
    """Jobs run in the order in which they were given, one at a time per thread; a crash is logged."""

    def __init__(self) -> None:
        self._writes = _Line()
        self._writes.start()
        self._syncs = ThreadPoolExecutor(1, "sync")
        self._queued: list[Callable[[], object]] = []
        self._flush: asyncio.TimerHandle | None = None

    def write(self, job: Callable[[], object]) -> None:
        """Queues a job for the writing thread; call it in the event loop."""
        self._queued.append(job)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(GATHER, self.flush)

    def flush(self) -> None:
        """Hands over what is queued."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._queued:
            jobs, self._queued = self._queued, []
            self._writes.put(jobs)

    def every(self, period: float, job: Callable[[], object]) -> None:
        """From now on the writing thread runs `job` every `period` seconds, by its own clock: one wake-up."""
        self.flush()
        self._writes.put([lambda: self._writes.beat(period, job)])

    def still(self) -> None:
        """Ends `every`."""
        self.flush()
        self._writes.put([lambda: self._writes.beat(0.0, None)])

    async def ask(self, job: Callable[[], T]) -> T:
        """Runs a job after all writes queued so far and returns its result."""
        self.flush()
        future: Future[T] = Future()
        self._writes.put([lambda: _settle(future, job)])
        return await asyncio.wrap_future(future)

    def sync(self, job: Callable[[], object]) -> None:
        """Queues a job for the syncing thread; any thread may."""
        self._syncs.submit(run_all, [job])

    async def ask_sync(self, job: Callable[[], T]) -> T:
        """Runs a job after all writes and then all syncs queued so far and returns its result."""
        await self.ask(lambda: None)
        return await asyncio.wrap_future(self._syncs.submit(job))

    async def close(self) -> None:
        """Ends both threads after their last job."""
        self.flush()
        self._writes.put(None)
        await asyncio.to_thread(self._writes.join)
        await asyncio.to_thread(self._syncs.shutdown)


class _Line(threading.Thread):
    """A thread that runs jobs from a queue, and one of them at a beat."""

    def __init__(self) -> None:
        super().__init__(name="disk", daemon=True)
        self._jobs: SimpleQueue[Sequence[Callable[[], object]] | None] = SimpleQueue()
        self._period = 0.0
        self._beat: Callable[[], object] | None = None
        self._due = 0.0

    def put(self, jobs: Sequence[Callable[[], object]] | None) -> None:
        """Queues jobs; None ends the thread."""
        self._jobs.put(jobs)

    def beat(self, period: float, job: Callable[[], object] | None) -> None:
        """In the thread itself: what to do at the beat, or nothing."""
        self._period, self._beat = period, job
        self._due = time.monotonic() + period

    def run(self) -> None:
        """Until None comes."""
        while True:
            wait = None if self._beat is None else self._due - time.monotonic()
            try:
                if wait is not None and wait <= 0:
                    raise Empty
                jobs = self._jobs.get(timeout=wait)
            except Empty:
                assert self._beat is not None
                run_all([self._beat])
                self._due = max(self._due + self._period, time.monotonic())
                continue
            if jobs is None:
                return
            run_all(jobs)


def _settle(future: Future[T], job: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(job())
    except Exception as error:  # noqa: BLE001 - it is the asker's
        future.set_exception(error)


def run_all(jobs: Sequence[Callable[[], Any]]) -> None:
    """Runs each, whatever becomes of the others."""
    for job in jobs:
        try:
            job()
        except Exception:  # the crash boundary of the two threads: one channel's defect is not another's
            log.exception("media.disk_job_crashed")
