"""Bad input through the whole house: a coded problem that names the field, and nothing is changed."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.daemon import DEMO, until
from tests.support.house import OpenHouse, open_house
from tests.support.ts import PacedServer

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
HOME = ("PATCH", "/v1/wifi/networks/home")
SOURCES = ("POST", "/v1/dvr/sources")
RECORDINGS = ("POST", "/v1/dvr/recordings")
MOST = 1024 * 1024
CASES: list[tuple[tuple[str, str], Any, int, str, str | None]] = [
    (HOME, {"ssid": "é" * 17}, 422, "wifi.invalid_ssid", "ssid"),
    (HOME, {"ssid": "x" * 33}, 422, "wifi.invalid_ssid", "ssid"),
    (HOME, {"ssid": ""}, 422, "wifi.invalid_ssid", "ssid"),
    (HOME, {"ssid": "a\nwpa=0"}, 422, "wifi.invalid_ssid", "ssid"),
    (HOME, {"passphrase": "7 chars"}, 422, "wifi.invalid_passphrase", "passphrase"),
    (HOME, {"passphrase": "x" * 65}, 422, "wifi.invalid_passphrase", "passphrase"),
    (HOME, {"ssid": 5}, 422, "request.invalid_field", "ssid"),
    (HOME, {"colour": "red"}, 422, "request.unknown_field", "colour"),
    (SOURCES, {}, 422, "request.missing_field", "kind"),
    (SOURCES, {"kind": "http", "url": ""}, 422, "request.invalid_field", "url"),
    (SOURCES, {"kind": "http", "url": "https://127.0.0.1/v1/info"}, 403, "dvr.forbidden_address", "url"),
    (SOURCES, {"kind": "http", "url": "http://localhost:8443/"}, 403, "dvr.forbidden_address", "url"),
    (SOURCES, {"kind": "http", "url": "http://[::ffff:127.0.0.1]/"}, 403, "dvr.forbidden_address", "url"),
    (SOURCES, {"kind": "carrier-pigeon", "url": "http://192.0.2.1/"}, 422, "request.invalid_field", "kind"),
    (RECORDINGS, {"channel": "nowhere", "duration": 60}, 404, "dvr.channel_not_found", "channel"),
    (RECORDINGS, {"channel": "testcard", "duration": "long"}, 422, "request.invalid_field", "duration"),
    (("POST", "/v1/upkeep/restart"), {"target": "moon"}, 422, "request.invalid_field", "target"),
    (("POST", "/v1/diagnostics/runs"), {"deep": True}, 422, "request.unknown_field", "deep"),
    (("POST", "/v1/access/claim/finish"), {"code": "x"}, 422, "request.invalid_field", "code"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[OpenHouse]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder), DEMO.replace("allow_loopback = true", "")) as made:
            yield made


async def state(session: aiohttp.ClientSession) -> list[Any]:
    """What a household would miss if it changed."""
    found = []
    for path in (
        "/v1/wifi/networks",
        "/v1/wifi/changes",
        "/v1/dvr/sources",
        "/v1/dvr/recordings",
        "/v1/jobs",
    ):
        async with session.get(path) as response:
            assert response.status == 200
            found.append(await response.json())
    return found


@pytest.mark.parametrize(("route", "body", "status", "code", "field"), CASES)
async def test_a_coded_problem_and_no_change(
    house: OpenHouse, route: tuple[str, str], body: Any, status: int, code: str, field: str | None
) -> None:
    async with house.http(house.token) as session:
        before = await state(session)
        async with session.request(*route, json=body) as response:
            problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["code"], problem.get("field")) == (status, code, field), problem
        assert "7 chars" not in problem["detail"]
        assert await state(session) == before


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "request.malformed"),
        (b"[]", 400, "request.malformed"),
        (b"\xff\xfe{}", 400, "request.malformed"),
        (b'{"ssid":' * 5000, 400, "request.malformed"),
        (b'{"ssid": "' + b"x" * (MOST + 1) + b'"}', 413, "request.too_large"),
    ],
)
async def test_bodies_that_are_no_request(house: OpenHouse, content: bytes, status: int, code: str) -> None:
    async with house.http(house.token) as session:
        before = await state(session)
        headers = {"Content-Type": "application/json"}
        async with session.request(*HOME, data=io.BytesIO(content), headers=headers) as response:
            problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["code"]) == (status, code)
        assert await state(session) == before


async def test_a_garbage_stream_ends_with_a_named_error_and_the_daemon_lives() -> None:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with (
            PacedServer() as server,
            open_house(Path(folder)) as house,
            house.http(house.token) as session,
        ):
            server.mood = "noise"
            async with session.post("/v1/dvr/sources", json={"kind": "http", "url": server.url}) as response:
                assert response.status == 201
            async with session.get("/v1/dvr/channels") as response:
                channels = (await response.json())["items"]
            (name,) = [channel["id"] for channel in channels if channel["id"] != "testcard"]
            body = {"channel": name, "duration": 3}
            async with session.post("/v1/dvr/recordings", json=body) as response:
                item = (await response.json())["id"]

            async def failed() -> dict[str, Any] | None:
                async with session.get(f"/v1/dvr/recordings/{item}") as response:
                    found: dict[str, Any] = await response.json()
                return found if found["state"] == "failed" else None

            whole = await until(failed, 40)
            assert whole["bytes"] == 0
            async with session.get("/v1/dvr/channels") as response:
                (channel,) = [one for one in (await response.json())["items"] if one["id"] == name]
            assert channel["error"]["code"] == "dvr.not_a_transport_stream"


async def test_a_playlist_that_is_a_page(house: OpenHouse) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>" + "no playlist " * 1000, content_type="text/html")

    app = web.Application()
    app.router.add_get("/list.m3u", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
            async with open_house(Path(folder)) as open_one, open_one.http(open_one.token) as session:
                body = {"kind": "m3u", "url": f"http://127.0.0.1:{port}/list.m3u"}
                async with session.post("/v1/dvr/sources", json=body) as response:
                    problem = await response.json(content_type=None)
                assert response.status == 422, problem
                assert problem["code"].startswith("dvr.")
                async with session.get("/v1/dvr/sources") as response:
                    assert [one["id"] for one in (await response.json())["items"]] in ([], ["testcard"])
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
