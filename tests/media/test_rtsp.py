"""RTSP through the real recorder: ffmpeg pushes into a server, the recorder plays from it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.dvr.media.messages import (
    DesiredChannel,
    Gap,
    Probe,
    Probed,
    Range,
    SegmentOpened,
    Source,
    SourceFailed,
)
from tests.support.recorder import RecorderProcess, until
from tests.support.rtsp import RtspServer
from tests.support.ts import transport_stream


def rtsp_channel(url: str, *ranges: Range, allow_loopback: bool = True) -> DesiredChannel:
    source = Source(kind="rtsp", url=url, allow_loopback=allow_loopback)
    return DesiredChannel(id="one", source=source, ranges=ranges)


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[RecorderProcess]:
    async with RecorderProcess(tmp_path) as recorder:
        yield recorder


async def record(recorder: RecorderProcess, url: str, seconds: float) -> bytes:
    """Records for so long; the bytes."""
    now = time.time()
    await recorder.desire(rtsp_channel(url, Range(id="a", start=now, stop=now + seconds)))
    await recorder.done("a")
    return recorder.read((await recorder.locate("one", now, now + seconds)).slices)


async def test_h264_and_aac_are_remuxed_and_decoded(recorder: RecorderProcess) -> None:
    async with RtspServer(password="s3cret") as server:
        await server.push()
        stored = await record(recorder, server.url.replace("rtsp://", "rtsp://user:s3cret@"), 6)
        assert len(stored) % 188 == 0
        [segment] = await recorder.journal(SegmentOpened)
        probed = await recorder.client.call(Probe(segment=segment.segment), Probed, timeout=30)
        assert [(stream.type, stream.codec) for stream in probed.streams] == [
            ("video", "h264"),
            ("audio", "aac"),
        ]
        assert probed.streams[0].width == 320
        assert probed.decoded_frames >= 25
        assert await recorder.journal(SourceFailed) == []
        assert server.asked[-1] == "TEARDOWN"


async def test_a_transport_stream_over_rtp_is_stored_byte_for_byte(recorder: RecorderProcess) -> None:
    async with RtspServer(transport_stream()) as server:
        stored = await record(recorder, server.url, 3)
        assert len(stored) > 100_000
        assert bytes(server.sent[0]).startswith(stored)
        assert (await recorder.answers()).workers == ()


async def test_a_dropped_connection_is_opened_again(recorder: RecorderProcess) -> None:
    async with RtspServer(transport_stream()) as server:
        now = time.time()
        await recorder.desire(rtsp_channel(server.url, Range(id="a", start=now, stop=now + 5)))
        await until(lambda: recorder.journal(SegmentOpened))
        dropped = time.time()
        server.drop()
        await recorder.done("a")
        gap = (await recorder.journal(Gap))[-1]
        assert gap.reason == "dvr.source_ended"
        assert dropped - 1 < gap.start < gap.stop < dropped + 3


async def test_a_worker_killed_in_the_middle_costs_its_source_a_gap(recorder: RecorderProcess) -> None:

    async with RtspServer() as server:
        await server.push()
        now = time.time()
        await recorder.desire(rtsp_channel(server.url, Range(id="a", start=now, stop=now + 9)))
        await until(lambda: recorder.journal(SegmentOpened))
        [worker] = (await recorder.answers()).workers
        with open(f"/proc/{worker}/task/{worker}/children") as file:
            [child] = file.read().split()
        os.kill(int(child), signal.SIGABRT)
        await recorder.done("a")
        assert [failed.code for failed in await recorder.journal(SourceFailed)] == ["dvr.worker_died"]
        gap = (await recorder.journal(Gap))[-1]
        assert gap.reason == "dvr.worker_died"
        assert gap.stop - gap.start < 5
        assert (await recorder.answers()).workers == (worker,)


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("password", "dvr.source_http_status"),
        ("no media", "dvr.media_unreadable"),
        ("into the box", "dvr.forbidden_address"),
        ("redirect", "dvr.source_unreachable"),
        ("other protocol", "dvr.source_unreachable"),
    ],
)
async def test_what_cannot_be_recorded_is_named(recorder: RecorderProcess, case: str, code: str) -> None:
    async with RtspServer(b"G" * 188, password="s3cret" if case == "password" else "") as server:
        if case == "no media":
            server.sdp = b"v=0\r\nm=application 0 RTP/AVP 96\r\n"
        if case == "redirect":
            server.redirect = server.url
        if case == "other protocol":
            server.redirect = "http://127.0.0.1/"
        now = time.time()
        span = Range(id="a", start=now, stop=now + 60)
        await recorder.desire(rtsp_channel(server.url, span, allow_loopback=case != "into the box"))
        failed = await until(lambda: recorder.journal(SourceFailed))
        assert failed[0].code == code
        assert not list(recorder.folder.glob("*.ts"))
        if case == "into the box":
            assert server.asked == []
