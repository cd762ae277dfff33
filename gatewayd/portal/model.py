"""The words in which the data model is declared: objects, parameters, commands, events.

The tables themselves are `objects/<area>.py`. A parameter reads from its instance's row and writes by an
operation; nothing here knows a feature.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from gatewayd.portal.expressions import Value

if TYPE_CHECKING:
    from gatewayd.portal.view import View

Kind = Literal["string", "boolean", "int", "unsignedInt", "long", "unsignedLong", "dateTime", "list", "hex"]
Access = Literal["ro", "rw", "wo", "once"]
"""`wo`: it can be set and reads as nothing (a secret). `once`: set when its instance is made, then never."""


@dataclass(frozen=True, slots=True)
class Change:
    """What writing a parameter asks of an operation: `target` names the thing, `fields` what is new of it.

    Changes of one operation and target in one transaction become one call; `finish` makes its arguments of
    all their fields.
    """

    operation: str
    target: tuple[tuple[str, str], ...]
    fields: dict[str, Any]
    finish: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What the operation is given."""
        fields = self.fields if self.finish is None else self.finish(self.fields)
        return {**dict(self.target), **fields}


@dataclass(slots=True)
class Node:
    """One instance, found: its object, its path with a dot at the end, and the row that its readers see."""

    object: Object
    path: str
    row: Any
    parent: Node | None
    view: View
    key: str = ""
    number: int = 0
    alias: str = ""

    def up(self, levels: int = 1) -> Node:
        """The instance above. Raises LookupError at the root."""
        node: Node | None = self
        for _ in range(levels):
            node = None if node is None else node.parent
        if node is None:
            raise LookupError(self.path)
        return node


Reader = Callable[[Node], Value | list[str]]
Writer = Callable[[Node, Any], Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter. `read` may raise KeyError for what the row does not tell: then it is empty.

    `default` and `check` are for objects that are stored here: the value where none was given, and a
    function that returns a sentence when a value cannot be. `one_of` are the values there are; `most` is the
    greatest length or number. `ignored`: it changes all the time and nobody is told.
    """

    name: str
    kind: Kind = "string"
    access: Access = "ro"
    read: Reader | None = None
    write: Writer | None = None
    default: str = ""
    check: Callable[[str], str | None] | None = None
    one_of: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What a command came to: the call that does it, or at once its output."""

    operation: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """One command. `plan` turns the instance and the arguments (checked for presence, with their defaults)
    into a call; `told` turns the operation's or job's result into output arguments.

    `topic`: the area that its output tells of; what the household does not share of it is left out, but for
    `Status`. `needs` are operations without which the command is not there at all.
    """

    name: str
    plan: Callable[[Node, Mapping[str, str]], Awaitable[Started]]
    inputs: tuple[str, ...] = ()
    mandatory: frozenset[str] = frozenset()
    defaults: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    asynchronous: bool = False
    told: Callable[[Mapping[str, Any]], dict[str, str]] | None = None
    topic: str | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """One event. `topic` is the bus's; `when` turns an event's data into arguments, or None when it is not
    this event."""

    name: str
    arguments: tuple[str, ...] = ()
    topic: str | None = None
    when: Callable[[Mapping[str, Any]], dict[str, str] | None] | None = None


Rows = Callable[["View", Node], Awaitable[list[tuple[str, Any]]]]
One = Callable[["View", Node], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """One object or table of the model. `path` ends in a dot, tables in `{i}.`.

    `rows` gives a table's instances as (key, row); `one` gives a single object's row; without either the
    row is that of the object above. `stored`: the instances live here. `topic` is the area that the
    household's privacy speaks of (`wifi`), None for what belongs to the link or the box itself. `lasting`
    False: its numbers are forgotten when the daemon ends. `numbered`: its keys are its numbers. `count`
    names the parameter of the object above that counts the instances.
    """

    path: str
    params: tuple[Param, ...] = ()
    commands: tuple[CommandSpec, ...] = ()
    events: tuple[EventSpec, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    rows: Rows | None = None
    one: One | None = None
    stored: bool = False
    topic: str | None = None
    lasting: bool = True
    numbered: bool = False
    addable: bool = False
    deletable: bool = False
    create: Callable[[Node, Mapping[str, Any]], Change] | None = None
    created: Callable[[Mapping[str, Any]], str] | None = None
    delete: Callable[[Node], Change] | None = None
    count: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether it has instances."""
        return self.path.endswith("{i}.")

    @property
    def name(self) -> str:
        """Its own name, the last but for `{i}`."""
        return self.path.removesuffix("{i}.").rstrip(".").rpartition(".")[2]

    def param(self, name: str) -> Param | None:
        """One of its parameters."""
        return next((each for each in self.params if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A parameter in its place; `counts` is the table whose instances it counts."""

    param: Param
    counts: Object | None = None


class Model:
    """All objects, by their place. `operations` are the names that the table of operations has: what needs
    another is left out."""

    def __init__(self, objects: tuple[Object, ...], operations: frozenset[str]) -> None:
        self._objects: dict[str, Object] = {}
        self._below: dict[str, list[Object]] = {}
        for each in objects:
            if set(each.needs) <= operations:
                self._add(_without_missing(each, operations))
        for path in list(self._objects):
            self._fill(path)
        for each in self._objects.values():
            if above := self._above(each.path):
                self._below.setdefault(above, []).append(each)
        for found in self._below.values():
            found.sort(key=lambda each: each.path)
        self._leaves = {each.path: self._leaves_of(each) for each in self._objects.values()}

    def _leaves_of(self, item: Object) -> dict[str, Leaf]:
        counts = {below.count: below for below in self.below(item) if below.count}
        return {param.name: Leaf(param) for param in item.params} | {
            name: Leaf(Param(name=name, kind="unsignedInt"), table) for name, table in counts.items()
        }

    def _add(self, item: Object) -> None:
        if item.path in self._objects:
            raise ValueError(f"{item.path} is declared twice")
        self._objects[item.path] = item

    def _fill(self, path: str) -> None:
        """Objects without anything of their own, on the way to others."""
        above = self._above(path)
        while above and above not in self._objects:
            self._add(Object(path=above))
            above = self._above(above)

    @staticmethod
    def _above(path: str) -> str:
        bare = path.removesuffix("{i}.").rstrip(".")
        above = bare.rpartition(".")[0]
        return f"{above}." if above else ""

    @property
    def root(self) -> Object:
        """`Device.`"""
        return self._objects["Device."]

    def __iter__(self) -> Any:
        return iter(sorted(self._objects.values(), key=lambda each: each.path))

    def get(self, path: str) -> Object | None:
        """One object by its path (`Device.WiFi.SSID.{i}.`)."""
        return self._objects.get(path)

    def leaves(self, item: Object) -> Mapping[str, Leaf]:
        """An object's parameters by their names, with those that count the tables below it."""
        return self._leaves[item.path]

    def below(self, item: Object) -> list[Object]:
        """The objects and tables right below one."""
        return self._below.get(item.path, [])

    def child(self, item: Object, name: str) -> Object | None:
        """The object or table of that name right below one."""
        return self._objects.get(f"{item.path}{name}.") or self._objects.get(f"{item.path}{name}.{{i}}.")


def _without_missing(item: Object, operations: frozenset[str]) -> Object:
    kept = tuple(each for each in item.commands if set(each.needs) <= operations)
    if len(kept) == len(item.commands):
        return item
    return replace(item, commands=kept)
