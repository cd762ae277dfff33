"""A list of parameters with their new values, as TriggerConfigSettings holds it (TR-181 2.16). Pure."""

from __future__ import annotations

from typing import NamedTuple

from gatewayd.portal import paths
from gatewayd.portal.expressions import Malformed
from gatewayd.portal.schema import usp_msg_pb2 as usp


class Setting(NamedTuple):
    """A parameter (its object's path, which may be a search path, and its name) and its new value."""

    place: str
    name: str
    value: str


def read_settings(parts: list[str]) -> list[Setting]:
    """`Device.X.1.Name=value` each; a comma in a value is `%2C`. Raises Malformed."""
    found = []
    for part in parts:
        path, value = _divided(part)
        if paths.read(path).kind != "parameter":
            raise Malformed("A setting begins with the path of a parameter.")
        place, _, name = path.rpartition(".")
        found.append(Setting(f"{place}.", name, value.replace("%2C", ",").replace("%25", "%")))
    return found


def _divided(part: str) -> tuple[str, str]:
    """At the first `=` that stands in no expression."""
    depth = 0
    for place, character in enumerate(part):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "=" and depth == 0:
            return part[:place].strip(), part[place + 1 :]
    raise Malformed("A setting is a path, = and a value.")


def request_of(settings: list[Setting]) -> usp.Set:
    """All of them or none."""
    request = usp.Set()
    for each in settings:
        update = request.update_objs.add(obj_path=each.place)
        update.param_settings.add(param=each.name, value=each.value, required=True)
    return request
