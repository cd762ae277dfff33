"""Notifications are of the change itself: with it or not at all, once; what cannot be read is not gone."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from typing import Any

import pytest

from gatewayd.dvr.model import RecordingChanged
from gatewayd.errors import GatewayError
from gatewayd.portal import records
from tests.portal.inproc import Desk, Office

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
DVR = "Device.Services.STBService.1.X_GATEWAYD_DVR."
DONE = RecordingChanged(recording="01J", channel="testcard", state="done")


async def listening(desk: Desk, office: Office) -> None:
    await desk.subscribe("Event", f"{DVR}RecordingCompleted!", ID="done")
    await office.settled()


async def test_an_event_of_a_change_is_told_once(desk: Desk, office: Office) -> None:
    await listening(desk, office)
    async with office.database.unit() as unit:
        unit.execute("DELETE FROM facts WHERE name = 'nothing'")
        unit.emit(DONE)
    assert [note.topic for note in office.stand_ins.notes] == ["dvr.recording_changed"]  # with the commit
    await asyncio.sleep(0.5)
    (note,) = office.stand_ins.notes
    event = records.parse_message(note.message).body.request.notify.event
    assert (event.obj_path, event.event_name, dict(event.params)) == (
        DVR,
        "RecordingCompleted!",
        {"ID": "01J", "Status": "Complete"},
    )


async def test_a_change_that_fails_is_not_told(desk: Desk, office: Office) -> None:
    await listening(desk, office)
    with pytest.raises(sqlite3.Error):
        async with office.database.unit() as unit:
            unit.execute("INSERT INTO facts (name, value) VALUES (NULL, NULL)")
            unit.emit(DONE)
    assert await office.nothing()


async def test_an_event_without_a_change_is_told_too(desk: Desk, office: Office) -> None:
    await listening(desk, office)
    office.house.house._bus.publish(DONE)
    assert (await office.note("done")).event.params["ID"] == "01J"
    assert await office.nothing()


async def test_another_state_is_another_event(desk: Desk, office: Office) -> None:
    await listening(desk, office)
    async with office.database.unit() as unit:
        unit.emit(RecordingChanged(recording="01J", channel="testcard", state="failed"))
    assert await office.nothing()


async def test_what_cannot_be_read_is_not_gone(desk: Desk, office: Office) -> None:
    await desk.subscribe("ObjectDeletion", "Device.WiFi.Radio.", ID="radios")
    await desk.subscribe("ValueChange", "Device.WiFi.RadioNumberOfEntries", ID="number")
    await office.settled()

    async def away(_request: Any, _context: Any) -> Any:
        raise GatewayError("helper.unavailable", "The radio's helper restarts.")

    table = office.registry._table
    radios = table["wifi.radios.list"]
    table["wifi.radios.list"] = dataclasses.replace(radios, handler=away)
    try:
        await office.core.notifier.look()
        assert await office.nothing()
        (result,) = await desk.get_results("Device.WiFi.Radio.*.Name")
        assert result.err_code == 7003
    finally:
        table["wifi.radios.list"] = radios
    await office.core.notifier.look()
    assert office.stand_ins.notes == []


async def test_a_subscription_of_everything(desk: Desk, office: Office) -> None:
    """What changes all the time (here: seconds of the clock) is in it, and is not told."""
    await desk.subscribe("ValueChange", "Device.", ID="all")
    await office.settled()
    clock = await desk.value("Device.Time.CurrentLocalTime")
    await asyncio.sleep(1.1)
    assert await desk.value("Device.Time.CurrentLocalTime") != clock
    await desk.set(("Device.LocalAgent.Controller.1.", {"ProvisioningCode": "everything"}))
    told: list[str] = []
    while "Device.LocalAgent.Controller.1.ProvisioningCode" not in told:
        told.append((await office.note("all")).value_change.param_path)
    ignored = ("UpTime", "CurrentLocalTime", "Free", "CPUUsage", "UsedSpace")
    assert [path for path in told if path.endswith(ignored)] == []
