"""Messages that only look: Get, GetInstances, GetSupportedDM (TR-369, "Messages")."""

from __future__ import annotations

import asyncio

from gatewayd.portal import paths
from gatewayd.portal.expressions import Malformed, text_of
from gatewayd.portal.model import Node, Object, Param
from gatewayd.portal.paths import Follow, Name, Path
from gatewayd.portal.refusals import Code, UspFault
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.view import View

MOST_PATHS = 1_000
"""Paths of one message."""
MOST_VALUES = 100_000
"""Parameters of one answer: thirty times what a full box has."""
MODEL_URI = "urn:broadband-forum-org:tr-181-2-16-0-usp"
SupportedDM = usp.GetSupportedDMResp


def read_path(text: str) -> Path:
    """A path of a message. Raises UspFault 7008."""
    try:
        return paths.read(text)
    except Malformed as error:
        raise UspFault(Code.INVALID_PATH_SYNTAX, str(error)) from error


def bound(count: int) -> None:
    """Refuses a message with too many paths. Raises UspFault 7005."""
    if count > MOST_PATHS:
        raise UspFault(
            Code.RESOURCES_EXCEEDED, f"A message names at most {MOST_PATHS} paths; this one has {count}."
        )


# --- Get --------------------------------------------------------------------------------------------------


async def get(view: View, request: usp.Get) -> usp.GetResp:
    """Each path answered on its own. Raises UspFault 7005 for more than one message should hold."""
    bound(len(request.param_paths))
    response = usp.GetResp()
    values = 0
    for text in request.param_paths:
        await asyncio.sleep(0)  # others want their turn, too
        result = response.req_path_results.add(requested_path=text)
        try:
            await _get(view, read_path(text), request.max_depth, result)
        except UspFault as fault:
            del result.resolved_path_results[:]
            result.err_code, result.err_msg = fault.code, fault.message
        values += sum(len(each.result_params) for each in result.resolved_path_results)
        if values > MOST_VALUES:
            raise UspFault(
                Code.RESOURCES_EXCEEDED, f"An answer holds at most {MOST_VALUES} parameters: ask for less."
            )
    return response


async def _get(view: View, path: Path, depth: int, result: usp.GetResp.RequestedPathResult) -> None:
    if path.kind in ("command", "event"):
        raise UspFault(Code.INVALID_PATH, "Commands and events have no values.")
    view.problems.clear()
    if path.kind == "parameter":
        await _get_parameter(view, path, result)
    else:
        for node in await view.find(path.steps):
            await _get_object(view, node, depth, result)
    if view.problems and not result.resolved_path_results:
        raise view.problems[0]


async def _get_parameter(view: View, path: Path, result: usp.GetResp.RequestedPathResult) -> None:
    name = path.leaf or ""
    if not any(isinstance(step, Follow) for step in path.object_steps):
        _supported(view, view.schema(path.object_steps), name)
    for node in await view.find(path.object_steps):
        _supported(view, node.object, name)
        if view.may(f"{node.path}{name}", "Param", "r"):
            resolved = result.resolved_path_results.add(resolved_path=node.path)
            resolved.result_params[name] = text_of(await view.value(node, name))


def _supported(view: View, item: Object, name: str) -> None:
    if name not in view.model.leaves(item):
        raise UspFault(Code.INVALID_PATH, "The data model has no such parameter.")


async def _get_object(view: View, node: Node, depth: int, result: usp.GetResp.RequestedPathResult) -> None:
    """An object and, unless `depth` (0: any) says otherwise, what is below it."""
    values = {}
    for param in view.parameters(node.object):
        if view.may(f"{node.path}{param.name}", "Param", "r"):
            values[param.name] = text_of(await view.value(node, param.name))
    if values:
        result.resolved_path_results.add(resolved_path=node.path).result_params.update(values)
    if depth != 1:
        for below in await view.below(node):
            await _get_object(view, below, max(0, depth - 1), result)


# --- GetInstances -----------------------------------------------------------------------------------------


async def get_instances(view: View, request: usp.GetInstances) -> usp.GetInstancesResp:
    """The instances of tables, with their unique keys. Raises UspFault 7005."""
    bound(len(request.obj_paths))
    response = usp.GetInstancesResp()
    for text in request.obj_paths:
        result = response.req_path_results.add(requested_path=text)
        try:
            path = read_path(text)
            if path.kind != "object":
                raise UspFault(Code.NOT_A_TABLE, "Only tables have instances.")
            for node in await view.find(path.steps):
                listed = node.object.is_table and isinstance(path.steps[-1], Name)
                await _list(view, node, result, itself=listed, deep=not request.first_level_only)
        except UspFault as fault:
            del result.curr_insts[:]
            result.err_code, result.err_msg = fault.code, fault.message
    return response


async def _list(
    view: View,
    node: Node,
    result: usp.GetInstancesResp.RequestedPathResult,
    *,
    itself: bool,
    deep: bool,
) -> None:
    if itself and view.may(node.path, "InstantiatedObj", "r"):
        instance = result.curr_insts.add(instantiated_obj_path=node.path)
        instance.unique_keys.update(await unique_keys(view, node))
    if itself and not deep:
        return
    for below in await view.below(node):
        await _list(view, below, result, itself=below.object.is_table, deep=deep)


async def unique_keys(view: View, node: Node) -> dict[str, str]:
    """The parameters that name an instance among its like."""
    names = dict.fromkeys(name for key in node.object.keys for name in key)
    return {
        name: text_of(await view.value(node, name))
        for name in names
        if view.may(f"{node.path}{name}", "Param", "r")
    }


# --- GetSupportedDM ---------------------------------------------------------------------------------------


def get_supported_dm(view: View, request: usp.GetSupportedDM) -> SupportedDM:
    """What the model has, made from its tables. Raises UspFault 7005."""
    bound(len(request.obj_paths))
    response = SupportedDM()
    for text in request.obj_paths:
        result = response.req_obj_results.add(req_obj_path=text)
        try:
            _supported_path(view, request, read_path(text.replace("{i}", "*")), result)
        except UspFault as fault:
            result.err_code, result.err_msg = fault.code, fault.message
    return response


def _supported_path(
    view: View, request: usp.GetSupportedDM, path: Path, result: SupportedDM.RequestedObjectResult
) -> None:
    item = view.schema(path.object_steps)
    leaf = path.leaf
    if leaf is not None:
        names = {
            *(each.name for each in view.parameters(item)),
            *(each.name for each in item.commands),
            *(each.name for each in item.events),
        }
        if leaf not in names:
            raise UspFault(Code.INVALID_PATH, "The data model has no such path.")
    result.data_model_inst_uri = MODEL_URI
    _describe(view, request, item, result, leaf)
    if leaf is None:
        _describe_below(view, request, item, result)


def _describe_below(
    view: View, request: usp.GetSupportedDM, item: Object, result: SupportedDM.RequestedObjectResult
) -> None:
    for below in view.model.below(item):
        if not view.may(below.path, "Obj", "r"):
            continue
        if request.first_level_only:
            entry = result.supported_objs.add(supported_obj_path=below.path)
            entry.access, entry.is_multi_instance = _access(below), below.is_table
        else:
            _describe(view, request, below, result, None)
            _describe_below(view, request, below, result)


def _describe(
    view: View,
    request: usp.GetSupportedDM,
    item: Object,
    result: SupportedDM.RequestedObjectResult,
    only: str | None,
) -> None:
    """One object; with `only` nothing but the parameter, command or event of that name."""
    entry = result.supported_objs.add(supported_obj_path=item.path)
    entry.access, entry.is_multi_instance = _access(item), item.is_table
    if request.return_params or only:
        for param in view.parameters(item):
            if only in (None, param.name) and view.may(f"{item.path}{param.name}", "Param", "r"):
                _describe_param(entry.supported_params.add(param_name=param.name), param)
    if request.return_commands or only:
        for command in item.commands:
            if only in (None, command.name) and view.may(f"{item.path}{command.name}", "CommandEvent", "r"):
                kind = SupportedDM.CMD_ASYNC if command.asynchronous else SupportedDM.CMD_SYNC
                entry.supported_commands.add(
                    command_name=command.name,
                    input_arg_names=command.inputs,
                    output_arg_names=command.outputs,
                    command_type=kind,
                )
    if request.return_events or only:
        for event in item.events:
            if only in (None, event.name) and view.may(f"{item.path}{event.name}", "CommandEvent", "r"):
                entry.supported_events.add(event_name=event.name, arg_names=event.arguments)
    if request.return_unique_key_sets and only is None:
        for key in item.keys:
            entry.unique_key_sets.add(key_names=key)


def _access(item: Object) -> SupportedDM.ObjAccessType:
    if item.addable and item.deletable:
        return SupportedDM.OBJ_ADD_DELETE
    if item.addable:
        return SupportedDM.OBJ_ADD_ONLY
    return SupportedDM.OBJ_DELETE_ONLY if item.deletable else SupportedDM.OBJ_READ_ONLY


_KINDS = {
    "string": SupportedDM.PARAM_STRING,
    "list": SupportedDM.PARAM_STRING,
    "boolean": SupportedDM.PARAM_BOOLEAN,
    "int": SupportedDM.PARAM_INT,
    "unsignedInt": SupportedDM.PARAM_UNSIGNED_INT,
    "long": SupportedDM.PARAM_LONG,
    "unsignedLong": SupportedDM.PARAM_UNSIGNED_LONG,
    "dateTime": SupportedDM.PARAM_DATE_TIME,
    "hex": SupportedDM.PARAM_HEX_BINARY,
}


def _describe_param(entry: SupportedDM.SupportedParamResult, param: Param) -> None:
    entry.access = SupportedDM.PARAM_READ_ONLY if param.access == "ro" else SupportedDM.PARAM_READ_WRITE
    entry.value_type = _KINDS[param.kind]
    entry.value_change = (
        SupportedDM.VALUE_CHANGE_WILL_IGNORE if param.ignored else SupportedDM.VALUE_CHANGE_ALLOWED
    )
