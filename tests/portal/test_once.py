"""The whole daemon behind a real broker, killed at random moments: once, truthfully, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatewayd.portal.controller import Controller
from gatewayd.portal.schema import usp_msg_pb2 as usp
from tests.portal.broker import Mosquitto, mosquitto
from tests.portal.desk import at_desk, configure, linked, settle, text
from tests.support.daemon import Daemon, running, until

pytestmark = pytest.mark.acceptance
RECORD = "Device.Services.STBService.1.X_GATEWAYD_DVR.Record()"
REBOOT = "Device.Reboot()"
OUTCOME_UNKNOWN = 7022
IN_FLIGHT = 0.06
"""Seconds: from before the first command reaches the box until after its last answer left it."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a Unix socket in it."""
    with tempfile.TemporaryDirectory(prefix="gwt-") as name:
        yield Path(name)


@asynccontextmanager
async def box_at_desk(folder: Path) -> AsyncIterator[tuple[Daemon, Mosquitto, Controller]]:
    """A broker, a box that is linked to it, and a controller."""
    (folder / "box").mkdir()
    async with mosquitto(folder / "broker") as broker, running(folder / "box") as daemon:
        box = await configure(daemon, broker)
        async with at_desk(broker.port, box) as controller:
            yield daemon, broker, controller


def recording(title: str) -> dict[str, str]:
    """Arguments of Record() for a time to come: it is planned and nothing more."""
    start = datetime.now(UTC) + timedelta(days=1)
    return {
        "ChannelName": "testcard",
        "Duration": "60",
        "StartTime": start.isoformat(timespec="seconds"),
        "Title": title,
    }


async def titled(daemon: Daemon, title: str) -> int:
    """How many recordings have that title."""
    count, cursor = 0, ""
    while True:
        page = await daemon.get(f"/dvr/recordings?limit=200{cursor}")
        count += [item["title"] for item in page["items"]].count(title)
        if page.get("next") is None:
            return count
        cursor = f"&cursor={page['next']}"


def operate(command: str, arguments: dict[str, str], key: str) -> usp.Request:
    """The command."""
    return usp.Request(
        operate=usp.Operate(command=command, command_key=key, send_resp=True, input_args=arguments)
    )


async def five_times(controller: Controller, request: usp.Request, name: str) -> list[usp.OperateResp]:
    """The same command five times, two of them even the same message: what was answered."""
    names = [f"{name}-a", f"{name}-b", f"{name}-b", f"{name}-c", f"{name}-d"]
    asking = {
        identifier: asyncio.create_task(controller.ask(request, identifier=identifier, patience=60))
        for identifier in dict.fromkeys(names)
    }
    await controller.send(controller.record(controller.message(request, names[1])))
    return [(await task).operate_resp for task in asking.values()]


async def killed_and_back(daemon: Daemon, after: float) -> None:
    """SIGKILL at that moment, then a new start."""
    await asyncio.sleep(after)
    await daemon.kill(signal.SIGKILL)
    await daemon.start()


async def run_kills(folder: Path, runs: int, seed: int) -> None:
    """So many commands, each sent five times over a kill."""
    dice = random.Random(seed)
    async with box_at_desk(folder) as (daemon, _, controller):
        for number in range(runs):
            title = f"Run {number}"
            request = operate(RECORD, recording(title), f"job-{number}")
            _, answers = await asyncio.gather(
                killed_and_back(daemon, dice.uniform(0, IN_FLIGHT)),
                five_times(controller, request, f"m{number}"),
            )
            assert len(answers) == 4, text(answers)
            told = {answer.operation_results[0].req_output_args.output_args["ID"] for answer in answers}
            assert len(told) == 1, f"run {number} was answered in different ways: {answers}"
            assert await titled(daemon, title) == 1, f"run {number}"


@pytest.mark.timeout(300)
async def test_killed_at_a_random_moment_30_times(folder: Path) -> None:
    await run_kills(folder, 30, seed=20261123)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_killed_at_a_random_moment_300_times(folder: Path) -> None:
    await run_kills(folder, 300, seed=300)


@pytest.mark.timeout(120)
async def test_what_is_never_repeated_is_answered_truthfully(folder: Path) -> None:
    """A restart of the box (which the demo only says): done and told, or begun and unknown; never twice."""
    dice = random.Random(4)
    async with box_at_desk(folder) as (daemon, _, controller):
        for number in range(3):
            request = operate(REBOOT, {"Cause": f"Run {number}"}, f"boot-{number}")
            _, answers = await asyncio.gather(
                killed_and_back(daemon, dice.uniform(0, IN_FLIGHT)),
                five_times(controller, request, f"b{number}"),
            )
            results = [answer.operation_results[0] for answer in answers]
            failures = {result.cmd_failure.err_code for result in results if result.HasField("cmd_failure")}
            assert failures <= {OUTCOME_UNKNOWN}, text(results)
            activity = (await daemon.get("/activity?limit=200"))["items"]
            done = [
                item for item in activity if item["operation"] == "upkeep.restart" and item["outcome"] == "ok"
            ]
            assert len(done) <= number + 1


@pytest.mark.timeout(120)
async def test_queued_while_away(folder: Path) -> None:
    """Commands sent to a box that is off, with the broker restarted in between; then what expires at it."""
    async with box_at_desk(folder) as (daemon, broker, controller):
        await daemon.kill(signal.SIGKILL)
        late = recording("too late")
        late["X_GATEWAYD_NotAfter"] = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        requests = {
            "kept": operate(RECORD, recording("kept"), "kept"),
            "too late": operate(RECORD, late, "too late"),
        }
        for name, request in requests.items():
            assert await controller.send(controller.record(controller.message(request, name))) == 0
        await broker.stop()
        await asyncio.sleep(1.2)
        await broker.start()
        await daemon.start()
        await linked(daemon)
        async with at_desk(broker.port, controller.agent) as again:
            [told] = await again.operate(RECORD, dict(requests["kept"].operate.input_args), key="kept")
            assert told.req_output_args.output_args["Status"]
            [said] = await again.operate(RECORD, late, key="too late")
            assert said.cmd_failure.err_code == 7022
            assert "was not carried out and will not be" in said.cmd_failure.err_msg
            await daemon.kill(signal.SIGKILL)
            short = operate(RECORD, recording("short-lived"), "short-lived")
            record = again.record(again.message(short, "short-lived"))
            assert await again.send(record, expires_in=1) == 0
            await asyncio.sleep(1.5)
            await daemon.start()
            await linked(daemon)
            await again.get("Device.DeviceInfo.UpTime")  # it came after the other, had that been there
        counts = {name: await titled(daemon, name) for name in ("kept", "too late", "short-lived")}
        assert counts == {"kept": 1, "too late": 0, "short-lived": 0}


@pytest.mark.timeout(120)
async def test_notifications_outlive_a_kill(folder: Path) -> None:
    """Raised while there is no way out, then SIGKILL: delivered after the restart."""
    async with box_at_desk(folder) as (daemon, broker, controller):
        await controller.add(
            "Device.LocalAgent.Subscription.",
            {
                "Enable": "true",
                "ID": "names",
                "NotifType": "ValueChange",
                "ReferenceList": "Device.WiFi.SSID.1.SSID",
                "NotifRetry": "true",
                "Persistent": "true",
            },
        )
        await settle(0.5)
        await broker.stop()
        status, answer = await daemon.call("PATCH", "/wifi/networks/home", {"ssid": "Raised and killed"})
        assert status in (200, 202), answer
        await settle(1.0)
        await daemon.kill(signal.SIGKILL)
        await broker.start()
        await daemon.start()
        async with at_desk(broker.port, controller.agent) as again:
            notify = await again.notified(30)
            assert notify.value_change.param_value == "Raised and killed"

            async def delivered() -> bool | None:
                return (await daemon.get("/portal"))["waiting"] == 0 or None

            await until(delivered)


async def test_a_changed_value_is_told_within_a_second(folder: Path) -> None:
    async with box_at_desk(folder) as (daemon, _, controller):
        await controller.add(
            "Device.LocalAgent.Subscription.",
            {
                "Enable": "true",
                "ID": "names",
                "NotifType": "ValueChange",
                "ReferenceList": "Device.WiFi.SSID.1.SSID",
            },
        )
        await settle(0.5)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await daemon.call("PATCH", "/wifi/networks/home", {"ssid": "A new name"})
        notify = await controller.notified(10)
        assert notify.value_change.param_value == "A new name"
        assert loop.time() - began < 1.0
