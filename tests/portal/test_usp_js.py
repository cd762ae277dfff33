"""An independent controller, npm's usp-js, drives the box: over MQTT 3.1.1 and MQTT in a WebSocket."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatewayd import __version__
from gatewayd.callers import INTERNAL
from tests.lab.policy import npm_folder, skip_is_failure
from tests.portal.broker import Mosquitto, mosquitto
from tests.portal.desk import DESK_TOPIC, choice
from tests.support.daemon import until
from tests.support.house import OpenHouse, open_house

SCRIPT = Path(__file__).with_name("usp_js_desk.js")
MODULES = npm_folder() / "node_modules"


@pytest.fixture(autouse=True)
def _installed() -> None:
    if shutil.which("node") is None or not (MODULES / "usp-js").exists():
        assert not skip_is_failure(), "usp-js is missing: `make lab` as root"
        pytest.skip("usp-js is missing: `make lab` as root")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a Unix socket in it."""
    with tempfile.TemporaryDirectory(prefix="gwt-") as name:
        yield Path(name)


@asynccontextmanager
async def linked_house(folder: Path) -> AsyncIterator[tuple[OpenHouse, Mosquitto, str]]:
    """A house at a broker, that shares what the day needs; the box's endpoint id."""
    async with mosquitto(folder / "broker") as broker, open_house(folder / "box") as house:
        share = {"network": True, "viewing": True, "diagnostics": True}
        await house.registry.dispatch("privacy.settings.update", {"share": share}, INTERNAL)
        answer = await house.registry.dispatch("portal.configure", choice(broker.port), INTERNAL)
        box = msgspec.json.decode(answer.body)["endpoint_id"]

        async def up() -> bool | None:
            told = await house.registry.dispatch("portal.get", {}, INTERNAL)
            return [link["state"] for link in msgspec.json.decode(told.body)["links"]] == ["up"] or None

        await until(up)
        yield house, broker, box


async def day(protocol: str, port: int, box: str, *steps: str) -> dict[str, Any]:
    """What usp-js told of these steps: {step: {"answer": ...} or {"error": ...}}."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(SCRIPT), protocol, str(port), box, f"usp/agent/{box}", DESK_TOPIC, ",".join(steps)),
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(MODULES)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 50)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert out, err.decode()[-2000:]
    told: dict[str, Any] = json.loads(out)
    failed = {step: result["error"] for step, result in told.items() if "error" in result}
    assert not failed, failed
    return {step: result["answer"] for step, result in told.items()}


async def test_a_day_at_the_desk(folder: Path) -> None:
    async with linked_house(folder) as (house, broker, box):
        steps = ("information", "stations", "password", "subscription", "diagnosis", "reboot", "recording")
        told = await day("mqtt", broker.port, box, *steps)
        assert told["information"] == __version__
        assert "Heard by usp-js" in json.dumps(told["subscription"])
        assert told["diagnosis"]

        async def ask(operation: str, **arguments: Any) -> Any:
            return msgspec.json.decode((await house.registry.dispatch(operation, arguments, INTERNAL)).body)

        revealed = await ask("wifi.networks.reveal", network="home")
        assert revealed["passphrase"] == "by an independent hand"

        async def ended() -> dict[str, str] | None:
            items = (await ask("dvr.recordings.list"))["items"]
            states = {item["title"]: item["state"] for item in items}
            return None if states.get("By usp-js") == "recording" else states

        items = await until(ended)
        assert set(items) == {"By usp-js", "Planned"}
        assert items["Planned"] == "scheduled"
        assert items["By usp-js"] in ("done", "partial", "failed")
        assert (await ask("diagnostics.runs.list"))["items"]
        activity = (await ask("access.activity.list", limit=100))["items"]
        done = {
            item["operation"] for item in activity if item["role"] == "portal" and item["outcome"] == "ok"
        }
        assert {"upkeep.restart", "wifi.networks.update", "diagnostics.run", "dvr.recordings.stop"} <= done


async def test_through_a_websocket_to_the_broker(folder: Path) -> None:
    async with linked_house(folder) as (_, broker, box):
        told = await day("ws", broker.web_port, box, "information", "stations", "subscription")
        assert "Heard by usp-js" in json.dumps(told["subscription"])
