"""Messages between our processes: typed, checked, hostile frames survived."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.errors import GatewayError
from gatewayd.system import rpc


class Add(msgspec.Struct, tag=True, frozen=True):
    left: int
    right: int


class Wait(msgspec.Struct, tag=True, frozen=True):
    seconds: float


class Break(msgspec.Struct, tag=True, frozen=True):
    known: bool


async def handle(message: Add | Wait | Break) -> int:
    match message:
        case Add(left, right):
            return left + right
        case Wait(seconds):
            await asyncio.sleep(seconds)
            return 0
        case Break(known):
            if known:
                raise GatewayError("wifi.network_not_found", "no such thing", field="network")
            raise ZeroDivisionError


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[rpc.Server]:
    made = rpc.Server(tmp_path / "s", Add | Wait | Break, handle, uids=frozenset({os.geteuid()}))
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def client(tmp_path: Path, server: rpc.Server) -> AsyncIterator[rpc.Client]:
    made = rpc.Client(tmp_path / "s", timeout=5)
    yield made
    await made.close()


async def test_calls_run_side_by_side(client: rpc.Client) -> None:
    slow = asyncio.create_task(client.call(Wait(0.2), int))
    assert await client.call(Add(2, 3), int) == 5
    assert not slow.done()
    assert await slow == 0


@pytest.mark.parametrize(("known", "code"), [(True, "wifi.network_not_found"), (False, "helper.refused")])
async def test_errors_cross_the_socket(client: rpc.Client, known: bool, code: str) -> None:
    with pytest.raises(GatewayError) as caught:
        await client.call(Break(known), int)
    assert caught.value.code == code
    assert await client.call(Add(1, 1), int) == 2


async def test_no_answer_in_time(client: rpc.Client) -> None:
    with pytest.raises(GatewayError) as caught:
        await client.call(Wait(5), int, timeout=0.05)
    assert caught.value.code == "helper.unavailable"
    assert await client.call(Add(1, 1), int) == 2


async def test_the_client_comes_back_after_the_server_did(tmp_path: Path) -> None:
    client = rpc.Client(tmp_path / "s", timeout=2)
    with pytest.raises(GatewayError) as caught:
        await client.call(Add(1, 1), int)
    assert caught.value.code == "helper.unavailable"
    for _ in range(2):
        server = rpc.Server(tmp_path / "s", Add | Wait | Break, handle, uids=frozenset({os.geteuid()}))
        await server.start()
        assert await client.call(Add(1, 1), int) == 2
        waiting = asyncio.create_task(client.call(Wait(5), int))
        await asyncio.sleep(0.05)
        await server.close()
        with pytest.raises(GatewayError) as caught:
            await waiting
        assert caught.value.code == "helper.unavailable"
    await client.close()


async def test_pushes_and_their_end(client: rpc.Client, server: rpc.Server) -> None:
    assert await client.call(Add(1, 1), int) == 2
    server.push("one")
    server.push("two")
    pushes = client.pushes(str)
    assert [await anext(pushes), await anext(pushes)] == ["one", "two"]
    await server.close()
    with pytest.raises(StopAsyncIteration):
        await anext(pushes)


async def test_a_foreign_uid_is_not_heard(tmp_path: Path) -> None:
    server = rpc.Server(tmp_path / "s", Add | Wait | Break, handle, uids=frozenset({os.geteuid() + 1}))
    await server.start()
    client = rpc.Client(tmp_path / "s", timeout=2)
    with pytest.raises(GatewayError) as caught:
        await client.call(Add(1, 1), int)
    assert caught.value.code == "helper.unavailable"
    await client.close()
    await server.close()


@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_no_bytes_stop_the_server(tmp_path: Path, chunks: list[bytes], framed: bool) -> None:
    server = rpc.Server(tmp_path / "s", Add | Wait | Break, handle, uids=frozenset({os.geteuid()}))
    await server.start()
    _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    for chunk in chunks:
        writer.write(struct.pack(">I", len(chunk)) + chunk if framed else chunk)
    writer.write_eof()
    writer.close()
    client = rpc.Client(tmp_path / "s", timeout=5)
    assert await client.call(Add(1, 2), int) == 3
    await client.close()
    await server.close()


async def test_a_frame_over_the_limit_ends_only_its_connection(tmp_path: Path, client: rpc.Client) -> None:
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    writer.write(struct.pack(">I", rpc.MAX_FRAME + 1))
    assert await reader.read() == b""
    writer.close()
    assert await client.call(Add(1, 2), int) == 3
