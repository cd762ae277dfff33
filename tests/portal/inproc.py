"""An agent in the test's own process, on the demo house: messages go in as bytes and come out as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gatewayd.callers import INTERNAL
from gatewayd.ledger import Ledger
from gatewayd.operations import Locks, Registry
from gatewayd.portal import records, trust
from gatewayd.portal.agent import Agent
from gatewayd.portal.commands import CommandLedger
from gatewayd.portal.contracts import About, Notification, Sender
from gatewayd.portal.core import Core, build
from gatewayd.portal.objects.local_agent import CONTROLLERS
from gatewayd.portal.rights import FULL, ROLES
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.service import Portal
from gatewayd.portal.stored import Stored
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import SystemClock
from tests.support.house import OpenHouse, open_house

OWN = "os::012345-box"
CONTROLLER = "self::controller"
SHARED = ("service", "network", "viewing", "diagnostics", "alerts")


@dataclass
class StandIns:
    """Outbox, policy and witness that remember what they were told."""

    notes: list[Notification] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, unit: Unit, notification: Notification) -> None:
        unit.after(lambda: self._come(notification))

    def _come(self, notification: Notification) -> None:
        self.notes.append(notification)
        self.came.set()

    def forget(self, unit: Unit, recipient: str, subscription: str) -> None:
        self.notes = [
            each for each in self.notes if (each.recipient, each.subscription) != (recipient, subscription)
        ]

    async def answered(self, recipient: str, identifier: str) -> None:
        self.answers.append((recipient, identifier))

    def may_leave(self, topic: str) -> bool:
        return topic.partition(".")[0] not in self.hidden

    async def refused(self, sender: Sender, endpoint: str, reason: str) -> None:
        self.refusals.append((endpoint, reason))

    def done(self, unit: Unit, controller: str, what: str, targets: tuple[str, ...]) -> None:
        self.told.append((controller, what, targets))


class UspError(Exception):
    """The agent answered with an Error message."""

    def __init__(self, error: usp.Error) -> None:
        super().__init__(f"{error.err_code} {error.err_msg}")
        self.code = error.err_code
        self.message = error.err_msg
        self.params = {each.param_path: each.err_code for each in error.param_errs}


class Desk:
    """A controller's desk: one method for each message, with the answer's own part as the result."""

    def __init__(self, agent: Agent, endpoint: str = CONTROLLER) -> None:
        self.agent = agent
        self.endpoint = endpoint
        self.expires: float | None = None
        self._count = 0

    def sender(self) -> Sender:
        return Sender(via="test", link="test", vouches=lambda _endpoint: True, expires=self.expires)

    async def send(self, request: usp.Request, msg_id: str | None = None) -> usp.Msg | None:
        """One request; None when nothing was answered."""
        self._count += 1
        message = usp.Msg(body=usp.Body(request=request))
        message.header.msg_id = msg_id or f"{self.endpoint}-{self._count}"
        kind = request.WhichOneof("req_type")
        assert kind is not None
        name = "get_supported_proto" if kind == "get_supported_protocol" else kind
        message.header.msg_type = getattr(usp.Header, name.upper())
        record = records.wrap(message.SerializeToString(), to=OWN, sender=self.endpoint)
        replies = await self.agent.handle(record, self.sender())
        if not replies:
            return None
        assert len(replies) == 1
        parsed = records.parse(replies[0])
        assert (parsed.from_id, parsed.to_id) == (OWN, self.endpoint)
        reply = records.parse_message(parsed.no_session_context.payload)
        assert reply.header.msg_id == message.header.msg_id
        return reply

    async def _ask(self, msg_id: str | None = None, **request: Any) -> usp.Response:
        reply = await self.send(usp.Request(**request), msg_id)
        assert reply is not None
        if reply.body.WhichOneof("msg_body") == "error":
            assert reply.header.msg_type == usp.Header.ERROR
            raise UspError(reply.body.error)
        return reply.body.response

    async def get(self, *paths: str, max_depth: int = 0) -> dict[str, dict[str, str]]:
        """Object path to parameters, over all paths. A path's own error is raised."""
        found: dict[str, dict[str, str]] = {}
        for result in await self.get_results(*paths, max_depth=max_depth):
            if result.err_code:
                raise UspError(usp.Error(err_code=result.err_code, err_msg=result.err_msg))
            for resolved in result.resolved_path_results:
                found.setdefault(resolved.resolved_path, {}).update(resolved.result_params)
        return found

    async def get_results(self, *paths: str, max_depth: int = 0) -> Any:
        """The answer as it is."""
        response = await self._ask(get=usp.Get(param_paths=paths, max_depth=max_depth))
        return response.get_resp.req_path_results

    async def value(self, path: str) -> str:
        """One parameter."""
        ((_, params),) = (await self.get(path)).items()
        return params[path.rpartition(".")[2]]

    async def instances(self, *paths: str, first_level_only: bool = False) -> Any:
        response = await self._ask(
            get_instances=usp.GetInstances(obj_paths=paths, first_level_only=first_level_only)
        )
        return response.get_instances_resp.req_path_results

    async def supported(self, *paths: str, **options: bool) -> Any:
        response = await self._ask(get_supported_dm=usp.GetSupportedDM(obj_paths=paths, **options))
        return response.get_supported_dm_resp.req_obj_results

    async def set(
        self,
        *objects: tuple[str, Mapping[str, str]],
        allow_partial: bool = False,
        optional: tuple[str, ...] = (),
        msg_id: str | None = None,
    ) -> Any:
        request = usp.Set(allow_partial=allow_partial)
        for path, params in objects:
            update = request.update_objs.add(obj_path=path)
            for name, value in params.items():
                update.param_settings.add(param=name, value=value, required=name not in optional)
        return (await self._ask(msg_id, set=request)).set_resp.updated_obj_results

    async def add(
        self,
        *objects: tuple[str, Mapping[str, str]],
        allow_partial: bool = False,
        optional: tuple[str, ...] = (),
        msg_id: str | None = None,
    ) -> Any:
        request = usp.Add(allow_partial=allow_partial)
        for path, params in objects:
            create = request.create_objs.add(obj_path=path)
            for name, value in params.items():
                create.param_settings.add(param=name, value=value, required=name not in optional)
        return (await self._ask(msg_id, add=request)).add_resp.created_obj_results

    async def make(self, table: str, **params: str) -> str:
        """Adds one instance and returns its path."""
        (result,) = await self.add((table, params))
        return str(result.oper_status.oper_success.instantiated_path)

    async def delete(self, *paths: str, allow_partial: bool = False, msg_id: str | None = None) -> Any:
        request = usp.Delete(allow_partial=allow_partial, obj_paths=paths)
        return (await self._ask(msg_id, delete=request)).delete_resp.deleted_obj_results

    async def operate(
        self, command: str, key: str = "", *, msg_id: str | None = None, **arguments: str
    ) -> Any:
        """The result of one command."""
        request = usp.Operate(command=command, command_key=key, send_resp=True, input_args=arguments)
        (result,) = (await self._ask(msg_id, operate=request)).operate_resp.operation_results
        return result

    async def subscribe(self, kind: str, reference: str, **more: str) -> str:
        """Adds an enabled subscription and returns its path."""
        params = {"NotifType": kind, "ReferenceList": reference, "Enable": "true", **more}
        return await self.make("Device.LocalAgent.Subscription.", **params)


@dataclass
class Office:
    """A house with an agent, a controller's desk, and what the stand-ins heard."""

    house: OpenHouse
    registry: Registry
    database: Database
    core: Core
    stored: Stored
    stand_ins: StandIns
    desk: Desk

    def desk_of(self, endpoint: str) -> Desk:
        return Desk(self.core.agent, endpoint)

    async def note(self, subscription: str = "", within: float = 3.0) -> usp.Notify:
        """The next notification (of that subscription id), taken away."""
        async with asyncio.timeout(within):
            while True:
                for note in self.stand_ins.notes:
                    if subscription in ("", note.subscription):
                        self.stand_ins.notes.remove(note)
                        return records.parse_message(note.message).body.request.notify
                self.stand_ins.came.clear()
                await self.stand_ins.came.wait()

    async def nothing(self, within: float = 0.5) -> bool:
        """Whether no notification comes."""
        await asyncio.sleep(within)
        return not self.stand_ins.notes

    async def veto(self, area: str, allowed: bool = False) -> None:
        """The owner keeps the operator out of an area, or lets him in again."""
        await self.registry.dispatch("portal.policy", {"areas": {area: allowed}}, INTERNAL)

    async def settled(self) -> None:
        """Until every subscription has looked once."""
        await self.core.notifier.look()
        self.stand_ins.notes.clear()


async def introduce(database: Database, stored: Stored) -> None:
    """The controller, with the role that may do everything."""
    async with database.unit() as unit:
        trust.seed(unit, stored)
    full = next(number for number, row in stored.rows(ROLES).items() if row["Name"] == FULL)
    controller = {
        "EndpointID": CONTROLLER,
        "Enable": "true",
        "Alias": "one",
        "AssignedRole": f"{ROLES}{full}",
        "PeriodicNotifInterval": "86400",
    }
    async with database.unit() as unit:
        stored.add(unit, CONTROLLERS, controller)


async def _no_portal(_portal: Portal, _registry: Registry) -> None:
    """Instead of the house's own link: two agents would answer for one box."""


@asynccontextmanager
async def open_office(folder: Path) -> AsyncIterator[Office]:
    """Opens house and agent; the notifier runs."""
    async with AsyncExitStack() as stack:
        with patch.object(Portal, "start", _no_portal):
            house = await stack.enter_async_context(open_house(folder))
        registry = house.registry
        database = registry._database
        clock = SystemClock("always")
        share = {"share": dict.fromkeys(SHARED, True)}
        await registry.dispatch("privacy.settings.update", share, INTERNAL)
        stored = Stored(database)
        await stored.load()
        await introduce(database, stored)
        stand_ins = StandIns()
        core = await build(
            about=About(endpoint=OWN, software="0.1", oui="012345", serial="box"),
            database=database,
            bus=house.house._bus,
            clock=clock,
            registry=registry,
            stored=stored,
            commands=CommandLedger(Ledger(database, clock, b"s" * 32), Locks(), clock),
            outbox=stand_ins,
            policy=stand_ins,
            witness=stand_ins,
            secret=b"t" * 32,
        )
        await core.notifier.start("boot")
        running = asyncio.gather(core.notifier.run(), core.triggers.run())
        try:
            yield Office(house, registry, database, core, stored, stand_ins, Desk(core.agent))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
