"""Background work with an owner: no task without a reference, no crash without a line in the log."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)


def _tell(name: str, error: Exception, *, again: bool) -> None:
    """One warning for a row of failures; a refusal needs no traceback, nor does waiting for a process."""
    expected = isinstance(error, GatewayError)
    waiting = isinstance(error, GatewayError) and error.code == "helper.unavailable"
    tell = log.debug if again else log.info if waiting else log.warning
    tell(
        "task.failed",
        task=name,
        error=str(error) if expected else repr(error),
        exc_info=not (again or expected),
    )


class Tasks:
    """Owns the tasks of one part of the daemon and ends them in `close`, newest first."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._closed = False

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs a coroutine once; a crash is logged under `name`."""
        if self._closed:
            coroutine.close()
            raise RuntimeError(f"{name}: this part of the daemon has stopped")
        task = asyncio.create_task(coroutine, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._ended)
        return task

    def supervise(
        self,
        name: str,
        run: Callable[[], Awaitable[None]],
        *,
        first: float = 0.5,
        most: float = 30.0,
        steady: float | None = None,
    ) -> asyncio.Task[Any]:
        """Runs `run` for ever: whenever it raises or returns, again after a back-off in seconds.

        The pause is drawn from [0, min(most, first * 2^n)] (full jitter) but at least `first`/2; a run
        that lasted longer than `steady` seconds (None: than `most`) starts the count again. It warns at
        the first failure of a row and is quiet (debug) at the next ones.
        """
        return self.spawn(name, self._for_ever(name, run, first, most, most if steady is None else steady))

    async def close(self) -> None:
        """Cancels every task, newest first, and waits for each."""
        self._closed = True
        for task in reversed(tuple(self._tasks)):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _for_ever(
        self, name: str, run: Callable[[], Awaitable[None]], first: float, most: float, steady: float
    ) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await run()
                log.debug("task.returned", task=name)
            except Exception as error:  # noqa: BLE001 - the supervisor is where a part's crash ends
                _tell(name, error, again=failures > 0)
            failures = 0 if loop.time() - began > steady else failures + 1
            ceiling = min(most, first * 2 ** min(failures, 16))
            await asyncio.sleep(max(first / 2, random.uniform(0, ceiling)))  # noqa: S311 - jitter, no secret

    def _ended(self, task: asyncio.Task[Any]) -> None:
        name = self._tasks.pop(task, task.get_name())
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.crashed", task=name, error=repr(error), exc_info=error)
