"""The data model as one message sees it: instances are found and parameters read, each source asked once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import structlog

from gatewayd.errors import GatewayError
from gatewayd.operations import Caller, Registry
from gatewayd.portal import expressions
from gatewayd.portal.contracts import About, LinkStates, Policy
from gatewayd.portal.expressions import Malformed, Value, text_of
from gatewayd.portal.model import Model, Node, Object, Param
from gatewayd.portal.numbers import Numbers
from gatewayd.portal.paths import Every, Follow, Name, Number, Path, Search, Step, read
from gatewayd.portal.refusals import Code, UspFault, from_error
from gatewayd.portal.rights import Letter, Rights, What
from gatewayd.portal.stored import Stored

log = structlog.get_logger(__name__)
MOST_NODES = 50_000


class View:
    """One controller's sight for the time of one message: `endpoint` is its id, `controller` its path here
    (empty for one that is not configured).

    What the household keeps to itself is not there to be read. It is there to be changed (`writing`): then
    its instances are found, and only expressions do not see its values.
    """

    def __init__(
        self,
        *,
        model: Model,
        registry: Registry,
        stored: Stored,
        numbers: Numbers,
        policy: Policy,
        caller: Caller,
        rights: Rights,
        about: About,
        endpoint: str,
        controller: str,
        requests: Callable[[], Awaitable[list[tuple[str, Any]]]],
        links: LinkStates,
        writing: bool = False,
        held: bool = False,
    ) -> None:
        self.model = model
        self.stored = stored
        self.numbers = numbers
        self.policy = policy
        self.caller = caller
        self.rights = rights
        self.about = about
        self.endpoint = endpoint
        self.controller = controller
        self.problems: list[UspFault] = []
        """Why something could not be read, each time that it was wanted; clear it before looking."""
        self._lost: dict[str, UspFault] = {}
        self.requests = requests
        self.links = links
        self.held = held
        """Whether the message may be older than the backup that the state was restored from."""
        self._writing = writing
        self._registry = registry
        self._asked: dict[tuple[str, str], Any] = {}
        self._root = Node(model.root, "Device.", None, None, self)
        self._tables: dict[str, list[Node]] = {}
        self._singles: dict[str, Node | None] = {}

    # --- sources ------------------------------------------------------------------------------------

    async def ask(self, operation: str, **arguments: Any) -> Any:
        """The answer of an operation that only looks, once for each message. Raises GatewayError."""
        key = (operation, repr(sorted(arguments.items())))
        if key not in self._asked:
            answer = await self._registry.dispatch(operation, arguments, self.caller, strict=False)
            self._asked[key] = msgspec.json.decode(answer.body)
        return self._asked[key]

    async def all_of(self, operation: str, **arguments: Any) -> list[dict[str, Any]]:
        """All items of an operation that answers in pages."""
        found: list[dict[str, Any]] = []
        page = await self.ask(operation, **arguments)
        found += page["items"]
        while page.get("next"):
            page = await self.ask(operation, **arguments, cursor=page["next"])
            found += page["items"]
        return found

    def forget(self) -> None:
        """Asks everything anew, after a change."""
        self._asked.clear()
        self._tables.clear()
        self._singles.clear()
        self._lost.clear()

    def may(self, path: str, what: What, letter: Letter) -> bool:
        """Whether the controller's roles allow it."""
        return self.rights.allow(path, what, letter)

    def reference(self, table: str, key: str | None) -> str:
        """The path (without its dot) of the instance with that key, as parameters refer to it."""
        if key is None:
            return ""
        item = self.model.get(f"{table}{{i}}.")
        return f"{table}{self.numbers.of(table, key, lasting=item is None or item.lasting).number}"

    # --- instances ----------------------------------------------------------------------------------

    async def instances(self, item: Object, parent: Node) -> list[Node]:
        """The instances of a table below one instance, by number; none where they may not be seen."""
        table = f"{parent.path}{item.name}."
        if table not in self._tables:
            self._tables[table] = await self._load(item, parent, table)
        if table in self._lost:
            self.problems.append(self._lost[table])
        return self._tables[table]

    async def _load(self, item: Object, parent: Node, table: str) -> list[Node]:
        if item.stored:
            return [
                Node(item, f"{table}{number}.", params, parent, self, str(number), number)
                for number, params in self.stored.rows(table).items()
            ]
        if item.rows is None or not self._may_leave(item):
            return []
        try:
            rows = await item.rows(self, parent)
        except GatewayError as error:
            self._missed(table, error)
            return []
        found = []
        for key, row in rows:
            if item.numbered:
                found.append(Node(item, f"{table}{key}.", row, parent, self, key, int(key)))
                continue
            named = self.numbers.of(table, key, lasting=item.lasting)
            node = Node(item, f"{table}{named.number}.", row, parent, self, key, named.number, named.alias)
            found.append(node)
        return sorted(found, key=lambda node: node.number)

    async def single(self, item: Object, parent: Node) -> Node | None:
        """The one instance of an object that is no table; None where it is not there or may not be seen."""
        path = f"{parent.path}{item.name}."
        if path not in self._singles:
            self._singles[path] = await self._load_single(item, parent, path)
        if path in self._lost:
            self.problems.append(self._lost[path])
        return self._singles[path]

    async def _load_single(self, item: Object, parent: Node, path: str) -> Node | None:
        node = Node(item, path, parent.row, parent, self, parent.key, parent.number, parent.alias)
        if item.stored:
            node.row = self.stored.row(path) or {}
        if not self._may_leave(item):
            return None
        if item.one is not None:
            try:
                node.row = await item.one(self, parent)
            except GatewayError as error:
                self._missed(path, error)
                return None
            if node.row is None:
                return None
        return node

    def _may_leave(self, item: Object) -> bool:
        return self._writing or self._is_shared(item)

    def _is_shared(self, item: Object) -> bool:
        return item.topic is None or self.policy.may_leave(item.topic)

    def _missed(self, path: str, error: GatewayError) -> None:
        if error.spec.usp != Code.PERMISSION_DENIED:
            log.debug("portal.object_not_readable", object=path, code=error.code)
            self._lost[path] = from_error(error)

    async def below(self, node: Node) -> list[Node]:
        """Everything right below an instance: objects and the instances of tables."""
        found: list[Node] = []
        for item in self.model.below(node.object):
            if item.is_table:
                found += await self.instances(item, node)
            elif (single := await self.single(item, node)) is not None:
                found.append(single)
        return found

    # --- paths --------------------------------------------------------------------------------------

    def schema(self, steps: Iterable[Step]) -> Object:
        """The object that steps lead to in the model, whatever instances there are; references are not
        followed here. Raises UspFault 7026."""
        here: Object | None = None
        for step in steps:
            if isinstance(step, Name):
                if here is None:
                    here = self.model.root if step.text == "Device" else None
                else:
                    here = self.model.child(here, step.text)
                if here is None:
                    raise UspFault(Code.INVALID_PATH, "The data model has no such path.")
            elif here is None or not here.is_table:
                raise UspFault(Code.INVALID_PATH, "The data model has no instances there.")
        if here is None:
            raise UspFault(Code.INVALID_PATH, "Paths begin with Device.")
        return here

    def known(self, path: Path) -> None:
        """Checks a path against the model. Raises UspFault 7026."""
        if not any(isinstance(step, Follow) for step in path.object_steps):
            self.schema(path.object_steps)

    async def find(self, steps: tuple[Step, ...], *, strict: bool = True) -> list[Node]:
        """The instances that steps lead to. A path that ends in a table's name finds its instances.

        Raises UspFault: 7026 when the model has no such path; with `strict` 7016 when an instance that is
        named by its number is not there.
        """
        if not steps or steps[0] != Name("Device"):
            raise UspFault(Code.INVALID_PATH, "Paths begin with Device.")
        nodes, table = [self._root], None
        for step in steps[1:]:
            match step:
                case Name(text):
                    if table is not None:
                        raise UspFault(Code.INVALID_PATH, "An instance is missing in the path.")
                    nodes, table = await self._name(nodes, text)
                case Follow(name, number):
                    nodes = await self._follow(nodes, name, number)
                case _:
                    if table is None:
                        raise UspFault(Code.INVALID_PATH, "There are no instances at this place.")
                    nodes = await self._select(nodes, table, step, strict=strict)
                    table = None
            if len(nodes) > MOST_NODES:
                raise UspFault(
                    Code.RESOURCES_EXCEEDED, f"The path stands for more than {MOST_NODES} objects."
                )
            if not nodes:
                if not any(isinstance(each, Follow) for each in steps):
                    self.schema(steps)  # nothing there, but is it a path at all?
                return []
        if table is not None:
            nodes = await self._select(nodes, table, Every(), strict=False)
        return nodes

    async def _name(self, nodes: list[Node], name: str) -> tuple[list[Node], Object | None]:
        if not nodes:
            return [], None
        item = self.model.child(nodes[0].object, name)
        if item is None:
            raise UspFault(Code.INVALID_PATH, "The data model has no such path.")
        if item.is_table:
            return nodes, item
        return [found for node in nodes if (found := await self.single(item, node)) is not None], None

    async def _select(self, nodes: list[Node], table: Object, step: Step, *, strict: bool) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            instances = await self.instances(table, node)
            match step:
                case Number(number):
                    found += [each for each in instances if each.number == number]
                case Search(conditions):
                    for each in instances:
                        if await self._meets(each, conditions):
                            found.append(each)
                case _:
                    found += instances
        if not found and strict and isinstance(step, Number) and len(nodes) == 1:
            raise UspFault(Code.OBJECT_DOES_NOT_EXIST, "There is no such instance.")
        return found

    async def _meets(self, node: Node, conditions: tuple[expressions.Condition, ...]) -> bool:
        for condition in conditions:
            try:
                value = await self.relative(node, condition.path)
            except Malformed as error:
                raise UspFault(Code.INVALID_PATH_SYNTAX, str(error)) from error
            if not expressions.holds(condition, value):
                return False
        return True

    async def relative(self, node: Node, text: str) -> Value | list[str]:
        """The value of a parameter by its path from an instance. Raises UspFault 7026, Malformed."""
        path = read(text)
        nodes: list[Node] = [node]
        for step in path.object_steps:
            if isinstance(step, Name):
                nodes, table = await self._name(nodes, step.text)
                if table is not None:
                    raise UspFault(Code.INVALID_PATH, "An expression looks at one instance's own parameters.")
            elif isinstance(step, Follow):
                nodes = await self._follow(nodes, step.name, step.number)
            else:
                raise UspFault(Code.INVALID_PATH, "An expression looks at one instance's own parameters.")
        if not nodes:
            return None
        if (path.leaf or "") not in self.model.leaves(nodes[0].object):
            raise UspFault(Code.INVALID_PATH, "The expression names a parameter that is not there.")
        if not self.may(f"{nodes[0].path}{path.leaf}", "Param", "r") or not self._is_shared(nodes[0].object):
            return None
        return await self.value(nodes[0], path.leaf or "")

    async def _follow(self, nodes: list[Node], name: str, number: int | None) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            if node.object.param(name) is None:
                raise UspFault(Code.INVALID_PATH, "The data model has no such reference.")
            targets = [each for each in text_of(await self.value(node, name)).split(",") if each]
            if number != 0:
                targets = targets[(number or 1) - 1 : number or 1]
            for target in targets:
                try:
                    steps = read(target.rstrip(".") + ".").steps
                except Malformed as error:
                    raise UspFault(Code.INVALID_PATH, "The parameter refers to nothing.") from error
                found += await self.find(steps, strict=False)
        return found

    # --- values -------------------------------------------------------------------------------------

    def parameters(self, item: Object) -> list[Param]:
        """An object's parameters, with those that count the tables below it."""
        return [leaf.param for leaf in self.model.leaves(item).values()]

    async def value(self, node: Node, name: str) -> Value | list[str]:
        """A parameter's value. Raises UspFault 7010 when the object has no such parameter."""
        leaf = self.model.leaves(node.object).get(name)
        if leaf is None:
            raise UspFault(Code.UNSUPPORTED_PARAMETER, "The object has no such parameter.")
        if leaf.counts is not None:
            return len(await self.instances(leaf.counts, node))
        param = leaf.param
        if param.access == "wo":
            return ""
        if param.read is not None:
            try:
                return param.read(node)
            except (KeyError, LookupError):
                return None
        if name == "Alias" and not node.object.stored:
            return node.alias
        if node.object.stored:
            return typed(param, node.row.get(name, param.default))
        return None if node.row is None else node.row.get(name)


def typed(param: Param, text: str) -> Value | list[str]:
    """A stored text as what it stands for, so that expressions compare numbers as numbers."""
    if param.kind == "boolean":
        return text == "true"
    if param.kind in ("int", "unsignedInt", "long", "unsignedLong"):
        try:
            return int(text)
        except ValueError:
            return None
    return text
