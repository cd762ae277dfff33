"""Watching recordings over HTTPS, while they are made and after: the test card, the real recorder."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest

from tests.support.daemon import until
from tests.support.house import OpenHouse, open_house

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]
TABLES = 2 * 188


@pytest.fixture
async def house() -> AsyncIterator[OpenHouse]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with open_house(Path(folder)) as made:
            yield made


@pytest.fixture
async def owner(house: OpenHouse) -> AsyncIterator[aiohttp.ClientSession]:
    async with house.http(house.token) as session:
        yield session


async def ask(session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with session.request(method, f"/v1{path}", json=body) as response:
        return response.status, await response.json(content_type=None)


async def load(session: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, bytes]:
    async with session.get(path, headers=headers) as response:
        return response.status, await response.read()


async def record(owner: aiohttp.ClientSession, seconds: float) -> str:
    body = {"channel": "testcard", "duration": seconds, "pad_after": 0.0}
    status, made = await ask(owner, "POST", "/dvr/recordings", body)
    assert status == 201, made
    return str(made["id"])


async def flowing(owner: aiohttp.ClientSession, recording: str) -> None:
    async def look() -> bool | None:
        _, item = await ask(owner, "GET", f"/dvr/recordings/{recording}")
        return item["bytes"] > 0 or None

    await until(look, 30)


async def done(owner: aiohttp.ClientSession, recording: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        _, item = await ask(owner, "GET", f"/dvr/recordings/{recording}")
        return item if item["state"] in ("done", "partial", "failed") else None

    return await until(look, 60)


async def playlist(player: aiohttp.ClientSession, address: str, parts: int = 1) -> str:
    """The playlist as soon as it has so many parts."""

    async def look() -> str | None:
        status, text = await load(player, address)
        assert status == 200, text
        return text.decode() if text.count(b"#EXTINF") >= parts else None

    return await until(look, 40)


def decoded(address: str) -> tuple[int, set[str], float]:
    """What FFmpeg's HLS player makes of it: pictures, codecs, seconds."""
    with av.open(address, options={"tls_verify": "0"}) as container:
        codecs = {stream.codec_context.name for stream in container.streams}
        video = container.streams.video[0]
        times = [float(frame.time or 0.0) for frame in container.decode(video)]
    return len(times), codecs, max(times) - min(times)


async def test_it_plays_while_it_records_and_after(house: OpenHouse, owner: aiohttp.ClientSession) -> None:
    recording = await record(owner, 14)
    await flowing(owner, recording)
    status, play = await ask(owner, "POST", "/dvr/playback", {"recording": recording})
    assert status == 201, play
    async with house.http() as player:  # no token: the address itself lets in
        early = await playlist(player, play["hls"])
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in early
        assert "#EXT-X-ENDLIST" not in early

        item = await done(owner, recording)
        assert item["state"] == "done", item
        late = await playlist(player, play["hls"])
        assert late.startswith(early.replace("EVENT", "VOD")), "a playlist only grows"
        assert late.endswith("#EXT-X-ENDLIST\n")
        assert "#EXT-X-DISCONTINUITY" not in late

        status, stream = await load(player, play["stream"])
        assert (status, len(stream)) == (200, item["bytes"])
        names = re.findall(r"part/(\d+)-(\d+)\.ts", late)
        begin, end = int(names[0][0]), int(names[-1][1])
        assert end == len(stream)
        pieces = [
            (await load(player, play["hls"].replace("index.m3u8", f"part/{a}-{b}.ts")))[1] for a, b in names
        ]
        assert b"".join(piece[TABLES:] for piece in pieces) == stream[begin:]
        for piece in pieces:
            assert piece[:3] == b"\x47\x40\x00"

        seconds = sum(map(float, re.findall(r"#EXTINF:([\d.]+)", late)))
        pictures, codecs, shown = await asyncio.to_thread(decoded, house.base + play["hls"])
        assert {"h264", "aac"} <= codecs
        assert abs(pictures - seconds * 25) <= 2
        assert abs(shown - seconds) < 0.2
        assert seconds > 10

        status, jpeg = await load(player, play["thumbnail"] + "?at=5")
        assert (status, jpeg[:2]) == (200, b"\xff\xd8")


async def test_ranges_heads_and_what_ends_a_playback(house: OpenHouse, owner: aiohttp.ClientSession) -> None:
    recording = await record(owner, 6)
    await done(owner, recording)
    _, play = await ask(owner, "POST", "/dvr/playback", {"recording": recording})
    _, whole = await load(owner, play["stream"])
    async with owner.get(play["stream"], headers={"Range": "bytes=1000-1999"}) as response:
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes 1000-1999/{len(whole)}"
        assert await response.read() == whole[1000:2000]
    async with owner.head(play["stream"]) as response:
        assert (response.status, response.content_length) == (200, len(whole))
        assert response.headers["Accept-Ranges"] == "bytes"
    assert await load(owner, play["stream"], Range="bytes=-100") == (206, whole[-100:])
    assert (await load(owner, play["stream"], Range=f"bytes={len(whole)}-"))[0] == 416
    assert (await load(owner, play["hls"].replace("index.m3u8", f"part/0-{len(whole) + 1}.ts")))[0] == 404
    assert (await load(owner, play["stream"].replace(play["id"], "x" * 43)))[0] == 404

    status, _ = await ask(owner, "PUT", f"/dvr/recordings/{recording}/position", {"seconds": 3.5})
    assert status == 200
    _, again = await ask(owner, "POST", "/dvr/playback", {"recording": recording})
    assert again["position"] == 3.5
    assert again["id"] != play["id"]

    await ask(owner, "DELETE", f"/dvr/recordings/{recording}")
    async with owner.get(play["stream"]) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (
            409,
            "dvr.recording_in_trash",
        )
    await ask(owner, "POST", f"/dvr/recordings/{recording}/restore")
    assert (await load(owner, play["hls"]))[0] == 200

    status, _ = await ask(owner, "POST", "/access/logout")
    async with house.http() as player:
        assert (await load(player, play["hls"]))[0] == 404
