"""Jobs: progress, result, cancel, crash, restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from gatewayd.errors import GatewayError
from gatewayd.jobs import ENDED, Job, JobChanged, JobHandle
from gatewayd.operations import Context, Empty, JobAnswer, Operation, Result, Scope
from tests.support.core import Core, open_core


class Brew(Result, frozen=True, kw_only=True):
    cups: int


def brewing(run: Any, lock: str | None = None) -> Operation:
    async def handler(request: Empty, context: Context) -> JobAnswer:
        return await context.start_job(run, lock=lock)

    return Operation(
        name="kitchen.brew",
        summary="Brew",
        request=Empty,
        result=JobAnswer,
        scope=Scope.DIAGNOSTICS_RUN,
        method="POST",
        path="/brew",
        handler=handler,
        mutates=True,
        recovery="transaction",
        status=202,
    )


async def ended(core: Core, identifier: str) -> Job:
    async with asyncio.timeout(5):
        with core.bus.subscribe("jobs.*", since=0) as events:
            async for event in events:
                assert isinstance(event.data, JobChanged)
                if event.data.job.id == identifier and event.data.job.state in ENDED:
                    return event.data.job
    raise AssertionError("the bus ended")


async def test_a_job_reports_progress_and_keeps_its_result(tmp_path: Path) -> None:
    async def run(handle: JobHandle) -> Brew:
        handle.progress(0.5, "Half", Brew(cups=1))
        return Brew(cups=2)

    async with open_core(tmp_path) as core:
        core.registry.add([brewing(run)])
        answer = await core.registry.dispatch("kitchen.brew", {}, _internal())
        job = msgspec.json.decode(answer.body)["job"]
        assert answer.status == 202
        assert answer.location == f"/v1/jobs/{job['id']}"
        last = await ended(core, job["id"])
        assert (last.state, last.progress, last.result) == ("done", 1.0, {"cups": 2})
        assert (await core.jobs.get(job["id"])).result == {"cups": 2}
        with core.bus.subscribe("jobs.*", since=0) as events:
            seen = [await anext(events) for _ in range(4)]
        assert [event.data.job.message for event in seen] == ["Waiting", "Started", "Half", "Done"]  # type: ignore[attr-defined]
        assert seen[2].data.partial == {"cups": 1}  # type: ignore[attr-defined]


async def test_a_job_is_cancelled(tmp_path: Path) -> None:
    async def run(handle: JobHandle) -> None:
        await asyncio.sleep(60)

    async with open_core(tmp_path) as core:
        core.registry.add([brewing(run)])
        job = (await core.call("kitchen.brew"))["job"]
        assert (await core.jobs.cancel(job["id"])).state == "cancelled"


async def test_failures_are_told_and_defects_hidden(tmp_path: Path) -> None:
    errors: list[Exception] = [GatewayError("helper.unavailable", "gone"), KeyError("inside")]

    async def run(handle: JobHandle) -> None:
        raise errors.pop(0)

    async with open_core(tmp_path) as core:
        core.registry.add([brewing(run)])
        told = await ended(core, (await core.call("kitchen.brew"))["job"]["id"])
        assert told.state == "failed"
        assert told.error is not None
        assert told.error.code == "helper.unavailable"
        defect = await ended(core, (await core.call("kitchen.brew"))["job"]["id"])
        assert defect.error is not None
        assert defect.error.code == "operation.crashed"
        assert "inside" not in defect.error.detail


async def test_a_job_holds_its_lock(tmp_path: Path) -> None:
    running = most = 0

    async def run(handle: JobHandle) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1

    async with open_core(tmp_path) as core:
        core.registry.add([brewing(run, lock="stove")])
        jobs = [(await core.call("kitchen.brew"))["job"]["id"] for _ in range(3)]
        for job in jobs:
            await ended(core, job)
    assert most == 1


async def test_a_job_survives_a_restart_as_interrupted(tmp_path: Path) -> None:
    async def run(handle: JobHandle) -> None:
        await asyncio.sleep(60)

    async with open_core(tmp_path) as core:
        core.registry.add([brewing(run)])
        job = (await core.call("kitchen.brew"))["job"]["id"]
        await asyncio.sleep(0.05)
    async with open_core(tmp_path) as core:
        assert (await core.jobs.get(job)).state == "interrupted"
        async with core.database.unit() as unit:  # and when the daemon was killed without a word
            unit.execute("UPDATE jobs SET state = 'running', error = NULL WHERE id = ?", (job,))
    async with open_core(tmp_path) as core:
        late = await core.jobs.get(job)
        assert late.state == "interrupted"
        assert late.error is not None
        assert late.error.code == "jobs.interrupted"


def _internal() -> Any:
    from gatewayd.callers import INTERNAL

    return INTERNAL
