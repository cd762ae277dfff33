"""The recorder as a process: who may call, what it refuses, when it ends, what a full disk does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayd.dvr.media.messages import (
    Accepted,
    Deleted,
    DeleteSegment,
    Gap,
    GetStatus,
    JournalGrew,
    Probe,
    Probed,
    Range,
    RangeDone,
    SegmentOpened,
    SetDesired,
    SourceFailed,
    Status,
)
from gatewayd.errors import GatewayError
from gatewayd.system.rpc import Client
from tests.support.recorder import RecorderProcess, http_channel, until
from tests.support.ts import PacedServer

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run the tests as root")


@root
async def test_another_uid_is_not_heard(tmp_path: Path) -> None:
    code = (
        "import os, socket, sys; os.setuid(12345)\n"
        "s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])\n"
        "sys.exit(0 if s.recv(10) == b'' else 1)\n"
    )
    async with RecorderProcess(tmp_path) as recorder:
        os.chmod(recorder.socket, 0o777)
        for folder in [tmp_path, *(one for one in tmp_path.parents if "pytest-of-" in str(one))]:
            os.chmod(folder, 0o755)
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(recorder.socket))
        assert await child.wait() == 0


async def test_what_it_does_not_know_is_refused(tmp_path: Path) -> None:
    async with RecorderProcess(tmp_path) as recorder:
        unknown = "0" * 26
        for segment, code in (
            (unknown, "dvr.segment_not_found"),
            ("../../etc/passwd", "dvr.segment_not_found"),
        ):
            with pytest.raises(GatewayError) as caught:
                await recorder.client.call(Probe(segment=segment), Probed)
            assert caught.value.code == code
        assert (await recorder.client.call(DeleteSegment(segment=unknown), Deleted)).bytes == 0
        await recorder.client.call(SetDesired(generation=7, channels=()), Accepted)
        with pytest.raises(GatewayError) as caught:
            await recorder.client.call(SetDesired(generation=6, channels=()), Accepted)
        assert caught.value.code == "dvr.stale_generation"
        assert (await recorder.answers()).generation == 7


async def test_a_stopped_range_ends_at_once_and_its_segment_can_be_deleted(tmp_path: Path) -> None:
    async with PacedServer() as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 600)))
        [opened] = await until(lambda: recorder.journal(SegmentOpened))
        with pytest.raises(GatewayError) as caught:
            await recorder.client.call(DeleteSegment(segment=opened.segment), Deleted)
        assert caught.value.code == "dvr.segment_in_use"
        await asyncio.sleep(0.5)
        await recorder.client.connect()
        pushes = recorder.client.pushes(JournalGrew)
        stopped = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=stopped)))
        async with asyncio.timeout(5):
            while (await anext(pushes)).seq <= opened.seq:
                pass
        ended = await recorder.done("a")
        assert ended.time - stopped < 1.5
        await until(lambda: _deleted(recorder, opened.segment))
        assert not list(recorder.folder.glob("*.ts"))
        assert (await recorder.locate("one", now, stopped)).slices == ()
        assert server.flowing == 0


async def _deleted(recorder: RecorderProcess, segment: str) -> bool:
    with contextlib.suppress(GatewayError):
        return (await recorder.client.call(DeleteSegment(segment=segment), Deleted)).bytes > 0
    return False


async def test_a_future_range_waits_and_loses_nothing_of_its_beginning(tmp_path: Path) -> None:
    async with PacedServer() as server, RecorderProcess(tmp_path) as recorder:
        start = time.time() + 6.0
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=start, stop=start + 1.5)))
        await asyncio.sleep(0.5)
        assert server.connections == 0
        await recorder.done("a")
        [opened] = await recorder.journal(SegmentOpened)
        assert opened.time <= start + 0.5
        assert await recorder.journal(Gap) == []


async def test_it_ends_when_nobody_needs_it(tmp_path: Path) -> None:
    recorder = RecorderProcess(tmp_path, "--idle-exit", "0.5")
    async with PacedServer() as server, recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 3)))
        await recorder.client.close()
        assert await asyncio.wait_for(recorder.wait(), 15) == 0
        assert time.time() > now + 3
    async with RecorderProcess(tmp_path) as again:
        assert [entry.range for entry in await again.journal(RangeDone)] == ["a"]


async def test_it_takes_a_listening_socket_and_tells_that_it_is_ready(tmp_path: Path) -> None:
    control = tmp_path / "activated.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        listener.bind(str(control))
        listener.listen()
        told.bind(str(tmp_path / "notify"))
        told.settimeout(20)
        code = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
            "os.execv(sys.executable, [sys.executable, '-m', 'gatewayd.dvr.media', *sys.argv[2:]])\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(listener.fileno()), "--socket", "unused",
             "--folder", str(tmp_path / "media")],
            pass_fds=[listener.fileno()],
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")},
        )  # fmt: skip
        try:
            assert await asyncio.to_thread(told.recv, 100) == b"READY=1"
            client = Client(control)
            assert (await client.call(GetStatus(), Status)).pid == child.pid
            await client.close()
        finally:
            child.terminate()
            assert child.wait(20) == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=False)
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs: run the tests as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@root
async def test_a_full_disk_pauses_the_recording_and_it_goes_on_when_there_is_space(small_disk: Path) -> None:
    async with (
        PacedServer(bitrate=4_000_000) as server,
        RecorderProcess(small_disk, "--reserve", "500000") as recorder,
    ):
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * 1_600_000)
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 14)))
        [failed] = await until(lambda: recorder.journal(SourceFailed))
        assert failed.code == "dvr.disk_full"
        filler.unlink()
        await until(lambda: _segments(recorder, 2))
        [gap] = await until(lambda: recorder.journal(Gap))
        assert gap.reason == "dvr.disk_full"
        located = await recorder.locate("one", now, now + 14)
        for piece, sent in zip(located.slices[:1], server.sent, strict=False):
            stored = recorder.read((piece,))
            assert stored == bytes(sent.data[: len(stored)])


async def _segments(recorder: RecorderProcess, count: int) -> bool:
    return len(await recorder.journal(SegmentOpened)) >= count
