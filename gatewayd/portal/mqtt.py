"""USP over MQTT 5 (TR-369, "MQTT Binding"): topics, properties, the Connect Record, acknowledgement last.

A Record is acknowledged after its effect is committed and the broker has its answer: whatever dies in
between, the broker sends it again, and the ledger answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping

import paho.mqtt.client as paho
import structlog
from msgspec import Struct

from gatewayd.portal import records
from gatewayd.portal.mqtt_client import NO_SUBSCRIBER, Broker, MqttClient, Welcome
from gatewayd.portal.transport import Incoming, LinkLost, Receive

log = structlog.get_logger(__name__)
CONTENT_TYPES = frozenset({"usp.msg", "application/vnd.bbf.usp.msg"})


class Peer(Struct, frozen=True, kw_only=True):
    """A controller behind the broker: the `topic` it listens on, and ours that it alone, with those that
    share it, may publish to (the broker's access list keeps it so)."""

    endpoint: str
    topic: str
    listens: str


class MqttTransport:
    """One broker, with the controllers behind it."""

    def __init__(
        self,
        broker: Broker,
        peers: tuple[Peer, ...],
        *,
        further: tuple[str, ...] = (),
        assigned: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`further` topics are subscribed to, too; `assigned` hears of a client id that the broker chose."""
        self._further = further
        self.name = f"mqtt {broker.host}:{broker.port}"
        self._broker = broker
        self._peers: Mapping[str, Peer] = {peer.endpoint: peer for peer in peers}
        self._assigned = assigned
        self._client: MqttClient | None = None
        self._response_topic = peers[0].listens if peers else ""
        self._nobodys: frozenset[str] = frozenset()

    def reaches(self, endpoint: str) -> bool:
        """Whether this controller is behind this broker."""
        return endpoint in self._peers

    @property
    def response_topic(self) -> str:
        """Where answers to us go, as the broker or the settings say."""
        return self._response_topic

    async def serve(self, receive: Receive, up: Callable[[], None]) -> None:
        """One connection from its beginning to its end. Raises LinkLost."""
        client = MqttClient(self._broker)
        try:
            welcome = await client.connect()
            await client.subscribe(self._topics(welcome))
            self._client = client
            await self._introduce(client)
            up()
            await self._work(client, receive)
            raise LinkLost(client.lost.result())
        finally:
            self._client = None
            client.close()

    async def send(self, endpoint: str, record: bytes) -> bool:
        """Publishes to a controller's topic; True when the broker has it and somebody is subscribed."""
        if (client := self._client) is None:
            return False
        peer = self._peers[endpoint]
        code = await self._publish(client, peer.topic, record, peer.listens)
        return code is not None and code < NO_SUBSCRIBER

    def _topics(self, welcome: Welcome) -> tuple[str, ...]:
        """Those of the settings and those that the broker names."""
        if welcome.client_id:
            self._assigned(welcome.client_id)
        wanted = tuple(filter(None, (welcome.response_information, *welcome.topics)))
        self._nobodys = frozenset((*wanted, *self._further))
        if wanted:
            self._response_topic = wanted[0]
        named = filter(None, (peer.listens for peer in self._peers.values()))
        topics = tuple(dict.fromkeys((*named, *wanted, *self._further)))
        if not topics:
            raise LinkLost("neither the settings nor the broker name a topic to listen on")
        return topics

    async def _introduce(self, client: MqttClient) -> None:
        for peer in self._peers.values():
            record = records.mqtt_connect(to=peer.endpoint, sender=self._broker.endpoint, topic=peer.listens)
            await self._publish(client, peer.topic, record, peer.listens)

    async def _work(self, client: MqttClient, receive: Receive) -> None:
        """In the order of arrival; the answers travel while the next one is worked on."""
        answering: deque[asyncio.Task[None]] = deque()
        last: asyncio.Task[None] | None = None
        try:
            while (message := await client.messages.get()) is not None:
                handled = await self._handle(message, receive)
                last = asyncio.create_task(self._answer(client, message, handled, last), name="mqtt answer")
                answering.append(last)
                while answering and answering[0].done():
                    answering.popleft().result()
        finally:
            for task in answering:
                task.cancel()
            await asyncio.gather(*answering, return_exceptions=True)

    async def _handle(self, message: paho.MQTTMessage, receive: Receive) -> tuple[bytes, ...]:
        topic = _topic(message)
        told = message.properties.__dict__ if message.properties is not None else {}
        if told.get("ContentType", "usp.msg") not in CONTENT_TYPES:
            log.debug("portal.content_type", topic=topic[:80])
            return ()
        handled = await receive(
            Incoming(
                record=bytes(message.payload),
                via="mqtt",
                address=topic,
                vouches=lambda endpoint: self._may_speak(endpoint, topic),
                expires_in=told.get("MessageExpiryInterval"),
            )
        )
        return handled.replies

    def _may_speak(self, endpoint: str, topic: str) -> bool:
        peer = self._peers.get(endpoint)
        if peer is None:
            return False
        # A topic that belongs to no controller in particular is good where there is one only.
        return topic == peer.listens or (topic in self._nobodys and len(self._peers) == 1)

    async def _answer(
        self,
        client: MqttClient,
        message: paho.MQTTMessage,
        replies: tuple[bytes, ...],
        before: asyncio.Task[None] | None,
    ) -> None:
        told = message.properties.__dict__ if message.properties is not None else {}
        topic = _topic(message)
        reply_to = told.get("ResponseTopic")
        for reply in replies:
            answer_topic = reply_to or self._configured(reply)
            if answer_topic is None:
                continue
            if await self._publish(client, answer_topic, reply, topic) is None:
                # Not acknowledged: on the next connection the broker sends it again, and the ledger answers.
                client.give_up("the broker does not take our answers")
                return
        if before is not None:
            await asyncio.wait([before])
        if not client.lost.done():
            client.acknowledge(message)

    def _configured(self, reply: bytes) -> str | None:
        """Controllers on MQTT 3.1.1 cannot name a topic: theirs is in the settings."""
        with contextlib.suppress(ValueError):
            peer = self._peers.get(records.parse(reply).to_id)
            return None if peer is None else peer.topic
        return None

    async def _publish(self, client: MqttClient, topic: str, record: bytes, listens: str) -> int | None:
        try:
            return await client.publish(topic, record, listens)
        except ValueError as error:
            log.warning("portal.not_published", topic=topic[:80], reason=str(error)[:120])
            return 0x90  # MQTT 5: topic name invalid


def _topic(message: paho.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""
