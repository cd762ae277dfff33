"""Notifications: what controllers subscribed to, from the changes of the box to the outbox.

It compares: what a subscription saw last is in the state, and whenever something happens, and at each start,
what there is now is looked at again. So nothing is lost when the daemon ends in between; events alone go into
the outbox with the change itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from gatewayd import wire
from gatewayd.errors import ERRORS
from gatewayd.events import Bus, Event, EventData
from gatewayd.events import Subscription as Reader
from gatewayd.jobs import JobChanged
from gatewayd.portal import records, watching
from gatewayd.portal.contracts import Outbox, Policy
from gatewayd.portal.model import EventSpec, Model, Node
from gatewayd.portal.operating import told
from gatewayd.portal.refusals import Code
from gatewayd.portal.requests import STATUS, Ongoing, Requests
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.stored import Stored
from gatewayd.portal.subscriptions import Subscription, notification, retry_waits, subscriptions
from gatewayd.portal.triggers import Triggers
from gatewayd.portal.view import View
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
SETTLE = 0.1
"""Seconds in which changes are taken together."""
IDLE = 60.0
Seen = dict[str, dict[str, str]]


class Notifier:
    """Watches for all controllers. `start` it, then `run` it under a supervisor."""

    def __init__(
        self,
        *,
        database: Database,
        bus: Bus,
        clock: Clock,
        stored: Stored,
        requests: Requests,
        outbox: Outbox,
        policy: Policy,
        model: Model,
        view: Callable[[str], View],
        secret: bytes,
        triggers: Triggers,
    ) -> None:
        self._triggers = triggers
        self._database = database
        self._bus = bus
        self._clock = clock
        self._stored = stored
        self._requests = requests
        self._outbox = outbox
        self._policy = policy
        self._model = model
        self._view = view
        self._secret = secret
        self._seen: Seen = {}
        self._ready: list[tuple[Subscription, Node, EventSpec]] = []
        self._written: dict[int, EventData] = {}
        self._wake = asyncio.Event()
        self._known: dict[str, Subscription] = {}
        self._periodic: dict[str, float] = {}

    async def start(self, boot: str) -> None:
        """Reads what was seen, takes away what does not outlive a reboot, and tells that the box is up."""
        for row in await self._database.fetch_all("SELECT * FROM portal_seen"):
            self._seen.setdefault(row["subscription"], {})[row["path"]] = row["value"]
        self._known = {each.path: each for each in subscriptions(self._stored)}
        last = await self._database.fetch_one("SELECT value FROM facts WHERE name = 'portal_boot'")
        booted = last is None or last["value"] != boot
        async with self._database.unit() as unit:
            unit.execute(
                "INSERT INTO facts (name, value) VALUES ('portal_boot', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (boot,),
            )
            for subscription in self._known.values() if booted else ():
                if not subscription.persistent:
                    self._end(unit, subscription)
        self._known = {each.path: each for each in subscriptions(self._stored)}
        await self._prepare()
        await self._boot()
        self._stored.watch(lambda _path: self._wake.set())
        self._database.on_event(self._witness)
        self._wake.set()

    async def run(self) -> None:
        """Runs for ever."""
        self._wake.set()
        with self._bus.subscribe(size=1024) as reader:
            async with asyncio.TaskGroup() as group:  # when one of them fails, both begin anew
                group.create_task(self._listen(reader))
                group.create_task(self._watch())

    async def _listen(self, reader: Reader) -> None:
        async for event in reader:
            await self._hear(event)

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await self._wake.wait()
            await asyncio.sleep(SETTLE)
            self._wake.clear()
            await self.look()

    async def _hear(self, event: Event) -> None:
        data = event.data
        if self._written.pop(id(data), None) is None:
            async with self._database.unit() as unit:
                self._events(unit, data)
        if not isinstance(data, JobChanged) or data.job.state not in STATUS:
            self._wake.set()

    def _patience(self) -> float:
        now = self._clock.now().timestamp()
        due = [each.ends - now for each in self._known.values() if each.ends is not None]
        due += [moment - now for moment in self._periodic.values()]
        return max(0.05, min([IDLE, *due]))

    # --- events -------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Which events of which instances are wanted, so that a change can tell of them at once."""
        ready: list[tuple[Subscription, Node, EventSpec]] = []
        for subscription in self._known.values():
            if subscription.kind == "Event":
                view = self._view(subscription.endpoint)
                for reference in subscription.references:
                    for node, event in await watching.events(view, reference):
                        ready.append((subscription, node, event))
        self._ready = ready

    def _witness(self, unit: Unit, data: EventData) -> None:
        """Events of a unit go to the outbox within it."""
        if self._events(unit, data):
            unit.after(lambda: self._written.__setitem__(id(data), data))

    def _events(self, unit: Unit, data: EventData) -> bool:
        topic = type(data).topic
        wanted = [each for each in self._ready if each[2].topic == topic]
        if not wanted or not self._policy.may_leave(topic):
            return False
        plain = wire.plain(data)
        for subscription, node, event in wanted:
            arguments = None if event.when is None else event.when(plain)
            if arguments is not None:
                self._put(unit, subscription, _event(node, event, arguments), topic)
        return True

    async def _boot(self) -> None:
        asked = await self._database.fetch_one("SELECT value FROM facts WHERE name = 'portal_reboot'")
        wanted = [each for each in self._ready if each[2].name == "Boot!"]
        async with self._database.unit() as unit:
            unit.execute("DELETE FROM facts WHERE name = 'portal_reboot'")
            for subscription, node, event in wanted:
                arguments = {
                    "CommandKey": "" if asked is None else asked["value"],
                    "Cause": "LocalReboot" if asked is None else "RemoteReboot",
                    "FirmwareUpdated": "false",
                    "ParameterMap": msgspec.json.encode(await self._boot_parameters(subscription)).decode(),
                }
                self._put(unit, subscription, _event(node, event, arguments), "upkeep")

    async def _boot_parameters(self, subscription: Subscription) -> dict[str, str]:
        view = self._view(subscription.endpoint)
        found: dict[str, str] = {}
        for row in self._stored.rows(f"{subscription.controller}BootParameter.").values():
            if row.get("Enable") == "true":
                values = await watching.values(view, row.get("ParameterName", ""))
                found |= {path: value for path, (value, _topic) in values.items()}
        return found

    def _periodics(self, unit: Unit) -> None:
        """Periodic! of each controller that wants it, each in its own time."""
        now = self._clock.now().timestamp()
        wanted = {each[0].controller: each for each in self._ready if each[2].name == "Periodic!"}
        self._periodic = {path: due for path, due in self._periodic.items() if path in wanted}
        for controller, (subscription, node, event) in wanted.items():
            row = self._stored.row(controller) or {}
            every = int(row.get("PeriodicNotifInterval") or 86_400)
            due = self._periodic.get(controller)
            if due is not None and due - now > every:
                due = None  # the interval became shorter
            if due is not None and due <= now:
                self._put(unit, subscription, _event(node, event, {}), "portal")
                due = None
            self._periodic[controller] = now + every if due is None else due

    def on_board(self, unit: Unit, node: Node) -> None:
        """Queues an OnBoardRequest for a controller (its instance)."""
        about = node.view.about
        notify = usp.Notify()
        notify.on_board_req.oui = about.oui
        notify.on_board_req.product_class = about.product_class
        notify.on_board_req.serial_number = about.serial
        notify.on_board_req.agent_supported_protocol_versions = records.SUPPORTED
        minimum, multiplier = retry_waits(node.row)
        subscription = Subscription(
            path="",
            id="",
            endpoint=node.row.get("EndpointID", ""),
            controller=node.path,
            kind="OnBoardRequest",
            references=(),
            retry=True,
            expiration=0,
            ends=None,
            minimum=minimum,
            multiplier=multiplier,
            persistent=True,
        )
        self._put(unit, subscription, notify, "portal")

    # --- looking ------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Compares what there is with what was seen, for every subscription."""
        current = {each.path: each for each in subscriptions(self._stored)}
        now = self._clock.now().timestamp()
        async with self._database.unit() as unit:
            for path, subscription in self._known.items():
                if path not in current:
                    self._forget(unit, subscription)
            for subscription in current.values():
                if subscription.ends is not None and subscription.ends <= now:
                    self._end(unit, subscription)
        self._known = {path: each for path, each in current.items() if each.ends is None or each.ends > now}
        views: dict[str, View] = {}
        for subscription in self._known.values():
            view = views.setdefault(subscription.endpoint, self._view(subscription.endpoint))
            if subscription.kind == "ValueChange":
                await self._look_at_values(view, subscription)
            elif subscription.kind in ("ObjectCreation", "ObjectDeletion"):
                await self._look_at_instances(view, subscription)
        await self._prepare()
        async with self._database.unit() as unit:
            self._periodics(unit)
        await self._look_at_requests()

    async def _look_at_values(self, view: View, subscription: Subscription) -> None:
        found: dict[str, tuple[str, str]] = {}
        view.problems.clear()
        for reference in subscription.references:
            found |= await watching.values(view, reference)
        if view.problems:
            return  # what cannot be read just now has not changed
        seen, first = self._before(subscription)
        marks = {path: watching.digest(self._secret, path, value) for path, (value, _topic) in found.items()}
        changed = [path for path in found if path in seen and seen[path] != marks[path]]
        if marks == seen and not first:
            return
        async with self._database.unit() as unit:
            for path in changed:
                value, topic = found[path]
                notify = usp.Notify()
                notify.value_change.param_path, notify.value_change.param_value = path, value
                self._put(unit, subscription, notify, topic)
            self._remember(unit, subscription, marks)

    async def _look_at_instances(self, view: View, subscription: Subscription) -> None:
        found: dict[str, tuple[dict[str, str], str]] = {}
        view.problems.clear()
        for reference in subscription.references:
            found |= await watching.instances(view, reference)
        if view.problems:
            return  # what cannot be read just now is not gone
        seen, first = self._before(subscription)
        if set(found) == set(seen) and not first:
            return
        async with self._database.unit() as unit:
            if not first and subscription.kind == "ObjectCreation":
                for path in found.keys() - seen.keys():
                    keys, topic = found[path]
                    notify = usp.Notify()
                    notify.obj_creation.obj_path = path
                    notify.obj_creation.unique_keys.update(keys)
                    self._put(unit, subscription, notify, topic)
            elif not first:
                for path in seen.keys() - found.keys():
                    notify = usp.Notify()
                    notify.obj_deletion.obj_path = path
                    self._put(unit, subscription, notify, seen[path])
            self._remember(unit, subscription, {path: topic for path, (_, topic) in found.items()})

    def _before(self, subscription: Subscription) -> tuple[dict[str, str], bool]:
        """What it saw last, and whether it never looked before."""
        seen = self._seen.get(subscription.path)
        if seen is None:
            return {}, True
        return {path: mark for path, mark in seen.items() if path}, False

    def _remember(self, unit: Unit, subscription: Subscription, marks: dict[str, str]) -> None:
        before = self._seen.get(subscription.path, {})
        after = {"": "looked", **marks}
        for path in before.keys() - after.keys():
            unit.execute(
                "DELETE FROM portal_seen WHERE subscription = ? AND path = ?", (subscription.path, path)
            )
        for path, mark in after.items():
            if before.get(path) != mark:
                unit.execute(
                    "INSERT INTO portal_seen (subscription, path, value) VALUES (?, ?, ?)"
                    " ON CONFLICT (subscription, path) DO UPDATE SET value = excluded.value",
                    (subscription.path, path, mark),
                )
        unit.after(lambda: self._seen.__setitem__(subscription.path, after))

    def _forget(self, unit: Unit, subscription: Subscription) -> None:
        unit.execute("DELETE FROM portal_seen WHERE subscription = ?", (subscription.path,))
        self._outbox.forget(unit, subscription.endpoint, subscription.id)
        unit.after(lambda: self._drop(subscription.path))

    def _drop(self, path: str) -> None:
        self._seen.pop(path, None)

    def _end(self, unit: Unit, subscription: Subscription) -> None:
        self._stored.delete(unit, subscription.path)
        self._forget(unit, subscription)

    # --- commands that ended ------------------------------------------------------------------------

    async def _look_at_requests(self) -> None:
        for ongoing in await self._requests.all():
            job = await self._requests.job(ongoing)
            if job is not None and job["state"] in STATUS:
                continue
            async with self._database.unit() as unit:
                for subscription in self._known.values():
                    if subscription.kind == "OperationComplete" and any(
                        watching.covers(reference, ongoing.command) for reference in subscription.references
                    ):
                        view = self._view(subscription.endpoint)
                        if view.may(ongoing.command, "CommandEvent", "n"):
                            self._put(unit, subscription, self._complete(ongoing, job), "portal")
                self._requests.remove(unit, ongoing.number)

    def _complete(self, ongoing: Ongoing, job: dict[str, Any] | None) -> usp.Notify:
        notify = usp.Notify()
        complete = notify.oper_complete
        place, _, name = ongoing.command.rpartition(".")
        complete.obj_path, complete.command_name = f"{place}.", name
        complete.command_key = ongoing.command_key
        if job is not None and job["state"] == "done":
            complete.req_output_args.SetInParent()
            complete.req_output_args.output_args.update(self._output(ongoing, job["result"] or {}))
            return notify
        failure = complete.cmd_failure
        failure.err_code = int(Code.COMMAND_FAILURE)
        failure.err_msg = "Interrupted, outcome unknown."
        if job is not None and job["state"] == "cancelled":
            failure.err_code, failure.err_msg = int(Code.COMMAND_CANCELED), "The command was cancelled."
        elif job is not None and job.get("error"):
            spec = ERRORS.get(job["error"]["code"])
            failure.err_code = int(Code.COMMAND_FAILURE) if spec is None else spec.usp
            failure.err_msg = str(job["error"]["detail"])[:256]
        return notify

    def _output(self, ongoing: Ongoing, result: dict[str, Any]) -> dict[str, str]:
        place, _, name = ongoing.command.rpartition(".")
        parts = ["{i}" if part.isdigit() else part for part in place.split(".")]
        item = self._model.get(".".join(parts) + ".")
        spec = next((each for each in item.commands if each.name == name), None) if item else None
        return {} if spec is None else told(spec, result, self._policy)

    def _put(self, unit: Unit, subscription: Subscription, notify: usp.Notify, topic: str) -> None:
        self._triggers.put(unit, subscription)
        if subscription.notifies and self._policy.may_leave(topic):
            self._outbox.put(unit, notification(subscription, notify, topic, self._clock))


def _event(node: Node, event: EventSpec, arguments: dict[str, str]) -> usp.Notify:
    notify = usp.Notify()
    notify.event.obj_path, notify.event.event_name = node.path, event.name
    notify.event.params.update(arguments)
    return notify
