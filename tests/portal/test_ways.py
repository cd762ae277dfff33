"""A whole box over its other way out, and under a rain of junk: the link stays up and answers."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from gatewayd.callers import INTERNAL
from gatewayd.portal import records
from gatewayd.portal.schema import usp_msg_pb2 as usp
from tests.portal.desk import DESK, desk
from tests.portal.test_links import office
from tests.support.house import open_house

JUNK = 300


async def test_over_a_websocket(tmp_path: Path) -> None:
    """The box calls the controller: it answers the controller, and nobody who only takes its name."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    calls: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def talk(connection: ServerConnection) -> None:
        calls.put_nowait(connection)
        async for message in connection:
            assert isinstance(message, bytes)
            heard.put_nowait(message)

    async with (
        serve(talk, "127.0.0.1", 0, subprotocols=[Subprotocol("v1.usp")]) as server,
        open_house(tmp_path) as house,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"ws://127.0.0.1:{port}/usp"
        answer = await house.registry.dispatch(
            "portal.configure",
            {"enabled": True, "controllers": [{"endpoint_id": DESK, "url": url}]},
            INTERNAL,
        )
        box = msgspec.json.decode(answer.body)["endpoint_id"]
        async with asyncio.timeout(20):
            connection = await calls.get()
            hello = records.parse(await heard.get())
            assert (hello.WhichOneof("record_type"), hello.from_id) == ("websocket_connect", box)

            def get(identifier: str) -> bytes:
                message = usp.Msg(header=usp.Header(msg_id=identifier, msg_type="GET"))
                message.body.request.get.param_paths.append("Device.LocalAgent.EndpointID")
                return records.serialise(message)

            await connection.send(records.wrap(get("stolen"), to=box, sender="self::clerk"))
            await connection.send(records.wrap(get("own"), to=box, sender=DESK))
            reply = records.parse(await heard.get())
            message = records.parse_message(reply.no_session_context.payload)
            assert message.header.msg_id == "own"
            await connection.send(b"\xff junk")
            await connection.wait_closed()
            assert connection.close_code == 1003
        log = await house.registry.dispatch("portal.log", {}, INTERNAL)
        refused = [item["controller"] for item in msgspec.json.decode(log.body)["items"]]
        assert refused == ["self::clerk"]


async def test_junk_does_not_end_the_link(tmp_path: Path) -> None:
    dice = random.Random(469)
    async with office(tmp_path) as at, desk(at.broker.port, at.box) as controller:
        asked = controller.message(usp.Request(get=usp.Get(param_paths=["Device.LocalAgent."])))
        good = controller.record(asked)
        for _ in range(JUNK):
            junk = bytearray(good)
            for _ in range(dice.randint(1, 8)):
                junk[dice.randrange(len(junk))] = dice.randrange(256)
            await controller.send(bytes(junk[: dice.randint(0, len(junk))]))
        assert await controller.get("Device.LocalAgent.EndpointID")
        [link] = (await at.call("portal.get"))["links"]
        assert (link["state"], link["tries"]) == ("up", 1)
