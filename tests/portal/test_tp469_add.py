"""TP-469 section 1, Add: the Broadband Forum's cases by their numbers."""

from __future__ import annotations

import pytest

from tests.portal.inproc import Desk, Office, UspError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
BOOT = "Device.LocalAgent.Controller.1.BootParameter."
GOOD = {"NotifType": "ValueChange", "ReferenceList": "Device.DeviceInfo.FriendlyName", "Enable": "true"}
BAD_TYPE = {**GOOD, "Enable": "perhaps"}


def count(office: Office, table: str = SUBSCRIPTIONS) -> int:
    return len(office.stored.rows(table))


@pytest.mark.parametrize("allow_partial", [False, True], ids=["1_1", "1_2"])
async def test_1_1_and_1_2_one_object_with_required_parameters(desk: Desk, allow_partial: bool) -> None:
    (result,) = await desk.add((SUBSCRIPTIONS, {**GOOD, "ID": "one"}), allow_partial=allow_partial)
    success = result.oper_status.oper_success
    assert result.requested_path == SUBSCRIPTIONS
    assert success.instantiated_path.startswith(SUBSCRIPTIONS)
    assert not success.param_errs
    assert success.unique_keys["ID"] == "one"
    assert success.unique_keys["Recipient"] == "Device.LocalAgent.Controller.1"
    assert await desk.value(f"{success.instantiated_path}NotifType") == "ValueChange"


async def test_1_3_required_parameters_fail(desk: Desk, office: Office) -> None:
    before = count(office)
    with pytest.raises(UspError) as refused:
        await desk.add((SUBSCRIPTIONS, {**GOOD, "NoSuchParameter": "x"}))
    assert refused.value.code == 7004
    assert refused.value.params == {f"{SUBSCRIPTIONS}NoSuchParameter": 7010}
    assert count(office) == before


async def test_1_4_one_invalid_object(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.add(("Device.LocalAgent.NoSuchObject.", GOOD))
    assert refused.value.code == 7004
    assert refused.value.params == {"Device.LocalAgent.NoSuchObject.": 7026}


async def test_1_5_several_objects(desk: Desk, office: Office) -> None:
    before = count(office)
    results = await desk.add((SUBSCRIPTIONS, {**GOOD, "ID": "a"}), (SUBSCRIPTIONS, {**GOOD, "ID": "b"}))
    paths = {each.oper_status.oper_success.instantiated_path for each in results}
    assert len(paths) == 2
    assert count(office) == before + 2


async def test_1_6_several_objects_with_an_invalid_one(desk: Desk, office: Office) -> None:
    before = count(office)
    with pytest.raises(UspError) as refused:
        await desk.add((SUBSCRIPTIONS, GOOD), ("Device.LocalAgent.NoSuchObject.", GOOD))
    assert refused.value.params == {"Device.LocalAgent.NoSuchObject.": 7026}
    assert count(office) == before


async def test_1_7_required_parameters_fail_in_one_of_several(desk: Desk, office: Office) -> None:
    before = count(office)
    with pytest.raises(UspError) as refused:
        await desk.add((SUBSCRIPTIONS, GOOD), (SUBSCRIPTIONS, {**GOOD, "NoSuchParameter": "x"}))
    assert refused.value.code == 7004
    assert count(office) == before


async def test_1_8_partial_with_a_wrong_type(desk: Desk, office: Office) -> None:
    before = count(office)
    (result,) = await desk.add((SUBSCRIPTIONS, BAD_TYPE), allow_partial=True)
    assert result.oper_status.oper_failure.err_code in (7011, 7021)
    assert result.oper_status.oper_failure.err_msg
    assert count(office) == before


async def test_1_9_partial_with_a_bad_one_of_several(desk: Desk, office: Office) -> None:
    before = count(office)
    good, bad = await desk.add((SUBSCRIPTIONS, GOOD), (SUBSCRIPTIONS, BAD_TYPE), allow_partial=True)
    assert good.oper_status.oper_success.instantiated_path
    assert bad.oper_status.oper_failure.err_code
    assert count(office) == before + 1


async def test_1_10_unique_key_in_the_path(desk: Desk) -> None:
    alias = await desk.value("Device.LocalAgent.Controller.1.Alias")
    path = f'Device.LocalAgent.Controller.[Alias=="{alias}"].BootParameter.'
    (result,) = await desk.add((path, {"Enable": "true", "ParameterName": "Device.DeviceInfo.ModelName"}))
    assert result.oper_status.oper_success.instantiated_path.startswith(BOOT)


async def test_1_81_unique_keys_are_invented(desk: Desk) -> None:
    first, second = await desk.add((SUBSCRIPTIONS, GOOD), (SUBSCRIPTIONS, GOOD))
    keys = [dict(each.oper_status.oper_success.unique_keys) for each in (first, second)]
    assert keys[0]["Alias"]
    assert keys[0]["Alias"] != keys[1]["Alias"]
    assert keys[0]["ID"] != keys[1]["ID"]
    assert await desk.value(f"{first.oper_status.oper_success.instantiated_path}ID") == keys[0]["ID"]


async def test_1_88_an_invalid_unique_key(desk: Desk, office: Office) -> None:
    await desk.make(SUBSCRIPTIONS, **GOOD, Alias="mine")
    before = count(office)
    for alias in ("mine", "", "1begins-with-a-digit"):
        with pytest.raises(UspError) as refused:
            await desk.add((SUBSCRIPTIONS, {**GOOD, "Alias": alias}))
        assert refused.value.params[f"{SUBSCRIPTIONS}Alias"] in (7012, 7025)
    assert count(office) == before


async def test_1_95_a_search_expression_in_the_path(desk: Desk) -> None:
    path = "Device.LocalAgent.Controller.[Enable==true].BootParameter."
    (result,) = await desk.add((path, {"Enable": "true", "ParameterName": "Device.DeviceInfo.ModelName"}))
    made = result.oper_status.oper_success.instantiated_path
    assert await desk.value(f"{made}ParameterName") == "Device.DeviceInfo.ModelName"


async def test_an_optional_parameter_that_fails_is_told(desk: Desk) -> None:
    (result,) = await desk.add((SUBSCRIPTIONS, {**GOOD, "TimeToLive": "-5"}), optional=("TimeToLive",))
    success = result.oper_status.oper_success
    assert [(each.param, each.err_code) for each in success.param_errs] == [("TimeToLive", 7012)]
    assert await desk.value(f"{success.instantiated_path}TimeToLive") == "0"


async def test_a_table_that_cannot_be_added_to(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.add(("Device.WiFi.Radio.", {}))
    assert list(refused.value.params.values()) == [7019]


async def test_the_same_message_twice_makes_one(desk: Desk, office: Office) -> None:
    before = count(office)
    first = await desk.add((SUBSCRIPTIONS, {**GOOD, "ID": "twice"}), msg_id="add-once")
    second = await desk.add((SUBSCRIPTIONS, {**GOOD, "ID": "twice"}), msg_id="add-once")
    assert first == second
    assert count(office) == before + 1


async def test_a_table_is_full(desk: Desk, office: Office) -> None:
    many = [(SUBSCRIPTIONS, GOOD)] * 501
    results = await desk.add(*many, allow_partial=True)
    assert results[-1].oper_status.oper_failure.err_code == 7005
    assert count(office) == 500
    with pytest.raises(UspError) as refused:
        await desk.add((SUBSCRIPTIONS, GOOD))
    assert refused.value.code == 7005
    with pytest.raises(UspError) as refused:
        await desk.add(*many * 2)
    assert refused.value.code == 7005
