"""The recorder's side of its workers, with real worker processes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.dvr.media.workers import WarmWorker
from gatewayd.errors import GatewayError
from tests.support.ts import transport_stream

NULL_PACKETS = (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 1000


@pytest.fixture
async def worker() -> AsyncIterator[WarmWorker]:
    """A worker that is ended after the test."""
    made = WarmWorker()
    yield made
    await made.close()


async def test_one_process_does_many_jobs(worker: WarmWorker, tmp_path: Path) -> None:
    stream = transport_stream()
    (tmp_path / "s.ts").write_bytes(stream)
    path = str(tmp_path / "s.ts")
    assert not worker.pids
    digested = await worker.digest([(path, 188, 1000), (path, 0, 188)], 30)
    assert digested.sha256 == hashlib.sha256(stream[188:1000] + stream[:188]).hexdigest()
    assert digested.bytes == 1000
    [pid] = worker.pids
    probed = await worker.probe(tmp_path / "s.ts", 30)
    assert [(stream.type, stream.codec, stream.width) for stream in probed.streams] == [
        ("video", "h264", 320),
        ("audio", "aac", None),
    ]
    assert probed.decoded_frames == 25
    assert worker.pids == (pid,)
    with open(f"/proc/{pid}/limits") as file:
        assert any(line.split()[:4] == ["Max", "file", "size", "0"] for line in file)


@pytest.mark.parametrize("content", [b"", b"<html>" * 1000, os.urandom(300_000), NULL_PACKETS])
async def test_what_cannot_be_decoded_is_named(worker: WarmWorker, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.ts").write_bytes(content)
    with pytest.raises(GatewayError) as caught:
        await worker.probe(tmp_path / "s.ts", 30)
    assert caught.value.code == "dvr.media_unreadable"
    assert len(worker.pids) == 1  # refused, not crashed


async def test_missing_bytes_are_named(worker: WarmWorker, tmp_path: Path) -> None:
    (tmp_path / "s.ts").write_bytes(b"x" * 10)
    for path, end in ((tmp_path / "s.ts", 11), (tmp_path / "none.ts", 1)):
        with pytest.raises(GatewayError) as caught:
            await worker.digest([(str(path), 0, end)], 30)
        assert caught.value.code == "dvr.segment_not_found"


async def test_a_worker_that_takes_too_long_is_killed_and_replaced(
    worker: WarmWorker, tmp_path: Path
) -> None:
    (tmp_path / "s.ts").write_bytes(b"x" * 10)
    spans = [(str(tmp_path / "s.ts"), 0, 10)]
    await worker.digest(spans, 30)
    [pid] = worker.pids
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(GatewayError) as caught:
        await worker.digest(spans, 0.3)
    assert caught.value.code == "dvr.worker_too_slow"
    assert not Path(f"/proc/{pid}").exists()
    assert (await worker.digest(spans, 30)).bytes == 10


async def test_a_cancelled_job_does_not_answer_the_next(worker: WarmWorker, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    await worker.digest([(str(tmp_path / "a"), 0, 1)], 30)
    os.kill(worker.pids[0], signal.SIGSTOP)
    job = asyncio.create_task(worker.digest([(str(tmp_path / "a"), 0, 1)], 30))
    await asyncio.sleep(0.1)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    answer = await worker.digest([(str(tmp_path / "b"), 0, 1)], 30)
    assert answer.sha256 == hashlib.sha256(b"b").hexdigest()


def test_an_idle_recorder_has_not_loaded_what_only_recording_needs() -> None:
    code = (
        "import sys, gatewayd.dvr.media.__main__\n"
        "print([name for name in ('av', 'numpy', 'aiohttp', 'aiosqlite', 'zeroconf') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
