"""TP-469 section 1, Set: the Broadband Forum's cases by their numbers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.portal.inproc import Desk, Office, UspError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
BOOT = "Device.LocalAgent.Controller.1.BootParameter."
NAMES = ("Device.DeviceInfo.ModelName", "Device.DeviceInfo.SoftwareVersion", "Device.DeviceInfo.Manufacturer")


async def three(desk: Desk) -> list[str]:
    return [await desk.make(BOOT, Enable="false", ParameterName=name) for name in NAMES]


def updated(result: Any) -> dict[str, dict[str, str]]:
    return {
        each.affected_path: dict(each.updated_params)
        for each in result.oper_status.oper_success.updated_inst_results
    }


@pytest.mark.parametrize("allow_partial", [False, True], ids=["1_11", "1_12"])
async def test_1_11_and_1_12_required_parameters_pass(desk: Desk, allow_partial: bool) -> None:
    path, *_ = await three(desk)
    (result,) = await desk.set((path, {"Enable": "true"}), allow_partial=allow_partial)
    assert result.requested_path == path
    assert updated(result) == {path: {"Enable": "true"}}
    assert await desk.value(f"{path}Enable") == "true"


async def test_1_13_several_objects(desk: Desk) -> None:
    one, two, _ = await three(desk)
    results = await desk.set((one, {"Enable": "true"}), (two, {"Enable": "true"}))
    assert [updated(each) for each in results] == [{one: {"Enable": "true"}}, {two: {"Enable": "true"}}]


async def test_1_14_required_parameters_fail(desk: Desk) -> None:
    path, *_ = await three(desk)
    with pytest.raises(UspError) as refused:
        await desk.set((path, {"Enable": "true", "NoSuchParameter": "x"}))
    assert refused.value.code == 7004
    assert refused.value.params == {f"{path}NoSuchParameter": 7010}
    assert await desk.value(f"{path}Enable") == "false"


async def test_1_15_a_failure_in_one_rolls_the_rest_back(desk: Desk) -> None:
    one, two, _ = await three(desk)
    with pytest.raises(UspError) as refused:
        await desk.set((one, {"Enable": "true"}), (two, {"Enable": "perhaps"}))
    assert refused.value.params == {f"{two}Enable": 7011}
    assert await desk.value(f"{one}Enable") == "false"


async def test_1_15_also_over_operations_of_the_box(desk: Desk) -> None:
    """What only the operation itself refuses rolls back what was stored here, and the other way round."""
    path, *_ = await three(desk)
    before = await desk.value("Device.WiFi.SSID.1.SSID")
    with pytest.raises(UspError):
        await desk.set((path, {"Enable": "true"}), ("Device.Time.", {"X_GATEWAYD_ZoneName": "No/Where"}))
    assert await desk.value(f"{path}Enable") == "false"
    with pytest.raises(UspError) as refused:
        await desk.set(
            ("Device.WiFi.SSID.1.", {"SSID": "Another name"}),
            ("Device.WiFi.AccessPoint.1.Security.", {"KeyPassphrase": "short"}),
        )
    assert "Device.WiFi.AccessPoint.1.Security.KeyPassphrase" in refused.value.params
    assert await desk.value("Device.WiFi.SSID.1.SSID") == before


async def test_1_16_partial_keeps_the_good_object(desk: Desk) -> None:
    one, two, _ = await three(desk)
    good, bad = await desk.set((one, {"Enable": "true"}), (two, {"Enable": "perhaps"}), allow_partial=True)
    assert updated(good) == {one: {"Enable": "true"}}
    (failure,) = bad.oper_status.oper_failure.updated_inst_failures
    assert failure.affected_path == two
    assert [(each.param, each.err_code) for each in failure.param_errs] == [("Enable", 7011)]
    assert await desk.value(f"{one}Enable") == "true"


async def test_1_17_an_optional_parameter_fails(desk: Desk) -> None:
    path, *_ = await three(desk)
    (result,) = await desk.set(
        (path, {"Enable": "true", "NoSuchParameter": "x"}), allow_partial=True, optional=("NoSuchParameter",)
    )
    (instance,) = result.oper_status.oper_success.updated_inst_results
    assert dict(instance.updated_params) == {"Enable": "true"}
    assert [(each.param, each.err_code) for each in instance.param_errs] == [("NoSuchParameter", 7010)]


async def test_1_18_unique_key_in_the_path(desk: Desk) -> None:
    one, *_ = await three(desk)
    path = f'{BOOT}[ParameterName=="{NAMES[0]}"].'
    (result,) = await desk.set((path, {"Enable": "true"}))
    assert updated(result) == {one: {"Enable": "true"}}


async def test_1_19_a_wildcard(desk: Desk) -> None:
    paths = await three(desk)
    (result,) = await desk.set((f"{BOOT}*.", {"Enable": "true"}))
    assert updated(result) == {path: {"Enable": "true"} for path in paths}


async def test_1_20_a_wildcard_with_a_bad_value(desk: Desk) -> None:
    paths = await three(desk)
    with pytest.raises(UspError) as refused:
        await desk.set((f"{BOOT}*.", {"Enable": "true", "NoSuchParameter": "x"}))
    assert refused.value.params == {f"{path}NoSuchParameter": 7010 for path in paths}
    assert await desk.value(f"{paths[0]}Enable") == "false"


async def test_1_21_a_wildcard_with_a_bad_value_partial(desk: Desk) -> None:
    paths = await three(desk)
    (result,) = await desk.set((f"{BOOT}*.", {"NoSuchParameter": "x"}), allow_partial=True)
    failure = result.oper_status.oper_failure
    assert failure.err_code == 7021
    assert [each.affected_path for each in failure.updated_inst_failures] == paths
    assert {each.param_errs[0].err_code for each in failure.updated_inst_failures} == {7010}


async def test_1_22_a_search_expression(desk: Desk) -> None:
    one, two, _three = await three(desk)
    await desk.set((one, {"Enable": "true"}))
    (result,) = await desk.set((f"{BOOT}[Enable==true].", {"ParameterName": "Device.Time.Enable"}))
    assert list(updated(result)) == [one]
    assert await desk.value(f"{two}ParameterName") == NAMES[1]


async def test_1_23_a_path_that_matches_nothing(desk: Desk) -> None:
    (result,) = await desk.set((f'{BOOT}[Alias=="nobody"].', {"Enable": "true"}))
    assert result.oper_status.WhichOneof("oper_status") == "oper_success"
    assert not result.oper_status.oper_success.updated_inst_results


async def test_1_96_a_key_does_not_change(desk: Desk) -> None:
    controller = "Device.LocalAgent.Controller.1."
    with pytest.raises(UspError) as refused:
        await desk.set((controller, {"EndpointID": "self::other"}))
    assert refused.value.params == {f"{controller}EndpointID": 7013}


async def test_1_104_a_parameter_that_is_written_once(desk: Desk) -> None:
    path = await desk.subscribe("ValueChange", "Device.DeviceInfo.FriendlyName", ID="once")
    with pytest.raises(UspError) as refused:
        await desk.set((path, {"ID": "twice"}))
    assert refused.value.params == {f"{path}ID": 7013}


async def test_a_read_only_parameter(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.set(("Device.DeviceInfo.", {"SerialNumber": "1"}))
    assert refused.value.params == {"Device.DeviceInfo.SerialNumber": 7013}


async def test_an_instance_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.set((f"{BOOT}4711.", {"Enable": "true"}))
    assert refused.value.params == {f"{BOOT}4711.": 7016}


async def test_name_and_password_of_a_network_are_one_change(desk: Desk, office: Office) -> None:
    results = await desk.set(
        ("Device.WiFi.SSID.1.", {"SSID": "Together"}),
        ("Device.WiFi.AccessPoint.1.Security.", {"KeyPassphrase": "correct horse battery"}),
    )
    assert updated(results[1])["Device.WiFi.AccessPoint.1.Security."] == {"KeyPassphrase": ""}
    answer = await office.registry.dispatch(
        "wifi.changes.list", {}, office.core.agent.view(desk.endpoint).caller
    )
    assert answer.body.count(b'"id":') == 1
    assert await desk.value("Device.WiFi.SSID.1.SSID") == "Together"


async def test_a_veto_is_7006_with_the_owners_sentence(desk: Desk, office: Office) -> None:
    await office.veto("wifi")
    try:
        with pytest.raises(UspError) as refused:
            await desk.set(("Device.WiFi.SSID.1.", {"SSID": "Mine now"}))
    finally:
        await office.veto("wifi", allowed=True)
    assert refused.value.code == 7006
    assert refused.value.message == "The owner of this box does not let the operator change the Wi-Fi."
    assert refused.value.params == {"Device.WiFi.SSID.1.SSID": 7006}


async def test_a_vetoed_command_is_a_failure_of_7006(desk: Desk, office: Office) -> None:
    await office.veto("upkeep")
    try:
        result = await desk.operate("Device.Reboot()", "vetoed")
    finally:
        await office.veto("upkeep", allowed=True)
    assert result.cmd_failure.err_code == 7006
    assert "owner" in result.cmd_failure.err_msg


async def test_two_objects_of_one_instance_lose_nothing(desk: Desk) -> None:
    path, *_ = await three(desk)
    await desk.set((path, {"Enable": "true"}), (path, {"ParameterName": "Device.Time.Enable"}))
    params = (await desk.get(path))[path]
    assert (params["Enable"], params["ParameterName"]) == ("true", "Device.Time.Enable")


async def test_opposites_in_one_message(desk: Desk) -> None:
    """A network is an SSID and an access point: one message cannot want it on and off."""
    both = (("Device.WiFi.SSID.1.", {"Enable": "true"}), ("Device.WiFi.AccessPoint.1.", {"Enable": "false"}))
    with pytest.raises(UspError) as refused:
        await desk.set(*both)
    assert refused.value.params == {"Device.WiFi.AccessPoint.1.Enable": 7014}
    good, bad = await desk.set(*both, allow_partial=True)
    assert updated(good) == {"Device.WiFi.SSID.1.": {"Enable": "true"}}
    assert bad.oper_status.oper_failure.updated_inst_failures[0].param_errs[0].err_code == 7014
    assert await desk.value("Device.WiFi.SSID.1.Enable") == "true"


async def test_messages_at_the_same_time_lose_nothing(desk: Desk) -> None:
    path, *_ = await three(desk)
    controller = "Device.LocalAgent.Controller.1."
    changes = [
        desk.set((path, {"Enable": "true"})),
        desk.set((path, {"ParameterName": "Device.Time.Enable"})),
        desk.set((path, {"Alias": "mine"})),
        desk.set((controller, {"ProvisioningCode": "x"})),
        desk.set((controller, {"PeriodicNotifInterval": "4711"})),
    ]
    await asyncio.gather(*changes)
    params = (await desk.get(path))[path]
    assert (params["Enable"], params["ParameterName"], params["Alias"]) == (
        "true",
        "Device.Time.Enable",
        "mine",
    )
    params = (await desk.get(controller))[controller]
    assert (params["ProvisioningCode"], params["PeriodicNotifInterval"]) == ("x", "4711")


async def test_two_at_once_do_not_get_one_key(desk: Desk) -> None:
    subscription = ("Device.LocalAgent.Subscription.", {"NotifType": "Event", "ID": "same"})
    results = await asyncio.gather(*(desk.add(subscription) for _ in range(4)), return_exceptions=True)
    assert sorted(isinstance(each, UspError) for each in results) == [False, True, True, True]
