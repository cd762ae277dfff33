"""TP-469 section 1, Notify and Operate, and 9.10: the Broadband Forum's cases by their numbers.

Sending again (1.54) and giving up (1.56) are the queue's, see test_outbox.py; here the notification says how.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from gatewayd.portal import records
from gatewayd.portal.schema import usp_msg_pb2 as usp
from tests.portal.inproc import CONTROLLER, OWN, Desk, Office, UspError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
BOOT = "Device.LocalAgent.Controller.1.BootParameter."
ALIAS = "Device.LocalAgent.Controller.1.ProvisioningCode"


async def rename(desk: Desk, value: str) -> None:
    await desk.set(("Device.LocalAgent.Controller.1.", {"ProvisioningCode": value}))


async def test_1_52_value_change(desk: Desk, office: Office) -> None:
    await desk.subscribe("ValueChange", ALIAS, ID="watch")
    await office.settled()
    await rename(desk, "P-1")
    note = await office.note("watch", within=1.0)
    assert note.value_change.param_path == ALIAS
    assert note.value_change.param_value == "P-1"
    assert not note.send_resp


async def test_1_53_none_after_the_subscription_is_deleted(desk: Desk, office: Office) -> None:
    path = await desk.subscribe("ValueChange", ALIAS)
    await office.settled()
    await desk.delete(path)
    await rename(desk, "P-2")
    assert await office.nothing()


async def test_1_54_retry_is_asked_for_and_answered(desk: Desk, office: Office) -> None:
    controller = "Device.LocalAgent.Controller.1."
    await desk.set(
        (controller, {"USPNotifRetryMinimumWaitInterval": "7", "USPNotifRetryIntervalMultiplier": "3000"})
    )
    await desk.subscribe("ValueChange", ALIAS, ID="again", NotifRetry="true")
    await office.settled()
    await rename(desk, "P-3")
    await office.core.notifier.look()
    (note,) = office.stand_ins.notes
    assert (note.retry, note.minimum, note.multiplier, note.expires) == (True, 7, 3000, None)
    assert records.parse_message(note.message).body.request.notify.send_resp
    reply = usp.Msg()
    reply.header.msg_id, reply.header.msg_type = note.id, usp.Header.NOTIFY_RESP
    reply.body.response.notify_resp.subscription_id = "again"
    record = records.wrap(reply.SerializeToString(), to=OWN, sender=CONTROLLER)
    assert await office.core.agent.handle(record, desk.sender()) == []
    assert office.stand_ins.answers[-1] == (CONTROLLER, note.id)


async def test_1_55_a_subscription_ends_with_its_time(desk: Desk, office: Office) -> None:
    path = await desk.subscribe("ValueChange", ALIAS, TimeToLive="1")
    await office.settled()
    async with asyncio.timeout(5):
        while office.stored.row(path) is not None:
            await asyncio.sleep(0.05)
    await rename(desk, "P-4")
    assert await office.nothing()


async def test_1_56_retrying_ends(desk: Desk, office: Office) -> None:
    await desk.subscribe("ValueChange", ALIAS, NotifRetry="true", NotifExpiration="9")
    await office.settled()
    await rename(desk, "P-5")
    await office.core.notifier.look()
    (note,) = office.stand_ins.notes
    assert note.expires is not None
    assert 5 < note.expires - office.core.notifier._clock.now().timestamp() <= 9


async def test_1_57_object_creation(desk: Desk, office: Office) -> None:
    await desk.subscribe("ObjectCreation", BOOT, ID="made")
    await office.settled()
    path = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    note = await office.note("made")
    assert note.obj_creation.obj_path == path
    assert note.obj_creation.unique_keys["ParameterName"] == "Device.Time.Enable"


async def test_1_58_object_deletion(desk: Desk, office: Office) -> None:
    path = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    await desk.subscribe("ObjectDeletion", BOOT, ID="gone")
    await office.settled()
    await desk.delete(path)
    assert (await office.note("gone")).obj_deletion.obj_path == path


async def test_1_59_periodic(desk: Desk, office: Office) -> None:
    await desk.set(("Device.LocalAgent.Controller.1.", {"PeriodicNotifInterval": "1"}))
    await desk.subscribe("Event", "Device.LocalAgent.Periodic!", ID="tick")
    for _ in range(2):
        note = await office.note("tick")
        assert (note.event.obj_path, note.event.event_name) == ("Device.LocalAgent.", "Periodic!")


async def test_1_60_on_board_request(desk: Desk, office: Office) -> None:
    result = await desk.operate("Device.LocalAgent.Controller.1.SendOnBoardRequest()")
    assert result.WhichOneof("operation_resp") == "req_output_args"
    note = await office.note()
    assert note.on_board_req.oui == "012345"
    assert note.on_board_req.serial_number == "box"
    assert note.on_board_req.agent_supported_protocol_versions == "1.3,1.4"
    assert note.send_resp


async def test_1_84_search_paths_in_a_subscription(desk: Desk, office: Office) -> None:
    await desk.subscribe(
        "ValueChange", "Device.LocalAgent.Controller.[Enable==true].ProvisioningCode", ID="find"
    )
    await office.settled()
    await rename(desk, "P-6")
    assert (await office.note("find")).value_change.param_path == ALIAS


async def test_1_64_an_asynchronous_command(desk: Desk, office: Office) -> None:
    await desk.subscribe("OperationComplete", "Device.SelfTestDiagnostics()", ID="done")
    await office.settled()
    result = await desk.operate("Device.SelfTestDiagnostics()", "test-1")
    assert result.req_obj_path.startswith("Device.LocalAgent.Request.")
    found = await desk.get("Device.LocalAgent.Request.*.CommandKey")
    assert found == {f"{result.req_obj_path}.": {"CommandKey": "test-1"}}
    note = await office.note("done", within=20)
    complete = note.oper_complete
    assert (complete.obj_path, complete.command_name) == ("Device.", "SelfTestDiagnostics()")
    assert complete.command_key == "test-1"
    assert complete.req_output_args.output_args["Status"] == "Complete"
    assert "verdict" in complete.req_output_args.output_args["Results"]
    assert await desk.get("Device.LocalAgent.Request.") == {}


async def test_1_65_an_asynchronous_command_without_answer(desk: Desk, office: Office) -> None:
    await desk.subscribe("OperationComplete", "Device.", ID="all")
    await office.settled()
    request = usp.Request(
        operate=usp.Operate(command="Device.SelfTestDiagnostics()", command_key="quiet", send_resp=False)
    )
    assert await desk.send(request) is None
    assert (await office.note("all", within=20)).oper_complete.command_key == "quiet"


async def test_1_61_and_1_62_reboot(desk: Desk, office: Office) -> None:
    await desk.subscribe("Event", "Device.Boot!", ID="boot", Persistent="true")
    await office.settled()
    assert (await desk.operate("Device.Reboot()", "r-1")).WhichOneof("operation_resp") == "req_output_args"
    request = usp.Request(operate=usp.Operate(command="Device.Reboot()", command_key="r-2"))
    assert await desk.send(request) is None
    await office.core.notifier.start("another boot")
    note = await office.note("boot")
    assert (note.event.obj_path, note.event.event_name) == ("Device.", "Boot!")
    assert (note.event.params["Cause"], note.event.params["CommandKey"]) == ("RemoteReboot", "r-2")


async def test_9_10_boot_parameters(desk: Desk, office: Office) -> None:
    await desk.make(BOOT, Enable="true", ParameterName="Device.DeviceInfo.ProductClass")
    await desk.subscribe("Event", "Device.Boot!", ID="boots", Persistent="true")
    await office.settled()
    await office.core.notifier.start("a third boot")
    params = (await office.note("boots")).event.params
    assert json.loads(params["ParameterMap"]) == {"Device.DeviceInfo.ProductClass": "gatewayd"}
    assert params["Cause"] == "LocalReboot"


async def test_a_subscription_that_does_not_persist_ends_with_a_reboot(desk: Desk, office: Office) -> None:
    path = await desk.subscribe("ValueChange", ALIAS, Persistent="false")
    await office.settled()
    await office.core.notifier.start("a fourth boot")
    assert office.stored.row(path) is None


async def test_1_79_and_1_92_arguments_and_their_defaults(desk: Desk) -> None:
    dvr = "Device.Services.STBService.1.X_GATEWAYD_DVR."
    made = await desk.operate(f"{dvr}Record()", ChannelName="Test card", Duration="600", Title="By name")
    identifier = made.req_output_args.output_args["ID"]
    found = await desk.get(f'{dvr}Recording.[ID=="{identifier}"].Title')
    assert list(found.values()) == [{"Title": "By name"}]
    stopped = await desk.operate(f"{dvr}StopRecording()", ID=identifier)
    assert stopped.req_output_args.output_args["ID"] == identifier


async def test_1_91_unknown_arguments_are_ignored(desk: Desk) -> None:
    result = await desk.operate("Device.LocalAgent.Controller.1.SendOnBoardRequest()", NoSuchArgument="x")
    assert result.WhichOneof("operation_resp") == "req_output_args"


async def test_1_100_a_missing_argument(desk: Desk) -> None:
    result = await desk.operate("Device.Services.STBService.1.X_GATEWAYD_DVR.Record()", ChannelName="x")
    assert result.cmd_failure.err_code == 7027
    assert "Duration" in result.cmd_failure.err_msg


async def test_a_command_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.operate("Device.NoSuchCommand()")
    assert refused.value.code == 7026


async def test_a_command_repeated_is_answered_from_the_ledger(desk: Desk) -> None:
    first = await desk.operate("Device.SelfTestDiagnostics()", "once-only")
    assert await desk.operate("Device.SelfTestDiagnostics()", "once-only") == first


async def test_an_expired_command_is_refused(desk: Desk) -> None:
    late = {"X_GATEWAYD_NotAfter": "2020-01-01T00:00:00Z"}
    result = await desk.operate("Device.SelfTestDiagnostics()", "too-late", **late)
    assert result.cmd_failure.err_code == 7022
    assert "not carried out" in result.cmd_failure.err_msg


async def test_events_of_the_box_are_told(desk: Desk, office: Office) -> None:
    dvr = "Device.Services.STBService.1.X_GATEWAYD_DVR."
    await desk.subscribe("Event", dvr, ID="dvr")
    await desk.subscribe("ObjectCreation", f"{dvr}Recording.", ID="new")
    await office.settled()
    made = await desk.operate(f"{dvr}Record()", ChannelName="testcard", Duration="600", Title="Told")
    identifier = made.req_output_args.output_args["ID"]
    note = await office.note("dvr", within=10)
    assert note.event.params["ID"] == identifier
    created = await office.note("new", within=10)
    assert created.obj_creation.unique_keys["ID"] == identifier


async def test_what_the_household_keeps_is_not_told(desk: Desk, office: Office) -> None:
    await desk.subscribe("ValueChange", "Device.WiFi.SSID.1.SSID")
    await office.settled()
    office.stand_ins.hidden.add("wifi")
    await desk.set(("Device.LocalAgent.Controller.1.", {"ProvisioningCode": "P-7"}))
    assert await office.nothing()


async def test_changes_while_away_are_told_after_a_start(desk: Desk, office: Office) -> None:
    """What changed between the last look and a kill is seen at the next start: the marks are in the state."""
    await desk.subscribe("ValueChange", ALIAS, ID="later", Persistent="true")
    await office.settled()
    async with office.database.unit() as unit:
        row = dict(office.stored.row("Device.LocalAgent.Controller.1.") or {})
        unit.execute(
            "UPDATE portal_objects SET params = ? WHERE path = 'Device.LocalAgent.Controller.1.'",
            (json.dumps({**row, "ProvisioningCode": "changed while away"}),),
        )
    await office.stored.load()
    await office.core.notifier.start("a fifth boot")
    assert (await office.note("later")).value_change.param_value == "changed while away"
