"""Playing over HTTP: byte ranges, and streams that end with the right to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gatewayd.api.playback import Playing, byte_range
from gatewayd.errors import GatewayError
from tests.support.api import Api, open_api

SIZES = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 100)),
        ("bytes=99-", (99, 100)),
        ("bytes=50-1000", (50, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-100", (0, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes= 0 - 9", (0, 10)),
        ("bytes=100-", (100, 100)),
        ("bytes=100-200", (100, 100)),
        ("bytes=-0", (100, 100)),
    ],
)
def test_a_range(header: str, span: tuple[int, int]) -> None:
    """The last five: cut at the end; an empty span is one that nothing can be sent of."""
    assert byte_range(header, 100) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-5",
        "bytes=1-2,5-6",
        "bytes=a-b",
        "items=0-1",
        "bytes=0x1-2",
        "bytes=" + "9" * 19 + "-",
    ],
)
def test_what_is_no_range_is_ignored(header: str | None) -> None:
    assert byte_range(header, 100) is None


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True), SIZES)
def test_a_span_lies_within_the_bytes(header: str, size: int) -> None:
    span = byte_range(header, size)
    assert span is None or 0 <= span[0] <= span[1] <= size


@given(SIZES, SIZES, SIZES)
def test_first_and_last(first: int, last: int, size: int) -> None:
    expected = None if last < first else (min(first, size), min(last + 1, size))
    assert byte_range(f"bytes={first}-{last}", size) == expected


class Endless:
    """A player with one stream of zeros, whose id is good until the test says otherwise."""

    size = 1 << 40

    def __init__(self) -> None:
        self.good = True
        self.fails_at: int | None = None
        self.closed = asyncio.Event()

    def use(self, identifier: str, /) -> object:
        if not self.good or identifier != "good":
            raise GatewayError("dvr.playback_not_found", "over")
        return self

    async def stream(self, identifier: str, /) -> Endless:
        self.use(identifier)
        return self

    async def playlist(self, identifier: str, /) -> str:
        raise GatewayError("dvr.codec_unsupported", "MPEG-2")

    async def part(self, identifier: str, start: int, stop: int, /) -> Endless:
        return self

    async def picture(self, identifier: str, seconds: float | None, /) -> bytes:
        return f"{seconds}".encode()

    async def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        try:
            while start < stop:
                if self.fails_at is not None and start >= self.fails_at:
                    raise GatewayError("dvr.segment_not_found", "gone")
                yield bytes(min(65536, stop - start))
                start += 65536
        finally:
            self.closed.set()


@pytest.fixture
async def player() -> Endless:
    return Endless()


@pytest.fixture
async def api(tmp_path: Path, player: Endless) -> AsyncIterator[Api]:
    async with open_api(tmp_path, extra=lambda _: Playing(player).routes()) as made:
        yield made


async def test_a_stream_ends_with_its_id(api: Api, player: Endless) -> None:
    """Also one that somebody holds without taking anything of it."""
    url = f"https://127.0.0.1:{api.server.port}/v1/play/good/stream.ts"
    async with api.https.get(url) as response:
        assert (response.status, response.content_length) == (200, Endless.size)
        await response.content.readexactly(100_000)
        player.good = False
        async with asyncio.timeout(10):
            await player.closed.wait()
            with pytest.raises(aiohttp.ClientError):
                while await response.content.readany():
                    pass


async def test_a_recording_that_goes_breaks_the_stream_off(api: Api, player: Endless) -> None:
    player.fails_at = 1_000_000
    url = f"https://127.0.0.1:{api.server.port}/v1/play/good/stream.ts"
    async with api.https.get(url) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    assert player.closed.is_set()


async def test_a_player_that_leaves_is_forgotten(api: Api, player: Endless) -> None:
    url = f"https://127.0.0.1:{api.server.port}/v1/play/good/stream.ts"
    async with api.https.get(url) as response:
        await response.content.readexactly(10)
        response.close()
    async with asyncio.timeout(10):
        await player.closed.wait()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("good/index.m3u8", 415),
        ("good/part/0-x.ts", 404),
        ("good/part/0-10.mp4", 404),
        ("bad/stream.ts", 404),
        ("bad/thumbnail.jpg", 404),
        ("good/thumbnail.jpg?at=-1", 422),
        ("good/thumbnail.jpg?at=1e3", 422),
        ("good/thumbnail.jpg?at=" + "9" * 400, 422),
        ("good/nothing", 404),
    ],
)
async def test_what_is_refused(api: Api, path: str, status: int) -> None:
    async with api.https.get(f"https://127.0.0.1:{api.server.port}/v1/play/{path}") as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"


async def test_the_id_is_in_no_log(api: Api, player: Endless) -> None:
    with capture_logs() as told:
        async with api.https.get(
            f"https://127.0.0.1:{api.server.port}/v1/play/good/thumbnail.jpg?at=2"
        ) as response:
            assert await response.read() == b"2.0"
    assert "good" not in str(told)
