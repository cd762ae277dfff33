"""The daemon's other processes: started, adopted, brought back, ended."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from gatewayd.system.children import Child, peer_pid
from gatewayd.tasks import Tasks

LISTENER = """
import socket, sys, time
sock = socket.socket(socket.AF_UNIX)
import os
if os.path.exists(sys.argv[1]): os.unlink(sys.argv[1])
sock.bind(sys.argv[1]); sock.listen()
time.sleep(60)
"""


def child(tmp_path: Path) -> Child:
    return Child("listener", ["-c", LISTENER, str(tmp_path / "s")], tmp_path / "s")


async def listening(tmp_path: Path, other_than: int | None = None) -> int:
    async with asyncio.timeout(10):
        while (pid := await asyncio.to_thread(peer_pid, tmp_path / "s")) in (None, other_than):
            await asyncio.sleep(0.02)
    assert pid is not None
    return pid


async def test_a_killed_child_is_started_again_and_stopped_at_the_end(tmp_path: Path) -> None:
    tasks, listener = Tasks(), child(tmp_path)
    tasks.supervise("listener", listener.run, first=0.05)
    first = await listening(tmp_path)
    os.kill(first, signal.SIGKILL)
    second = await listening(tmp_path, first)
    assert second != first
    await tasks.close()
    await listener.stop()
    assert await asyncio.to_thread(peer_pid, tmp_path / "s") is None
    assert listener.pid is None


async def test_one_that_outlived_its_daemon_is_adopted(tmp_path: Path) -> None:
    first_daemon, first = Tasks(), child(tmp_path)
    first_daemon.supervise("listener", first.run)
    pid = await listening(tmp_path)
    await first_daemon.close()  # as if killed: the child is not told

    tasks, second = Tasks(), child(tmp_path)
    tasks.supervise("listener", second.run)
    async with asyncio.timeout(5):
        while second.pid is None:
            await asyncio.sleep(0.01)
    assert second.pid == pid
    await tasks.close()
    await second.stop()
    assert await asyncio.to_thread(peer_pid, tmp_path / "s") is None


async def test_one_that_does_not_listen_to_reason_is_killed(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + LISTENER
    tasks, stubborn = Tasks(), Child("deaf", ["-c", deaf, str(tmp_path / "s")], tmp_path / "s")
    tasks.supervise("deaf", stubborn.run)
    await listening(tmp_path)
    await tasks.close()
    await stubborn.stop(grace=0.2)
    assert await asyncio.to_thread(peer_pid, tmp_path / "s") is None
