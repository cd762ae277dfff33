"""Events over the WebSocket: resumed, filtered, bounded, ended."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.api import Api, LampsChanged, Noted, open_api

OWNER = {"Authorization": "Bearer owner"}


async def listen(api: Api, query: str = "", role: str = "owner") -> aiohttp.ClientWebSocketResponse:
    """A reader; it is subscribed when this returns."""
    return await api.https.ws_connect(f"{api.url}/v1/events{query}", headers=api.as_role(role))


async def heard(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next frame."""
    frame: dict[str, Any] = await socket.receive_json(timeout=5)
    return frame


async def test_a_reader_hears_what_happens(api: Api) -> None:
    async with await listen(api) as socket:
        event = api.core.bus.publish(Noted(text="hello"))
        frame = await heard(socket)
    assert frame == {
        "epoch": api.core.bus.epoch,
        "seq": event.seq,
        "time": frame["time"],
        "type": "box.noted",
        "data": {"text": "hello"},
    }
    assert frame["time"].endswith("Z")


async def test_the_socket_hears_too(api: Api) -> None:
    async with api.local.ws_connect("http://box/v1/events?topics=box.*") as socket:
        api.core.bus.publish(LampsChanged(count=1))
        api.core.bus.publish(Noted(text="hello"))
        assert (await heard(socket))["data"] == {"text": "hello"}


async def test_a_reader_resumes_where_it_was(api: Api) -> None:
    bus = api.core.bus
    for number in range(3):
        bus.publish(LampsChanged(count=number))
    async with await listen(api, f"?since=1&epoch={bus.epoch}&topics=wifi.*,jobs.*") as socket:
        assert [(await heard(socket))["data"]["count"] for _ in range(2)] == [1, 2]
        bus.publish(Noted(text="not asked for"))
        bus.publish(LampsChanged(count=9))
        assert (await heard(socket))["data"]["count"] == 9


@pytest.mark.parametrize("query", ["?since=1&epoch=another", "?since=99"])
async def test_another_epoch_is_a_gap(api: Api, query: str) -> None:
    api.core.bus.publish(Noted(text="old"))
    async with await listen(api, query) as socket:
        frame = await heard(socket)
    assert (frame["type"], frame["data"], frame["epoch"]) == ("gap", {"missed": None}, api.core.bus.epoch)


async def test_only_what_one_may_hear_is_told(api: Api) -> None:
    async with await listen(api, "?topics=*", role="viewer") as socket:
        api.core.bus.publish(LampsChanged(count=1))
        api.core.bus.publish(Noted(text="for all"))
        assert (await heard(socket))["type"] == "box.noted"


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("", {}, 401, "access.unauthenticated"),
        ("", {"Authorization": "Bearer stale"}, 401, "access.unauthenticated"),
        ("", OWNER, 426, "request.upgrade_required"),
        ("?since=-1", OWNER, 422, "request.invalid_field"),
        ("?since=x", OWNER, 422, "request.invalid_field"),
        ("?since=1&since=2", OWNER, 422, "request.invalid_field"),
        ("?topics=" + "a.*," * 33, OWNER, 422, "request.invalid_field"),
        ("?topics=[a-z]", OWNER, 422, "request.invalid_field"),
        ("?unknown=1", OWNER, 422, "request.unknown_field"),
    ],
)
async def test_refusals(api: Api, query: str, headers: dict[str, str], status: int, code: str) -> None:
    async with api.https.get(f"{api.url}/v1/events{query}", headers=headers) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (status, code)
        assert status != 426 or response.headers["Upgrade"] == "websocket"


async def test_a_revoked_session_hears_no_more(tmp_path: Path) -> None:
    async with open_api(tmp_path, recheck=0.05) as api:
        other = await listen(api, role="member")
        async with await listen(api) as socket:
            api.authenticator.revoked.add("session:owner")
            message = await socket.receive(timeout=5)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        api.core.bus.publish(Noted(text="still here"))
        assert (await heard(other))["data"] == {"text": "still here"}
        await other.close()


async def test_a_slow_reader_gets_a_gap_and_holds_up_nobody(tmp_path: Path) -> None:
    async with open_api(tmp_path, queue=16) as api:
        slow, quick = await listen(api), await listen(api)
        assert slow._response is not None
        connection = slow._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        big = "x" * 100_000
        for number in range(200):
            api.core.bus.publish(Noted(text=f"{number} {big}"))
            assert (await heard(quick))["data"]["text"].startswith(f"{number} ")
        connection.transport.resume_reading()
        kinds: list[str] = []
        while not kinds or not kinds[-1].startswith("199 "):
            frame = await heard(slow)
            kinds.append("gap" if frame["type"] == "gap" else frame["data"]["text"][:5])
        assert "gap" in kinds
        await slow.close()
        await quick.close()


async def test_a_reader_that_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    async with open_api(tmp_path, stalled=0.3) as api:
        stuck = await listen(api)
        assert stuck._response is not None
        connection = stuck._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        for _ in range(200):
            api.core.bus.publish(Noted(text="x" * 100_000))
        while api.core.bus._readers:
            await asyncio.sleep(0.05)
        connection.transport.abort()
        await stuck.close()


async def test_a_dead_reader_is_noticed(tmp_path: Path) -> None:
    async with open_api(tmp_path, ping=0.2) as api:
        silent = await api.https.ws_connect(f"{api.url}/v1/events", headers=OWNER, autoping=False)
        message = await silent.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.PING
        while api.core.bus._readers:
            await asyncio.sleep(0.02)
        await silent.close()


async def test_a_talking_reader_is_told_off(api: Api) -> None:
    async with await listen(api) as socket:
        await socket.send_str("hello?")
        message = await socket.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1003)


async def test_the_daemon_says_goodbye(tmp_path: Path) -> None:
    async with open_api(tmp_path) as api:
        socket = await listen(api)
        closing = asyncio.create_task(api.server.close())
        message = await socket.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        await closing


async def test_a_revoked_reader_that_takes_nothing_gives_its_place_back(tmp_path: Path) -> None:
    async with open_api(tmp_path, stalled=600.0, recheck=0.05) as api:
        reader, writer = await asyncio.open_unix_connection(str(api.socket))
        api.server.callers.still_valid = lambda caller: caller.id not in api.authenticator.revoked  # type: ignore[method-assign]
        writer.write(
            b"GET /v1/events HTTP/1.1\r\nHost: box\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in await reader.readline()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not api.core.bus._readers:
            await asyncio.sleep(0.01)
        for _ in range(200):
            api.core.bus.publish(Noted(text="x" * 100_000))
        await asyncio.sleep(0.2)
        api.authenticator.revoked.add(f"uid:{os.geteuid()}")
        async with asyncio.timeout(30):
            while api.server.connections:
                await asyncio.sleep(0.05)
        writer.transport.abort()
