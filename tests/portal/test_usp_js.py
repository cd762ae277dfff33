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
from typing import Any, ClassVar

import msgspec
import pytest

from gatewayd import __version__, doors
from gatewayd.callers import INTERNAL
from gatewayd.system.clock import Clock
from gatewayd.tasks import Tasks
from gatewayd.wifi.simulated import SimulatedDriver
from tests.lab.policy import npm_folder, skip_is_failure
from tests.portal.broker import Mosquitto, mosquitto
from tests.portal.desk import DESK_TOPIC, choice
from tests.support.daemon import until
from tests.support.house import OpenHouse, open_house

SCRIPT = Path(__file__).with_name("usp_js_desk.js")
MODULES = npm_folder() / "node_modules"
DEVICES = ("02:00:5e:10:00:01", "02:00:5e:10:00:02")


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


class Radio(SimulatedDriver):
    """The demo's radio in a house where nobody is but whom a test sends."""

    built: ClassVar[list[Radio]] = []

    def __init__(self, clock: Clock, tasks: Tasks) -> None:
        super().__init__(clock, tasks, household=False)
        self.built.append(self)


@pytest.fixture
def radio(monkeypatch: pytest.MonkeyPatch) -> list[Radio]:
    """The radios of the houses that are opened from now on."""
    monkeypatch.setattr(Radio, "built", [])
    monkeypatch.setattr(doors, "SimulatedDriver", Radio)
    return Radio.built


async def asked(house: OpenHouse, operation: str, **arguments: Any) -> Any:
    """An operation's answer, inside the house."""
    return msgspec.json.decode((await house.registry.dispatch(operation, arguments, INTERNAL)).body)


async def two_at_home(house: OpenHouse, driver: Radio) -> dict[str, int]:
    """Two devices join the home network: their addresses with the strength of their signals."""
    home = await asked(house, "wifi.networks.reveal", network="home")

    async def joined() -> bool | None:
        return all(driver.join(mac, home["ssid"], home["passphrase"]) for mac in DEVICES) or None

    await until(joined)
    return {row["mac"]: row["signal_dbm"] for row in (await asked(house, "wifi.stations.list"))["items"]}


async def test_a_day_at_the_desk(folder: Path, radio: list[Radio]) -> None:
    async with linked_house(folder) as (house, broker, box):
        there = await two_at_home(house, radio[0])
        assert set(there) == set(DEVICES)
        steps = ("information", "stations", "password", "ping", "subscription", "diagnosis")
        told = await day("mqtt", broker.port, box, *steps, "reboot", "recording")
        assert told["information"] == __version__
        seen = told["stations"]
        assert {row["MACAddress"]: int(row["SignalStrength"]) for row in seen} == there
        assert {(row["Active"], row["AuthenticationState"]) for row in seen} == {("true", "true")}
        assert told["ping"]["Status"] == "Complete"
        assert (told["ping"]["SuccessCount"], told["ping"]["FailureCount"]) == ("3", "0")
        change = {"paramPath": "Device.WiFi.SSID.1.SSID", "paramValue": "Heard by usp-js"}
        assert told["subscription"] == [change]
        assert told["diagnosis"]["Status"] == "Complete"
        assert told["diagnosis"]["Results"].startswith("verdict: OK; ")
        assert told["reboot"] == {}

        revealed = await asked(house, "wifi.networks.reveal", network="home")
        assert revealed["passphrase"] == "by an independent hand"
        await recorded(house, told["recording"])
        assert (await asked(house, "diagnostics.runs.list"))["items"]
        activity = (await asked(house, "access.activity.list", limit=100))["items"]
        done = [item["operation"] for item in activity if (item["role"], item["outcome"]) == ("portal", "ok")]
        wanted = {"wifi.networks.update", "diagnostics.run", "diagnostics.ping", "dvr.recordings.stop"}
        assert wanted <= set(done)
        assert done.count("upkeep.restart") == 1  # the demo only says that it would


async def recorded(house: OpenHouse, told: dict[str, Any]) -> None:
    """What became of the recordings of the day: one ran and was stopped, one is planned."""

    async def ended() -> dict[str, str] | None:
        items = (await asked(house, "dvr.recordings.list"))["items"]
        states = {item["id"]: item["state"] for item in items}
        return None if "recording" in states.values() else states

    states = await until(ended)
    made, planned = (told[name]["outputArgs"]["ID"] for name in ("made", "planned"))
    assert set(states) == {made, planned}
    assert states[planned] == "scheduled"
    assert states[made] in ("done", "partial")  # something of it was recorded


async def test_through_a_websocket_to_the_broker(folder: Path, radio: list[Radio]) -> None:
    async with linked_house(folder) as (house, broker, box):
        there = await two_at_home(house, radio[0])
        steps = ("information", "stations", "password", "ping", "subscription", "diagnosis")
        told = await day("ws", broker.web_port, box, *steps)
        assert {row["MACAddress"]: int(row["SignalStrength"]) for row in told["stations"]} == there
        assert told["ping"]["SuccessCount"] == "3"
        assert "Heard by usp-js" in json.dumps(told["subscription"])
        assert told["diagnosis"]["Status"] == "Complete"
