"""The MQTT transport against a real Mosquitto: an echo stands where the agent does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.portal import mqtt_client, records
from gatewayd.portal.controller import Controller
from gatewayd.portal.mqtt import MqttTransport, Peer
from gatewayd.portal.mqtt_client import NO_SUBSCRIBER, Broker, MqttClient
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.transport import Handled, Incoming, LinkLost
from tests.portal.broker import Authority, Mosquitto, mosquitto

BOX = "uuid::11111111-2222-3333-4444-555555555555"
DESK = "self::desk"
BOX_TOPIC = f"usp/agent/{BOX}"
DESK_TOPIC = "usp/controller/desk"


class Echo:
    """Answers a Get with what was asked; remembers what came."""

    def __init__(self) -> None:
        self.seen: list[Incoming] = []
        self.gate: asyncio.Event | None = None

    async def receive(self, incoming: Incoming) -> Handled:
        self.seen.append(incoming)
        record = records.parse(incoming.record)
        message = records.parse_message(record.no_session_context.payload)
        if self.gate is not None:
            await self.gate.wait()
        answer = usp.Msg(header=usp.Header(msg_id=message.header.msg_id, msg_type="GET_RESP"))
        result = answer.body.response.get_resp.req_path_results.add()
        result.requested_path = ",".join(message.body.request.get.param_paths)
        resolved = result.resolved_path_results.add(resolved_path="Device.")
        resolved.result_params["Vouched"] = str(incoming.vouches(record.from_id)).lower()
        reply = records.wrap(records.serialise(answer), to=record.from_id, sender=BOX)
        return Handled(replies=(reply,))


def box_at(port: int, tls: ssl.SSLContext | None = None) -> Broker:
    """How the box comes to the broker."""
    return Broker(host="127.0.0.1", port=port, tls=tls, client_id=BOX, endpoint=BOX)


def desk_at(
    port: int, tls: ssl.SSLContext | None = None, *, name: str = "desk", topic: str = DESK_TOPIC
) -> Controller:
    """A controller at the broker."""
    broker = Broker(host="127.0.0.1", port=port, tls=tls, client_id=name, endpoint=f"self::{name}")
    return Controller(broker, topic=topic, agent=BOX, agent_topic=BOX_TOPIC)


@asynccontextmanager
async def serving(transport: MqttTransport, echo: Echo) -> AsyncIterator[asyncio.Task[None]]:
    """The transport, up."""
    up = asyncio.Event()
    task = asyncio.create_task(transport.serve(echo.receive, up.set))
    waiting = asyncio.create_task(up.wait())
    try:
        async with asyncio.timeout(20):
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield task
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


def transport_at(broker: Broker) -> MqttTransport:
    """With one controller, the desk."""
    return MqttTransport(broker, (Peer(endpoint=DESK, topic=DESK_TOPIC, listens=BOX_TOPIC),))


async def test_introduces_itself_and_answers(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, desk_at(broker.port) as desk:
        echo = Echo()
        async with serving(transport_at(box_at(broker.port)), echo):
            assert await asyncio.wait_for(desk.met.get(), 5) == BOX
            assert await desk.get("Device.") == {"Device.Vouched": "true"}
    assert echo.seen[0].address == BOX_TOPIC
    assert echo.seen[0].expires_in is None


async def test_an_expiry_comes_along(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, desk_at(broker.port) as desk:
        echo = Echo()
        async with serving(transport_at(box_at(broker.port)), echo):
            await desk.ask(usp.Request(get=usp.Get(param_paths=["Device."])), expires_in=77)
    assert echo.seen[0].expires_in == pytest.approx(77, abs=2)


async def test_what_was_not_acknowledged_comes_again(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, desk_at(broker.port) as desk:
        first = Echo()
        first.gate = asyncio.Event()
        async with serving(transport_at(box_at(broker.port)), first):
            asking = asyncio.create_task(desk.get("Device."))
            while not first.seen:
                await asyncio.sleep(0.01)
        second = Echo()
        async with serving(transport_at(box_at(broker.port)), second):
            assert await asking == {"Device.Vouched": "true"}
    assert [one.record for one in first.seen] == [one.record for one in second.seen]


async def test_a_command_waits_for_the_box_also_through_a_restart_of_the_broker(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    async with _started(broker):
        async with serving(transport_at(box_at(broker.port)), Echo()):
            pass
        async with desk_at(broker.port) as desk:
            message = desk.message(usp.Request(get=usp.Get(param_paths=["Device."])))
            assert await desk.send(desk.record(message)) == 0
        await broker.stop()
        await broker.start()
        echo = Echo()
        async with serving(transport_at(box_at(broker.port)), echo):
            async with asyncio.timeout(10):
                while not echo.seen:
                    await asyncio.sleep(0.01)
    assert records.parse(echo.seen[0].record).from_id == DESK


@asynccontextmanager
async def _started(broker: Mosquitto) -> AsyncIterator[None]:
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()


async def test_a_lost_broker_is_said(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker:
        async with serving(transport_at(box_at(broker.port)), Echo()) as task:
            await broker.stop()
            with pytest.raises(LinkLost, match="the connection ended"):
                await asyncio.wait_for(task, 5)
        with pytest.raises(LinkLost, match="cannot connect: Connection refused"):
            await transport_at(box_at(broker.port)).serve(Echo().receive, lambda: None)


async def test_what_the_socket_does_not_take_at_once_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_client, "MOST_TICK", 600.0)
    async with mosquitto(tmp_path) as broker:
        client = MqttClient(box_at(broker.port))
        await client.connect()
        record = bytes(400_000)
        codes = await asyncio.gather(*(client.publish("usp/nobody", record, "usp/me") for _ in range(30)))
        assert codes == [NO_SUBSCRIBER] * 30
        assert await client.publish("usp/nobody", bytes(20_000_000), "usp/me") == NO_SUBSCRIBER
        client.close()


async def test_nobody_subscribed_is_not_delivered(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker:
        transport = transport_at(box_at(broker.port))
        assert not await transport.send(DESK, b"x")  # not up yet
        async with serving(transport, Echo()):
            assert not await transport.send(DESK, b"x")
            async with desk_at(broker.port):
                assert await transport.send(DESK, b"x")


ACL = f"""
user box
topic read {BOX_TOPIC}
topic write usp/controller/#

user desk
topic write {BOX_TOPIC}
topic read usp/controller/desk

user thief
topic read usp/controller/thief
topic write usp/agent/other
"""


async def test_certificates_and_the_access_list(tmp_path: Path) -> None:
    """Who has no certificate, or a foreign one, gets nowhere; who has one may do what the list says."""
    ours = await asyncio.to_thread(Authority, tmp_path / "ca")
    foreign = await asyncio.to_thread(Authority, tmp_path / "foreign", "Somebody else")
    clients: Callable[[str], ssl.SSLContext] = ours.client
    async with mosquitto(tmp_path / "broker", authority=ours, acl=ACL) as broker:
        port = broker.tls_port
        async with (
            desk_at(port, clients("desk")) as desk,
            serving(transport_at(box_at(port, clients("box"))), Echo()),
        ):
            assert await desk.get("Device.") == {"Device.Vouched": "true"}
            async with desk_at(port, clients("thief"), name="thief", topic="usp/controller/thief") as thief:
                message = thief.message(usp.Request(get=usp.Get(param_paths=["Device."])))
                assert await thief.send(thief.record(message)) == 0x87  # not authorised
        bare = ssl.create_default_context(cadata=ours.pem)
        with pytest.raises(LinkLost):
            await transport_at(box_at(port, bare)).serve(Echo().receive, lambda: None)
        stranger = foreign.client("box")
        stranger.load_verify_locations(cadata=ours.pem)
        with pytest.raises(LinkLost):
            await transport_at(box_at(port, stranger)).serve(Echo().receive, lambda: None)
        distrustful = foreign.client("box2")
        with pytest.raises(LinkLost, match="certificate is not accepted"):
            await transport_at(box_at(port, distrustful)).serve(Echo().receive, lambda: None)


async def test_a_foreign_topic_vouches_for_nobody(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, desk_at(broker.port) as desk:
        peers = (
            Peer(endpoint="self::clerk", topic="usp/controller/clerk", listens=BOX_TOPIC),
            Peer(endpoint=DESK, topic=DESK_TOPIC, listens=f"{BOX_TOPIC}/desk"),
        )
        async with serving(MqttTransport(box_at(broker.port), peers), Echo()):
            assert await desk.get("Device.") == {"Device.Vouched": "false"}


async def test_content_that_is_not_usp_is_acknowledged_and_forgotten(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, desk_at(broker.port) as desk:
        echo = Echo()
        async with serving(transport_at(box_at(broker.port)), echo):
            assert desk._client is not None
            desk._client._paho.publish(BOX_TOPIC, b"hello", qos=1, properties=_content("text/plain"))
            desk._client._write()
            assert await desk.get("Device.") == {"Device.Vouched": "true"}
        assert len(echo.seen) == 1


def _content(kind: str):  # type: ignore[no-untyped-def]
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = kind
    return properties
