"""A box whose state had to be restored from a backup: commands that may be older are refused, and said so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatewayd.callers import INTERNAL
from gatewayd.portal import restored
from gatewayd.portal.controller import Controller, Refused
from gatewayd.portal.restored import RestoredGuard
from gatewayd.portal.schema import usp_msg_pb2 as usp
from tests.portal.broker import mosquitto
from tests.portal.desk import choice, desk
from tests.portal.test_links import Office
from tests.support.house import OpenHouse, open_house
from tests.support.store import open_database

RECORD = "Device.Services.STBService.1.X_GATEWAYD_DVR.Record()"
SSID = "Device.WiFi.SSID.1."
START = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")


def recording(title: str) -> dict[str, str]:
    """Arguments for a recording in a day: it is planned and nothing more."""
    return {
        "ChannelName": "testcard",
        "Duration": "60",
        "StartTime": START,
        "Title": title,
    }


async def sent(controller: Controller, key: str) -> usp.OperateResp.OperationResult:
    """The answer to a recording of that key, and title."""
    [told] = await controller.operate(RECORD, recording(key), key=key)
    return told


async def planned(at: Office) -> set[str]:
    """The titles of what is to be recorded."""
    return {item["title"] for item in (await at.call("dvr.recordings.list"))["items"]}


async def before(house: OpenHouse, port: int) -> str:
    """The box until its state is lost: a backup, and a command after it. Its endpoint id."""
    share = {"share": {"network": True, "viewing": True}}
    await house.registry.dispatch("privacy.settings.update", share, INTERNAL)
    at = Office(house, None, "")  # type: ignore[arg-type]
    box = str((await at.call("portal.configure", **choice(port)))["endpoint_id"])
    await at.linked()
    keeper = house.house._keeper
    await keeper.back_up(house.registry._database, house.house._clock.now())
    async with desk(port, box) as controller:
        assert (await sent(controller, "done")).req_output_args.output_args["Status"] == "Scheduled"
    return box


async def test_what_waited_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restored, "HELD", 4.0)
    async with mosquitto(tmp_path / "broker") as broker:
        async with open_house(tmp_path / "box") as house:
            box = await before(house, broker.port)
        [state] = tmp_path.glob("box/**/state.db")
        state.write_bytes(b"not a database" * 1000)
        async with desk(broker.port, box) as controller:
            waiting = [asyncio.create_task(sent(controller, key)) for key in ("done", "waited")]
            name = asyncio.create_task(controller.set(SSID, {"SSID": "Too late"}))
            await asyncio.sleep(0.2)
            async with open_house(tmp_path / "box") as house:
                at = Office(house, broker, box)
                for told in await asyncio.gather(*waiting):
                    assert told.cmd_failure.err_code == 7022
                    assert "restored from a backup" in told.cmd_failure.err_msg
                with pytest.raises(Refused, match="7022"):
                    await name
                assert (await controller.get(f"{SSID}SSID"))[f"{SSID}SSID"] != "Too late"
                assert await planned(at) == set()  # also what was done after the backup is forgotten
                await asyncio.sleep(4.0)
                assert (await sent(controller, "new")).req_output_args.output_args["Status"] == "Scheduled"
                again = await sent(controller, "waited")  # the refusal is the key's answer from now on
                assert again.cmd_failure.err_code == 7022
                assert await planned(at) == {"new"}


async def test_each_link_is_held_until_it_was_up_long_enough(tmp_path: Path) -> None:
    one, two = "Device.MQTT.Client.1.", "Device.MQTT.Client.2."
    async with open_database(tmp_path) as database:
        guard = RestoredGuard(database)
        await guard.arm([one, two])
        assert await guard.holds(one, 59.0)
        assert not await guard.holds(one, 60.0)
        assert not await guard.holds(one, 0.0)
        again = RestoredGuard(database)
        await again.load()
        assert (await again.holds(one, 0.0), await again.holds(two, 0.0)) == (False, True)
        assert not await again.holds("Device.MQTT.Client.3.", 0.0)
        assert not await again.holds(two, 61.0)
        assert await database.fetch_one("SELECT * FROM facts WHERE name = 'portal_restored'") is None
