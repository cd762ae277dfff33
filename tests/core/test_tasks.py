"""Background work: supervised, owned, ended."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from gatewayd.tasks import Tasks


async def test_a_supervised_task_comes_back_and_warns_once() -> None:
    tasks = Tasks()
    runs = asyncio.Semaphore(0)

    async def run() -> None:
        runs.release()
        raise RuntimeError("again")

    with capture_logs() as logs:
        tasks.supervise("flaky", run, first=0.01, most=0.02)
        async with asyncio.timeout(5):
            for _ in range(4):
                await runs.acquire()
        await tasks.close()
    warnings = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [entry["event"] for entry in warnings] == ["task.failed"]


async def test_who_ran_steadily_is_back_at_once_each_time() -> None:
    tasks = Tasks()
    runs = asyncio.Semaphore(0)

    async def run() -> None:
        runs.release()
        await asyncio.sleep(0.02)

    tasks.supervise("often killed", run, first=0.01, most=3600.0, steady=0.01)
    async with asyncio.timeout(30):  # counted as failures, the twentieth pause would take hours
        for _ in range(20):
            await runs.acquire()
    await tasks.close()


async def test_a_crash_of_a_single_task_is_logged() -> None:
    tasks = Tasks()

    async def crash() -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        await asyncio.gather(tasks.spawn("once", crash()), return_exceptions=True)
        await asyncio.sleep(0)
    assert [(entry["event"], entry["task"]) for entry in logs] == [("task.crashed", "once")]
    await tasks.close()


async def test_close_ends_everything_newest_first_and_takes_no_more() -> None:
    tasks = Tasks()
    ended: list[str] = []

    async def wait(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    for name in ("a", "b", "c"):
        tasks.spawn(name, wait(name))
    await asyncio.sleep(0)
    await tasks.close()
    assert ended == ["c", "b", "a"]
    with pytest.raises(RuntimeError):
        tasks.spawn("late", wait("late"))
