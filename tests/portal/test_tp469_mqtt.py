"""TP-469, section 11: MQTT, seen from the broker's side of the wire. Each test is named by its case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.properties import Properties

from gatewayd.events import Bus
from gatewayd.portal import records
from gatewayd.portal.controller import Controller
from gatewayd.portal.link import BackOff, Link
from gatewayd.portal.mqtt import MqttTransport, Peer
from gatewayd.portal.mqtt_client import NO_SUBSCRIBER, Broker
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.transport import Handled, Incoming, LinkLost
from gatewayd.system.clock import SystemClock
from tests.portal.desk import desk
from tests.portal.paper_broker import CONNECT, PINGREQ, PUBLISH, SUBSCRIBE, PaperBroker, paper_broker
from tests.portal.test_links import office

BOX = "os::012345-box"
DESK = "self::desk"
PEER = Peer(endpoint=DESK, topic="usp/controller/desk", listens="usp/agent/box")


async def nobody(incoming: Incoming) -> Handled:
    """Answers nothing."""
    return Handled(replies=())


def transport(port: int, *peers: Peer, **more: Any) -> MqttTransport:
    """The box's."""
    assigned = more.pop("assigned", lambda _: None)
    told = {"host": "127.0.0.1", "tls": None, "client_id": BOX, "endpoint": BOX, "port": port, **more}
    return MqttTransport(Broker(**told), peers or (PEER,), assigned=assigned)


@asynccontextmanager
async def up(box: MqttTransport) -> AsyncIterator[None]:
    """Connected and subscribed."""
    is_up = asyncio.Event()
    task = asyncio.create_task(box.serve(nobody, is_up.set))
    try:
        await asyncio.wait_for(is_up.wait(), 10)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def lost(box: MqttTransport) -> str:
    """Why the connection did not come about."""
    with pytest.raises(LinkLost) as caught:
        async with asyncio.timeout(10):
            await box.serve(nobody, lambda: None)
    return str(caught.value)


async def until(broker: PaperBroker, kind: int, count: int = 1) -> None:
    """Returns when so many packets of that kind came."""
    async with asyncio.timeout(10):
        while len(broker.all(kind)) < count:
            await asyncio.sleep(0.01)


async def test_11_1_required_profiles(tmp_path: Path) -> None:
    """The objects that a controller needs to see and change how the box reaches its broker."""
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        wanted = usp.GetSupportedDM(obj_paths=["Device.MQTT.", "Device.LocalAgent."], return_params=True)
        answer = await controller.ask(usp.Request(get_supported_dm=wanted))
        found = {
            each.supported_obj_path
            for result in answer.get_supported_dm_resp.req_obj_results
            for each in result.supported_objs
        }
        assert {
            "Device.MQTT.Client.{i}.",
            "Device.MQTT.Client.{i}.Subscription.{i}.",
            "Device.LocalAgent.MTP.{i}.MQTT.",
            "Device.LocalAgent.Controller.{i}.MTP.{i}.MQTT.",
        } <= found
        status = await controller.get("Device.MQTT.Client.1.Status", "Device.LocalAgent.MTP.1.Status")
        assert list(status.values()) == ["Connected", "Up"]


async def test_11_2_session_establishment() -> None:
    async with paper_broker() as broker, up(transport(broker.port)):
        [told] = broker.all(CONNECT)
    assert told.properties["UserProperty"] == [("usp-endpoint-id", BOX)]
    assert told.properties["RequestResponseInformation"] == 1
    assert told.properties["SessionExpiryInterval"] == 7 * 86_400
    assert not told.clean_start


async def test_11_4_client_id_from_the_broker() -> None:
    def assign(properties: Properties) -> None:
        properties.AssignedClientIdentifier = "from-the-broker"

    got: list[str] = []
    async with paper_broker(connack=assign) as broker:
        async with up(transport(broker.port, client_id="", assigned=got.append)):
            pass
        assert broker.all(CONNECT)[0].client_id == ""
    assert got == ["from-the-broker"]


async def test_11_5_client_id_persistence() -> None:
    async with paper_broker() as broker:
        for _ in range(2):
            async with up(transport(broker.port)):
                pass
        assert [told.client_id for told in broker.all(CONNECT)] == [BOX, BOX]


async def test_11_7_keep_alive() -> None:
    async with paper_broker() as broker, up(transport(broker.port, keepalive=1)):
        await until(broker, PINGREQ, 2)
        assert broker.all(CONNECT)[0].keep_alive == 1


async def test_11_8_subscribe() -> None:
    def wanted(properties: Properties) -> None:
        properties.UserProperty = [("subscribe-topic", "by/user/property")]
        properties.ResponseInformation = "by/response/information"

    second = Peer(endpoint="self::clerk", topic="usp/controller/clerk", listens="usp/agent/clerk")
    async with paper_broker(connack=wanted) as broker, up(transport(broker.port, PEER, second)):
        [told] = broker.all(SUBSCRIBE)
    assert {topic for topic, _ in told.topics} == {
        "usp/agent/box",
        "usp/agent/clerk",
        "by/user/property",
        "by/response/information",
    }


async def test_11_9_new_subscription(tmp_path: Path) -> None:
    """Made by the controller itself; what is published there then reaches the box."""
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        await controller.add(
            "Device.MQTT.Client.1.Subscription.", {"Enable": "true", "Topic": "usp/agent/other", "QoS": "1"}
        )
        way = Broker(host="127.0.0.1", port=at.broker.port, tls=None, client_id="b", endpoint=DESK)
        async with Controller(
            way, topic="usp/controller/b", agent=at.box, agent_topic="usp/agent/other"
        ) as other:
            asked = other.message(usp.Request(get=usp.Get(param_paths=["Device.LocalAgent.EndpointID"])))
            async with asyncio.timeout(10):
                while await other.send(other.record(asked)) == NO_SUBSCRIBER:
                    await asyncio.sleep(0.05)
            assert await other.get("Device.LocalAgent.EndpointID")


async def test_11_10_no_topic_in_connack() -> None:
    nowhere = Peer(endpoint=DESK, topic="usp/controller/desk", listens="")
    async with paper_broker() as broker:
        assert "name a topic to listen on" in await lost(transport(broker.port, nowhere))
        assert not broker.all(SUBSCRIBE)
        assert not broker.all(PUBLISH)


async def test_11_11_failure_to_subscribe() -> None:
    async with paper_broker(suback=0x87) as broker:
        assert "does not let us subscribe" in await lost(transport(broker.port))
        assert not broker.all(PUBLISH)


async def test_11_13_qos() -> None:
    async with paper_broker() as broker, up(transport(broker.port)):
        assert broker.all(SUBSCRIBE)[0].topics == (("usp/agent/box", 1),)
        assert broker.all(PUBLISH)[0].qos == 1


async def test_11_14_reply_to_topic() -> None:
    async with paper_broker() as broker, up(transport(broker.port)):
        assert broker.all(PUBLISH)[0].properties["ResponseTopic"] == "usp/agent/box"


async def test_11_15_content_type() -> None:
    async with paper_broker() as broker, up(transport(broker.port)):
        assert broker.all(PUBLISH)[0].properties["ContentType"] == "usp.msg"


async def test_11_17_connect_record_first() -> None:
    async with paper_broker() as broker, up(transport(broker.port)):
        told = broker.all(PUBLISH)[0]
    record = records.parse(told.payload)
    assert told.topic == "usp/controller/desk"
    assert (record.from_id, record.to_id) == (BOX, DESK)
    assert record.mqtt_connect.subscribed_topic == "usp/agent/box"


async def test_11_16_connection_retry() -> None:
    clock = SystemClock("always")
    async with paper_broker(suback=0x87) as broker:
        link = Link(
            transport(broker.port),
            nobody,
            clock=clock,
            bus=Bus(clock),
            back_off=BackOff(first=0.1, factor=2.0, most=0.2),
            came_up=lambda: None,
        )
        task = asyncio.create_task(link.run())
        await until(broker, CONNECT, 4)
        assert link.status.tries >= 4
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert link.status.state == "off"
