"""Search expressions of USP paths, such as `[Alias=="x"&&Enable==true]`: pure, no input or output.

TR-369, "Search Paths": components `relative.path oper value` joined by `&&`; operators `== != < > <= >=` and
`~=` (a list holds an element); a value is a quoted string, in which `%22` is a quote and `%25` a percent
sign, a number, or `true`/`false`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from msgspec import Struct

Operator = Literal["==", "!=", "<", ">", "<=", ">=", "~="]
Value = str | int | float | bool | None
_COMPONENT = re.compile(
    r"\s*(?P<path>[A-Za-z_][A-Za-z0-9_\-.#+*]*)\s*(?P<operator>==|!=|<=|>=|~=|<|>)\s*"
    r'(?P<value>"[^"]*"|true|false|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*'
)


class Malformed(ValueError):
    """The text is no expression or no path; the message is a sentence."""


class Condition(Struct, frozen=True):
    """One component: a parameter's relative path, an operator, the value as text; `quoted` was a string."""

    path: str
    operator: Operator
    value: str
    quoted: bool


def parse(text: str) -> tuple[Condition, ...]:
    """The conditions between the brackets, all of which must hold. Raises Malformed."""
    found: list[Condition] = []
    at = 0
    while True:
        match = _COMPONENT.match(text, at)
        if match is None:
            raise Malformed(f"The expression cannot be read at character {at + 1}.")
        value = match["value"]
        quoted = value.startswith('"')
        if quoted:
            value = _unescape(value[1:-1])
        found.append(Condition(match["path"], match["operator"], value, quoted))  # type: ignore[arg-type]
        at = match.end()
        if at == len(text):
            return tuple(found)
        if text[at : at + 2] != "&&":
            raise Malformed(f"Components are joined by &&; character {at + 1} is another.")
        at += 2


def render(conditions: tuple[Condition, ...]) -> str:
    """The text of conditions, that `parse` reads back to the same."""
    return "&&".join(
        f"{each.path}{each.operator}" + (f'"{_escape(each.value)}"' if each.quoted else each.value)
        for each in conditions
    )


def holds(condition: Condition, value: Value | list[str]) -> bool:
    """Whether a parameter with this value meets the condition.

    A list meets `~=` when one of its elements does, and other operators by its text. Values of different
    kinds are not equal, and not ordered either.
    """
    if condition.operator == "~=":
        elements = value if isinstance(value, list) else str(text_of(value)).split(",")
        return condition.value in [element.strip() for element in elements]
    compared = _compare(value, condition)
    return compared is not None and _OPERATORS[condition.operator](compared)


_OPERATORS: dict[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order == -1,
    ">": lambda order: order == 1,
    "<=": lambda order: order in (-1, 0),
    ">=": lambda order: order in (0, 1),
}
_UNEQUAL = 2


def _compare(value: Value | list[str], condition: Condition) -> int | None:
    """-1, 0, 1 for ordered values, 2 for different ones without an order."""
    if isinstance(value, bool):
        wanted = {"true": True, "1": True, "false": False, "0": False}.get(condition.value.lower())
        return 0 if value is wanted else _UNEQUAL
    if isinstance(value, int | float):
        try:
            other = float(condition.value)
        except ValueError:
            return _UNEQUAL
        return (value > other) - (value < other)
    text = text_of(value)
    if (mine := _moment(text)) is not None and (theirs := _moment(condition.value)) is not None:
        return (mine > theirs) - (mine < theirs)
    if text == condition.value:
        return 0
    return _UNEQUAL


def _moment(text: str) -> datetime | None:
    if len(text) < 19 or text[10:11] != "T":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def text_of(value: Value | list[str]) -> str:
    """A value as USP sends it: always text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value)
    return str(value)


def _unescape(text: str) -> str:
    return re.sub("%(22|25)", lambda match: '"' if match[1] == "22" else "%", text)


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace('"', "%22")
