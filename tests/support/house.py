"""The whole demo inside the test's own event loop: nothing is faked but the doors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from gatewayd import places
from gatewayd.app import House, Options
from gatewayd.callers import INTERNAL
from gatewayd.operations import Registry
from gatewayd.settings import parse
from tests.support.daemon import DEMO
from tests.support.ports import free_port


class OpenHouse:
    """A running house with a client for each way in; `token` is an owner's."""

    def __init__(self, house: House, registry: Registry, port: int, api: Path, token: str) -> None:
        self.house = house
        self.registry = registry
        self.token = token
        self.base = f"https://localhost:{port}"
        self.api = api

    def http(self, token: str | None = None) -> aiohttp.ClientSession:
        """A session over TLS, with that token or none."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return aiohttp.ClientSession(self.base, connector=aiohttp.TCPConnector(ssl=False), headers=headers)

    def socket(self) -> aiohttp.ClientSession:
        """A session over the Unix socket."""
        return aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(str(self.api)))


@asynccontextmanager
async def open_house(folder: Path, config: str = DEMO) -> AsyncIterator[OpenHouse]:
    """Starts the demo under `folder`, claims it, and ends it."""
    settings = parse(config)
    where = places.find(demo=True, state_dir=folder, socket=None, media=settings.dvr.folder)
    port = free_port()
    house = House(Options(demo=True, state_dir=folder, port=port), settings, where)
    living = asyncio.create_task(house.live())
    waiting = asyncio.create_task(house.ready.wait())
    try:
        async with asyncio.timeout(30):
            await asyncio.wait([living, waiting], return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            living.result()
        assert house.registry is not None
        opened = await house.registry.dispatch("access.pairing.open", {}, INTERNAL)
        code = msgspec.json.decode(opened.body)["code"]
        claimed = await house.registry.dispatch(
            "access.claim.finish", {"code": code, "label": "Test"}, INTERNAL
        )
        token = msgspec.json.decode(claimed.body)["token"]
        yield OpenHouse(house, house.registry, port, where.api_socket, token)
    finally:
        waiting.cancel()
        house.stop()
        await living
