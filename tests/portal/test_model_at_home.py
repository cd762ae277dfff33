"""The data model on a house: what it asks of operations, and the numbers of what lives there."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from gatewayd import wire
from gatewayd.callers import INTERNAL
from gatewayd.portal.model import Node
from gatewayd.portal.numbers import Numbers
from gatewayd.wifi.model import WifiStation
from gatewayd.wifi.operations import WifiStations
from tests.portal.inproc import Desk, Office, UspError
from tests.portal.test_model import ARGUMENTS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


async def test_what_commands_ask_is_what_operations_take(office: Office, desk: Desk) -> None:
    """Of every command that this box offers: the call that it makes can be read by its operation."""
    view = office.core.agent.view(desk.endpoint)
    tried = 0
    for item in view.model:
        for spec in item.commands:
            if spec.needs == () or spec.needs == ("jobs.cancel",):
                continue
            node = Node(item, item.path, {}, None, view, key="daemon")
            known = {**ARGUMENTS, "NumberOfRepetitions": "1"}
            arguments = {name: known[name] for name in spec.inputs if name in known}
            started = await spec.plan(node, arguments)
            assert started.operation in spec.needs
            operation = office.registry.get(started.operation)
            wire.decode(started.arguments, operation.request, strict=False)
            tried += 1
    assert tried >= 15


async def test_numbers_are_kept_and_never_given_again(office: Office) -> None:
    database = office.database
    table = "Device.Test."
    first = Numbers(database)
    await first.load()
    assert [first.of(table, key).number for key in ("a", "b", "a")] == [1, 2, 1]
    await first.settle()
    assert first.of(table, "c", lasting=False).number == 3
    async with database.unit() as unit:
        first.rename(unit, table, "b", "cellar")
        unit.execute("DELETE FROM portal_instances WHERE key = 'a'")
    again = Numbers(database)
    await again.load()
    assert again.of(table, "b").alias == "cellar"
    assert again.of(table, "d").number == 3
    assert again.find(table, 2) == "b"


async def test_an_alias_is_kept_also_when_its_number_is_new(office: Office, desk: Desk) -> None:
    await desk.set(("Device.WiFi.AccessPoint.1.", {"Alias": "home-ap"}))
    assert await desk.get('Device.WiFi.AccessPoint.[Alias=="home-ap"].Alias')
    numbers = Numbers(office.database)
    await numbers.load()
    assert numbers.of("Device.WiFi.AccessPoint.", "home").alias == "home-ap"
    await desk.set(("Device.WiFi.AccessPoint.1.", {"Alias": "cpe-1"}))


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
DVR = "Device.Services.STBService.1.X_GATEWAYD_DVR."


async def test_a_recording_is_scheduled_changed_and_taken_back(desk: Desk) -> None:
    path = await desk.make(
        f"{DVR}Schedule.",
        ChannelName="testcard",
        StartTime=TOMORROW,
        Duration="1800",
        Title="Far away",
    )
    params = (await desk.get(path))[path]
    assert (params["Title"], params["Duration"], params["Status"]) == ("Far away", "1800", "Scheduled")
    await desk.set((path, {"Title": "Farther", "Duration": "3600", "PrePad": "60"}))
    params = (await desk.get(path))[path]
    assert (params["Title"], params["Duration"], params["PrePad"]) == ("Farther", "3600", "60")
    later = (datetime.fromisoformat(TOMORROW) + timedelta(hours=2)).isoformat()
    await desk.set((path, {"Title": "Farthest", "StartTime": later}))
    params = (await desk.get(path))[path]
    assert (params["Title"], params["Duration"]) == ("Farthest", "3600")
    assert datetime.fromisoformat(params["StartTime"]) == datetime.fromisoformat(later)
    await desk.set((path, {"StartTime": TOMORROW, "Duration": "600"}))
    params = (await desk.get(path))[path]
    assert datetime.fromisoformat(params["StartTime"]) == datetime.fromisoformat(TOMORROW)
    assert params["Duration"] == "600"
    (result,) = await desk.delete(path)
    assert list(result.oper_status.oper_success.affected_paths) == [path]
    assert path not in await desk.get(f"{DVR}Schedule.")


async def test_an_add_that_fails_schedules_nothing(desk: Desk, office: Office) -> None:
    good = {"ChannelName": "testcard", "StartTime": TOMORROW, "Duration": "1800"}
    before = len(await desk.get(f"{DVR}Schedule."))
    subscriptions = len(office.stored.rows("Device.LocalAgent.Subscription."))
    with pytest.raises(UspError) as refused:
        await desk.add(
            (f"{DVR}Schedule.", good),
            ("Device.LocalAgent.Subscription.", {"NotifType": "Event", "ReferenceList": "Device."}),
            (f"{DVR}Schedule.", {**good, "ChannelName": "nobody's"}),
        )
    assert refused.value.code == 7004
    assert len(await desk.get(f"{DVR}Schedule.")) == before
    assert len(office.stored.rows("Device.LocalAgent.Subscription.")) == subscriptions
    made, other = await desk.add(
        (f"{DVR}Schedule.", good),
        (f"{DVR}Schedule.", {**good, "ChannelName": "nobody's"}),
        allow_partial=True,
    )
    assert made.oper_status.oper_success.instantiated_path
    assert other.oper_status.oper_failure.err_code == 7016
    await desk.delete(made.oper_status.oper_success.instantiated_path)


async def test_stations_and_their_numbers(desk: Desk, office: Office) -> None:
    """Whoever is connected has a number while this daemon runs, and no row in the state."""
    there = [
        WifiStation(
            mac=f"02:00:00:00:00:0{number}",
            network="home",
            signal_dbm=-40 - number,
            rx_bytes=1000 * number,
            tx_bytes=7,
            connected_seconds=60,
        )
        for number in (1, 2)
    ]

    async def stations(_request: object, _context: object) -> WifiStations:
        return WifiStations(items=tuple(there))

    table, path = office.registry._table, "Device.WiFi.AccessPoint.1.AssociatedDevice."
    real = table["wifi.stations.list"]
    table["wifi.stations.list"] = dataclasses.replace(real, handler=stations)
    try:
        found = await desk.get(path)
        assert found[f"{path}2."]["MACAddress"] == "02:00:00:00:00:02"
        assert found[f"{path}2."]["SignalStrength"] == "-42"
        assert found[f"{path}2.Stats."]["BytesReceived"] == "2000"
        assert await desk.value("Device.WiFi.AccessPoint.1.AssociatedDeviceNumberOfEntries") == "2"
        del there[0]
        assert list(await desk.get(f"{path}*.MACAddress")) == [f"{path}2."]
        strong = await desk.get(f"{path}[SignalStrength<-41].MACAddress")
        assert list(strong) == [f"{path}2."]
    finally:
        table["wifi.stations.list"] = real
    rows = await office.database.fetch_all("SELECT key FROM portal_instances")
    assert not any(row["key"].startswith("02:00") for row in rows)


async def test_changes_are_told_to_the_household(desk: Desk, office: Office) -> None:
    office.stand_ins.told.clear()
    await desk.set(("Device.WiFi.SSID.1.", {"SSID": "Told of"}))
    await desk.get("Device.WiFi.")
    assert office.stand_ins.told == [(desk.endpoint, "Set", ("Device.WiFi.SSID.1.",))]
    activity = await office.registry.dispatch("access.activity.list", {}, INTERNAL)
    assert b"wifi.networks.update" in activity.body


async def test_what_is_not_shared_can_be_changed_but_not_seen(desk: Desk, office: Office) -> None:
    path = await desk.make(f"{DVR}Schedule.", ChannelName="testcard", StartTime=TOMORROW, Duration="60")
    office.stand_ins.hidden |= {"wifi", "dvr", "diagnostics"}
    (result,) = await desk.set(("Device.WiFi.SSID.1.", {"SSID": "Unseen"}))
    assert result.oper_status.oper_success.updated_inst_results[0].updated_params["SSID"] == "Unseen"
    (guess,) = await desk.set(('Device.WiFi.SSID.[SSID=="Unseen"].', {"Enable": "true"}))
    assert not guess.oper_status.oper_success.updated_inst_results
    assert await desk.get("Device.WiFi.SSID.") == {}
    assert await desk.get(f"{DVR}Schedule.") == {}
    assert (await desk.instances(f"{DVR}Schedule."))[0].curr_insts == []
    await desk.delete(path)
    made = await desk.operate(f"{DVR}Record()", ChannelName="testcard", Duration="60")
    await desk.operate(f"{DVR}DeleteRecording()", ID=made.req_output_args.output_args["ID"])
    await desk.subscribe("OperationComplete", "Device.", ID="unseen")
    await office.core.notifier.look()
    await desk.operate("Device.SelfTestDiagnostics()", "unseen")
    note = await office.note("unseen", within=20)
    assert dict(note.oper_complete.req_output_args.output_args) == {"Status": "Complete"}
    office.stand_ins.hidden.clear()
    assert await desk.value("Device.WiFi.SSID.1.SSID") == "Unseen"


async def test_throughput_of_this_house(desk: Desk, office: Office) -> None:
    await desk.subscribe("OperationComplete", "Device.IP.Diagnostics.", ID="speed")
    await office.settled()
    await desk.operate("Device.IP.Diagnostics.UploadDiagnostics()", "speed")
    output = (await office.note("speed", within=20)).oper_complete.req_output_args.output_args
    assert output["Status"] == "Complete"
    assert int(output["TestBytesSent"]) > 1_000_000
    assert output["X_GATEWAYD_Rate"] == "38600000"


async def test_what_the_box_tells_of_itself(desk: Desk) -> None:
    """Plain truths that a box has without a radio or a recording."""
    found = await desk.get(
        "Device.DeviceInfo.", "Device.Time.", "Device.IP.Diagnostics.", "Device.LocalAgent."
    )
    memory = found["Device.DeviceInfo.MemoryStatus."]
    assert 0 < int(memory["FreePersistent"]) <= int(memory["TotalPersistent"])
    assert found["Device.Time."]["Status"] in ("Synchronized", "Unsynchronized")
    offers = found["Device.IP.Diagnostics."]
    assert (offers["IPv6PingSupported"], offers["IPv4UploadDiagnosticsSupported"]) == ("true", "true")
    assert (offers["IPv4UDPEchoDiagnosticsSupported"], offers["IPLayerCapacitySupported"]) == (
        "false",
        "false",
    )
    assert found["Device.LocalAgent."]["CertificateNumberOfEntries"] == "0"
