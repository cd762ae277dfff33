"""TP-469 section 1, Get and GetInstances: the Broadband Forum's cases by their numbers."""

from __future__ import annotations

import pytest

from tests.portal.inproc import Desk, UspError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
INFO = "Device.DeviceInfo."
BOOT = "Device.LocalAgent.Controller.1.BootParameter."
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."


async def subscribed(desk: Desk) -> list[str]:
    """Three subscriptions with 10, 20 and 30 seconds to expiry."""
    return [
        await desk.subscribe(
            "ValueChange", "Device.DeviceInfo.FriendlyName", ID=f"s{seconds}", NotifExpiration=str(seconds)
        )
        for seconds in (10, 20, 30)
    ]


async def test_1_36_one_parameter(desk: Desk) -> None:
    assert await desk.get(f"{INFO}ProductClass") == {INFO: {"ProductClass": "gatewayd"}}


async def test_1_37_two_of_one_object(desk: Desk) -> None:
    results = await desk.get_results(f"{INFO}ProductClass", f"{INFO}SerialNumber")
    assert [each.requested_path for each in results] == [f"{INFO}ProductClass", f"{INFO}SerialNumber"]
    assert results[1].resolved_path_results[0].result_params["SerialNumber"] == "box"


async def test_1_38_of_different_objects(desk: Desk) -> None:
    found = await desk.get(f"{INFO}ProductClass", "Device.LocalAgent.EndpointID")
    assert found == {
        INFO: {"ProductClass": "gatewayd"},
        "Device.LocalAgent.": {"EndpointID": "os::012345-box"},
    }


async def test_1_39_an_object(desk: Desk) -> None:
    found = await desk.get("Device.LocalAgent.")
    assert found["Device.LocalAgent."]["ControllerNumberOfEntries"] == "1"
    assert found["Device.LocalAgent.Controller.1."]["EndpointID"] == "self::controller"


async def test_1_40_an_instance(desk: Desk) -> None:
    found = await desk.get("Device.LocalAgent.Controller.1.")
    assert set(found) == {"Device.LocalAgent.Controller.1.", "Device.LocalAgent.Controller.1.E2ESession."}


async def test_1_41_an_invalid_parameter(desk: Desk) -> None:
    (result,) = await desk.get_results(f"{INFO}NoSuchParameter")
    assert result.err_code == 7026
    assert result.err_msg
    assert not result.resolved_path_results


async def test_1_42_an_invalid_and_a_valid_one(desk: Desk) -> None:
    bad, good = await desk.get_results(f"{INFO}NoSuchParameter", f"{INFO}ProductClass")
    assert bad.err_code == 7026
    assert not good.err_code
    assert good.resolved_path_results[0].result_params["ProductClass"] == "gatewayd"


async def test_1_43_unique_key(desk: Desk) -> None:
    found = await desk.get('Device.LocalAgent.Controller.[EndpointID=="self::controller"].Enable')
    assert found == {"Device.LocalAgent.Controller.1.": {"Enable": "true"}}


async def test_1_44_a_wildcard_before_a_parameter(desk: Desk) -> None:
    paths = await subscribed(desk)
    found = await desk.get(f"{SUBSCRIPTIONS}*.ID")
    assert found == dict(zip(paths, [{"ID": "s10"}, {"ID": "s20"}, {"ID": "s30"}], strict=True))


async def test_1_45_a_wildcard_before_an_object(desk: Desk) -> None:
    found = await desk.get("Device.WiFi.AccessPoint.*.Security.")
    assert list(found) == ["Device.WiFi.AccessPoint.1.Security."]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param('ID=="s20"', [1], id="1_46"),
        pytest.param('ID!="s20"', [0, 2], id="1_47"),
        pytest.param("NotifExpiration>20", [2], id="1_48"),
        pytest.param("NotifExpiration<20", [0], id="1_49"),
        pytest.param("NotifExpiration>=20", [1, 2], id="1_50"),
        pytest.param("NotifExpiration<=20", [0, 1], id="1_51"),
    ],
)
async def test_1_46_to_1_51_search_expressions(desk: Desk, expression: str, expected: list[int]) -> None:
    paths = await subscribed(desk)
    found = await desk.get(f"{SUBSCRIPTIONS}[{expression}].ID")
    assert list(found) == [paths[index] for index in expected]


async def test_1_82_an_expression_without_match(desk: Desk) -> None:
    (result,) = await desk.get_results(f'{SUBSCRIPTIONS}[ID=="nobody"].Enable')
    assert not result.err_code
    assert not result.resolved_path_results


async def test_1_86_unresolved_by_a_search_path(desk: Desk) -> None:
    (result,) = await desk.get_results(f"{BOOT}*.Enable")
    assert (result.err_code, len(result.resolved_path_results)) == (0, 0)


async def test_1_87_unresolved_by_an_object_path(desk: Desk) -> None:
    (result,) = await desk.get_results(BOOT)
    assert (result.err_code, len(result.resolved_path_results)) == (0, 0)


async def test_an_instance_that_is_not_there(desk: Desk) -> None:
    (result,) = await desk.get_results(f"{BOOT}4711.Enable")
    assert result.err_code == 7016


async def test_1_89_max_depth(desk: Desk) -> None:
    assert set(await desk.get(INFO, max_depth=1)) == {INFO}
    two = set(await desk.get(INFO, max_depth=2))
    assert f"{INFO}MemoryStatus." in two
    assert not any(path.startswith(f"{INFO}TemperatureStatus.TemperatureSensor.") for path in two)


async def test_references_are_followed(desk: Desk) -> None:
    found = await desk.get("Device.WiFi.AccessPoint.1.SSIDReference+.Name")
    assert found == {"Device.WiFi.SSID.1.": {"Name": "home"}}
    second = await desk.get("Device.WiFi.SSID.1.LowerLayers#2+.Name")
    assert list(second) == ["Device.WiFi.Radio.2."]
    every = await desk.get("Device.WiFi.SSID.1.LowerLayers#*+.Name")
    assert list(every) == ["Device.WiFi.Radio.1.", "Device.WiFi.Radio.2."]
    found = await desk.get('Device.WiFi.AccessPoint.[SSIDReference+.Name=="home"].Alias')
    assert list(found) == ["Device.WiFi.AccessPoint.1."]


async def test_a_path_that_cannot_be_read(desk: Desk) -> None:
    for text in ("", "Device..WiFi", 'Device.WiFi.SSID.[Name=="x', "Device.WiFi.SSID.[].Name", "x" * 5000):
        (result,) = await desk.get_results(text)
        assert result.err_code == 7008


# --- GetInstances -----------------------------------------------------------------------------------------


async def test_1_66_instances_first_level(desk: Desk) -> None:
    await desk.make(BOOT, ParameterName="Device.Time.Enable")
    (result,) = await desk.instances("Device.LocalAgent.Controller.", first_level_only=True)
    (instance,) = result.curr_insts
    assert instance.instantiated_obj_path == "Device.LocalAgent.Controller.1."
    assert dict(instance.unique_keys) == {"EndpointID": "self::controller", "Alias": "one"}


async def test_1_67_instances_of_all_levels(desk: Desk) -> None:
    below = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    (result,) = await desk.instances("Device.LocalAgent.Controller.")
    paths = [each.instantiated_obj_path for each in result.curr_insts]
    assert paths == ["Device.LocalAgent.Controller.1.", below]


async def test_1_68_instances_of_several_tables(desk: Desk) -> None:
    results = await desk.instances(
        "Device.LocalAgent.Controller.", "Device.WiFi.Radio.", first_level_only=True
    )
    assert [len(each.curr_insts) for each in results] == [1, 2]


async def test_1_70_instances_by_a_wildcard(desk: Desk) -> None:
    below = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    (result,) = await desk.instances("Device.LocalAgent.Controller.*.BootParameter.")
    assert [each.instantiated_obj_path for each in result.curr_insts] == [below]


async def test_1_71_instances_by_an_expression(desk: Desk) -> None:
    below = await desk.make(BOOT, ParameterName="Device.Time.Enable")
    (result,) = await desk.instances("Device.LocalAgent.Controller.[Enable==true].BootParameter.")
    assert [each.instantiated_obj_path for each in result.curr_insts] == [below]


async def test_1_83_instances_by_an_expression_without_match(desk: Desk) -> None:
    (result,) = await desk.instances("Device.LocalAgent.Controller.[Enable==false].BootParameter.")
    assert (result.err_code, len(result.curr_insts)) == (0, 0)


async def test_instances_of_what_is_no_table(desk: Desk) -> None:
    for path in ("Device.NoSuchObject.", "Device.DeviceInfo.ModelName"):
        (result,) = await desk.instances(path)
        assert result.err_code in (7018, 7026)


async def test_the_household_decides_what_may_be_read(desk: Desk, office: object) -> None:
    office.stand_ins.hidden.add("wifi")  # type: ignore[attr-defined]
    assert await desk.get("Device.WiFi.") == {}
    (result,) = await desk.get_results("Device.WiFi.SSID.1.SSID")
    assert not result.resolved_path_results


async def test_secrets_read_as_nothing(desk: Desk) -> None:
    assert await desk.value("Device.WiFi.AccessPoint.1.Security.KeyPassphrase") == ""


async def test_an_error_is_raised_by_the_desk(desk: Desk) -> None:
    with pytest.raises(UspError):
        await desk.get("Device.NoSuchObject.")


async def test_a_reference_that_is_none(desk: Desk) -> None:
    for path in ("Device.DeviceInfo.ModelName+.Name", "Device.DeviceInfo.NoSuch+.Name"):
        (result,) = await desk.get_results(path)
        assert result.err_code == 7026


async def test_more_than_one_message_should_hold(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.get(*["Device.Time.Enable"] * 1001)
    assert refused.value.code == 7005
    assert len(await desk.get_results(*["Device.Time.Enable"] * 1000)) == 1000
    for many in (desk.instances, desk.supported, desk.delete):
        with pytest.raises(UspError) as refused:
            await many(*["Device.WiFi.SSID.9."] * 1001)
        assert refused.value.code == 7005


@pytest.mark.parametrize("path", ["X", "X.", "X()", "X!", "Device", "*.", "Reboot()", "SSIDReference+.SSID"])
async def test_paths_begin_with_device(desk: Desk, path: str) -> None:
    (result,) = await desk.get_results(path)
    assert result.err_code in (7008, 7026)
    (listed,) = await desk.instances(path)
    assert listed.err_code in (7008, 7018, 7026)
    (supported,) = await desk.supported(path)
    assert supported.err_code in (7008, 7026)
    for message in (
        desk.operate(path),
        desk.set((path, {"X": "1"})),
        desk.add((path, {})),
        desk.delete(path),
    ):
        with pytest.raises(UspError) as refused:
            await message
        assert refused.value.code in (7004, 7008, 7026)
    await desk.subscribe("ValueChange", path.replace("*.", "X."))
