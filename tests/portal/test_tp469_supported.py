"""TP-469 section 1, GetSupportedDM and GetSupportedProtocol: the Broadband Forum's cases by their numbers."""

from __future__ import annotations

import pytest

from gatewayd.portal.schema import usp_msg_pb2 as usp
from tests.portal.inproc import Desk, Office

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
ALL = {
    "return_commands": True,
    "return_events": True,
    "return_params": True,
    "return_unique_key_sets": True,
}
DM = usp.GetSupportedDMResp
CONTROLLER = "Device.LocalAgent.Controller.{i}."


async def test_1_72_one_object_with_everything(desk: Desk) -> None:
    (result,) = await desk.supported("Device.LocalAgent.", **ALL)
    paths = {each.supported_obj_path: each for each in result.supported_objs}
    assert result.data_model_inst_uri.startswith("urn:broadband-forum-org:tr-181-2-16")
    assert {"Device.LocalAgent.", CONTROLLER, f"{CONTROLLER}BootParameter.{{i}}."} <= set(paths)
    controller = paths[CONTROLLER]
    assert controller.is_multi_instance
    assert controller.access == DM.OBJ_ADD_DELETE
    params = {each.param_name: each for each in controller.supported_params}
    assert params["Enable"].value_type == DM.PARAM_BOOLEAN
    assert params["Enable"].access == DM.PARAM_READ_WRITE
    assert [each.command_name for each in controller.supported_commands] == ["SendOnBoardRequest()"]
    assert [each.event_name for each in paths["Device.LocalAgent."].supported_events] == ["Periodic!"]


async def test_1_73_the_first_level(desk: Desk) -> None:
    (result,) = await desk.supported("Device.LocalAgent.", first_level_only=True, **ALL)
    paths = {each.supported_obj_path: each for each in result.supported_objs}
    assert paths["Device.LocalAgent."].supported_params
    assert CONTROLLER in paths
    assert f"{CONTROLLER}BootParameter.{{i}}." not in paths


async def test_1_74_the_first_level_without_options(desk: Desk) -> None:
    (result,) = await desk.supported("Device.LocalAgent.", first_level_only=True)
    for each in result.supported_objs:
        assert not [*each.supported_params, *each.supported_commands, *each.supported_events]


async def test_1_75_several_objects(desk: Desk) -> None:
    results = await desk.supported("Device.LocalAgent.", "Device.WiFi.", first_level_only=True, **ALL)
    assert [each.req_obj_path for each in results] == ["Device.LocalAgent.", "Device.WiFi."]
    assert all(each.supported_objs for each in results)


async def test_1_76_the_root(desk: Desk) -> None:
    (result,) = await desk.supported("Device.", **ALL)
    assert len(result.supported_objs) > 30
    assert sum(len(each.supported_params) for each in result.supported_objs) > 180


async def test_1_77_an_object_that_is_not_there(desk: Desk) -> None:
    (result,) = await desk.supported("Device.NoSuchObject.", **ALL)
    assert result.err_code == 7026
    assert result.err_msg
    assert not result.supported_objs


async def test_1_97_all_commands(desk: Desk) -> None:
    (result,) = await desk.supported("Device.", return_commands=True)
    commands = {
        f"{each.supported_obj_path}{command.command_name}": command
        for each in result.supported_objs
        for command in each.supported_commands
    }
    assert commands["Device.Reboot()"].command_type == DM.CMD_SYNC
    assert commands["Device.SelfTestDiagnostics()"].command_type == DM.CMD_ASYNC
    assert list(commands["Device.SelfTestDiagnostics()"].output_arg_names) == ["Status", "Results"]
    assert not any(each.supported_params for each in result.supported_objs)


async def test_1_98_all_events(desk: Desk) -> None:
    (result,) = await desk.supported("Device.", return_events=True)
    events = {
        f"{each.supported_obj_path}{event.event_name}": list(event.arg_names)
        for each in result.supported_objs
        for event in each.supported_events
    }
    assert events["Device.Boot!"] == ["CommandKey", "Cause", "FirmwareUpdated", "ParameterMap"]


async def test_1_99_unique_key_sets(desk: Desk) -> None:
    (result,) = await desk.supported("Device.LocalAgent.Subscription.", **ALL)
    (item,) = result.supported_objs
    assert [list(each.key_names) for each in item.unique_key_sets] == [["Alias"], ["Recipient", "ID"]]
    (result,) = await desk.supported("Device.LocalAgent.Subscription.", return_params=True)
    assert not result.supported_objs[0].unique_key_sets


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("Device.Reboot()", "supported_commands", id="1_105"),
        pytest.param("Device.Boot!", "supported_events", id="1_106"),
        pytest.param(f"{CONTROLLER}EndpointID", "supported_params", id="1_107"),
    ],
)
async def test_1_105_to_1_107_a_leaf(desk: Desk, path: str, kind: str) -> None:
    (result,) = await desk.supported(path, **ALL)
    (item,) = result.supported_objs
    assert len(getattr(item, kind)) == 1
    others = {"supported_commands", "supported_events", "supported_params"} - {kind}
    assert not any(getattr(item, other) for other in others)


async def test_1_80_supported_protocol(desk: Desk) -> None:
    request = usp.GetSupportedProtocol(controller_supported_protocol_versions="1.3,1.4")
    response = await desk._ask(get_supported_protocol=request)
    assert response.get_supported_protocol_resp.agent_supported_protocol_versions == "1.3,1.4"


async def test_everything_that_is_read_is_supported(desk: Desk, office: Office) -> None:
    """The two sides of the tables agree: no object or parameter that GetSupportedDM does not tell of."""
    (result,) = await desk.supported("Device.", **ALL)
    known = {
        f"{each.supported_obj_path}{param.param_name}"
        for each in result.supported_objs
        for param in each.supported_params
    }
    for path, params in (await desk.get("Device.")).items():
        plain = ".".join("{i}" if part.isdigit() else part for part in path.split("."))
        assert {f"{plain}{name}" for name in params} <= known
