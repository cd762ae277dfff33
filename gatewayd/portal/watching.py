"""What a subscription refers to, as it is now: parameters with their values, instances of tables."""

from __future__ import annotations

import hmac

from gatewayd.portal import paths
from gatewayd.portal.expressions import Malformed, text_of
from gatewayd.portal.model import EventSpec, Node
from gatewayd.portal.paths import Name, Path
from gatewayd.portal.reading import unique_keys
from gatewayd.portal.refusals import UspFault
from gatewayd.portal.view import View

MOST = 5_000
"""Parameters that one subscription may watch."""


async def values(view: View, reference: str) -> dict[str, tuple[str, str]]:
    """Path to (value, topic) of the parameters that a reference stands for and that may be notified."""
    path = _read(reference)
    found: dict[str, tuple[str, str]] = {}
    if path is None or path.kind in ("command", "event"):
        return found
    try:
        nodes = await view.find(path.object_steps, strict=False)
    except UspFault:
        return found
    for node in nodes:
        if path.leaf is not None:
            await _value(view, node, path.leaf, found)
        else:
            await _values_below(view, node, found)
    return found


async def _values_below(view: View, node: Node, found: dict[str, tuple[str, str]]) -> None:
    for param in view.parameters(node.object):
        await _value(view, node, param.name, found)
    for below in await view.below(node):
        if len(found) < MOST:
            await _values_below(view, below, found)


async def _value(view: View, node: Node, name: str, found: dict[str, tuple[str, str]]) -> None:
    leaf = view.model.leaves(node.object).get(name)
    path = f"{node.path}{name}"
    if leaf is None or leaf.param.ignored or not view.may(path, "Param", "n"):
        return
    found[path] = (text_of(await view.value(node, name)), node.object.topic or "portal")


async def instances(view: View, reference: str) -> dict[str, tuple[dict[str, str], str]]:
    """Path to (unique keys, topic) of the instances of the tables that a reference stands for."""
    path = _read(reference)
    found: dict[str, tuple[dict[str, str], str]] = {}
    if path is None or path.kind != "object":
        return found
    try:
        nodes = await view.find(path.steps, strict=False)
    except UspFault:
        return found
    for node in nodes:
        if node.object.is_table and isinstance(path.steps[-1], Name):
            await _instance(view, node, found)
        else:
            await _instances_below(view, node, found)
    return found


async def _instance(view: View, node: Node, found: dict[str, tuple[dict[str, str], str]]) -> None:
    if view.may(node.path, "InstantiatedObj", "n") or view.may(node.path, "Obj", "n"):
        found[node.path] = (await unique_keys(view, node), node.object.topic or "portal")


async def _instances_below(view: View, node: Node, found: dict[str, tuple[dict[str, str], str]]) -> None:
    for below in await view.below(node):
        if below.object.is_table:
            await _instance(view, below, found)
        if len(found) < MOST:
            await _instances_below(view, below, found)


async def events(view: View, reference: str) -> list[tuple[Node, EventSpec]]:
    """The events that a reference stands for, of the instances that there are."""
    path = _read(reference)
    if path is None or path.kind in ("command", "parameter"):
        return []
    try:
        nodes = await view.find(path.object_steps, strict=False)
    except UspFault:
        return []
    found: list[tuple[Node, EventSpec]] = []
    for node in nodes:
        await _events(view, node, path.leaf, found)
    return found


async def _events(view: View, node: Node, name: str | None, found: list[tuple[Node, EventSpec]]) -> None:
    for event in node.object.events:
        if name in (None, event.name) and view.may(f"{node.path}{event.name}", "CommandEvent", "n"):
            found.append((node, event))
    if name is None:
        for below in await view.below(node):
            await _events(view, below, None, found)


def covers(reference: str, command: str) -> bool:
    """Whether a reference stands for a command (its full path), or for an object above it."""
    path, wanted = _read(reference), _read(command)
    if path is None or wanted is None:
        return False
    have, want = path.steps, wanted.steps
    if path.kind == "object":
        want = want[: len(have)]
    return len(have) == len(want) and all(
        mine == theirs or not isinstance(mine, Name | paths.Number)
        for mine, theirs in zip(have, want, strict=True)
    )


def digest(secret: bytes, path: str, value: str) -> str:
    """What is remembered of a value: enough to see that it changed, no more."""
    return hmac.digest(secret, f"{path}={value}".encode(), "sha256").hex()[:32]


def _read(text: str) -> Path | None:
    try:
        return paths.read(text)
    except Malformed:
        return None
