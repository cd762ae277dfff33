"""Restarts: written down first, bounded, not while something records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.errors import GatewayError
from gatewayd.system.logind import Logind, NoPower
from gatewayd.upkeep.operations import operations
from gatewayd.upkeep.service import MOST_PER_HOUR, Upkeep
from tests.support.clock import FakeClock
from tests.support.core import Core, open_core
from tests.support.logind import fake_logind


class Daemon:
    """What a restart acts upon."""

    def __init__(self) -> None:
        self.restarts = 0
        self.busy: str | None = None
        self.power = NoPower()

    def restart(self) -> None:
        self.restarts += 1

    async def is_busy(self) -> str | None:
        return self.busy


@asynccontextmanager
async def upkeep(tmp_path: Path, clock: FakeClock, daemon: Daemon) -> AsyncIterator[Core]:
    async with open_core(tmp_path, clock) as core:
        service = Upkeep(core.database, clock, core.tasks, daemon.power, daemon.restart, daemon.is_busy)
        await service.start()
        core.registry.add(operations(service))
        yield core


async def passes(clock: FakeClock, seconds: float) -> None:
    for _ in range(10):
        await asyncio.sleep(0.01)
    await clock.advance(seconds)
    for _ in range(10):
        await asyncio.sleep(0.01)


async def test_the_answer_leaves_before_the_restart_and_the_next_start_reports_it(tmp_path: Path) -> None:
    clock, daemon = FakeClock(), Daemon()
    async with upkeep(tmp_path, clock, daemon) as core:
        answer = await core.call("upkeep.restart", {"target": "daemon", "reason": "slow"}, key="k")
        assert answer["restart"]["state"] == "restarting"
        assert daemon.restarts == 0
        await passes(clock, 1.0)
        assert daemon.restarts == 1
        assert await core.call("upkeep.restart", {"target": "daemon", "reason": "slow"}, key="k") == answer
        await passes(clock, 5.0)
        assert daemon.restarts == 1
    async with upkeep(tmp_path, clock, daemon) as core:
        with core.bus.subscribe("upkeep.*", since=0) as events:
            event = await anext(events)
        assert event.type == "upkeep.restarted"
        assert event.data.restart.back_after == 5.0  # type: ignore[attr-defined]
        assert daemon.restarts == 1


async def test_the_box_waits_for_a_recording(tmp_path: Path) -> None:
    clock, daemon = FakeClock(), Daemon()
    daemon.busy = "A recording runs until 21:00."
    async with upkeep(tmp_path, clock, daemon) as core:
        with pytest.raises(GatewayError) as caught:
            await core.call("upkeep.restart", {"target": "box"})
        assert (caught.value.code, caught.value.field) == ("upkeep.restart_refused", "when")
        answer = await core.call("upkeep.restart", {"target": "box", "when": "idle"})
        assert answer["restart"]["state"] == "waiting"
        await passes(clock, 60)
        assert daemon.power.asked == 0
        daemon.busy = None
        await passes(clock, 10)
        assert daemon.power.asked == 1


async def test_a_caller_that_repeats_itself_cannot_keep_the_box_down(tmp_path: Path) -> None:
    clock, daemon = FakeClock(), Daemon()
    async with upkeep(tmp_path, clock, daemon) as core:
        for _ in range(MOST_PER_HOUR):
            await core.call("upkeep.restart", {"target": "box"})
        with pytest.raises(GatewayError) as caught:
            await core.call("upkeep.restart", {"target": "box"})
        assert caught.value.code == "upkeep.too_many_restarts"
        assert caught.value.retry_after == 3600
        await passes(clock, 3601)
        await core.call("upkeep.restart", {"target": "box"})


@pytest.mark.parametrize("target", ["wifi", "modem"])
async def test_what_cannot_be_restarted_says_so(tmp_path: Path, target: str) -> None:
    async with upkeep(tmp_path, FakeClock(), Daemon()) as core:
        with pytest.raises(GatewayError) as caught:
            await core.call("upkeep.restart", {"target": target})
        assert (caught.value.code, caught.value.field) == ("upkeep.target_unavailable", "target")


async def test_logind_is_asked_over_a_real_bus(tmp_path: Path) -> None:
    async with fake_logind(tmp_path) as (address, manager):
        await Logind(address).reboot()
        assert manager.reboots == [False]
        manager.refuse = True
        with pytest.raises(GatewayError) as caught:
            await Logind(address).reboot()
        assert caught.value.code == "upkeep.power_unavailable"


async def test_without_a_bus_the_refusal_is_clear() -> None:
    with pytest.raises(GatewayError) as caught:
        await Logind("unix:path=/nonexistent/bus").reboot()
    assert caught.value.code == "upkeep.power_unavailable"
