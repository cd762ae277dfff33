"""TP-469 section 1, Delete: the Broadband Forum's cases by their numbers."""

from __future__ import annotations

import pytest

from tests.portal.inproc import Desk, Office, UspError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
BOOT = "Device.LocalAgent.Controller.1.BootParameter."
NAMES = ("Device.DeviceInfo.ModelName", "Device.DeviceInfo.SoftwareVersion")


async def two(desk: Desk) -> list[str]:
    return [await desk.make(BOOT, Enable="false", ParameterName=name) for name in NAMES]


def left(office: Office) -> list[str]:
    return [f"{BOOT}{number}." for number in office.stored.rows(BOOT)]


async def test_1_24_an_instance(desk: Desk, office: Office) -> None:
    one, other = await two(desk)
    (result,) = await desk.delete(one)
    assert list(result.oper_status.oper_success.affected_paths) == [one]
    assert left(office) == [other]


async def test_1_25_an_instance_that_is_not_there(desk: Desk) -> None:
    (result,) = await desk.delete(f"{BOOT}4711.")
    assert result.oper_status.WhichOneof("oper_status") == "oper_success"
    assert not result.oper_status.oper_success.affected_paths


async def test_1_26_an_invalid_object(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.delete("Device.LocalAgent.NoSuchObject.1.")
    assert refused.value.code == 7004
    assert refused.value.params == {"Device.LocalAgent.NoSuchObject.1.": 7026}


async def test_1_27_several(desk: Desk, office: Office) -> None:
    paths = await two(desk)
    results = await desk.delete(*paths)
    assert [list(each.oper_status.oper_success.affected_paths) for each in results] == [
        [one] for one in paths
    ]
    assert left(office) == []


async def test_1_28_several_with_an_invalid_one(desk: Desk, office: Office) -> None:
    paths = await two(desk)
    with pytest.raises(UspError):
        await desk.delete(paths[0], "Device.LocalAgent.NoSuchObject.1.")
    assert left(office) == paths


async def test_1_29_partial_with_one_that_is_not_there(desk: Desk) -> None:
    (result,) = await desk.delete(f"{BOOT}4711.", allow_partial=True)
    assert not result.oper_status.oper_success.affected_paths


async def test_1_30_partial_with_an_invalid_object(desk: Desk) -> None:
    (result,) = await desk.delete("Device.LocalAgent.NoSuchObject.1.", allow_partial=True)
    assert result.oper_status.oper_failure.err_code == 7026


async def test_1_31_partial_removes_the_good_one(desk: Desk, office: Office) -> None:
    one, other = await two(desk)
    good, bad = await desk.delete(one, "Device.LocalAgent.NoSuchObject.1.", allow_partial=True)
    assert list(good.oper_status.oper_success.affected_paths) == [one]
    assert bad.oper_status.oper_failure.err_code == 7026
    assert left(office) == [other]


async def test_1_32_partial_ignores_what_is_not_there(desk: Desk, office: Office) -> None:
    one, other = await two(desk)
    good, missing = await desk.delete(one, f"{BOOT}4711.", allow_partial=True)
    assert list(good.oper_status.oper_success.affected_paths) == [one]
    assert not missing.oper_status.oper_success.affected_paths
    assert left(office) == [other]


async def test_1_33_unique_key_in_the_path(desk: Desk, office: Office) -> None:
    _one, other = await two(desk)
    await desk.delete(f'{BOOT}[ParameterName=="{NAMES[0]}"].')
    assert left(office) == [other]


async def test_1_34_a_wildcard(desk: Desk, office: Office) -> None:
    paths = await two(desk)
    (result,) = await desk.delete(f"{BOOT}*.")
    assert list(result.oper_status.oper_success.affected_paths) == paths
    assert left(office) == []


async def test_1_35_a_search_expression(desk: Desk, office: Office) -> None:
    one, other = await two(desk)
    await desk.set((one, {"Enable": "true"}))
    (result,) = await desk.delete(f"{BOOT}[Enable==true].")
    assert list(result.oper_status.oper_success.affected_paths) == [one]
    assert left(office) == [other]


async def test_1_90_an_expression_that_matches_nothing(desk: Desk, office: Office) -> None:
    paths = await two(desk)
    (result,) = await desk.delete(f'{BOOT}[Alias=="nobody"].')
    assert not result.oper_status.oper_success.affected_paths
    assert left(office) == paths


async def test_1_78_subscriptions_go_with_their_controller(desk: Desk, office: Office) -> None:
    roles = await desk.value("Device.LocalAgent.Controller.1.AssignedRole")
    other = await desk.make(
        "Device.LocalAgent.Controller.", EndpointID="self::guest", Enable="true", AssignedRole=roles
    )
    guest = office.desk_of("self::guest")
    subscription = await guest.subscribe("ValueChange", "Device.DeviceInfo.FriendlyName")
    assert office.stored.row(subscription) is not None
    await desk.delete(other)
    assert office.stored.row(subscription) is None


async def test_a_table_whose_instances_stay(desk: Desk) -> None:
    with pytest.raises(UspError) as refused:
        await desk.delete("Device.WiFi.Radio.1.")
    assert refused.value.params == {"Device.WiFi.Radio.1.": 7024}
