"""Operate: commands, at once or as jobs that Device.LocalAgent.Request shows (TR-369, "Operate")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from gatewayd.errors import GatewayError
from gatewayd.operations import Call, PartRefused, Recovery, Registry
from gatewayd.portal.contracts import Command, Commands, Finish, Policy, Witness
from gatewayd.portal.model import CommandSpec, Node, Started
from gatewayd.portal.objects.local_agent import REQUESTS
from gatewayd.portal.objects.shared import VENDOR
from gatewayd.portal.paths import Name
from gatewayd.portal.reading import read_path
from gatewayd.portal.records import serialise
from gatewayd.portal.refusals import Code, UspFault
from gatewayd.portal.requests import Requests
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.view import View
from gatewayd.store.database import Database, Unit
from gatewayd.wire import plain

NOT_AFTER = f"{VENDOR}NotAfter"
"""An argument that every command takes: a time (RFC 3339) after which it shall not begin any more."""


Own = Callable[[Unit, Node], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One command of one instance, checked."""

    node: Node
    spec: CommandSpec
    arguments: dict[str, str]

    @property
    def path(self) -> str:
        """Its full path."""
        return f"{self.node.path}{self.spec.name}"


class Operating:
    """Runs commands."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        commands: Commands,
        requests: Requests,
        witness: Witness,
        own: Mapping[str, Own],
    ) -> None:
        """`own`: commands that no operation does, by their names."""
        self._database = database
        self._own = own
        self._registry = registry
        self._commands = commands
        self._requests = requests
        self._witness = witness

    async def operate(self, view: View, request: usp.Operate, msg_id: str, expires: float | None) -> usp.Body:
        """The answer; what is refused is told in it. Raises UspFault for what is no command at all."""
        path, spec = _spec(view, request.command)
        response = usp.OperateResp()
        try:
            arguments = _arguments(spec, request.input_args)
            command = Command(
                controller=view.endpoint,
                key=f"key:{request.command_key}" if request.command_key else f"msg:{msg_id}",
                name=f"operate {path}{spec.name}",
                request=serialise(usp.Body(request=usp.Request(operate=request))),
                recovery=self._recovery(spec),
                expires=_earlier(expires, request.input_args.get(NOT_AFTER)),
                held=view.held,
            )

            async def act(finish: Finish) -> bytes:
                return await self._act(view, request, spec, arguments, finish)

            return usp.Body.FromString(await self._commands.once(command, act))
        except UspFault as fault:
            _failed(response, request.command, fault.code, fault.message)
        except GatewayError as error:
            _failed(response, request.command, error.spec.usp, error.detail)
        return usp.Body(response=usp.Response(operate_resp=response))

    def _recovery(self, spec: CommandSpec) -> Recovery:
        found = [self._registry.get(name).recovery for name in spec.needs]
        return found[0] if len(found) == 1 and found[0] is not None else "transaction"

    async def _act(
        self,
        view: View,
        request: usp.Operate,
        spec: CommandSpec,
        arguments: dict[str, str],
        finish: Finish,
    ) -> bytes:
        """Runs the command of each instance. One alone ends in the unit of its effect, or as a refusal."""
        response = usp.OperateResp()
        try:
            nodes = await view.find(read_path(request.command).object_steps)
        except UspFault as fault:
            _failed(response, request.command, fault.code, fault.message)
            nodes = []
        ended = False
        for node in nodes:
            asked = Asked(node, spec, arguments)
            try:
                await self._one(
                    view, asked, request.command_key, response, finish if len(nodes) == 1 else None
                )
                ended = len(nodes) == 1
            except UspFault as fault:
                _failed(response, asked.path, fault.code, fault.message)
            except GatewayError as error:
                if len(nodes) == 1:
                    raise  # nothing was done: the ledger has to know that
                _failed(response, asked.path, error.spec.usp, error.detail)
        body = _body(response)
        if not ended:
            async with self._database.unit() as unit:
                finish(unit, body)
        return body

    async def _one(
        self, view: View, asked: Asked, key: str, response: usp.OperateResp, finish: Finish | None
    ) -> None:
        if not view.may(asked.path, "CommandEvent", "x"):
            raise UspFault(Code.PERMISSION_DENIED, "The controller's role may not run this command.")
        started = await asked.spec.plan(asked.node, asked.arguments)
        if started.operation is not None:
            await self._run(view, asked, started, key, response, finish)
            return
        async with self._database.unit() as unit:
            self._own[asked.spec.name](unit, asked.node)
            response.operation_results.add(executed_command=asked.path).req_output_args.SetInParent()
            if finish is not None:
                finish(unit, _body(response))

    async def _run(
        self,
        view: View,
        asked: Asked,
        started: Started,
        key: str,
        response: usp.OperateResp,
        finish: Finish | None,
    ) -> None:
        assert started.operation is not None
        call = Call(name=started.operation, arguments=started.arguments)

        def also(unit: Unit, bodies: list[bytes]) -> None:
            result = msgspec.json.decode(bodies[0])
            entry = response.operation_results.add(executed_command=asked.path)
            if asked.spec.asynchronous:
                number = self._requests.add(
                    unit,
                    job=result["job"]["id"],
                    controller=view.endpoint,
                    command=asked.path,
                    key=key,
                )
                entry.req_obj_path = f"{REQUESTS}{number}"
            else:
                entry.req_output_args.SetInParent()
                entry.req_output_args.output_args.update(told(asked.spec, result, view.policy))
            if asked.path == "Device.Reboot()":
                remember_reboot(unit, key)
            self._witness.done(unit, view.endpoint, asked.path, (asked.node.path,))
            if finish is not None:
                finish(unit, _body(response))

        try:
            await self._registry.together([call], view.caller, also=also)
        except PartRefused as refused:
            raise refused.error from refused
        view.forget()


def remember_reboot(unit: Unit, key: str) -> None:
    """Queues the command key that the Boot! event after this reboot has to tell."""
    unit.execute(
        "INSERT INTO facts (name, value) VALUES ('portal_reboot', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (key,),
    )


def told(spec: CommandSpec, result: Mapping[str, Any], policy: Policy) -> dict[str, str]:
    """A result as output arguments, those that the household shares."""
    output = {} if spec.told is None else spec.told(plain(dict(result)))
    if spec.topic is None or policy.may_leave(spec.topic):
        return output
    return {name: value for name, value in output.items() if name == "Status"}


def _body(response: usp.OperateResp) -> bytes:
    return serialise(usp.Body(response=usp.Response(operate_resp=response)))


def _failed(response: usp.OperateResp, path: str, code: int, message: str) -> None:
    entry = response.operation_results.add(executed_command=path)
    entry.cmd_failure.err_code, entry.cmd_failure.err_msg = code, message[:256]


def _spec(view: View, text: str) -> tuple[str, CommandSpec]:
    path = read_path(text)
    if path.kind != "command":
        raise UspFault(Code.INVALID_PATH, "A command's path ends in ().")
    steps = path.object_steps
    item = view.schema(steps)
    if item.is_table and isinstance(steps[-1], Name):
        raise UspFault(Code.INVALID_PATH, "The command belongs to an instance.")
    spec = next((each for each in item.commands if each.name == path.leaf), None)
    if spec is None:
        raise UspFault(Code.INVALID_PATH, "The data model has no such command.")
    return item.path, spec


def _arguments(spec: CommandSpec, given: Mapping[str, str]) -> dict[str, str]:
    """With defaults, without those that the command does not know. Raises UspFault 7027."""
    arguments = {**spec.defaults, **{name: given[name] for name in spec.inputs if name in given}}
    missing = sorted(spec.mandatory - set(arguments))
    if missing:
        raise UspFault(Code.INVALID_COMMAND_ARGUMENTS, f"Missing arguments: {', '.join(missing)}.")
    return arguments


def _earlier(expires: float | None, text: str | None) -> float | None:
    if text is None:
        return expires
    moment: datetime | None = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
    if moment is None or moment.tzinfo is None:
        raise UspFault(
            Code.INVALID_COMMAND_ARGUMENTS,
            f"{NOT_AFTER} is a time with its zone, such as 2030-01-02T03:04:05Z.",
        )
    return moment.timestamp() if expires is None else min(expires, moment.timestamp())
