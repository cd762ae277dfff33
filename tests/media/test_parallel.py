"""Thirty-two recordings at once, overlapping on eight channels: what is stored is what was sent."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gatewayd.dvr.media.messages import Gap, Range, SegmentClosed, SourceFailed
from tests.support.recorder import RecorderProcess, http_channel
from tests.support.ts import PacedServer, transport_stream

CHANNELS, RANGES = 16, 2
BITRATE = 400_000


@pytest.fixture
async def servers() -> AsyncIterator[list[PacedServer]]:
    stream = transport_stream(30, BITRATE)  # longer than the test: where it begins anew it has faults
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                PacedServer(stream, bitrate=BITRATE, tick=0.1, chunked=number % 4 == 3)
            )
            for number in range(CHANNELS)
        ]


async def test_thirty_two_overlapping_recordings_are_byte_exact(
    tmp_path: Path, servers: list[PacedServer]
) -> None:
    async with RecorderProcess(tmp_path) as recorder:
        now = time.time()
        spans = {
            f"c{number}": [
                Range(id=f"c{number}-{part}", start=now + 3 + 2 * part, stop=now + 7 + 3 * part + number % 3)
                for part in range(RANGES)
            ]
            for number in range(CHANNELS)
        }
        await recorder.desire(
            *(
                http_channel(name, server.url, *ranges)
                for (name, ranges), server in zip(spans.items(), servers, strict=True)
            )
        )
        for ranges in spans.values():
            for span in ranges:
                await recorder.done(span.id, 40)
        assert await recorder.journal(Gap) == []
        assert await recorder.journal(SourceFailed) == []
        assert [server.connections for server in servers] == [1] * CHANNELS
        for (name, ranges), server in zip(spans.items(), servers, strict=True):
            [sent] = server.sent
            whole = recorder.read((await recorder.locate(name, 0, time.time())).slices)
            assert hashlib.sha256(whole).hexdigest() == sent.sha256(len(whole))
            for span in ranges:
                located = await recorder.locate(name, span.start, span.stop)
                part = recorder.read(located.slices)
                at = whole.find(part)
                assert at >= 0
                assert at <= sent.by(span.start)  # no byte of the wanted span is missing, at either end
                assert at + len(part) >= sent.by(span.stop - 0.1)
                digest = await recorder.digest(located.slices)
                assert digest.sha256 == hashlib.sha256(part).hexdigest()
                assert located.measures is not None
                assert located.measures.continuity == located.measures.sync_bytes == 0
                seconds = span.stop - span.start
                assert sum(rate for _, rate in located.bitrates) / len(located.bitrates) == pytest.approx(
                    BITRATE,
                    rel=1.5 / seconds,  # a batch at each end is counted whole
                )
        assert len(await recorder.journal(SegmentClosed)) == CHANNELS


async def test_a_killed_recorder_knows_what_the_stream_was_like(tmp_path: Path) -> None:
    async with PacedServer(bitrate=BITRATE) as server:
        async with RecorderProcess(tmp_path) as recorder:
            now = time.time()
            await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 60)))
            await asyncio.sleep(5)
            [channel] = (await recorder.answers()).channels
            assert channel.measures is not None
            recorder.kill()
            await recorder.wait()
        async with RecorderProcess(tmp_path) as recorder:
            located = await recorder.locate("one", now, now + 4)
            assert located.measures is not None
            assert located.measures.seconds > 1
            assert located.measures.continuity == located.measures.crc == 0
            [closed] = await recorder.journal(SegmentClosed)
            assert closed.digest.startswith("sum64:")
