"""A capability is written once, as an operation; every way in is only a way to `Registry.dispatch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from weakref import WeakValueDictionary

import msgspec
import structlog

from gatewayd import wire
from gatewayd.callers import Caller, Role, Scope
from gatewayd.errors import Crash, GatewayError
from gatewayd.jobs import Job, JobAnswer, JobHandle, Jobs
from gatewayd.ledger import Ledger
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

__all__ = [
    "Answer",
    "Call",
    "Caller",
    "Context",
    "Empty",
    "Job",
    "JobAnswer",
    "JobHandle",
    "Operation",
    "PartRefused",
    "Registry",
    "Request",
    "Result",
    "Role",
    "Scope",
]

log = structlog.get_logger(__name__)
MAX_KEY = 200
Recovery = Literal["transaction", "redo", "check", "never"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of request structs: the path's, query's and body's fields in one flat object."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Base of result structs."""


class Empty(Request, frozen=True, kw_only=True):
    """A request without fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table.

    `path` lies below /v1 and names request fields in braces. `scope` None means that no token is
    needed. A mutation names its `recovery`: `transaction` (its effect commits with the ledger row),
    `redo` (may be done twice), `check` (`check` tells the result if it happened, else None), `never`
    (not repeated once begun). `lock` and `target` are formatted from request fields; `target` is
    what the audit row names. `secret_answer` keeps the answer out of the ledger. `session` tells the ways
    in for browsers that a session begins or ends with it. `step_up`: whoever calls it has proved within
    the last minutes that he is the one who holds the token; programs on the box need not. `outcome` is the
    result of the job that it starts, `partial` what that job tells on its way.
    """

    name: str
    summary: str
    request: type[Request]
    result: type[msgspec.Struct]
    scope: Scope | None
    method: str
    path: str
    handler: Callable[[Any, Context], Awaitable[Any]]
    mutates: bool = False
    recovery: Recovery | None = None
    check: Callable[[Any], Awaitable[Any | None]] | None = None
    lock: str | None = None
    status: int = 200
    secret_answer: bool = False
    target: str | None = None
    session: Literal["begins", "ends"] | None = None
    step_up: bool = False
    outcome: type[msgspec.Struct] | None = None
    partial: type[msgspec.Struct] | None = None

    def __post_init__(self) -> None:
        if self.mutates != (self.recovery is not None):
            raise ValueError(f"{self.name}: a mutation names its recovery, and only a mutation")
        if (self.recovery == "check") != (self.check is not None):
            raise ValueError(f"{self.name}: `check` goes with recovery='check'")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What dispatch gives to a way in: an HTTP-like status and a JSON body, the same for all of them."""

    status: int
    body: bytes
    location: str | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One operation among several that are done together."""

    name: str
    arguments: dict[str, Any]


class PartRefused(Exception):
    """One of several operations was refused, so none was done: the `index` of the call, and why."""

    def __init__(self, index: int, error: GatewayError) -> None:
        super().__init__(f"call {index}: {error}")
        self.index = index
        self.error = error


class Authoriser(Protocol):
    """Decides whether a caller may call an operation; raises GatewayError."""

    def authorise(self, caller: Caller, operation: Operation, request: Mapping[str, Any]) -> None:
        """Returns when it is allowed."""
        ...


class Auditor(Protocol):
    """Queues the audit row of a mutation into the unit of its change."""

    def record(self, unit: Unit, caller: Caller, operation: str, target: str | None, outcome: str) -> None:
        """`outcome` is `ok` or an error's code."""
        ...


class Context:
    """What a handler is given beside its request. `unit` commits after the handler has returned."""

    def __init__(self, caller: Caller, operation: Operation, unit: Unit, clock: Clock, jobs: Jobs) -> None:
        self.caller = caller
        self.operation = operation
        self.unit = unit
        self.clock = clock
        self._jobs = jobs

    async def start_job(
        self, run: Callable[[JobHandle], Awaitable[msgspec.Struct | None]], *, lock: str | None = None
    ) -> JobAnswer:
        """Answers with a job that begins after the commit and holds `lock` while it runs."""
        job = self._jobs.create(self.unit, self.operation.name, self.caller.id, run, lock=lock)
        return JobAnswer(job=job)


class Locks:
    """Named asyncio locks that exist while somebody holds or wants them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, name: str | None) -> AsyncIterator[None]:
        """Holds the lock of that name; None holds nothing."""
        if name is None:
            yield
            return
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            yield


class Registry:
    """The table and its only executor."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        locks: Locks,
        ledger: Ledger,
        authoriser: Authoriser,
        auditor: Auditor,
    ) -> None:
        self._database = database
        self._clock = clock
        self._jobs = jobs
        self._locks = locks
        self._ledger = ledger
        self._authoriser = authoriser
        self._auditor = auditor
        self._table: dict[str, Operation] = {}

    def add(self, operations: Iterable[Operation]) -> None:
        """Adds rows. Raises ValueError when a name or a route is taken."""
        routes = {(row.method, row.path) for row in self}
        for operation in operations:
            route = (operation.method, operation.path)
            if operation.name in self._table or route in routes:
                raise ValueError(f"{operation.name}: the name or the route {route} is taken")
            routes.add(route)
            self._table[operation.name] = operation

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._table.values())

    def get(self, name: str) -> Operation:
        """One row. Raises GatewayError `operation.unknown`."""
        try:
            return self._table[name]
        except KeyError:
            raise GatewayError(
                "operation.unknown", f"There is no operation {name[:80]!r}.", field="operation"
            ) from None

    async def dispatch(
        self,
        name: str,
        arguments: Mapping[str, Any],
        caller: Caller,
        *,
        key: str | None = None,
        strict: bool = True,
    ) -> Answer:
        """Runs one operation for one caller, at most once for each idempotency `key` of that caller.

        Raises GatewayError only; a defect is logged under an id and becomes `operation.crashed`.
        """
        operation = self.get(name)
        try:
            self._authoriser.authorise(caller, operation, arguments)
            request = wire.decode(arguments, operation.request, strict=strict)
            if key is not None and not 1 <= len(key) <= MAX_KEY:
                raise GatewayError(
                    "request.invalid_field",
                    f"An idempotency key has 1 to {MAX_KEY} characters; this one has {len(key)}.",
                    field="Idempotency-Key",
                )
            if operation.mutates and key is not None:
                return await self._once(operation, request, caller, key, arguments)
            return await self._run(operation, request, caller, None)
        except GatewayError as error:
            await self._refused(operation, caller, arguments, error)
            raise
        except Exception as error:  # the crash boundary: logged under an id, answered with that id
            crash = Crash(new_id())
            log.exception("operation.crashed", operation=name, id=crash.id, error=type(error).__name__)
            raise crash from error

    async def together(
        self,
        calls: Sequence[Call],
        caller: Caller,
        *,
        also: Callable[[Unit, list[bytes]], None] | None = None,
        locks: Iterable[str] = (),
    ) -> list[Answer]:
        """Runs several operations in one unit: all of them, or none. Numbers may come as text.

        It holds their locks and `locks`. `also` gets the unit and the answers' bodies and may queue more into
        it. None of the handlers sees what another of them writes. Raises PartRefused, and GatewayError for
        what is refused at the commit.
        """
        rows = [self.get(call.name) for call in calls]
        requests: list[Request] = []
        for index, (row, call) in enumerate(zip(rows, calls, strict=True)):
            async with self._part(index, row, call, caller):
                self._authoriser.authorise(caller, row, call.arguments)
                requests.append(wire.decode(call.arguments, row.request, strict=False))
        named = {_formatted(row.lock, request) for row, request in zip(rows, requests, strict=True)}
        named.update(locks)
        async with AsyncExitStack() as stack:
            for name in sorted(filter(None, named)):  # in one order: two of us never wait for one another
                await stack.enter_async_context(self._locks.hold(name))
            unit = self._database.unit()
            bodies: list[bytes] = []
            for index, (row, request) in enumerate(zip(rows, requests, strict=True)):
                async with self._part(index, row, calls[index], caller):
                    context = Context(caller, row, unit, self._clock, self._jobs)
                    bodies.append(wire.encode(await row.handler(request, context)))
                if row.mutates:
                    self._auditor.record(unit, caller, row.name, _target(row, request), "ok")
            if also is not None:
                also(unit, bodies)
            await self._database.commit(unit)
        return [
            Answer(status=row.status, body=body, location=_location(row, body))
            for row, body in zip(rows, bodies, strict=True)
        ]

    @asynccontextmanager
    async def _part(self, index: int, row: Operation, call: Call, caller: Caller) -> AsyncIterator[None]:
        """The boundary of one among several."""
        try:
            yield
        except GatewayError as error:
            await self._refused(row, caller, call.arguments, error)
            raise PartRefused(index, error) from error
        except Exception as error:  # the crash boundary, as in `dispatch`
            crash = Crash(new_id())
            log.exception("operation.crashed", operation=row.name, id=crash.id, error=type(error).__name__)
            raise PartRefused(index, crash) from error

    async def _once(
        self, operation: Operation, request: Request, caller: Caller, key: str, arguments: Mapping[str, Any]
    ) -> Answer:
        entry = self._ledger.entry(caller.id, key, operation.name, _canonical(arguments))
        async with self._locks.hold(f"ledger:{caller.id}:{key}"):
            row = await entry.read()
            if row is not None and row.done:
                return Answer(status=row.status, body=row.body(), location=_location(operation, row.answer))
            if row is not None:
                if operation.recovery == "never":
                    raise GatewayError(
                        "operation.outcome_unknown",
                        "This was begun before a restart; whether it was done is not known. "
                        "It is not repeated.",
                    )
                if operation.check is not None and (happened := await operation.check(request)) is not None:
                    return await self._finish(operation, request, caller, entry, happened)
            elif operation.recovery != "transaction":
                await entry.begin()
            try:
                return await self._run(operation, request, caller, entry)
            except GatewayError as error:
                if operation.recovery != "transaction":
                    await entry.refuse(error)
                raise

    async def _run(
        self, operation: Operation, request: Request, caller: Caller, entry: Ledger.Entry | None
    ) -> Answer:
        async with self._locks.hold(_formatted(operation.lock, request)):
            unit = self._database.unit()
            context = Context(caller, operation, unit, self._clock, self._jobs)
            result = await operation.handler(request, context)
            return await self._finish(operation, request, caller, entry, result, unit)

    async def _finish(
        self,
        operation: Operation,
        request: Request,
        caller: Caller,
        entry: Ledger.Entry | None,
        result: Any,
        unit: Unit | None = None,
    ) -> Answer:
        if unit is None:
            unit = self._database.unit()
        body = wire.encode(result)
        if operation.mutates:
            self._auditor.record(unit, caller, operation.name, _target(operation, request), "ok")
        if entry is not None:
            entry.finish(unit, operation.status, None if operation.secret_answer else body)
        await self._database.commit(unit)
        return Answer(status=operation.status, body=body, location=_location(operation, body))

    async def _refused(
        self, operation: Operation, caller: Caller, arguments: Mapping[str, Any], error: GatewayError
    ) -> None:
        # A stranger's refusals go to the log only: they must not be able to fill the disk.
        if not operation.mutates or caller.role == "anonymous":
            return
        target = arguments.get(operation.target) if operation.target else None
        async with self._database.unit() as unit:
            self._auditor.record(
                unit, caller, operation.name, str(target)[:64] if target is not None else None, error.code
            )


def _formatted(pattern: str | None, request: Request) -> str | None:
    return None if pattern is None else pattern.format_map(msgspec.structs.asdict(request))


def _target(operation: Operation, request: Request) -> str | None:
    return None if operation.target is None else str(getattr(request, operation.target))


def _location(operation: Operation, body: bytes | None) -> str | None:
    if operation.status != 202 or operation.result is not JobAnswer or body is None:
        return None
    return f"/v1/jobs/{msgspec.json.decode(body, type=JobAnswer).job.id}"


def _canonical(arguments: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(dict(arguments), order="sorted")
