"""The speed test's far end: what it tells, what it takes, and what it does not."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from gatewayd.diagnostics.speed_model import SpeedtestStart
from gatewayd.diagnostics.speed_server import SpeedServer, arguments, serve
from gatewayd.diagnostics.speed_watch import Traffic
from gatewayd.diagnostics.speedtest import Config, LineFacts, SpeedTest
from gatewayd.errors import GatewayError
from gatewayd.system.clock import SystemClock


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    """A server with short patience and room for three streams of one client."""
    sock = socket.create_server(("127.0.0.1", 0))
    number = sock.getsockname()[1]
    server = await asyncio.to_thread(SpeedServer, number, seconds=1.0, streams_each=3)
    runner = await serve(server, [sock])
    try:
        yield number
    finally:
        await runner.cleanup()
        server.close()


async def test_it_tells_its_addresses(port: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/.well-known/nq") as answer,
    ):
        config = msgspec.json.decode(await answer.read(), type=Config)
    assert config.version == 1
    assert config.urls.large_download_url == f"http://127.0.0.1:{port}/large"


async def test_a_download_ends_by_itself(port: int) -> None:
    started, got = time.monotonic(), 0
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/large") as answer:
        assert "no-store" in answer.headers["Cache-Control"]
        with pytest.raises(aiohttp.ClientError):  # less comes than was promised
            while piece := await answer.content.read(1 << 20):
                got += len(piece)
    assert got > 1 << 20
    assert time.monotonic() - started < 10


async def test_an_upload_is_counted(port: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/upload", data=b"x" * 100_000) as answer,
    ):
        assert await answer.json() == {"bytes": 100_000}


async def test_one_client_has_so_many_streams_and_no_more(port: int) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/large"
        answers = [await session.get(url) for _ in range(4)]
        assert [one.status for one in answers] == [200, 200, 200, 429]
        for one in answers:
            one.close()
        for _ in range(100):  # the server notices that they are gone
            async with session.get(url) as again:
                if again.status == 200:
                    break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("the places were not given back")


def test_the_command_line() -> None:
    assert arguments([]).port == 8080
    for words in (["--port", "0"], ["--port", "x"], ["--tls-port", "70000"], ["extra"]):
        with pytest.raises(SystemExit) as ended:
            arguments(words)
        assert ended.value.code == 2


def speed_test(url: str | None, counts: list[int] | None = None, **line: Any) -> SpeedTest:
    """A test whose line's counters go up by `counts`."""
    left = iter(counts or [])
    total = 0

    async def look(interface: str) -> Traffic | None:
        nonlocal total
        total += next(left, 0)
        return Traffic(total, 0)

    async def resolvers() -> tuple[str, ...]:
        return ()

    async def facts() -> LineFacts:
        return LineFacts("wan0", **line)

    return SpeedTest(url, SystemClock("always"), resolvers=resolvers, line=facts, look=look, listen=0.05)


async def refused(url: str | None) -> str:
    with pytest.raises(GatewayError) as found:
        await speed_test(url).run(SpeedtestStart(), lambda fraction, message, partial: None)
    return found.value.code


async def test_without_a_server_there_is_no_test(port: int) -> None:
    assert await refused(None) == "diagnostics.no_speedtest_server"
    assert await refused("http://127.0.0.1:1") == "diagnostics.unreachable"
    assert await refused(f"http://127.0.0.1:{port}/nothing/here") == "diagnostics.unreachable"
    assert await refused("http://nobody.example") == "diagnostics.unresolved"


@pytest.mark.parametrize(
    ("plan", "moved", "busy"),
    [(None, 2000, False), (None, 100_000, True), (1e9, 100_000, False), (10e6, 100_000, True)],
)
async def test_the_plan_says_what_is_busy(plan: float | None, moved: int, busy: bool) -> None:
    """100 kB in 50 ms are 16 Mbit/s: more than a tenth of 10 Mbit/s, less than one of 1 Gbit/s."""
    test = speed_test(None, [0, moved], plan_down=plan, plan_up=plan)
    found = await test._busy(await test._line())
    assert (found is not None) == busy
    if found is not None:
        assert found.by == "wan0"


async def test_a_cancelled_test_leaves_no_connection(port: int) -> None:
    started = asyncio.Event()

    def told(fraction: float, message: str, partial: Any) -> None:
        if partial.stage == "down":
            started.set()

    test = speed_test(f"http://127.0.0.1:{port}")
    before = len(asyncio.all_tasks())
    work = asyncio.create_task(test.run(SpeedtestStart(even_if_busy=True, directions=("down",)), told))
    async with asyncio.timeout(10):
        await started.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.02)
