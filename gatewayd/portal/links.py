"""All links: built from the configuration, rebuilt when it changes, and the way in and out for the agent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

import structlog

from gatewayd.errors import GatewayError
from gatewayd.events import Bus
from gatewayd.portal import records, wiring
from gatewayd.portal.contracts import Sender
from gatewayd.portal.identity import PortalIdentity
from gatewayd.portal.link import Link, LinkStatus, State
from gatewayd.portal.mqtt import MqttTransport
from gatewayd.portal.mqtt_client import Broker
from gatewayd.portal.restored import RestoredGuard
from gatewayd.portal.stored import Stored
from gatewayd.portal.transport import Handled, Incoming, Transport
from gatewayd.portal.websocket import Server, WebSocketTransport
from gatewayd.portal.wiring import LINK, WATCHED, MqttSpec, Spec, WebSocketSpec
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock
from gatewayd.tasks import Tasks

log = structlog.get_logger(__name__)
CLOCK_LOOK = 10.0
"""Seconds between two looks whether the clock can be believed; only while it cannot."""
SETTLE = 0.3
"""Seconds in which changes of the configuration are taken together; an answer gets out meanwhile."""


class Agent(Protocol):
    """The part of the agent's core that the links know."""

    async def handle(self, record: bytes, sender: Sender) -> list[bytes]:
        """Records to send back."""
        ...

    def readable(self, record: bytes) -> bool:
        """Whether it is a Record at all."""
        ...


class Links:
    """The links of the box. `run` it under a supervisor."""

    def __init__(
        self,
        stored: Stored,
        identity: PortalIdentity,
        guard: RestoredGuard,
        *,
        database: Database,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._guard = guard
        self._database = database
        self._stored = stored
        self._identity = identity
        self._agent: Agent | None = None
        self._clock = clock
        self._bus = bus
        self._links: dict[str, tuple[Spec, ssl.SSLContext | None, Link, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._came_up: Callable[[], None] = lambda: None
        self._heard: Callable[[], None] = lambda: None
        self._tasks = Tasks()
        self._tls: ssl.SSLContext | None = None
        self._tls_for: tuple[str | None, str | None] | None = None
        self._timed = True
        stored.watch(self._watch)

    def on_up(self, came_up: Callable[[], None], heard: Callable[[], None]) -> None:
        """Names who is told when a link comes up, and when somebody speaks."""
        self._came_up, self._heard = came_up, heard

    @property
    def endpoint(self) -> str:
        """The box's own endpoint id."""
        return self._identity.endpoint

    @property
    def status(self) -> Mapping[str, LinkStatus]:
        """Every link, by its path in the data model."""
        return {path: link.status for path, (_, _, link, _) in self._links.items()}

    def state(self, path: str) -> State:
        """Of the link at that path (`Device.MQTT.Client.1.`); `off` where there is none."""
        entry = self._links.get(path)
        return "off" if entry is None else entry[2].status.state

    def response_topic(self, path: str) -> str:
        """Where the broker of that MQTT.Client has answers to us sent; empty while it is not known."""
        entry = self._links.get(path)
        transport = None if entry is None else entry[2].transport
        return transport.response_topic if isinstance(transport, MqttTransport) else ""

    async def send(self, endpoint: str, message: bytes) -> bool:
        """Sends an encoded Msg to a controller, on the first link that takes it."""
        record = records.wrap(message, to=endpoint, sender=self.endpoint)
        for _, _, link, _ in tuple(self._links.values()):
            if link.transport.reaches(endpoint) and await link.transport.send(endpoint, record):
                return True
        return False

    async def run(self, agent: Agent) -> None:
        """Runs for ever: what is configured is what runs. At its end every link ends."""
        self._agent = agent
        self._tasks = Tasks()
        try:
            while True:
                self._changed.clear()
                await self._refresh()
                await self._news()
                await asyncio.sleep(SETTLE)
        finally:
            await self._tasks.close()
            self._links.clear()

    async def _news(self) -> None:
        """Until the configuration changes, or the box that did not know the time knows it."""
        while not self._changed.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self._timed else CLOCK_LOOK):
                    await self._changed.wait()
            if not self._timed and self._clock.trusted():
                return

    def _watch(self, path: str) -> None:
        if path.startswith(WATCHED):
            self._changed.set()

    async def _refresh(self) -> None:
        wanted = wiring.specs(self._stored)
        try:
            tls = await self._context() if any(spec.tls for spec in wanted.values()) else None
        except (GatewayError, OSError) as error:
            log.error("portal.certificate_unusable", error=str(error)[:200])
            wanted, tls = {path: spec for path, spec in wanted.items() if not spec.tls}, None
        for path, (spec, context, _, task) in tuple(self._links.items()):
            if wanted.get(path) != spec or (spec.tls and context is not tls):
                del self._links[path]
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        for path, spec in wanted.items():
            if path not in self._links:
                context = tls if spec.tls else None
                link = self._link(spec, context)
                task = self._tasks.supervise(f"link {link.transport.name}", link.run)
                self._links[path] = (spec, context, link, task)

    async def _context(self) -> ssl.SSLContext:
        row = self._stored.row(LINK) or {}
        files = (row.get("Certificate") or None, row.get("Authority") or None)
        timed = self._clock.trusted()
        if self._tls is None or (files, timed) != (self._tls_for, self._timed):
            self._tls, self._tls_for = await self._identity.context(*files, timed=timed), files
            self._timed = timed
        return self._tls

    def _link(self, spec: Spec, tls: ssl.SSLContext | None) -> Link:
        return Link(
            self._transport(spec, tls),
            partial(self._receive, spec.path),
            clock=self._clock,
            bus=self._bus,
            back_off=spec.back_off,
            came_up=self._came_up,
        )

    def _transport(self, spec: Spec, tls: ssl.SSLContext | None) -> Transport:
        match spec:
            case MqttSpec():
                broker = Broker(
                    host=spec.host,
                    port=spec.port,
                    tls=tls,
                    client_id=spec.client_id or self.endpoint,
                    endpoint=self.endpoint,
                    username=spec.username,
                    password=spec.password,
                    keepalive=spec.keepalive,
                    session_expiry=spec.session_expiry,
                )
                return MqttTransport(
                    broker,
                    spec.peers,
                    further=spec.subscriptions,
                    assigned=lambda name: self._assigned(spec.path, name),
                )
            case WebSocketSpec():
                return WebSocketTransport(
                    Server(
                        host=spec.host,
                        port=spec.port,
                        path=spec.resource,
                        tls=tls,
                        controller=spec.controller,
                        endpoint=self.endpoint,
                    )
                )

    def _assigned(self, path: str, client_id: str) -> None:
        """The broker chose a name for us: it is ours from now on (TR-369, R-MQTT.7)."""

        async def keep() -> None:
            async with self._database.unit() as unit:
                self._stored.put(unit, path, {"ClientID": client_id})

        self._tasks.spawn("keep client id", keep())

    def _up_for(self, path: str) -> float:
        entry = self._links.get(path)
        return 0.0 if entry is None else entry[2].up_for

    async def _receive(self, path: str, incoming: Incoming) -> Handled:
        assert self._agent is not None  # links exist while `run` does
        left = incoming.expires_in
        sender = Sender(
            via=incoming.via,
            link=incoming.address[:200],
            vouches=incoming.vouches,
            expires=None if left is None else self._clock.now().timestamp() + left,
            held=await self._guard.holds(path, self._up_for(path)),
        )
        replies = await self._agent.handle(incoming.record, sender)
        self._heard()
        readable = bool(replies) or self._agent.readable(incoming.record)
        return Handled(replies=tuple(replies), readable=readable)
