"""Exports and thumbnails by the real recorder: every format is read back, and what goes wrong is named."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import pytest

from gatewayd.dvr.media.messages import (
    CancelExport,
    Export,
    Exported,
    ExportFormat,
    ExportProgress,
    GetExport,
    Range,
    SegmentClosed,
    SegmentOpened,
    Slice,
    Thumbnail,
    Thumbnailed,
)
from gatewayd.errors import GatewayError
from gatewayd.system.identity import new_id
from tests.support.recorder import RecorderProcess, http_channel, until
from tests.support.ts import PacedServer, transport_stream

_SHORT = (b"\x47\x1f\xff\x10" + bytes(184)) * 100


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[RecorderProcess]:
    async with RecorderProcess(tmp_path) as recorder:
        yield recorder


async def store(recorder: RecorderProcess, stream: bytes) -> tuple[Slice, ...]:
    """Records something, then puts `stream` in its place."""
    async with PacedServer(_SHORT) as server:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 60)))
        [opened] = await until(lambda: recorder.journal(SegmentOpened))
        stop = max(now, time.time())
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=stop)))
        await until(lambda: recorder.journal(SegmentClosed))
    (recorder.folder / f"{opened.segment}.ts").write_bytes(stream)
    return (Slice(segment=opened.segment, from_byte=0, to_byte=len(stream)),)


async def export(recorder: RecorderProcess, slices: tuple[Slice, ...], shape: ExportFormat) -> Exported:
    verb = Export(export=new_id(), slices=slices, format=shape)
    return await recorder.client.call(verb, Exported, timeout=50)


def made(*output: str, seconds: int = 4, inputs: tuple[str, ...] = ()) -> bytes:
    """A transport stream as ffmpeg makes it."""
    command = [
        *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=s=320x180:r=25:d={seconds}"),
        *("-f", "lavfi", "-i", f"sine=r=48000:d={seconds}", *inputs),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac"),
        *(*output, "-f", "mpegts", "-"),
    ]
    return subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout


def look(path: Path) -> dict[str, Any]:
    """What a player finds: codecs, decoded frames, length in seconds, and whether time only rises."""
    found: dict[str, Any] = {"codecs": set(), "frames": 0, "rises": True, "seconds": 0.0}
    last: dict[int, int] = {}
    with av.open(path) as container:
        found["codecs"] = {stream.codec_context.name for stream in container.streams}
        for packet in container.demux():
            if packet.dts is None:
                continue
            index = packet.stream.index
            found["rises"] = found["rises"] and packet.dts > last.get(index, packet.dts - 1)
            last[index] = packet.dts
            assert packet.time_base is not None
            found["seconds"] = max(found["seconds"], float(packet.dts * packet.time_base))
    with av.open(path) as container:
        found["frames"] = sum(1 for _ in container.decode(video=0))
    return found


async def test_ts_is_the_bytes_as_they_came(recorder: RecorderProcess) -> None:
    stream = transport_stream(seconds=4)
    [part] = await store(recorder, stream)
    halves = (
        Slice(segment=part.segment, from_byte=188 * 10, to_byte=188 * 500),
        Slice(segment=part.segment, from_byte=0, to_byte=188 * 20),
    )
    exported = await export(recorder, halves, "ts")
    data = (recorder.folder / exported.file).read_bytes()
    assert data == stream[1880 : 188 * 500] + stream[: 188 * 20]
    assert exported.bytes == len(data)
    assert exported.streams == ()
    assert (recorder.folder / "exports").stat().st_mode & 0o777 == 0o750
    assert Path(exported.file).stat().st_mode & 0o777 == 0o640
    assert 23 * 3600 < exported.expires - time.time() <= 24 * 3600


@pytest.mark.parametrize("shape", ["mkv", "mp4"])
@pytest.mark.parametrize("sound", ["aac", "ac3", "mp2"])
async def test_what_was_recorded_plays_in_another_container(
    recorder: RecorderProcess, shape: ExportFormat, sound: str
) -> None:
    slices = await store(recorder, made("-c:a", sound))
    exported = await export(recorder, slices, shape)
    found = look(recorder.folder / exported.file)
    # MP4 has one name for all layers of MPEG sound.
    heard = {"mkv": "mp2", "mp4": "mp3float"}[shape] if sound == "mp2" else sound
    assert found["codecs"] == {"h264", heard}
    assert found["frames"] == 100
    assert found["rises"]
    assert 3.8 < found["seconds"] < 4.2
    assert exported.joints == 0
    assert {stream.type for stream in exported.streams} == {"video", "audio"}


@pytest.mark.parametrize("shape", ["mkv", "mp4"])
async def test_leaps_of_the_clock_are_joined(recorder: RecorderProcess, shape: ExportFormat) -> None:
    """Backward, forward by an hour, over the 33-bit wrap, and a gap of three seconds, which stays."""
    pieces = [
        made("-output_ts_offset", str(offset), seconds=2) for offset in (1000, 10, 3700, 95_441.3, 1, 6)
    ]
    slices = await store(recorder, b"".join(pieces))
    exported = await export(recorder, slices, shape)
    found = look(recorder.folder / exported.file)
    assert found["rises"]
    assert found["frames"] >= 6 * 50 - 20
    assert 15 < found["seconds"] < 19  # twelve seconds and two gaps: shorter ones than a leap stay
    assert exported.joints == 3


async def test_what_a_container_cannot_hold_is_left_out_and_said(recorder: RecorderProcess) -> None:
    slices = await store(recorder, made("-ac", "2", "-c:a", "s302m", "-strict", "-2"))
    exported = await export(recorder, slices, "mp4")
    assert exported.skipped == ("s302m",)
    assert [stream.codec for stream in exported.streams] == ["h264"]


async def test_noise_is_named_and_leaves_nothing(recorder: RecorderProcess) -> None:
    slices = await store(recorder, os.urandom(500_000))
    with pytest.raises(GatewayError) as caught:
        await export(recorder, slices, "mkv")
    assert caught.value.code == "dvr.media_unreadable"
    assert list((recorder.folder / "exports").iterdir()) == []


async def test_an_export_that_is_cancelled_or_whose_worker_dies_leaves_nothing(
    recorder: RecorderProcess,
) -> None:
    slices = await store(recorder, transport_stream(seconds=4)) * 4000
    for end in ("cancel", "kill"):
        verb = Export(export=new_id(), slices=slices, format="mkv")
        running = asyncio.create_task(recorder.client.call(verb, Exported, timeout=50))
        await until(partial(_goes, recorder, verb.export))
        [worker] = (await recorder.answers()).workers
        if end == "kill":
            os.kill(worker, signal.SIGKILL)
        else:
            await recorder.client.call(CancelExport(export=verb.export), ExportProgress)
            assert list((recorder.folder / "exports").iterdir()) == []
        with pytest.raises(GatewayError) as caught:
            await running
        assert caught.value.code == ("dvr.worker_died" if end == "kill" else "dvr.export_cancelled")
        assert not Path(f"/proc/{worker}").exists()
        assert list((recorder.folder / "exports").iterdir()) == []


async def _goes(recorder: RecorderProcess, export: str) -> bool:
    progress = await recorder.client.call(GetExport(export=export), ExportProgress)
    return 0 < progress.done < progress.total


async def test_an_export_ends_with_the_connection_of_who_asked(recorder: RecorderProcess) -> None:
    slices = await store(recorder, transport_stream(seconds=4)) * 4000
    verb = Export(export=new_id(), slices=slices, format="mkv")
    running = asyncio.create_task(recorder.client.call(verb, Exported, timeout=50))
    await until(lambda: _goes(recorder, verb.export))
    await recorder.client.close()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: _quiet(recorder))
    assert list((recorder.folder / "exports").iterdir()) == []


async def _quiet(recorder: RecorderProcess) -> bool:
    return (await recorder.answers()).workers == ()


async def test_an_export_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    async with RecorderProcess(tmp_path, "--reserve", str(1 << 60)) as recorder:
        segment = new_id()
        with pytest.raises(GatewayError) as caught:
            await export(recorder, (Slice(segment=segment, from_byte=0, to_byte=188),), "ts")
        assert caught.value.code == "dvr.segment_not_found"
        with pytest.raises(GatewayError) as caught:
            await export(recorder, (), "ts")
        assert caught.value.code == "dvr.disk_full"


async def test_a_thumbnail_is_kept_beside_its_segment_and_goes_with_it(recorder: RecorderProcess) -> None:
    from gatewayd.dvr.media.messages import Deleted, DeleteSegment

    stream = transport_stream(seconds=4)
    [part] = await store(recorder, stream)
    late = Slice(segment=part.segment, from_byte=len(stream) // 2 // 188 * 188, to_byte=len(stream))
    told = await recorder.client.call(Thumbnail(slice=late), Thumbnailed, timeout=30)
    file = recorder.folder / f"{part.segment}.jpg"
    with av.open(file) as picture:
        [frame] = picture.decode(video=0)
        assert (frame.width, frame.height) == (told.width, told.height) == (320, 180)
    assert told.bytes == file.stat().st_size < 100_000
    assert hashlib.sha256(file.read_bytes()).digest() != hashlib.sha256(b"").digest()
    await recorder.client.call(DeleteSegment(segment=part.segment), Deleted)
    assert not file.exists()
