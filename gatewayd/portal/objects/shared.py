"""Small words that several areas of the data model share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gatewayd.portal.expressions import Value
from gatewayd.portal.model import Node, Param

VENDOR = "X_GATEWAYD_"
"""How the names of our own objects, parameters and arguments begin."""


def told(name: str) -> Callable[[Node], Any]:
    """Reads a field of the row."""
    return lambda node: node.row[name]


def listed(name: str) -> Callable[[Node], Any]:
    """Reads a field of the row that is a list."""
    return lambda node: [str(each) for each in node.row[name]]


def always(value: Value | list[str]) -> Callable[[Node], Any]:
    """Reads the same at all times."""
    return lambda _node: value


def mapped(name: str, words: Mapping[str, str], other: str = "") -> Callable[[Node], Any]:
    """Reads a field of the row in the standard's words."""
    return lambda node: words.get(node.row[name], other)


def alias(*, stored: bool = False) -> Param:
    """The name that a controller may give to an instance."""
    return Param(name="Alias", access="rw", most=64, check=_begins_well if stored else None)


def enable() -> Param:
    """Whether a stored instance is in use; a new one is not."""
    return Param(name="Enable", kind="boolean", access="rw", default="false")


def _begins_well(text: str) -> str | None:
    return None if text[:1].isalpha() else "An Alias begins with a letter."


ZERO_TIME = "0001-01-01T00:00:00Z"
"""TR-106's time that is not known."""


def seconds_between(start: str, stop: str) -> int:
    """Whole seconds between two times in RFC 3339."""
    return round((datetime.fromisoformat(stop) - datetime.fromisoformat(start)).total_seconds())
