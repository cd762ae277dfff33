"""Calls that nobody waits for any more: which of them end at the other side, and which go on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from gatewayd.errors import GatewayError
from gatewayd.system.rpc import Client, Server


class Look(msgspec.Struct, tag="look"):
    """Only looks."""

    name: str


class Change(msgspec.Struct, tag="change"):
    """Changes something."""

    name: str


class Helper:
    """Notes what began, what was done and what was ended."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.go_on = asyncio.Event()

    async def handle(self, verb: Look | Change) -> str:
        self.log.append(f"begun {verb.name}")
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.log.append(f"ended {verb.name}")
            raise
        self.log.append(f"done {verb.name}")
        return verb.name

    async def saw(self, line: str) -> None:
        async with asyncio.timeout(5):
            while line not in self.log:
                await asyncio.sleep(0.01)


async def test_what_only_looks_ends_with_its_caller_and_the_rest_goes_on(tmp_path: Path) -> None:
    helper = Helper()
    path = tmp_path / "helper.sock"
    server = Server(path, Look | Change, helper.handle, uids=frozenset({os.getuid()}), endable=(Look,))
    await server.start()
    client = Client(path)
    calls = {
        verb.name: asyncio.create_task(client.call(verb, str))
        for verb in (Look("one"), Look("two"), Change("three"))
    }
    for name in calls:
        await helper.saw(f"begun {name}")
    for name in ("one", "three"):
        calls[name].cancel()
    await helper.saw("ended one")
    helper.go_on.set()
    assert await calls["two"] == "two"
    await helper.saw("done three")
    assert sorted(helper.log[3:]) == ["done three", "done two", "ended one"]
    with pytest.raises(asyncio.CancelledError):
        await calls["one"]
    assert await client.call(Look("four"), str) == "four", "the connection is still good"
    await client.close()
    await server.close()


async def test_a_call_given_up_before_it_began_never_begins(tmp_path: Path) -> None:
    helper = Helper()
    path = tmp_path / "helper.sock"
    server = Server(path, Look | Change, helper.handle, uids=frozenset({os.getuid()}), endable=(Look,))
    await server.start()
    client = Client(path)
    await client.connect()
    call = asyncio.create_task(client.call(Look("one"), str))
    await asyncio.sleep(0)  # it is on its way, and so is what follows
    call.cancel()
    helper.go_on.set()
    assert await client.call(Look("two"), str) == "two"
    assert "done one" not in helper.log
    await client.close()
    await server.close()


async def test_a_call_that_only_took_too_long_is_not_ended(tmp_path: Path) -> None:
    """Who lost patience may ask again what became of it: what was begun is not torn down on the way."""
    helper = Helper()
    path = tmp_path / "helper.sock"
    server = Server(path, Look | Change, helper.handle, uids=frozenset({os.getuid()}), endable=(Look,))
    await server.start()
    client = Client(path)
    with pytest.raises(GatewayError, match="unavailable"):
        await client.call(Look("one"), str, timeout=0.2)
    helper.go_on.set()
    await helper.saw("done one")
    await client.close()
    await server.close()
