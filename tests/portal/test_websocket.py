"""The WebSocket client against an independent server: the `websockets` package."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gatewayd.events import Bus
from gatewayd.portal import records
from gatewayd.portal.identity import urn_of
from gatewayd.portal.link import BackOff, Link
from gatewayd.portal.transport import Handled, Incoming, LinkLost
from gatewayd.portal.websocket import Server, WebSocketTransport
from gatewayd.system.clock import SystemClock
from tests.portal.broker import Authority

BOX = "uuid::11111111-2222-3333-4444-555555555555"
DESK = "self::desk"
Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def controller(
    talk: Talk, *, tls: ssl.SSLContext | None = None, protocols: tuple[str, ...] = ("v1.usp",)
) -> AsyncIterator[int]:
    """A server that runs `talk` on each connection; its port."""
    named = [Subprotocol(name) for name in protocols] or None
    async with serve(talk, "127.0.0.1", 0, subprotocols=named, ssl=tls) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def echo(incoming: Incoming) -> Handled:
    """Sends back what came, marked; junk is not readable."""
    if incoming.record == b"junk":
        return Handled(replies=(), readable=False)
    vouched = b"+" if incoming.vouches(DESK) and not incoming.vouches("self::clerk") else b"-"
    return Handled(replies=(vouched + incoming.record,))


def transport_at(port: int, tls: ssl.SSLContext | None = None) -> WebSocketTransport:
    """To that port."""
    return WebSocketTransport(
        Server(host="127.0.0.1", port=port, path="/usp", tls=tls, controller=DESK, endpoint=BOX)
    )


async def ended(transport: WebSocketTransport) -> str:
    """Serves until the connection ends: why."""
    with pytest.raises(LinkLost) as caught:
        async with asyncio.timeout(10):
            await transport.serve(echo, lambda: None)
    return str(caught.value)


async def test_7_12_says_who_it_is_and_answers_also_what_comes_in_fragments() -> None:
    answers: list[object] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        answers.append(connection.request.path)
        answers.append(await connection.recv())
        await connection.send(b"whole")
        answers.append(await connection.recv())
        await connection.send([b"in ", b"three ", b"parts"])
        answers.append(await connection.recv())

    async with controller(talk) as port:
        assert await ended(transport_at(port)) == "the connection ended: 1000"
    path, hello, *rest = answers
    assert path == "/usp?eid=uuid::11111111-2222-3333-4444-555555555555"
    assert isinstance(hello, bytes)
    assert records.parse(hello).WhichOneof("record_type") == "websocket_connect"
    assert records.parse(hello).from_id == BOX
    assert rest == [b"+whole", b"+in three parts"]


@pytest.mark.parametrize("junk", [b"junk", "text"])
async def test_7_6_junk_closes_with_1003(junk: bytes | str) -> None:
    codes: list[int | None] = []

    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(junk)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        codes.append(connection.close_code)

    async with controller(talk) as port:
        assert await ended(transport_at(port)) == "the controller sent what is no Record"
    assert codes == [1003]


async def test_7_1_another_protocol_is_no_link() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with controller(talk, protocols=()) as port:
        assert "v1.usp" in await ended(transport_at(port))


async def test_sends_when_it_is_up_and_not_before() -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()

    async def talk(connection: ServerConnection) -> None:
        async for message in connection:
            heard.put_nowait(message)

    async with controller(talk) as port:
        transport = transport_at(port)
        assert not await transport.send(DESK, b"early")
        up = asyncio.Event()
        task = asyncio.create_task(transport.serve(echo, up.set))
        await asyncio.wait_for(up.wait(), 5)
        assert await transport.send(DESK, b"now")
        assert not await transport.send("self::clerk", b"wrong one")
        await heard.get()
        assert await heard.get() == b"now"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_7_9_certificates(tmp_path: Path) -> None:
    """The controller proves who it is: by the authority, and by the endpoint in its certificate."""
    ours = await asyncio.to_thread(Authority, tmp_path / "ca")
    foreign = await asyncio.to_thread(Authority, tmp_path / "foreign", "Somebody else")

    async def talk(connection: ServerConnection) -> None:
        await connection.recv()

    own = ours.client("box", uris=[urn_of(BOX)])
    async with controller(talk, tls=ours.server("desk", uris=[urn_of(DESK)])) as port:
        assert await ended(transport_at(port, own)) == "the connection ended: 1000"
        assert "certificate is not accepted" in await ended(transport_at(port, foreign.client("box")))
        no_proof = ssl.create_default_context(cadata=ours.pem)
        assert await ended(transport_at(port, no_proof)) != "the connection ended: 1000"
    async with controller(talk, tls=ours.server("clerk", uris=[urn_of("self::clerk")])) as port:
        assert "another endpoint" in await ended(transport_at(port, own))


async def test_7_2_one_session_only() -> None:
    """A link serves one connection; the next begins when that has ended."""
    now, most = 0, 0

    async def talk(connection: ServerConnection) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await connection.recv()
        await asyncio.sleep(0.05)
        now -= 1

    async with controller(talk) as port:
        clock = SystemClock("always")
        link = Link(
            transport_at(port),
            echo,
            clock=clock,
            bus=Bus(clock),
            back_off=BackOff(first=0.1, factor=1.0, most=0.1),
            came_up=lambda: None,
        )
        task = asyncio.create_task(link.run())
        async with asyncio.timeout(10):
            while link.status.tries < 4:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert most == 1


async def test_7_4_closing() -> None:
    """Who ends the link says goodbye: a close frame with 1000."""
    closed: asyncio.Queue[int | None] = asyncio.Queue()

    async def talk(connection: ServerConnection) -> None:
        await connection.wait_closed()
        closed.put_nowait(connection.close_code)

    async with controller(talk) as port:
        up = asyncio.Event()
        task = asyncio.create_task(transport_at(port).serve(echo, up.set))
        await asyncio.wait_for(up.wait(), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.wait_for(closed.get(), 5) == 1000


async def test_7_7_ping_and_pong() -> None:
    """The server's ping is answered while the box works."""

    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        async with asyncio.timeout(5):
            await (await connection.ping())

    async with controller(talk) as port:
        assert await ended(transport_at(port)) == "the connection ended: 1000"


async def test_7_11_no_extension_in_the_answer() -> None:
    """The server names no `bbf-usp-protocol`: the link is good all the same."""
    heads: list[str | None] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.response is not None
        heads.append(connection.response.headers.get("Sec-WebSocket-Extensions"))
        await connection.recv()

    async with controller(talk) as port:
        assert await ended(transport_at(port)) == "the connection ended: 1000"
    assert heads == [None]
