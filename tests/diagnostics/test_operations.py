"""`diagnostics.*` through the registry, on the simulated world and on a broken one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatewayd.diagnostics import SIMULATED_TARGETS, DiagnosticsService, SimulatedWorld, operations, service
from gatewayd.diagnostics.checks import all_checks
from gatewayd.diagnostics.world import HttpAnswer, World
from gatewayd.errors import GatewayError
from gatewayd.jobs import JobChanged
from gatewayd.system.netlink import Link
from tests.support.core import Core, open_core
from tests.support.world import TARGETS, FakeWorld


def build(core: Core, world: World | None = None) -> DiagnosticsService:
    built = DiagnosticsService(
        world=world or SimulatedWorld(),
        targets=TARGETS if world else SIMULATED_TARGETS,
        wan=None,
        database=core.database,
        clock=core.clock,
    )
    core.registry.add(operations(built))
    return built


async def diagnose(core: Core) -> list[JobChanged]:
    """Starts a run; every change of its job until it has ended."""
    changes: list[JobChanged] = []
    with core.bus.subscribe("jobs.*") as events:
        answer = await core.call("diagnostics.run")
        async for event in events:
            assert isinstance(event.data, JobChanged)
            assert event.data.job.id == answer["job"]["id"]
            changes.append(event.data)
            if event.data.job.state in ("done", "failed"):
                break
    assert changes[-1].job.state == "done", changes[-1].job.error
    return changes


def result(changes: list[JobChanged]) -> dict[str, Any]:
    found = changes[-1].job.result
    assert found is not None
    return found


async def test_the_jobs_result_is_the_diagnosis(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        build(core)
        found = result(await diagnose(core))
    assert set(found) == {
        "verdict", "layer", "confidence", "remedy", "short", "who", "evidence", "also_seen", "notes",
        "seconds",
    }  # fmt: skip
    assert (found["verdict"], found["layer"]) == ("OK", "none")
    assert "Simulated" in found["notes"][0]
    assert {one["check"] for one in found["evidence"]} >= {
        "link",
        "address",
        "gateway",
        "dns",
        "internet",
        "http",
    }


async def test_results_are_streamed_as_they_come(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        build(core)
        changes = await diagnose(core)
    counts = [len(one.partial["results"]) for one in changes if one.partial is not None]
    assert counts == list(range(1, len(all_checks()) + 1))
    progress = [one.job.progress for one in changes]
    assert progress == sorted(progress)


async def test_runs_are_kept_listed_and_replayed(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        build(core, FakeWorld(arp_answers=False, others="timeout", dns={"203.0.113.53": "timeout"}))
        for _ in range(3):
            await diagnose(core)
        first = await core.call("diagnostics.runs.list", {"limit": 2})
        assert len(first["items"]) == 2
        rest = await core.call("diagnostics.runs.list", {"limit": 2, "cursor": first["next"]})
        assert (len(rest["items"]), rest["next"]) == (1, None)
        run = await core.call("diagnostics.runs.get", {"run": rest["items"][0]["id"]})
        assert run == rest["items"][0]
        gateway = next(one for one in run["results"] if one["check"] == "gateway")
        assert gateway["arp"] == "silent"


async def test_only_the_last_runs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "KEPT", 2)
    async with open_core(tmp_path) as core:
        build(core)
        for _ in range(3):
            await diagnose(core)
        assert len((await core.call("diagnostics.runs.list"))["items"]) == 2


class Stuck(FakeWorld):
    """A world in which the link never tells anything."""

    async def links(self) -> tuple[Link, ...]:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_cancelled_run_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        built = build(core, Stuck())
        job = (await core.call("diagnostics.run"))["job"]["id"]
        await asyncio.sleep(0.05)
        assert (await core.jobs.cancel(job)).state == "cancelled"
        assert (await core.call("diagnostics.runs.list"))["items"] == []
        assert built.latest().state == "unknown"


async def test_unknown_run(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        build(core)
        with pytest.raises(GatewayError) as refused:
            await core.call("diagnostics.runs.get", {"run": "nonsense"})
        assert refused.value.code == "diagnostics.run_not_found"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("diagnostics.run", {"target": "192.0.2.1"}),
        ("diagnostics.runs.list", {"limit": 0}),
        ("diagnostics.runs.list", {"limit": "many"}),
        ("diagnostics.runs.get", {}),
    ],
)
async def test_bad_arguments_change_nothing(tmp_path: Path, name: str, arguments: dict[str, Any]) -> None:
    async with open_core(tmp_path) as core:
        build(core)
        with pytest.raises(GatewayError, match=r"^request\."):
            await core.call(name, arguments)
        assert (await core.call("diagnostics.runs.list"))["items"] == []


@pytest.mark.parametrize(
    ("world", "state"),
    [
        (FakeWorld(), "ok"),
        (FakeWorld(dns={"192.0.2.53": "timeout"}), "degraded"),
        (FakeWorld(gateway=None, others="unreachable", web=HttpAnswer(failure="timeout")), "down"),
    ],
)
async def test_latest_feeds_the_status_and_survives_a_restart(
    tmp_path: Path, world: FakeWorld, state: str
) -> None:
    async with open_core(tmp_path) as core:
        built = build(core, world)
        assert built.latest().state == "unknown"
        await diagnose(core)
        assert built.latest().state == state
        again = DiagnosticsService(
            world=world, targets=TARGETS, wan=None, database=core.database, clock=core.clock
        )
        await again.start()
        assert again.latest() == built.latest()
