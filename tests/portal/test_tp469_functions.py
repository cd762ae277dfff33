"""TP-469: subscriptions that configure (1.93, 1.94) and section 9: timers and cancelled commands."""

from __future__ import annotations

import asyncio

import pytest

from tests.portal.inproc import Desk, Office, UspError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
CODE = "Device.LocalAgent.Controller.1.ProvisioningCode"


async def rename(desk: Desk, value: str) -> None:
    await desk.set(("Device.LocalAgent.Controller.1.", {"ProvisioningCode": value}))


async def becomes(desk: Desk, path: str, value: str) -> None:
    """Returns when the parameter has that value."""
    async with asyncio.timeout(5):
        while await desk.value(path) != value:
            await asyncio.sleep(0.05)


async def armed(desk: Desk, office: Office, action: str, **more: str) -> str:
    """A subscription that switches itself off when the code changes; its path."""
    path = await desk.subscribe("ValueChange", CODE, TriggerAction=action, **more)
    await desk.set((path, {"TriggerConfigSettings": f"{path}Enable=false"}))
    await office.settled()
    return path


async def test_1_93_a_subscription_that_configures(desk: Desk, office: Office) -> None:
    path = await armed(desk, office, "Config", ID="notify93", NotifRetry="true")
    await rename(desk, "TestValue93")
    await becomes(desk, f"{path}Enable", "false")
    assert await office.nothing()


async def test_1_94_a_subscription_that_notifies_and_configures(desk: Desk, office: Office) -> None:
    path = await armed(desk, office, "NotifyAndConfig", ID="notify94")
    await rename(desk, "TestValue94")
    note = await office.note("notify94")
    assert note.value_change.param_value == "TestValue94"
    await becomes(desk, f"{path}Enable", "false")


async def test_a_trigger_may_no_more_than_its_controller(desk: Desk, office: Office) -> None:
    """A setting that cannot be leaves all of them as they were, and the next one is carried out."""
    code = "Device.LocalAgent.Controller.1.USPNotifRetryMinimumWaitInterval"
    path = await desk.subscribe("ValueChange", CODE, TriggerAction="Config", ID="bad")
    await desk.set((path, {"TriggerConfigSettings": f"{code}=11,Device.DeviceInfo.ModelName=other"}))
    await office.settled()
    await rename(desk, "Tried")
    await asyncio.sleep(0.5)
    assert await desk.value(code) == "5"
    await desk.set((path, {"TriggerConfigSettings": f"{code}=12"}))
    await rename(desk, "Tried again")
    await becomes(desk, code, "12")
    rows = "SELECT name FROM facts WHERE name GLOB 'portal_triggered:*'"
    async with asyncio.timeout(5):
        while await office.database.fetch_all(rows):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("text", ["Device.X.", "no path", "=1", "Device.X.=1", "Device.[.A=1"])
async def test_settings_that_cannot_be_read(desk: Desk, text: str) -> None:
    path = await desk.subscribe("ValueChange", CODE)
    with pytest.raises(UspError) as refused:
        await desk.set((path, {"TriggerConfigSettings": text}))
    assert set(refused.value.params) == {f"{path}TriggerConfigSettings"}


async def test_9_8_a_command_is_cancelled(desk: Desk, office: Office) -> None:
    await desk.subscribe("OperationComplete", "Device.", ID="cancel")
    await office.settled()
    result = await desk.operate("Device.SelfTestDiagnostics()", "stop-it")
    await desk.operate(f"{result.req_obj_path}.Cancel()")
    note = await office.note("cancel")
    assert note.oper_complete.command_key == "stop-it"
    assert note.oper_complete.cmd_failure.err_code == 7023


async def test_9_11_a_timer(desk: Desk, office: Office) -> None:
    await desk.subscribe("OperationComplete", "Device.ScheduleTimer()", ID="timer")
    await office.settled()
    result = await desk.operate("Device.ScheduleTimer()", "in a second", DelaySeconds="1")
    assert result.executed_command == "Device.ScheduleTimer()"
    assert result.req_obj_path.startswith("Device.LocalAgent.Request.")
    assert await office.nothing(within=0.5)
    complete = (await office.note("timer")).oper_complete
    assert (complete.obj_path, complete.command_name) == ("Device.", "ScheduleTimer()")
    assert complete.command_key == "in a second"
    assert complete.WhichOneof("operation_resp") == "req_output_args"


async def test_there_are_only_so_many_timers(desk: Desk) -> None:
    paths = []
    for number in range(20):
        result = await desk.operate("Device.ScheduleTimer()", f"t-{number}", DelaySeconds="600")
        paths.append(result.req_obj_path)
    refused = await desk.operate("Device.ScheduleTimer()", "too many", DelaySeconds="600")
    assert refused.cmd_failure.err_code == 7005
    for path in paths:
        await desk.operate(f"{path}.Cancel()")
    wrong = await desk.operate("Device.ScheduleTimer()", "never", DelaySeconds="0")
    assert wrong.cmd_failure.err_code == 7027
