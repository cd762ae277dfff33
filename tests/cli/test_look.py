"""`gatewayctl health`, `logs` and `support-bundle` against the real rows of upkeep."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from gatewayd.access.identity import ensure_box_id
from gatewayd.access.service import AccessService
from gatewayd.api.server import ApiServer
from gatewayd.api.sockets import open_unix
from gatewayd.box.operations import job_operations
from gatewayd.callers import Caller
from gatewayd.settings import Settings
from gatewayd.system.logs import Ring
from gatewayd.upkeep.bundle import Bundles
from gatewayd.upkeep.logbook import Logbook, own
from gatewayd.upkeep.look import HealthWatch, Look
from gatewayd.upkeep.look_operations import look_operations
from gatewayd.upkeep.redact import Redactor
from tests.cli.conftest import Gatewayctl
from tests.support.core import open_core
from tests.support.trades import CannedInfo


async def _none() -> frozenset[str]:
    return frozenset()


@pytest.fixture
async def ring(tmp_path: Path) -> AsyncIterator[Ring]:
    """The log of a box that has nothing but upkeep."""
    ring, redactor = Ring(), Redactor()
    async with AsyncExitStack() as stack:
        stack.enter_context(capture_logs())
        core = await stack.enter_async_context(open_core(tmp_path))
        access = AccessService(
            database=core.database,
            clock=core.clock,
            box_id=await ensure_box_id(core.database),
            fingerprint="",
            host=lambda: "",
            boot="boot",
        )
        await access.load()

        async def ask(name: str, arguments: dict[str, Any], caller: Caller) -> Any:
            return msgspec.json.decode((await core.registry.dispatch(name, arguments, caller)).body)

        look = Look(
            health=HealthWatch(core.clock, [("state", tmp_path)], [], core.clock.now()),
            logbook=Logbook({"gatewayd": own(ring)}, redactor, _none),
            bundles=Bundles(core.clock, Settings(), tmp_path / "bundles", redactor, _none, ask),
        )

        async def info() -> Any:
            return CannedInfo(id=access.box_id)

        core.registry.add(look_operations(look))
        core.registry.add(job_operations(core.jobs, core.registry))
        server = ApiServer(registry=core.registry, bus=core.bus, authenticator=access, box=info)
        await server.start(local=[open_unix(tmp_path / "api.sock")])
        stack.push_async_callback(server.close)
        yield ring


async def test_health(ring: Ring, gatewayctl: Gatewayctl) -> None:
    told = await gatewayctl("health")
    assert (told.exit_code, told.stderr) == (0, "")
    assert "temperature" in told.stdout
    assert "gatewayd" in told.stdout
    answer = json.loads((await gatewayctl("--json", "health")).stdout)
    assert {part["name"] for part in answer["parts"]} >= {"disk.state", "memory", "load", "clock", "uptime"}


async def test_logs(ring: Ring, gatewayctl: Gatewayctl) -> None:
    assert (await gatewayctl("logs")).stdout == "There is nothing of that in the log.\n"
    ring.add("info", "wifi.joined", "network=home")
    ring.add("error", "dvr.lost", "why=Rain")
    lines = (await gatewayctl("logs")).stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "gatewayd info    wifi.joined network=home",
        "gatewayd error   dvr.lost why=Rain",
    ]
    for words in (("--level", "warning"), ("--contains", "rain"), ("-n", "1"), ("--since", "10s", "-n", "1")):
        assert "dvr.lost" in (await gatewayctl("logs", *words)).stdout, words
        assert "wifi.joined" not in (await gatewayctl("logs", *words)).stdout, words


async def test_following_the_log(ring: Ring, tmp_path: Path) -> None:
    ring.add("info", "first.one", "")
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from gatewayd.cli.main import main; main()", "logs", "-f"),
        env={**os.environ, "GATEWAYD_SOCKET": str(tmp_path / "api.sock")},
        stdout=asyncio.subprocess.PIPE,
    )
    assert command.stdout is not None
    async with asyncio.timeout(30):
        assert b"first.one" in await command.stdout.readline()
        ring.add("warning", "second.one", "a=1")
        assert b"second.one a=1" in await command.stdout.readline()
        command.send_signal(signal.SIGINT)
        assert await command.wait() == 130


async def test_a_support_bundle(ring: Ring, gatewayctl: Gatewayctl, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    told = await gatewayctl("support-bundle", str(folder), "--reason", "slow evenings")
    assert told.exit_code == 0, told.stderr
    assert "health.json" in told.stdout
    assert "Left out: wifi.radios.list: operation.unknown" in told.stdout
    (file,) = folder.iterdir()
    with zipfile.ZipFile(file) as archive:
        about = json.loads(archive.read("gatewayd-support/about.json"))
    assert about["reason"] == "slow evenings"
    nowhere = await gatewayctl("support-bundle", str(tmp_path / "none" / "x.zip"))
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (1, True)
