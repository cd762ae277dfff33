"""SIGKILL of the recorder and of its worker in the middle of a recording."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from gatewayd.dvr.media.messages import (
    Digested,
    Gap,
    Probe,
    Probed,
    Range,
    RangeDone,
    SegmentClosed,
    SegmentOpened,
)
from gatewayd.errors import GatewayError
from tests.support.recorder import RecorderProcess, http_channel, until
from tests.support.ts import PacedServer


async def test_a_killed_recorder_goes_on_with_an_exact_gap(tmp_path: Path) -> None:
    async with PacedServer() as server, RecorderProcess(tmp_path, supervised=True) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 7)))
        await asyncio.sleep(2.6)
        old = recorder.pid
        recorder.kill()
        killed = time.time()
        await until(lambda: _opened_again(recorder, 2))
        assert recorder.pid != old
        await recorder.done("a")
        first, second = server.sent
        located = await recorder.locate("one", now, now + 7)
        before, after = located.slices
        stored = [recorder.read((piece,)) for piece in (before, after)]
        assert stored[0] == bytes(first.data[: len(stored[0])])
        assert stored[1] == bytes(second.data[: len(stored[1])])
        lost = first.by(killed) - len(stored[0])
        assert lost <= 0.5 * server.bitrate / 8, f"{lost} bytes lost"
        [gap] = await recorder.journal(Gap)
        assert located.gaps == ((gap.start, gap.stop),)
        assert gap.reason == "dvr.recorder_restarted"
        assert killed - 0.5 <= gap.start <= killed
        assert killed < gap.stop <= killed + 3
        opened = await recorder.journal(SegmentOpened)
        closed = await recorder.journal(SegmentClosed)
        assert [entry.segment for entry in opened] == [entry.segment for entry in closed]
        assert [entry.bytes for entry in closed] == [len(piece) for piece in stored]
        assert [entry.range for entry in await recorder.journal(RangeDone)] == ["a"]


async def _opened_again(recorder: RecorderProcess, count: int) -> bool:
    try:
        return len(await recorder.journal(SegmentOpened)) >= count
    except GatewayError:
        return False


async def test_a_killed_worker_costs_its_job_and_no_byte(tmp_path: Path) -> None:
    async with PacedServer() as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 5)))
        await until(lambda: recorder.journal(SegmentOpened))
        await asyncio.sleep(1)
        [opened] = await recorder.journal(SegmentOpened)
        probe = Probe(segment=opened.segment)
        assert (await recorder.client.call(probe, Probed, timeout=30)).decoded_frames
        [worker] = (await recorder.answers()).workers
        os.kill(worker, signal.SIGSTOP)
        job = asyncio.create_task(recorder.client.call(probe, Probed, timeout=30))
        await asyncio.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(GatewayError) as caught:
            await job
        assert caught.value.code == "dvr.worker_died"
        assert (await recorder.client.call(probe, Probed, timeout=30)).decoded_frames
        assert (await recorder.answers()).workers not in ((), (worker,))
        await recorder.done("a")
        located = await recorder.locate("one", now, now + 5)
        assert isinstance(await recorder.digest(located.slices), Digested)
        [sent] = server.sent
        stored = recorder.read(located.slices)
        assert stored == bytes(sent.data[: len(stored)])
        assert located.gaps == ()
        assert server.connections == 1


async def test_a_range_that_ended_while_the_recorder_was_dead_is_told_with_its_gap(tmp_path: Path) -> None:
    async with PacedServer() as server:
        async with RecorderProcess(tmp_path) as recorder:
            now = time.time()
            await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 3)))
            await until(lambda: recorder.journal(SegmentOpened))
            await asyncio.sleep(0.5)
            recorder.kill()
            await recorder.wait()
        await asyncio.sleep(max(0.0, now + 3.1 - time.time()))
        async with RecorderProcess(tmp_path) as recorder:
            await recorder.done("a")
            [gap] = await recorder.journal(Gap)
            assert gap.stop == now + 3
            [closed] = await recorder.journal(SegmentClosed)
            assert gap.start == pytest.approx(closed.last, abs=0.001)
            assert server.connections == 1


async def test_a_clean_stop_closes_the_segments_and_the_next_start_goes_on(tmp_path: Path) -> None:
    async with PacedServer() as server:
        async with RecorderProcess(tmp_path) as recorder:
            now = time.time()
            await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 6)))
            await until(lambda: recorder.journal(SegmentOpened))
        async with RecorderProcess(tmp_path) as recorder:
            await recorder.done("a")
            assert len(await recorder.journal(SegmentClosed)) == 2
            assert len(await recorder.journal(Gap)) == 1
