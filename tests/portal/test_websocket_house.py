"""A whole box on a controller's WebSocket server (the `websockets` package): a day without any broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from gatewayd.portal import records
from gatewayd.portal.schema import usp_msg_pb2 as usp
from tests.portal.desk import DESK
from tests.portal.test_links import Office
from tests.support.house import open_house

ACCESS = "Device.WiFi.AccessPoint.1."


class Server:
    """The controller: asks over the box's own connection, and keeps what the box notifies."""

    def __init__(self, connection: ServerConnection, box: str) -> None:
        self._connection = connection
        self._box = box
        self._asked: dict[str, asyncio.Future[usp.Msg]] = {}
        self.heard: asyncio.Queue[usp.Notify] = asyncio.Queue()

    async def listen(self) -> None:
        """Until the connection ends."""
        async for data in self._connection:
            assert isinstance(data, bytes)
            record = records.parse(data)
            if record.WhichOneof("record_type") != "no_session_context":
                continue
            message = records.parse_message(record.no_session_context.payload)
            if message.body.request.HasField("notify"):
                self.heard.put_nowait(message.body.request.notify)
            elif message.header.msg_id in self._asked:
                self._asked[message.header.msg_id].set_result(message)

    async def ask(self, kind: str, **request: Any) -> usp.Response:
        """The response to a request."""
        message = usp.Msg(body=usp.Body(request=usp.Request(**request)))
        message.header.msg_id = f"w{len(self._asked)}"
        message.header.msg_type = getattr(usp.Header, kind)
        answer: asyncio.Future[usp.Msg] = asyncio.get_running_loop().create_future()
        self._asked[message.header.msg_id] = answer
        data = records.wrap(message.SerializeToString(), to=self._box, sender=DESK)
        await self._connection.send([data[:7], data[7:]])  # in fragments, as a server may
        async with asyncio.timeout(20):
            return (await answer).body.response

    async def notified(self) -> usp.Notify:
        """The next notification."""
        async with asyncio.timeout(20):
            return await self.heard.get()


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[tuple[Office, Server]]:
    """A house whose only controller is behind a WebSocket, and that controller at work."""
    came: asyncio.Queue[Server] = asyncio.Queue()
    async with open_house(folder) as house:
        at = Office(house, None, "")  # type: ignore[arg-type]
        box = (await at.call("portal.get"))["endpoint_id"]

        async def talk(connection: ServerConnection) -> None:
            server = Server(connection, box)
            came.put_nowait(server)
            await server.listen()

        async with serve(talk, "127.0.0.1", 0, subprotocols=[Subprotocol("v1.usp")]) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            await at.call("privacy.settings.update", share={"network": True, "diagnostics": True})
            url = f"ws://127.0.0.1:{port}/usp"
            controllers = [{"endpoint_id": DESK, "url": url}]
            await at.call("portal.configure", enabled=True, controllers=controllers)
            await at.linked()
            yield at, await came.get()


async def test_a_day_without_a_broker(tmp_path: Path) -> None:
    async with working(tmp_path) as (at, server):
        got = await server.ask("GET", get=usp.Get(param_paths=["Device.LocalAgent.SupportedProtocols"]))
        [result] = got.get_resp.req_path_results
        assert "WebSocket" in result.resolved_path_results[0].result_params["SupportedProtocols"]

        change = usp.Set()
        update = change.update_objs.add(obj_path=f"{ACCESS}Security.")
        update.param_settings.add(param="KeyPassphrase", value="over a web socket", required=True)
        await server.ask("SET", set=change)
        revealed = await at.call("wifi.networks.reveal", network="home")
        assert revealed["passphrase"] == "over a web socket"

        wanted = usp.Add()
        for name, kind, reference in (
            ("ends", "OperationComplete", "Device.IP.Diagnostics."),
            ("names", "ValueChange", "Device.WiFi.SSID.1.SSID"),
        ):
            made = wanted.create_objs.add(obj_path="Device.LocalAgent.Subscription.")
            for param, value in (
                ("Enable", "true"),
                ("ID", name),
                ("NotifType", kind),
                ("ReferenceList", reference),
            ):
                made.param_settings.add(param=param, value=value, required=True)
        await server.ask("ADD", add=wanted)
        ping = usp.Operate(command="Device.IP.Diagnostics.IPPing()", command_key="ping", send_resp=True)
        ping.input_args["Host"] = "box.example"
        told = await server.ask("OPERATE", operate=ping)
        assert told.operate_resp.operation_results[0].req_obj_path.startswith("Device.LocalAgent.Request.")
        complete = (await server.notified()).oper_complete
        assert complete.req_output_args.output_args["SuccessCount"] == "10"

        await at.watched(2)
        await at.call("wifi.networks.update", network="home", ssid="Told over a socket")
        notify = await server.notified()
        assert notify.value_change.param_value == "Told over a socket"
