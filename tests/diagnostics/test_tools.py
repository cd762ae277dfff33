"""The tools' operations: jobs with progress, limits, consent; captures that are forgotten."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd.callers import ROLES, Caller
from gatewayd.diagnostics.capture import Captures, CaptureStart
from gatewayd.diagnostics.simulated_tools import SimulatedTools
from gatewayd.diagnostics.speed_model import SpeedtestResult, SpeedtestStart
from gatewayd.diagnostics.tool_model import PingResult, PingStart
from gatewayd.diagnostics.tool_operations import AT_ONCE, tool_operations
from gatewayd.diagnostics.tools import Told
from gatewayd.errors import GatewayError
from gatewayd.jobs import JobChanged
from gatewayd.netd.simulated import SimulatedNetwork
from gatewayd.netd.verbs import CaptureAnswer
from tests.support.core import Core, open_core
from tests.support.world import WaitingClock

PORTAL = Caller(id="portal", role="portal", scopes=ROLES["portal"], via="portal")


def tools(core: Core) -> SimulatedTools:
    made = SimulatedTools(SimulatedNetwork(), core.clock)
    core.registry.add(tool_operations(made))
    return made


async def ended(core: Core, name: str, /, **arguments: Any) -> list[JobChanged]:
    """Runs a tool; every change of its job."""
    changes: list[JobChanged] = []
    with core.bus.subscribe("jobs.*") as events:
        await core.call(name, arguments)
        async for event in events:
            assert isinstance(event.data, JobChanged)
            changes.append(event.data)
            if event.data.job.state in ("done", "failed", "cancelled"):
                return changes
    raise AssertionError("no end")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ping", {"target": "far.example", "count": 3}),
        ("traceroute", {"target": "far.example"}),
        ("lookup", {"name": "far.example"}),
        ("probe", {"target": "far.example", "kind": "tls"}),
        ("phone", {}),
        ("mail", {"domain": "mail.example"}),
        ("speedtest", {}),
    ],
)
async def test_each_tool_is_a_job_with_a_result(tmp_path: Path, name: str, arguments: dict[str, Any]) -> None:
    async with open_core(tmp_path) as core:
        tools(core)
        changes = await ended(core, f"diagnostics.{name}", **arguments)
    assert changes[-1].job.state == "done", changes[-1].job.error
    assert changes[-1].job.result
    if name in ("ping", "traceroute", "speedtest"):
        assert any(one.partial for one in changes), "nothing was told on the way"


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("ping", {"target": ""}, "target"),
        ("ping", {"target": "x" * 254}, "target"),
        ("ping", {"target": "a.example", "count": 301}, "count"),
        ("ping", {"target": "a.example", "count": 0}, "count"),
        ("ping", {"target": "a.example", "interval": 0.01}, "interval"),
        ("ping", {"target": "a.example", "size": 65507}, "size"),
        ("traceroute", {"target": "a.example", "hops": 256}, "hops"),
        ("lookup", {"name": "a.example", "type": "AXFR"}, "type"),
        ("lookup", {"name": "a.example", "type": "ANY"}, "type"),
        ("probe", {"target": "a.example", "port": 0}, "port"),
        ("probe", {"target": "a.example", "kind": "http", "path": "/\r\nHost: other"}, "path"),
        ("speedtest", {"max_bytes": 10**12}, "max_bytes"),
        ("speedtest", {"directions": []}, "directions"),
        ("capture", {"interface": "eth0", "consent": True, "seconds": 61.0}, "seconds"),
        ("capture", {"interface": "x" * 16, "consent": True}, "interface"),
    ],
)
async def test_what_is_outside_the_limits_is_refused(
    tmp_path: Path, name: str, arguments: dict[str, Any], field: str
) -> None:
    async with open_core(tmp_path) as core:
        tools(core)
        with pytest.raises(GatewayError) as refused:
            await core.call(f"diagnostics.{name}", arguments)
    assert (refused.value.code.partition(".")[0], refused.value.field) == ("request", field)


class Stuck(SimulatedTools):
    """A ping that never ends."""

    async def ping(self, wanted: PingStart, told: Told) -> PingResult:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_speed_test_is_kept_and_a_withheld_one_is_not(tmp_path: Path) -> None:
    kept: dict[str, float] = {}

    class Slow(SimulatedTools):
        async def speedtest(self, wanted: SpeedtestStart, told: Told) -> SpeedtestResult:
            found = await super().speedtest(wanted, told)
            assert found.up is not None
            return msgspec.structs.replace(found, up=msgspec.structs.replace(found.up, rate=None))

    async with open_core(tmp_path) as core:
        made = Slow(SimulatedNetwork(), core.clock)
        core.registry.add(tool_operations(made, kept.__setitem__))
        await ended(core, "diagnostics.speedtest")
    assert kept == {"speed_down_bits": 94.2e6, "speed_down_ms": 18.0}


async def test_tools_do_not_pile_up_and_cancelling_makes_room(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        core.registry.add(tool_operations(Stuck(SimulatedNetwork(), core.clock)))
        jobs = []
        for _ in range(AT_ONCE):
            jobs.append((await core.call("diagnostics.ping", {"target": "a.example"}))["job"]["id"])
            await asyncio.sleep(0.02)
        with pytest.raises(GatewayError) as refused:
            await core.call("diagnostics.ping", {"target": "a.example"})
        assert refused.value.code == "diagnostics.tools_busy"
        assert (await core.jobs.cancel(jobs[0])).state == "cancelled"
        jobs[0] = (await core.call("diagnostics.ping", {"target": "a.example"}))["job"]["id"]
        for job in jobs:
            await core.jobs.cancel(job)


async def test_a_capture_needs_consent_and_is_never_begun_from_outside(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        tools(core)
        with pytest.raises(GatewayError) as refused:
            await core.call("diagnostics.capture", {"interface": "wan0"})
        assert refused.value.code == "diagnostics.consent_needed"
        with pytest.raises(GatewayError) as refused:
            await core.call("diagnostics.capture", {"interface": "wan0", "consent": True}, caller=PORTAL)
        assert refused.value.code == "diagnostics.consent_needed"
        rows = await core.database.fetch_all("SELECT operation, outcome FROM audit")
        assert [tuple(row) for row in rows] == [("diagnostics.capture", "diagnostics.consent_needed")] * 2


async def test_a_capture_is_fetched_as_a_file(tmp_path: Path) -> None:
    async with open_core(tmp_path) as core:
        tools(core)
        done = (await ended(core, "diagnostics.capture", interface="wan0", consent=True))[-1].job
        assert done.result is not None
        assert "pcap" not in done.result, "packets are not written into the state"
        found = await core.call("diagnostics.captures.get", {"capture": done.result["capture"]})
    assert base64.b64decode(found["pcap"])[:4] == bytes.fromhex("4d3cb2a1")


class Door:
    """Records what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def capture(
        self, interface: str, *, timeout_ms: int, packets: int, snap: int, address: str | None = None
    ) -> CaptureAnswer:
        self.asked.append((interface, timeout_ms, packets, snap, address))
        return CaptureAnswer(pcap=b"secret", packets=1, dropped=0)


async def test_captures_are_forgotten() -> None:
    clock, door = WaitingClock(), Door()
    captures = Captures(door, clock)
    first = await captures.run(CaptureStart(interface="eth0", consent=True, seconds=2))
    assert door.asked == [("eth0", 2000, 5000, 96, None)], "headers only, unless whole packets are wanted"
    second = await captures.run(CaptureStart(interface="eth0", consent=True, whole=True))
    assert door.asked[1][3] == 1600
    for identifier in (first.capture, "nonsense"):
        with pytest.raises(GatewayError, match="capture_not_found"):
            captures.get(identifier)
    assert captures.get(second.capture).name.startswith("eth0-")
    clock.seconds += 601
    with pytest.raises(GatewayError, match="capture_not_found"):
        captures.get(second.capture)
