"""Changes carried out together: operations and stored objects in one transaction, or none of them.

A message is a list of groups (its objects). What is refused takes away no more than it must: a parameter that
was not required, then its group where partial success is allowed, then everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gatewayd.errors import GatewayError
from gatewayd.operations import Call, PartRefused, Registry
from gatewayd.portal.model import Change, Node
from gatewayd.portal.refusals import Code, ParamFault, UspFault
from gatewayd.portal.view import View
from gatewayd.store.database import Unit

LOCK = "portal.configure"
"""What everybody holds who writes what is stored here."""


@dataclass(slots=True)
class Wish:
    """One parameter of one instance that shall have a value: as text for what is stored here, or a change."""

    node: Node
    name: str
    shown: str
    required: bool
    text: str | None = None
    change: Change | None = None
    alias: str | None = None

    @property
    def path(self) -> str:
        """The parameter's full path."""
        return f"{self.node.path}{self.name}"


@dataclass(slots=True)
class Group:
    """What belongs together in one message: one object of a Set, Add or Delete.

    `calls` are changes that belong to no parameter (make, delete). `also` queues more into the unit and may
    see the result of the first of `calls`. `faults` are parameters that were left out.
    """

    index: int
    requested: str
    nodes: list[Node] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    calls: list[Change] = field(default_factory=list)
    also: Callable[[Unit, Any], None] | None = None
    faults: list[ParamFault] = field(default_factory=list)
    failed: UspFault | None = None

    def fail(self, code: Code | int, message: str, params: tuple[ParamFault, ...] = ()) -> None:
        """Nothing of it is done."""
        self.failed = UspFault(code, message, params)

    @property
    def changes(self) -> list[Change]:
        """Everything that operations are asked for."""
        return [*self.calls, *(wish.change for wish in self.wishes if wish.change is not None)]

    def lost(self, names: frozenset[str], fault: UspFault) -> bool:
        """Takes away the parameters of these paths; False when one of them was required or they are none."""
        blamed = [wish for wish in self.wishes if wish.path in names]
        found = [ParamFault(fault.code, wish.path, fault.message) for wish in blamed]
        if not blamed or any(wish.required for wish in blamed):
            self.fail(Code.REQUIRED_PARAMETER_FAILED if blamed else fault.code, fault.message, tuple(found))
            return False
        self.faults += found
        self.wishes = [wish for wish in self.wishes if wish not in blamed]
        return True


Finished = Callable[[Unit, list[Group]], None]


async def carry_out(
    view: View, registry: Registry, groups: list[Group], *, partial: bool, finished: Finished
) -> list[Group]:
    """Does what is not refused and returns the groups; `finished` queues into the same unit.

    Raises UspFault when nothing was done because something was refused and `partial` does not hold, and
    GatewayError for what only the commit says.
    """
    while True:
        _part_conflicts(groups)
        _check(groups, partial)
        good = [group for group in groups if group.failed is None]
        merged = _merge(good)
        calls = [Call(name=each.operation, arguments=each.arguments) for each in merged.calls]

        def also(unit: Unit, bodies: list[bytes], merged: _Merged = merged) -> None:
            _store(view, unit, merged, bodies)
            finished(unit, groups)

        try:
            await registry.together(calls, view.caller, also=also, locks=(LOCK,))
        except PartRefused as refused:
            error = refused.error
            _blame(merged, refused.index, error.spec.usp, error.detail, error.field)
            if error.spec.retryable:
                raise error from refused
            continue
        view.forget()
        return groups


@dataclass(slots=True)
class _Merged:
    groups: list[Group]
    calls: list[Change]
    of: dict[int, list[tuple[Group, Wish | None]]]
    """Who asked for each call."""

    def first(self, group: Group) -> int | None:
        """The place of the group's own first call."""
        return next((index for index, who in self.of.items() if (group, None) in who), None)


def _part_conflicts(groups: list[Group]) -> None:
    """Takes away what wants of one thing something else than an earlier parameter of the message."""
    wanted: dict[tuple[str, tuple[tuple[str, str], ...], str], Any] = {}
    for group in groups:
        if group.failed is not None:
            continue
        for wish in list(group.wishes):
            if wish.change is None:
                continue
            for name, value in wish.change.fields.items():
                key = (wish.change.operation, wish.change.target, name)
                if wanted.setdefault(key, value) != value:
                    message = "Another parameter of the message asks for the opposite."
                    group.lost(frozenset({wish.path}), UspFault(Code.VALUE_CONFLICT, message))


def _merge(groups: list[Group]) -> _Merged:
    merged = _Merged(groups, [], {})
    places: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for group in groups:
        for call in group.calls:
            merged.of[len(merged.calls)] = [(group, None)]
            merged.calls.append(call)
        for wish in group.wishes:
            if wish.change is None:
                continue
            key = (wish.change.operation, wish.change.target)
            if key not in places:
                places[key] = len(merged.calls)
                merged.calls.append(Change(*key, {}))
                merged.of[places[key]] = []
            call = merged.calls[places[key]]
            fields = {**call.fields, **wish.change.fields}
            merged.calls[places[key]] = Change(*key, fields, call.finish or wish.change.finish)
            merged.of[places[key]].append((group, wish))
    return merged


def _blame(merged: _Merged, index: int, code: int, message: str, named: str | None) -> None:
    """Marks who is at fault for a call that was refused; at least one group fails or loses a parameter."""
    fault = UspFault(code, message)
    askers = merged.of[index]
    at_fault = [
        (group, wish)
        for group, wish in askers
        if wish is not None and wish.change is not None and named in wish.change.fields
    ] or askers
    for group in {id(group): group for group, _wish in at_fault}.values():
        names = frozenset(wish.path for mine, wish in at_fault if mine is group and wish is not None)
        group.lost(names, fault)


def _check(groups: list[Group], partial: bool) -> None:
    """Without partial success one failure is everybody's. Raises UspFault."""
    failed = [group for group in groups if group.failed is not None]
    if partial or not failed:
        return
    params: list[ParamFault] = []
    for group in failed:
        assert group.failed is not None
        own = ParamFault(group.failed.code, group.requested, group.failed.message)
        params += group.failed.params or (own,)
    codes = {param.code for param in params}
    code = codes.pop() if len(codes) == 1 else int(Code.INVALID_ARGUMENTS)
    if code not in (Code.PERMISSION_DENIED, Code.RESOURCES_EXCEEDED, Code.INTERNAL_ERROR):
        code = int(Code.INVALID_ARGUMENTS)
    raise UspFault(code, params[0].message, tuple(params))


def _store(view: View, unit: Unit, merged: _Merged, bodies: list[bytes]) -> None:
    puts: dict[str, dict[str, str]] = {}
    for group in merged.groups:
        for wish in group.wishes:
            if wish.text is not None:
                puts.setdefault(wish.node.path, {})[wish.name] = wish.text
            elif wish.alias is not None and wish.node.parent is not None:
                table = f"{wish.node.parent.path}{wish.node.object.name}."
                view.numbers.rename(unit, table, wish.node.key, wish.alias)
        if group.also is not None:
            place = merged.first(group)
            group.also(unit, None if place is None else msgspec.json.decode(bodies[place]))
    for path, params in puts.items():
        view.stored.put(unit, path, params)


def refused(error: GatewayError) -> UspFault:
    """The refusal of a whole message."""
    return UspFault(error.spec.usp, error.detail)
