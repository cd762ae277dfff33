"""Messages that change the data model: Set, Add, Delete, from their paths to groups of changes (TR-369)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gatewayd.portal.carrying import Group, Wish
from gatewayd.portal.expressions import Value, text_of
from gatewayd.portal.model import Node, Object, Param
from gatewayd.portal.objects.local_agent import CONTROLLERS, SUBSCRIPTIONS
from gatewayd.portal.paths import Every, Name, Number, Search
from gatewayd.portal.reading import bound, read_path
from gatewayd.portal.refusals import Code, ParamFault, UspFault
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.values import checked, convert
from gatewayd.portal.view import View
from gatewayd.store.database import Unit
from gatewayd.system.clock import rfc3339

MOST_ROWS = 500
"""Instances of one table that is stored here."""


class Setting(Protocol):
    """A parameter's new value, as Set and Add have it."""

    param: str
    value: str
    required: bool


# --- Set --------------------------------------------------------------------------------------------------


async def plan_set(view: View, request: usp.Set) -> list[Group]:
    """A group for each object of the message; one that cannot be is marked as failed.

    Raises UspFault 7005.
    """
    bound(len(request.update_objs))
    groups = []
    for index, update in enumerate(request.update_objs):
        await asyncio.sleep(0)  # others want their turn, too
        group = Group(index, update.obj_path)
        groups.append(group)
        try:
            path = read_path(update.obj_path)
            if path.kind != "object":
                raise UspFault(Code.INVALID_PATH, "The path of an object ends in a dot.")
            view.known(path)
            group.nodes = await view.find(path.steps)
        except UspFault as fault:
            group.failed = fault
            continue
        for node in group.nodes:
            await _plan_settings(view, node, update.param_settings, group)
    return groups


async def _plan_settings(view: View, node: Node, settings: Sequence[Any], group: Group) -> None:
    failed: list[ParamFault] = []
    wishes: list[Wish] = []
    for setting in settings:
        try:
            wishes.append(_wish(view, node, setting))
        except ParamFault as fault:
            (failed if setting.required else group.faults).append(fault)
    for wish in await _duplicates(view, node, wishes):
        double = ParamFault(Code.DUPLICATE_KEY, wish.path, "Another instance has this key.")
        (failed if wish.required else group.faults).append(double)
        wishes.remove(wish)
    if failed:
        before = group.failed.params if group.failed is not None else ()
        group.fail(Code.REQUIRED_PARAMETER_FAILED, failed[0].message, (*before, *failed))
    group.wishes += wishes


def _wish(view: View, node: Node, setting: Setting) -> Wish:
    path = f"{node.path}{setting.param}"
    param = _writable(view, node.object, setting.param, path)
    if param.access == "once":
        raise ParamFault(Code.NOT_WRITEABLE, path, f"{param.name} is set once, when its object is made.")
    shown = "" if param.access == "wo" else setting.value
    wish = Wish(node, param.name, shown, setting.required)
    if node.object.stored:
        wish.text = checked(param, setting.value, path)
    elif param.write is not None:
        wish.change = param.write(node, convert(param, setting.value, path))
    else:
        wish.alias = checked(param, setting.value, path)
    return wish


def _writable(view: View, item: Object, name: str, path: str) -> Param:
    leaf = view.model.leaves(item).get(name)
    param = None if leaf is None else leaf.param
    if param is None:
        raise ParamFault(Code.UNSUPPORTED_PARAMETER, path, "The object has no such parameter.")
    if not view.may(path, "Param", "w"):
        raise ParamFault(Code.PERMISSION_DENIED, path, "The controller's role may not write this.")
    if param.access == "ro":
        raise ParamFault(Code.NOT_WRITEABLE, path, f"{param.name} can only be read.")
    return param


async def _duplicates(view: View, node: Node, wishes: list[Wish]) -> list[Wish]:
    """Those that would give an instance the key of another."""
    named = {wish.name: wish for wish in wishes}
    found: list[Wish] = []
    for key in node.object.keys:
        touched = [named[name] for name in key if name in named]
        if not touched or node.parent is None:
            continue
        now = await _key_of(view, node, key)
        wanted = tuple(
            named[name].shown if name in named else text for name, text in zip(key, now, strict=True)
        )
        for other in await view.instances(node.object, node.parent):
            if other.path != node.path and wanted == await _key_of(view, other, key):
                found += [wish for wish in touched if wish not in found]
    return found


async def _key_of(view: View, node: Node, key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([text_of(await view.value(node, name)) for name in key])


# --- Add --------------------------------------------------------------------------------------------------


class Made:
    """What a group of an Add made: known once the unit is being written."""

    def __init__(self) -> None:
        self.path = ""
        self.keys: dict[str, str] = {}


async def plan_add(view: View, request: usp.Add, now: datetime) -> list[tuple[Group, Made]]:
    """A group for each instance to be made; a path with a search makes one below each match.

    Raises UspFault 7005.
    """
    bound(len(request.create_objs))
    planned: list[tuple[Group, Made]] = []
    for index, create in enumerate(request.create_objs):
        await asyncio.sleep(0)  # others want their turn, too
        try:
            item, parents = await _parents(view, create.obj_path)
        except UspFault as fault:
            planned.append((Group(index, create.obj_path, failed=fault), Made()))
            continue
        for parent in parents:
            group, made = Group(index, create.obj_path), Made()
            planned.append((group, made))
            settings = create.param_settings
            if item.stored:
                before = [each for each, _ in planned[:-1]]
                await _plan_stored(view, parent, item, settings, group, made, now, before)
            else:
                _plan_made(view, parent, item, settings, group, made)
    return planned


async def _parents(view: View, text: str) -> tuple[Object, list[Node]]:
    path = read_path(text)
    if path.kind != "object":
        raise UspFault(Code.INVALID_PATH, "The path of a table ends in a dot.")
    view.known(path)
    item = view.schema(path.steps) if not path.searches else None
    if not isinstance(path.steps[-1], Name):
        raise UspFault(Code.NOT_A_TABLE, "Instances are made in a table: its path has no number at its end.")
    parents = await view.find(path.steps[:-1])
    if item is None:
        item = view.schema(path.steps)
    if not item.is_table:
        raise UspFault(Code.NOT_A_TABLE, "This object is no table.")
    if not item.addable:
        raise UspFault(Code.NOT_CREATABLE, "Instances of this table cannot be made.")
    for parent in parents:
        if not view.may(f"{parent.path}{item.name}.", "Obj", "w"):
            raise UspFault(Code.PERMISSION_DENIED, "The controller's role may not make this.")
    return item, parents


def _values(
    view: View, parent: Node, item: Object, settings: Sequence[Any], group: Group
) -> dict[str, tuple[Param, str]]:
    """The settings that are good; faults go into the group."""
    found: dict[str, tuple[Param, str]] = {}
    failed: list[ParamFault] = []
    for setting in settings:
        path = f"{parent.path}{item.name}.*.{setting.param}"
        try:
            param = _writable(view, item, setting.param, path)
            text = checked(param, setting.value, path)
            found[param.name] = (param, text)
        except ParamFault as fault:
            if setting.required:
                whole = f"{parent.path}{item.name}.{setting.param}"
                failed.append(ParamFault(fault.code, whole, fault.message))
            else:
                group.faults.append(ParamFault(fault.code, setting.param, fault.message))
    if failed:
        group.fail(Code.REQUIRED_PARAMETER_FAILED, failed[0].message, tuple(failed))
    return found


async def _plan_stored(
    view: View,
    parent: Node,
    item: Object,
    settings: Sequence[Any],
    group: Group,
    made: Made,
    now: datetime,
    before: list[Group],
) -> None:
    table = f"{parent.path}{item.name}."
    given = {name: text for name, (_param, text) in _values(view, parent, item, settings, group).items()}
    if group.failed is not None:
        return
    params = {each.name: given.get(each.name, each.default) for each in item.params}
    if table == SUBSCRIPTIONS:
        params |= {"Recipient": view.controller.rstrip("."), "CreationDate": rfc3339(now)}
        given["Recipient"] = params["Recipient"]
        if not params["NotifType"]:
            group.fail(Code.REQUIRED_PARAMETER_FAILED, "A subscription has a NotifType.")
            return
    rows = [*view.stored.rows(table).values(), *_also_made(before, table)]
    if len(rows) >= MOST_ROWS:
        group.fail(Code.RESOURCES_EXCEEDED, f"This table holds at most {MOST_ROWS} instances.")
        return
    if (fault := _fill_keys(item, params, given, rows)) is not None:
        group.fail(
            fault.code, fault.message, (ParamFault(fault.code, f"{table}{fault.path}", fault.message),)
        )
        return
    made.keys = {name: params[name] for key in item.keys for name in key}
    group.nodes = [Node(item, table, params, parent, view)]

    def also(unit: Unit, _result: Any) -> None:
        made.path = f"{table}{view.stored.add(unit, table, params)}."

    group.also = also


def _also_made(before: list[Group], table: str) -> list[Mapping[str, str]]:
    """What the same message makes in the same table."""
    return [
        node.row for group in before if group.failed is None for node in group.nodes if node.path == table
    ]


def _fill_keys(
    item: Object, params: dict[str, str], given: Mapping[str, str], rows: list[Mapping[str, str]]
) -> ParamFault | None:
    """Invents keys that were not given; the fault of one that another instance has."""
    for key in item.keys:
        own = [name for name in key if name in given]
        free = [name for name in key if name not in given]
        if any(not params[name] for name in own):
            return ParamFault(Code.INVALID_VALUE, own[0], "A key is not empty.")
        number = len(rows) + 1
        while _taken(params, key, rows) or any(not params[name] for name in key):
            if not free:
                return ParamFault(Code.DUPLICATE_KEY, own[0], "Another instance has this key.")
            param = item.param(free[0])
            params[free[0]] = _invented(param, number)
            number += 1
            if number > 2 * len(rows) + 10:
                return ParamFault(Code.DUPLICATE_KEY, free[0], "Another instance has this key.")
    return None


def _invented(param: Param | None, number: int) -> str:
    if param is not None and param.one_of:
        return param.one_of[(number - 1) % len(param.one_of)]
    return str(number) if param is not None and param.kind != "string" else f"cpe-{number}"


def _taken(params: Mapping[str, str], key: tuple[str, ...], rows: list[Mapping[str, str]]) -> bool:
    wanted = [params[name] for name in key]
    return any([row.get(name, "") for name in key] == wanted for row in rows)


def _plan_made(
    view: View, parent: Node, item: Object, settings: Sequence[Any], group: Group, made: Made
) -> None:
    values = _values(view, parent, item, settings, group)
    if group.failed is not None or item.create is None or item.created is None:
        return
    table = f"{parent.path}{item.name}."
    given = {name: convert(param, text, name) for name, (param, text) in values.items()}
    group.calls = [item.create(parent, given)]
    group.nodes = [Node(item, table, {}, parent, view)]
    key_of = item.created

    def also(unit: Unit, result: Any) -> None:
        key = key_of(result)
        named = view.numbers.of(table, key)
        view.numbers.write(unit, [(table, key, named)])
        made.path = f"{table}{named.number}."
        node = Node(item, made.path, result, parent, view, key, named.number, named.alias)
        made.keys = {name: _told(item, node, name) for names in item.keys for name in names}

    group.also = also


def _told(item: Object, node: Node, name: str) -> str:
    param = item.param(name)
    value: Value | list[str] = node.alias if param is None or param.read is None else param.read(node)
    return text_of(value)


# --- Delete -----------------------------------------------------------------------------------------------


async def plan_delete(view: View, request: usp.Delete) -> list[Group]:
    """A group for each path; what is not there is deleted already. Raises UspFault 7005."""
    bound(len(request.obj_paths))
    groups = []
    for index, text in enumerate(request.obj_paths):
        group = Group(index, text)
        groups.append(group)
        try:
            path = read_path(text)
            item = view.schema(path.object_steps) if path.kind == "object" else None
            if item is None or not item.is_table:
                raise UspFault(Code.INVALID_PATH, "Only instances of tables can be deleted.")
            if not isinstance(path.steps[-1], Number | Every | Search):
                raise UspFault(Code.INVALID_PATH, "The path names a table, not its instances.")
            if not item.deletable:
                raise UspFault(Code.DELETE_FAILURE, "Instances of this table cannot be deleted.")
            group.nodes = await view.find(path.steps, strict=False)
            for node in group.nodes:
                if not view.may(node.path, "InstantiatedObj", "w"):
                    raise UspFault(Code.PERMISSION_DENIED, "The controller's role may not delete this.")
        except UspFault as fault:
            group.failed = fault
            continue
        _plan_deletion(view, item, group)
    return groups


def _plan_deletion(view: View, item: Object, group: Group) -> None:
    if item.delete is not None:
        group.calls = [item.delete(node) for node in group.nodes]
        return
    paths = [node.path for node in group.nodes]

    def also(unit: Unit, _result: Any) -> None:
        for path in paths:
            view.stored.delete(unit, path)
            if path.startswith(CONTROLLERS) and path.count(".") == CONTROLLERS.count(".") + 1:
                _delete_subscriptions(view, unit, path)

    group.also = also


def _delete_subscriptions(view: View, unit: Unit, controller: str) -> None:
    """Those of a controller go with it."""
    for number, row in view.stored.rows(SUBSCRIPTIONS).items():
        if row.get("Recipient") == controller.rstrip("."):
            view.stored.delete(unit, f"{SUBSCRIPTIONS}{number}.")
