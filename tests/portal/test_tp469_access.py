"""TP-469 sections 2 and 3: who may do what, and Records. The Broadband Forum's cases by their numbers."""

from __future__ import annotations

import pytest

from gatewayd.portal import records
from gatewayd.portal.contracts import Sender
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.schema import usp_record_pb2 as usp_record
from tests.portal.inproc import CONTROLLER, OWN, Desk, Office, UspError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
ROLES = "Device.LocalAgent.ControllerTrust.Role."
BOOT = "Device.LocalAgent.Controller.1.BootParameter."
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."


def get_message(path: str = "Device.DeviceInfo.ModelName") -> usp.Msg:
    message = usp.Msg(body=usp.Body(request=usp.Request(get=usp.Get(param_paths=[path]))))
    message.header.msg_id, message.header.msg_type = "1", usp.Header.GET
    return message


async def handle(office: Office, record: bytes, *, vouched: bool = True) -> list[bytes]:
    sender = Sender(via="test", link="test", vouches=lambda _endpoint: vouched)
    return await office.core.agent.handle(record, sender)


# --- 2 ----------------------------------------------------------------------------------------------------


async def test_2_1_a_record_from_its_own_endpoint(desk: Desk, office: Office) -> None:
    record = records.wrap(get_message().SerializeToString(), to=OWN, sender=OWN)
    assert await handle(office, record) == []


async def test_2_2_a_record_for_another(desk: Desk, office: Office) -> None:
    record = records.wrap(get_message().SerializeToString(), to="os::012345-other", sender=CONTROLLER)
    assert await handle(office, record) == []


async def test_a_sender_that_nobody_vouches_for(desk: Desk, office: Office) -> None:
    record = records.wrap(get_message().SerializeToString(), to=OWN, sender=CONTROLLER)
    assert await handle(office, record, vouched=False) == []
    assert office.stand_ins.refusals[-1][0] == CONTROLLER


async def test_2_9_the_untrusted_role(desk: Desk, office: Office) -> None:
    stranger = office.desk_of("self::stranger")
    assert await stranger.value("Device.DeviceInfo.ModelName") == "gatewayd"
    assert await stranger.get("Device.LocalAgent.EndpointID") == {}
    with pytest.raises(UspError) as refused:
        await stranger.set(("Device.WiFi.SSID.1.", {"SSID": "Taken"}))
    assert refused.value.code in (7004, 7006)
    result = await stranger.operate("Device.Reboot()")
    assert result.cmd_failure.err_code == 7006


async def guest(
    desk: Desk, office: Office, *rules: tuple[str, str, str, str, str], name: str = "self::guest"
) -> Desk:
    """A controller whose role has these permissions: (targets, Param, Obj, InstantiatedObj, CommandEvent)."""
    role = await desk.make(ROLES, Name=f"role of {name}", Enable="true")
    for order, (targets, param, obj, instance, command) in enumerate(rules, 1):
        await desk.make(
            f"{role}Permission.",
            Enable="true",
            Order=str(order),
            Targets=targets,
            Param=param,
            Obj=obj,
            InstantiatedObj=instance,
            CommandEvent=command,
        )
    await desk.make(
        "Device.LocalAgent.Controller.", EndpointID=name, Enable="true", AssignedRole=role.rstrip(".")
    )
    return office.desk_of(name)


READ = ("Device.", "r---", "r---", "r---", "r---")


async def test_2_10_a_role_is_added_and_applied(desk: Desk, office: Office) -> None:
    reader = await guest(desk, office, READ)
    assert await reader.value("Device.LocalAgent.EndpointID") == OWN


async def test_2_11_and_2_12_making_an_object(desk: Desk, office: Office) -> None:
    maker = await guest(desk, office, READ, (BOOT, "rw--", "rw--", "r---", "----"))
    assert await maker.make(BOOT, ParameterName="Device.Time.Enable")
    reader = await guest(desk, office, READ, name="self::reader")
    with pytest.raises(UspError) as refused:
        await reader.add((BOOT, {"ParameterName": "Device.DeviceInfo.ModelName"}))
    assert (refused.value.code, set(refused.value.params.values())) == (7006, {7006})


async def test_2_13_and_2_14_deleting_an_object(desk: Desk, office: Office) -> None:
    path = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    reader = await guest(desk, office, READ, name="self::reader")
    with pytest.raises(UspError) as refused:
        await reader.delete(path)
    assert refused.value.code == 7006
    assert office.stored.row(path) is not None
    deleter = await guest(desk, office, READ, (BOOT, "r---", "r---", "rw--", "----"))
    await deleter.delete(path)
    assert office.stored.row(path) is None


async def test_2_15_and_2_16_changing_a_parameter(desk: Desk, office: Office) -> None:
    path = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    writer = await guest(desk, office, READ, (BOOT, "rw--", "----", "----", "----"))
    await writer.set((path, {"Enable": "true"}))
    reader = await guest(desk, office, READ, name="self::reader")
    with pytest.raises(UspError) as refused:
        await reader.set((path, {"Enable": "false"}))
    assert refused.value.params == {f"{path}Enable": 7006}
    assert await desk.value(f"{path}Enable") == "true"


async def test_2_17_and_2_18_running_a_command(desk: Desk, office: Office) -> None:
    runner = await guest(desk, office, READ, ("Device.SelfTestDiagnostics()", "----", "----", "----", "r-x-"))
    assert (await runner.operate("Device.SelfTestDiagnostics()")).req_obj_path
    assert (await runner.operate("Device.Reboot()")).cmd_failure.err_code == 7006


async def test_2_19_and_2_20_value_changes(desk: Desk, office: Office) -> None:
    path = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    subscribing = (SUBSCRIPTIONS, "rw-n", "rw-n", "rw-n", "----")
    told = await guest(desk, office, READ, subscribing, (BOOT, "r--n", "----", "----", "----"))
    silent = await guest(desk, office, READ, subscribing, name="self::silent")
    await told.subscribe("ValueChange", f"{path}Enable", ID="told")
    await silent.subscribe("ValueChange", f"{path}Enable", ID="silent")
    await office.settled()
    await desk.set((path, {"Enable": "true"}))
    assert (await office.note("told")).value_change.param_value == "true"
    assert await office.nothing()


async def test_2_21_the_higher_order_wins(desk: Desk, office: Office) -> None:
    closed = await guest(desk, office, READ, ("Device.DeviceInfo.", "----", "----", "----", "----"))
    assert await closed.get("Device.DeviceInfo.ModelName") == {}
    assert await closed.get("Device.LocalAgent.EndpointID")


async def test_2_22_unreadable_parameters_are_left_out(desk: Desk, office: Office) -> None:
    partly = await guest(desk, office, READ, ("Device.DeviceInfo.ModelName", "----", "----", "----", "----"))
    found = await partly.get("Device.DeviceInfo.", max_depth=1)
    assert "ModelName" not in found["Device.DeviceInfo."]
    assert "SerialNumber" in found["Device.DeviceInfo."]


FORBIDDEN = ("Device.LocalAgent.Controller.*.BootParameter.*.Enable", "r---", "----", "----", "----")


async def test_2_23_to_2_26_a_forbidden_parameter_of_a_new_object(desk: Desk, office: Office) -> None:
    maker = await guest(desk, office, READ, (BOOT, "rw--", "rw--", "rw--", "----"), FORBIDDEN)
    search = 'Device.LocalAgent.Controller.[Alias=="one"].BootParameter.'
    params = {"Enable": "true", "ParameterName": "Device.Time.Enable"}
    (result,) = await maker.add((search, params), allow_partial=True)
    assert result.oper_status.oper_failure.err_code in (7006, 7021)
    with pytest.raises(UspError) as refused:
        await maker.add((search, params))
    assert set(refused.value.params.values()) == {7006}
    (result,) = await maker.add((search, params), optional=("Enable",))
    assert [each.err_code for each in result.oper_status.oper_success.param_errs] == [7006]
    (result,) = await maker.add((BOOT, {"ParameterName": "Device.DeviceInfo.ModelName"}))
    assert result.oper_status.oper_success.instantiated_path


async def test_a_disabled_controller_is_a_stranger(desk: Desk, office: Office) -> None:
    reader = await guest(desk, office, READ)
    controller = next(
        f"Device.LocalAgent.Controller.{number}."
        for number, row in office.stored.rows("Device.LocalAgent.Controller.").items()
        if row["EndpointID"] == "self::guest"
    )
    await desk.set((controller, {"Enable": "false"}))
    assert await reader.get("Device.LocalAgent.EndpointID") == {}


# --- 3 ----------------------------------------------------------------------------------------------------


async def test_3_1_a_bad_request_outside_a_session(desk: Desk, office: Office) -> None:
    for junk in (b"", b"\xff\xfe", b"no record", b"\x12\x00"):
        assert await handle(office, junk) == []
        assert not office.core.agent.readable(junk)
    for payload in (b"", b"junk", usp.Msg().SerializeToString()):
        assert await handle(office, records.wrap(payload, to=OWN, sender=CONTROLLER)) == []
    assert await desk.value("Device.DeviceInfo.ModelName") == "gatewayd"


async def test_3_1_a_request_whose_type_and_content_disagree(desk: Desk, office: Office) -> None:
    message = get_message()
    message.header.msg_type = usp.Header.SET
    (reply,) = await handle(office, records.wrap(message.SerializeToString(), to=OWN, sender=CONTROLLER))
    answer = records.parse_message(records.parse(reply).no_session_context.payload)
    assert answer.header.msg_type == usp.Header.ERROR
    assert answer.body.error.err_code == 7001


@pytest.mark.parametrize("kind", ["register", "deregister"])
async def test_registrations_are_not_for_us(desk: Desk, kind: str) -> None:
    requests = {"register": usp.Request(register={}), "deregister": usp.Request(deregister={})}
    reply = await desk.send(requests[kind])
    assert reply is not None
    assert reply.body.error.err_code == 7001


async def test_a_session_is_refused_with_7106(desk: Desk, office: Office) -> None:
    record = usp_record.Record(version="1.4", to_id=OWN, from_id=CONTROLLER)
    record.session_context.session_id = 1
    (reply,) = await handle(office, record.SerializeToString())
    assert records.parse(reply).disconnect.reason_code == 7106


async def test_connect_records_are_nothing_to_answer(desk: Desk, office: Office) -> None:
    for record in (
        records.mqtt_connect(to=OWN, sender=CONTROLLER, topic="a"),
        records.websocket_connect(to=OWN, sender=CONTROLLER),
    ):
        assert await handle(office, record) == []
