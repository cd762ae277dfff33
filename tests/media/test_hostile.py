"""Streams and servers that are broken on purpose: named, or recorded with their errors counted."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.dvr.media.analyser import PACKET, Analyser, Counts
from gatewayd.dvr.media.channel import ASTRAY
from gatewayd.dvr.media.messages import Gap, Range, SegmentOpened, SourceFailed
from gatewayd.dvr.quality import quality
from tests.media.spoiling import SPOILS, spoil
from tests.media.test_analyser import reference
from tests.support.recorder import RecorderProcess, http_channel, until
from tests.support.ts import PacedServer, transport_stream

FLAT = 12_000_000
"""Bytes by which the recorder may grow under attack."""
RECONNECTING = 40_000_000
"""The same where ten servers at once are tried again and again, each time with fresh buffers; two of them
offer as many bytes as the loopback carries, some gigabytes in all."""


def rss(pid: int) -> int:
    """Resident bytes of a process."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


# --- spoilt streams


def judged(data: bytes, rng: random.Random) -> Counts:
    """What the analyser counts, fed in pieces of any size."""
    analyser, found, at = Analyser(), [], 0
    while at < len(data):
        size = rng.choice((1, 100, PACKET, 7_000, 50_000))
        found.append(analyser.feed(data[at : at + size]))
        at += size
    found.append(analyser.finish())
    quality(analyser.take())
    return Counts(*map(sum, zip(*found, strict=True)))


def fuzz(rounds: int, seed: int) -> None:
    """Spoils a stretch of a valid stream in several ways at once."""
    stream = transport_stream(2)
    for number in range(rounds):
        rng = random.Random(seed + number)
        start = rng.randrange(0, len(stream) // PACKET - 200) * PACKET
        data = stream[start : start + 200 * PACKET]
        for _ in range(rng.randint(1, 4)):
            data = spoil(data, rng)
        assert judged(data, rng) == reference(data), f"seed {seed + number}"


def test_any_spoilt_stream_is_counted_as_the_reference_counts_it() -> None:
    fuzz(300, seed=1)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_million_spoilt_packets() -> None:
    fuzz(1_000_000 // 200, seed=random.randrange(1 << 40))


async def test_spoilt_streams_are_recorded_byte_for_byte_beside_a_clean_one(tmp_path: Path) -> None:
    """One channel for each way of spoiling: what came is kept, nobody else notices, memory is flat."""
    clean = transport_stream(30, 400_000)
    async with RecorderProcess(tmp_path) as recorder:
        servers = {"clean": PacedServer(clean, bitrate=400_000, tick=0.1)}
        for number, name in enumerate(SPOILS):
            rng = random.Random(number)
            spoilt = clean[: 20 * PACKET] + SPOILS[name](clean[20 * PACKET :], rng)
            servers[name] = PacedServer(spoilt, bitrate=400_000, tick=0.1)
        for server in servers.values():
            await server.__aenter__()
        try:
            now = time.time()
            span = Range(id="a", start=now, stop=now + 9)
            await recorder.desire(*(http_channel(name, one.url, span) for name, one in servers.items()))
            await asyncio.sleep(4)
            before = rss(recorder.pid)
            await until(lambda: _all_done(recorder, len(servers)), 40)
            assert rss(recorder.pid) - before < FLAT
            for name, server in servers.items():
                whole = await recorder.locate(name, 0, time.time())
                stored = recorder.read(whole.slices)
                offered = b"".join(bytes(sent.data) for sent in server.sent)
                assert len(stored) > 100_000, name
                assert stored in offered or len(server.sent) > 1, name
            clean_one = await recorder.locate("clean", now, now + 9)
            assert clean_one.errors.continuity == clean_one.errors.sync == 0
            assert not [gap for gap in clean_one.gaps if gap[0] > now + 4]
            assert {entry.code for entry in await recorder.journal(SourceFailed)} <= {
                "dvr.not_a_transport_stream"
            }
        finally:
            for server in servers.values():
                await server.__aexit__(None, None, None)


async def _all_done(recorder: RecorderProcess, count: int) -> bool:
    channels = (await recorder.answers()).channels
    return len(channels) == count and all(channel.state == "idle" for channel in channels)


# --- hostile servers

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n"


async def _slow_headers(writer: asyncio.StreamWriter) -> None:
    for byte in _HEAD * 10:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.5)


async def _huge_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"X-Much: " + b"y" * 2_000_000 + b"\r\n\r\n")


async def _no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(256)) * 100)


async def _chunked_garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + b"\xff" * 10_000)


async def _endless_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n")
    while True:
        writer.write(b"\x11" * 100_000)
        await writer.drain()


async def _endless_noise(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"\r\n")
    while True:
        writer.write(random.randbytes(100_000))
        await writer.drain()


async def _length_too_short(writer: asyncio.StreamWriter) -> None:
    stream = transport_stream(2)
    writer.write(_HEAD + b"Content-Length: 18800\r\n\r\n" + stream[:10_000])
    await asyncio.sleep(0.2)
    writer.write(stream[10_000:])


async def _length_too_long(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"Content-Length: 99999999\r\n\r\n" + transport_stream(2)[:18800])


async def _negative_length(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"Content-Length: -5\r\n\r\n" + transport_stream(2)[:18800])


async def _squeezed(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"Content-Encoding: gzip\r\n\r\n" + b"\x1f\x8b\x08\0" + bytes(200_000))


SERVERS: dict[str, tuple[Behaviour, str]] = {
    "slow-headers": (_slow_headers, "dvr.source_unreachable"),
    "huge-headers": (_huge_headers, "dvr.source_unreachable"),
    "no-http": (_no_http, "dvr.source_unreachable"),
    "chunked-garbage": (_chunked_garbage, "dvr.source_unreachable"),
    "endless-chunk": (_endless_chunk, "dvr.not_a_transport_stream"),
    "endless-noise": (_endless_noise, "dvr.not_a_transport_stream"),
    "length-too-short": (_length_too_short, "dvr.source_ended"),
    "length-too-long": (_length_too_long, "dvr.source_ended"),
    "negative-length": (_negative_length, "dvr.source_unreachable"),
    "squeezed": (_squeezed, "dvr.not_a_transport_stream"),
}


@asynccontextmanager
async def misbehaving(behaviour: Behaviour) -> AsyncIterator[str]:
    """A server that does so to everybody; yields its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behaviour(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a cancelled handler would be logged as crashed
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x.ts"
    finally:
        server.close()
        tasks = [task for task in asyncio.all_tasks() if "answer" in repr(task.get_coro())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_hostile_servers_are_named_and_hurt_nobody(tmp_path: Path) -> None:
    async with RecorderProcess(tmp_path) as recorder, PacedServer(bitrate=1_000_000) as good:
        stack = [(name, misbehaving(behaviour)) for name, (behaviour, _) in SERVERS.items()]
        urls = {name: await manager.__aenter__() for name, manager in stack}
        try:
            now = time.time()
            healthy = http_channel("healthy", good.url, Range(id="h", start=now, stop=now + 16))
            span = Range(id="a", start=now, stop=now + 16)
            await recorder.desire(healthy, *(http_channel(name, url, span) for name, url in urls.items()))
            await asyncio.sleep(4)
            before = rss(recorder.pid)
            await recorder.done("h", 40)
            assert rss(recorder.pid) - before < RECONNECTING
            told = {(entry.channel, entry.code) for entry in await recorder.journal(SourceFailed)}
            assert told == {(name, code) for name, (_, code) in SERVERS.items()}
            for entry in await recorder.journal(SourceFailed):
                assert entry.detail.isprintable()
                assert len(entry.detail) < 200
            assert not [
                gap for gap in await recorder.journal(Gap) if gap.channel == "healthy" and gap.start > now
            ]
            [sent] = good.sent
            stored = recorder.read((await recorder.locate("healthy", now, now + 16)).slices)
            assert stored == bytes(sent.data[: len(stored)])
            assert len(stored) >= sent.by(now + 15.9)
            short = await recorder.locate("length-too-short", now, now + 16)
            assert recorder.read(short.slices[:1]) == transport_stream(2)[:18800]
        finally:
            for _, manager in reversed(stack):
                await manager.__aexit__(None, None, None)


async def _turns_into_rubbish(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"\r\n" + transport_stream(2))
    rubbish = random.Random(1).randbytes(100_000).replace(b"\x47", b"\x48")
    while True:
        writer.write(rubbish)
        await writer.drain()
        await asyncio.sleep(0.05)


async def test_a_stream_that_turns_into_rubbish_is_opened_again(tmp_path: Path) -> None:
    async with misbehaving(_turns_into_rubbish) as url, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", url, Range(id="a", start=now, stop=now + 60)))
        [failed, *_] = await until(lambda: recorder.journal(SourceFailed), 30)
        assert failed.code == "dvr.not_a_transport_stream"
        await until(lambda: _twice(recorder), 20)
        whole = await recorder.locate("one", 0, time.time())
        stored = recorder.read(whole.slices[:1])
        stream = transport_stream(2)
        assert stored[: len(stream)] == stream
        assert len(stored) > len(stream) + ASTRAY  # it is kept all the same: somebody may want it
        assert whole.errors.sync >= 1


async def _twice(recorder: RecorderProcess) -> bool:
    return len(await recorder.journal(SegmentOpened)) > 1
