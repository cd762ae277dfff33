"""Paths of USP (TR-369, "Path Names"): what they are made of, read and written. Pure.

`Device.WiFi.SSID.1.SSID`, `Device.WiFi.SSID.*.`, `Device.WiFi.SSID.[SSID=="x"].Enable`, and over a reference
`Device.WiFi.AccessPoint.1.SSIDReference+.SSID` (of a list the second: `LowerLayers#2+.`, all: `#*+`). A
path that ends in a dot is an object's or a table's, one in `()` a command's, one in `!` an event's.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from gatewayd.portal.expressions import Condition, Malformed, parse, render

MOST = 1024
"""Characters of a path; longer ones are nobody's."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*\Z")
_FOLLOW = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_\-]*)(?:#(?P<number>[1-9]\d{0,8}|\*))?\+\Z")
_NUMBER = re.compile(r"[1-9]\d{0,8}\Z")


class Name(Struct, frozen=True):
    """An object or, at the end, a parameter, command or event."""

    text: str


class Number(Struct, frozen=True):
    """An instance by its number."""

    number: int


class Every(Struct, frozen=True):
    """All instances: `*`."""


class Search(Struct, frozen=True):
    """Those instances that meet all conditions."""

    conditions: tuple[Condition, ...]


class Follow(Struct, frozen=True):
    """What a parameter refers to; `number` of a list, from 1; None for its first, 0 for all of a list."""

    name: str
    number: int | None = None


Step = Name | Number | Every | Search | Follow
Kind = Literal["object", "parameter", "command", "event"]


class Path(Struct, frozen=True):
    """A path that was read: its steps, and what it ends in."""

    steps: tuple[Step, ...]
    kind: Kind

    @property
    def searches(self) -> bool:
        """Whether it may stand for any number of instances."""
        return any(isinstance(step, Every | Search | Follow) for step in self.steps)

    @property
    def leaf(self) -> str | None:
        """The name of the parameter (`X`), command (`X()`) or event (`X!`) at its end."""
        last = self.steps[-1]
        return last.text if self.kind != "object" and isinstance(last, Name) else None

    @property
    def object_steps(self) -> tuple[Step, ...]:
        """Without the leaf."""
        return self.steps if self.kind == "object" else self.steps[:-1]

    def __str__(self) -> str:
        text = ".".join(_text(step) for step in self.steps)
        return f"{text}." if self.kind == "object" else text


def read(text: str) -> Path:
    """A path from its text. Raises Malformed."""
    if not text or len(text) > MOST:
        raise Malformed(f"A path has 1 to {MOST} characters; this one has {len(text)}.")
    parts = _split(text)
    kind: Kind = "parameter"
    if parts[-1] == "":
        parts.pop()
        kind = "object"
    if not parts:
        raise Malformed("The path is empty.")
    steps = [_step(part) for part in parts[:-1]]
    last = parts[-1]
    if kind == "parameter" and last.endswith("()"):
        kind = "command"
    elif kind == "parameter" and last.endswith("!"):
        kind = "event"
    if kind in ("command", "event"):
        bare = last.removesuffix("()").removesuffix("!")
        if not _NAME.match(bare):
            raise Malformed("The name of the command or event cannot be read.")
        steps.append(Name(last))
    else:
        steps.append(_step(last))
    if kind == "parameter" and not isinstance(steps[-1], Name):
        kind = "object"  # `Device.WiFi.SSID.1` without its dot
    if not isinstance(steps[0], Name | Follow):
        raise Malformed("A path begins with a name.")
    return Path(tuple(steps), kind)


def _split(text: str) -> list[str]:
    """At the dots that stand in no expression."""
    parts, current, inside, quoted = [], "", False, False
    for character in text:
        if inside and character == '"':
            quoted = not quoted
        elif character == "[" and not inside and not current:
            inside = True
        elif character == "]" and inside and not quoted:
            inside = False
        elif character == "." and not inside:
            parts.append(current)
            current = ""
            continue
        current += character
    if inside:
        raise Malformed("An expression is not closed by ].")
    if current and "" in parts:
        raise Malformed("There are two dots side by side.")
    parts.append(current)
    if "" in parts[:-1]:
        raise Malformed("There are two dots side by side.")
    return parts


def _step(part: str) -> Step:
    if part == "*":
        return Every()
    if _NUMBER.match(part):
        return Number(int(part))
    if part.startswith("[") and part.endswith("]"):
        return Search(parse(part[1:-1]))
    if match := _FOLLOW.match(part):
        number = match["number"]
        return Follow(match["name"], None if number is None else 0 if number == "*" else int(number))
    if _NAME.match(part):
        return Name(part)
    raise Malformed(f"A part of the path ({len(part)} characters) is no name, number or expression.")


def _text(step: Step) -> str:
    match step:
        case Name(text):
            return text
        case Number(number):
            return str(number)
        case Every():
            return "*"
        case Search(conditions):
            return f"[{render(conditions)}]"
        case Follow(name, None):
            return f"{name}+"
        case Follow(name, number):
            return f"{name}#{number or '*'}+"
