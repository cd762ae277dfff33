"""paho's MQTT 5 client inside the event loop: acknowledged by hand, Nagle off, one future for each answer.

A client is good for one connection. What it had sent and was not acknowledged is the caller's to send again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from typing import Any

import paho.mqtt.client as paho
from msgspec import Struct
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gatewayd.portal.transport import MOST_BYTES, LinkLost

CONNECT = 10.0
ANSWER = 30.0
MOST_UNACKNOWLEDGED = 64
MOST_TICK = 5.0
MOST_PACKED = 16
"""Response topics whose properties are kept; a box has one or two."""
NO_SUBSCRIBER = 0x10  # MQTT 5, 3.4.2.1: accepted, but nobody is there
# What paho's parser lets through when a broker sends nonsense.
_NONSENSE = (ValueError, IndexError, KeyError, TypeError, struct.error, MQTTException)


class Broker(Struct, frozen=True, kw_only=True):
    """Where and as whom. `tls` None is plain TCP; `session_expiry` and `keepalive` are seconds."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    client_id: str
    endpoint: str
    username: str | None = None
    password: str | None = None
    keepalive: int = 60
    session_expiry: int = 7 * 86_400


class Welcome(Struct, frozen=True, kw_only=True):
    """What the broker's CONNACK told. `topics` are those that it wants us to subscribe to."""

    client_id: str | None
    topics: tuple[str, ...]
    response_information: str | None
    most_bytes: int | None


class _Paho(paho.Client):
    """paho leaves a socket open whose TLS handshake failed, and gives the handshake a keep-alive of time."""

    tls: ssl.SSLContext

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        wrapped = self.tls.wrap_socket(tcp_sock, server_hostname=self.host, do_handshake_on_connect=False)
        try:
            wrapped.settimeout(CONNECT)
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped


class MqttClient:
    """One connection. `messages` gives what comes in, None at the end; `lost` is done when it is over."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self.messages: asyncio.Queue[paho.MQTTMessage | None] = asyncio.Queue()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._welcome: asyncio.Future[Welcome | None] = self._loop.create_future()
        self._answers: dict[tuple[str, int], asyncio.Future[int]] = {}
        self._tick: asyncio.TimerHandle | None = None
        self._most_bytes: int | None = None
        self._descriptor: int | None = None
        self._full = False
        self._packed: dict[str, _Packed] = {}
        self._paho = self._build()

    def _build(self) -> paho.Client:
        broker = self._broker
        client = _Paho(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
            client.tls = broker.tls
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    async def connect(self) -> Welcome:
        """Connects. Raises LinkLost."""
        broker = self._broker
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = broker.session_expiry
        properties.RequestResponseInformation = 1
        properties.ReceiveMaximum = MOST_UNACKNOWLEDGED
        properties.MaximumPacketSize = MOST_BYTES
        properties.UserProperty = [("usp-endpoint-id", broker.endpoint)]
        connecting = asyncio.ensure_future(
            asyncio.to_thread(
                self._paho.connect,
                *(broker.host, broker.port, broker.keepalive),
                clean_start=False,
                properties=properties,
            )
        )
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(self._too_late)
            raise
        except ssl.SSLCertVerificationError as error:
            raise LinkLost(f"the broker's certificate is not accepted: {error.verify_message}") from error
        except (OSError, ValueError) as error:
            raise LinkLost(f"cannot connect: {_reason(error)}") from error
        self._adopt()
        try:
            async with asyncio.timeout(ANSWER):
                welcome = await self._welcome
        except TimeoutError:
            raise LinkLost("the broker does not answer") from None
        if welcome is None:
            raise LinkLost(self.lost.result())
        self._most_bytes = welcome.most_bytes
        return welcome

    async def subscribe(self, topics: tuple[str, ...]) -> None:
        """Subscribes with QoS 1. Raises LinkLost, also when the broker refuses a topic."""
        options = SubscribeOptions(qos=1, noLocal=True)
        try:
            result, mid = self._paho.subscribe([(topic, options) for topic in topics])
        except ValueError as error:
            raise LinkLost("one of the topics cannot be subscribed to") from error
        if result is not MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkLost("the connection ended")
        if await self._answer("subscribe", mid) >= 0x80:
            raise LinkLost("the broker does not let us subscribe to our topic")

    async def publish(
        self, topic: str, payload: bytes, response_topic: str, *, expires_in: int | None = None
    ) -> int | None:
        """Publishes with QoS 1: the broker's reason code, None when the connection ended before it came.

        After `expires_in` seconds the broker forgets it. Raises ValueError for a topic that cannot be
        published to, and for a payload that the broker's own limit excludes.
        """
        if self._most_bytes is not None and len(payload) + len(topic) + 256 > self._most_bytes:
            raise ValueError(f"the broker takes {self._most_bytes} bytes; the Record has {len(payload)}")
        properties: Any = self._properties(response_topic, expires_in)
        info = self._paho.publish(topic, payload, qos=1, properties=properties)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            return None
        try:
            return await self._answer("publish", info.mid)
        except LinkLost:
            return None

    def _properties(self, response_topic: str, expires_in: int | None) -> _Packed:
        if expires_in is not None:
            return _Packed(response_topic, expires_in)
        if response_topic not in self._packed:
            if len(self._packed) >= MOST_PACKED:
                self._packed.clear()
            self._packed[response_topic] = _Packed(response_topic, None)
        return self._packed[response_topic]

    def acknowledge(self, message: paho.MQTTMessage) -> None:
        """The PUBACK: the broker forgets the message. In the order of arrival (MQTT 5, 4.6)."""
        self._paho.ack(message.mid, message.qos)
        self._write()

    def give_up(self, reason: str) -> None:
        """The connection is of no use any more: `messages` ends and `lost` says why."""
        self._end(reason)

    def close(self) -> None:
        """Says goodbye; the session stays at the broker."""
        if self._tick is not None:
            self._tick.cancel()
        self._paho.disconnect()
        self._write()
        self._end("closed")
        self._release()
        if (left := self._paho.socket()) is not None:  # the goodbye did not get through
            left.close()

    def _too_late(self, connecting: asyncio.Future[Any]) -> None:
        """Nobody waits for this connection any more."""
        if connecting.exception() is None:
            self.close()

    # --- the event loop's side ----------------------------------------------------------------------

    def _adopt(self) -> None:
        """From the thread that connected to the event loop."""
        sock = self._paho.socket()
        if sock is None:
            raise LinkLost("the connection ended")
        if isinstance(sock, socket.socket):  # which an SSLSocket is, too
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        descriptor = self._descriptor = sock.fileno()
        # What is queued is written at once by `_write`; only what the socket does not take is waited for.
        self._paho.on_socket_register_write = lambda *_: None
        self._paho.on_socket_close = lambda *_: self._release()
        self._loop.add_reader(descriptor, self._readable)
        self._look_after()
        self._readable()  # what came before the reader was there

    def _release(self) -> None:
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
            self._descriptor = None

    def _look_after(self) -> None:
        """Keep-alive: a few looks in each."""
        if not self.lost.done():
            self._paho.loop_misc()
            self._write()
            self._tick = self._loop.call_later(min(MOST_TICK, self._broker.keepalive / 4), self._look_after)

    def _readable(self) -> None:
        try:
            while self._paho.loop_read() is MQTTErrorCode.MQTT_ERR_SUCCESS:
                sock = self._paho.socket()
                # What TLS has decrypted already wakes no reader.
                if not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                    break
        except _NONSENSE as error:
            self._end(f"the broker sent what is not MQTT: {type(error).__name__}")
            self._release()
        self._write()  # an acknowledgement lets out what waited for it

    def _write(self) -> None:
        self._paho.loop_write()
        if self._descriptor is None or self._paho.want_write() == self._full:
            return
        self._full = not self._full
        if self._full:
            self._loop.add_writer(self._descriptor, self._write)
        else:
            self._loop.remove_writer(self._descriptor)

    async def _answer(self, kind: str, mid: int) -> int:
        future = self._answers[kind, mid] = self._loop.create_future()
        self._write()
        try:
            async with asyncio.timeout(ANSWER):
                return int(await future)
        except TimeoutError:
            raise LinkLost("the broker does not answer") from None
        finally:
            self._answers.pop((kind, mid), None)

    def _settle(self, kind: str, mid: int, code: int) -> None:
        if (future := self._answers.get((kind, mid))) is not None and not future.done():
            future.set_result(code)

    def _end(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
            self.messages.put_nowait(None)
        if not self._welcome.done():
            self._welcome.set_result(None)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(LinkLost(self.lost.result()))

    # --- paho's callbacks, all of them inside the loop ----------------------------------------------

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._end(f"the broker refuses us: {code}")
        elif not self._welcome.done():
            told = properties.__dict__ if properties is not None else {}
            self._welcome.set_result(
                Welcome(
                    client_id=told.get("AssignedClientIdentifier"),
                    topics=tuple(
                        value for name, value in told.get("UserProperty", []) if name == "subscribe-topic"
                    ),
                    response_information=told.get("ResponseInformation"),
                    most_bytes=told.get("MaximumPacketSize"),
                )
            )

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        self._end(f"the connection ended: {code}")

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self.messages.put_nowait(message)

    def _on_publish(
        self, _client: Any, _data: Any, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        self._settle("publish", mid, int(code.value))

    def _on_subscribe(
        self, _client: Any, _data: Any, mid: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        self._settle("subscribe", mid, max(int(code.value) for code in codes))


class _Packed:
    """Properties of a PUBLISH, packed once: making them anew costs more than all the rest of it."""

    __slots__ = ("_bytes",)

    def __init__(self, response_topic: str, expires_in: int | None) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "usp.msg"
        properties.ResponseTopic = response_topic
        if expires_in is not None:
            properties.MessageExpiryInterval = expires_in
        self._bytes = bytes(properties.pack())  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        """All that paho wants of properties."""
        return self._bytes


def _reason(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) else None
    return str(words)[:120] if words else type(error).__name__
