"""Set, Add and Delete: carried out through the ledger, and answered (TR-369, "Messages")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gatewayd.errors import GatewayError
from gatewayd.operations import Registry
from gatewayd.portal import changing
from gatewayd.portal.carrying import Group, carry_out
from gatewayd.portal.changing import Made
from gatewayd.portal.contracts import Command, Commands, Finish, Witness
from gatewayd.portal.records import serialise
from gatewayd.portal.refusals import Code, UspFault
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.view import View
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

T = TypeVar("T")


class _Refused(GatewayError):
    """A fault on its way through the ledger, which keeps refusals by their codes."""

    def __init__(self, fault: UspFault) -> None:
        code = "access.forbidden" if fault.code == Code.PERMISSION_DENIED else "request.invalid_field"
        super().__init__(code, fault.message)
        self.fault = fault


async def _planned(planning: Awaitable[T]) -> T:
    """What was planned. Raises _Refused for a message that cannot be."""
    try:
        return await planning
    except UspFault as fault:
        raise _Refused(fault) from fault


class Writing:
    """Runs messages that change the data model."""

    def __init__(
        self, database: Database, registry: Registry, commands: Commands, witness: Witness, clock: Clock
    ) -> None:
        self._database = database
        self._registry = registry
        self._commands = commands
        self._witness = witness
        self._clock = clock
        self._planning = asyncio.Lock()
        """One message at a time: what was planned holds until it is carried out."""

    async def set(self, view: View, request: usp.Set, msg_id: str, expires: float | None) -> usp.Body:
        """Raises UspFault and GatewayError: nothing was changed."""

        async def act(finish: Finish) -> bytes:
            groups = await _planned(changing.plan_set(view, request))

            def answer() -> bytes:
                return _body(set_resp=_set_response(groups))

            return await self._carry(view, groups, answer, finish, "Set", partial=request.allow_partial)

        return await self._once(view, "set", usp.Request(set=request), msg_id, expires, act)

    async def add(self, view: View, request: usp.Add, msg_id: str, expires: float | None) -> usp.Body:
        """Raises UspFault and GatewayError: nothing was made."""

        async def act(finish: Finish) -> bytes:
            planned = await _planned(changing.plan_add(view, request, self._clock.now()))

            def answer() -> bytes:
                return _body(add_resp=_add_response(planned))

            groups = [group for group, _made in planned]
            return await self._carry(view, groups, answer, finish, "Add", partial=request.allow_partial)

        return await self._once(view, "add", usp.Request(add=request), msg_id, expires, act)

    async def delete(self, view: View, request: usp.Delete, msg_id: str, expires: float | None) -> usp.Body:
        """Raises UspFault and GatewayError: nothing was deleted."""

        async def act(finish: Finish) -> bytes:
            groups = await _planned(changing.plan_delete(view, request))

            def answer() -> bytes:
                return _body(delete_resp=_delete_response(groups))

            return await self._carry(view, groups, answer, finish, "Delete", partial=request.allow_partial)

        return await self._once(view, "delete", usp.Request(delete=request), msg_id, expires, act)

    async def _once(
        self,
        view: View,
        name: str,
        request: usp.Request,
        msg_id: str,
        expires: float | None,
        act: Callable[[Finish], Awaitable[bytes]],
    ) -> usp.Body:
        command = Command(
            controller=view.endpoint,
            key=f"msg:{msg_id}",
            name=name,
            request=serialise(usp.Body(request=request)),
            recovery="transaction",
            expires=expires,
            held=view.held,
        )

        async def alone(finish: Finish) -> bytes:
            async with self._planning:
                return await act(finish)

        try:
            return usp.Body.FromString(await self._commands.once(command, alone))
        except _Refused as refused:
            raise refused.fault from refused

    async def _carry(
        self,
        view: View,
        groups: list[Group],
        answer: Callable[[], bytes],
        finish: Finish,
        what: str,
        *,
        partial: bool,
    ) -> bytes:
        def finished(unit: Unit, groups: list[Group]) -> None:
            touched = tuple(
                dict.fromkeys(node.path for group in groups if group.failed is None for node in group.nodes)
            )
            if touched:
                self._witness.done(unit, view.endpoint, what, touched)
            finish(unit, answer())

        try:
            await carry_out(view, self._registry, groups, partial=partial, finished=finished)
        except UspFault as fault:
            raise _Refused(fault) from fault
        return answer()


def _body(**response: usp.SetResp | usp.AddResp | usp.DeleteResp) -> bytes:
    return serialise(usp.Body(response=usp.Response(**response)))  # type: ignore[arg-type]


def _set_response(groups: list[Group]) -> usp.SetResp:
    response = usp.SetResp()
    for group in groups:
        result = response.updated_obj_results.add(requested_path=group.requested)
        if group.failed is not None:
            failure = result.oper_status.oper_failure
            failure.err_code, failure.err_msg = group.failed.code, group.failed.message
            for node in group.nodes:
                instance = failure.updated_inst_failures.add(affected_path=node.path)
                for fault in group.failed.params:
                    if fault.path.startswith(node.path):
                        name = fault.path.removeprefix(node.path)
                        instance.param_errs.add(param=name, err_code=fault.code, err_msg=fault.message)
            continue
        success = result.oper_status.oper_success
        success.SetInParent()
        for node in group.nodes:
            done = success.updated_inst_results.add(affected_path=node.path)
            done.updated_params.update({wish.name: wish.shown for wish in group.wishes if wish.node is node})
            for fault in group.faults:
                if fault.path.startswith(node.path):
                    name = fault.path.removeprefix(node.path)
                    done.param_errs.add(param=name, err_code=fault.code, err_msg=fault.message)
    return response


def _add_response(planned: list[tuple[Group, Made]]) -> usp.AddResp:
    response = usp.AddResp()
    for group, made in planned:
        result = response.created_obj_results.add(requested_path=group.requested)
        if group.failed is not None:
            failure = result.oper_status.oper_failure
            failure.err_code, failure.err_msg = group.failed.code, group.failed.message
            continue
        success = result.oper_status.oper_success
        success.instantiated_path = made.path
        success.unique_keys.update(made.keys)
        for fault in group.faults:
            success.param_errs.add(param=fault.path, err_code=fault.code, err_msg=fault.message)
    return response


def _delete_response(groups: list[Group]) -> usp.DeleteResp:
    response = usp.DeleteResp()
    for group in groups:
        result = response.deleted_obj_results.add(requested_path=group.requested)
        if group.failed is not None:
            failure = result.oper_status.oper_failure
            failure.err_code, failure.err_msg = group.failed.code, group.failed.message
            continue
        success = result.oper_status.oper_success
        success.SetInParent()
        success.affected_paths.extend(node.path for node in group.nodes)
    return response
