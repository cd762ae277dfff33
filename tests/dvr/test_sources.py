"""Sources and channels through the operations, playlists over real HTTP on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gatewayd.dvr.playlist import MOST_BYTES
from gatewayd.errors import GatewayError
from tests.dvr.home import Home, open_home

LIST = '#EXTM3U\n#EXTINF:-1 tvg-chno="1",One\none.ts\n#EXTINF:-1,One\ntwo.ts\n#EXTINF:-1,Radio\nrtmp://h/3\n'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[str]:
    """A web server on loopback whose every address is answered by `handler`; yields its base address."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def good(request: web.Request) -> web.Response:
    return web.Response(text=LIST, content_type="audio/x-mpegurl")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, tmp_path / "no.sock") as home:
        yield home


async def test_a_playlist_becomes_channels(home: Home) -> None:
    async with serve(good) as base:
        source = await home.call("sources.add", kind="m3u", url=f"{base}/tv/all.m3u", name="House")
    assert (source["name"], source["channels"], source["skipped"]) == ("House", 2, 1)
    channels = (await home.call("channels.list"))["items"]
    assert [(c["id"], c["name"], c["number"]) for c in channels] == [
        ("one", "One", "1"),
        ("one-2", "One", None),
        ("testcard", "Test card", None),
    ]
    assert (await home.call("sources.list"))["items"][1] == source
    await home.call("sources.remove", source=source["id"])
    assert [c["id"] for c in (await home.call("channels.list"))["items"]] == ["testcard"]


async def test_one_address_is_one_channel_and_its_password_stays_inside(home: Home) -> None:
    source = await home.call("sources.add", kind="http", url="http://me:secret@192.0.2.7/ts")
    assert (source["url"], source["channels"]) == ("http://192.0.2.7/ts", 1)
    assert "secret" not in str(await home.call("sources.list"))
    assert (await home.call("channels.list"))["items"][0]["id"] == "192-0-2-7"


async def test_channels_come_in_pages(home: Home) -> None:
    async with serve(good) as base:
        await home.call("sources.add", kind="m3u", url=base)
    first = await home.call("channels.list", limit=2)
    rest = await home.call("channels.list", limit=2, cursor=first["next"])
    assert [c["id"] for c in first["items"] + rest["items"]] == ["one", "one-2", "testcard"]
    assert rest["next"] is None


async def test_a_source_that_recordings_need_stays(home: Home) -> None:
    source = await home.call("sources.add", kind="http", url="http://192.0.2.7/", name="One")
    item = await home.call("recordings.create", channel="one", duration=60)
    with pytest.raises(GatewayError, match=r"dvr\.source_in_use"):
        await home.call("sources.remove", source=source["id"])
    await home.call("recordings.delete", recording=item["id"])
    await home.call("sources.remove", source=source["id"])


async def test_without_the_test_card_there_is_none(tmp_path: Path) -> None:
    async with open_home(tmp_path, tmp_path / "no.sock", testcard=False) as home:
        assert (await home.call("sources.list"))["items"] == []
        with pytest.raises(GatewayError, match=r"dvr\.channel_not_found"):
            await home.call("recordings.create", channel="testcard", duration=60)


async def html(request: web.Request) -> web.Response:
    return web.Response(text="<html>log in</html>", content_type="text/html")


async def empty(request: web.Request) -> web.Response:
    return web.Response()


async def missing(request: web.Request) -> web.Response:
    return web.Response(status=404)


async def huge(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(MOST_BYTES // 65_536 + 2):
        await answer.write(b"#" * 65_536)
    return answer


async def around(request: web.Request) -> web.Response:
    raise web.HTTPFound(request.path + "x")


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (html, "dvr.playlist_invalid"),
        (empty, "dvr.playlist_invalid"),
        (missing, "dvr.source_http_status"),
        (huge, "dvr.playlist_too_large"),
        (around, "dvr.source_unreachable"),
    ],
)
async def test_a_bad_playlist_is_named_and_adds_nothing(home: Home, handler: Handler, code: str) -> None:
    async with serve(handler) as base:
        with pytest.raises(GatewayError) as refused:
            await home.call("sources.add", kind="m3u", url=f"{base}/x")
    assert (refused.value.code, refused.value.field) == (code, "url")
    assert len((await home.call("sources.list"))["items"]) == 1


async def test_nobody_listening_is_named(home: Home) -> None:
    with pytest.raises(GatewayError, match=r"dvr\.source_unreachable"):
        await home.call("sources.add", kind="m3u", url="http://127.0.0.1:9/")


@pytest.mark.parametrize("kind", ["http", "m3u"])
@pytest.mark.parametrize("host", ["127.0.0.1:8443", "localhost", "[::1]", "169.254.1.1", "127.1"])
async def test_the_boxs_own_api_is_no_source(tmp_path: Path, kind: str, host: str) -> None:
    async with open_home(tmp_path, tmp_path / "no.sock", allow_loopback=False) as home:
        with pytest.raises(GatewayError) as refused:
            await home.call("sources.add", kind=kind, url=f"http://{host}/v1/info")
        assert (refused.value.code, refused.value.field) == ("dvr.forbidden_address", "url")
        assert len((await home.call("sources.list"))["items"]) == 1
