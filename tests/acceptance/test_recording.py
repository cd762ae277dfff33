"""Recording through the whole house: byte for byte, and through every process's death."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.recording import (
    channel,
    ended,
    flowing,
    later_gaps,
    part_of,
    record,
    slices,
    stored,
    workers_of,
)
from tests.support.daemon import Daemon, running, until
from tests.support.ts import PacedServer

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:  # short: a socket's path has 107 bytes
        async with running(Path(folder)) as made:
            yield made


async def test_two_overlapping_recordings_and_the_test_card(daemon: Daemon) -> None:
    """One connection, two items; each item's digest is that of the bytes the server sent."""
    async with PacedServer() as server:
        name = await channel(daemon, server)
        first = await record(daemon, name, 30)
        card = await record(daemon, "testcard", 30)
        await asyncio.sleep(4)
        second = await record(daemon, name, 30)
        items = [await ended(daemon, one, 75) for one in (first, second, card)]
        assert [item["state"] for item in items] == ["done"] * 3, items
        assert [later_gaps(item) for item in items] == [[]] * 3
        assert server.connections == 1
        sent = bytes(server.sent[0].data)

    part_of(stored(daemon, name), sent)
    for item in items[:2]:
        piece = await slices(daemon, name, item)
        assert hashlib.sha256(piece).hexdigest() == item["digest"]
        assert len(piece) == item["bytes"]
        part_of(piece, sent)
        seconds = item["bytes"] * 8 / server.bitrate
        assert 27.0 <= seconds <= 31.5  # a source may take up to 3 s to begin; nothing is missing later
        assert {stream["type"] for stream in item["streams"]} == {"video", "audio"}
    assert items[2]["bytes"] > 500_000
    assert items[2]["errors"] == {"continuity": 0, "transport": 0, "sync": 0}


async def test_kill_the_recorder(daemon: Daemon) -> None:
    """<= 0.5 s of received bytes lost, flowing again <= 3 s, one item with its gap."""
    async with PacedServer() as server:
        name = await channel(daemon, server)
        item = await record(daemon, name, 15)
        await flowing(daemon, item, 200_000)
        recorder = await daemon.recorder()
        killed = time.time()
        os.kill(recorder, signal.SIGKILL)
        received = server.sent[0].by(killed)
        before = len(stored(daemon, name))
        assert (received - before) * 8 / server.bitrate <= 0.5
        await until(lambda: _second(server), 10)
        assert server.sent[1].marks[0][0] - killed <= 3.0
        whole = await ended(daemon, item, 40)
    assert whole["state"] in ("done", "partial")  # partial when more than a second is missing
    (gap,) = later_gaps(whole)
    start, stop = (datetime.fromisoformat(gap[end]).astimezone(UTC).timestamp() for end in ("from", "to"))
    assert abs(start - killed) <= 1.0
    assert abs(stop - server.sent[1].marks[0][0]) <= 1.0
    assert len((await daemon.get("/dvr/recordings"))["items"]) == 1


async def _second(server: PacedServer) -> bool | None:
    return (len(server.sent) > 1 and bool(server.sent[1].marks)) or None


async def test_kill_a_worker(daemon: Daemon) -> None:
    """No recorded byte is lost when a PyAV worker dies."""
    async with PacedServer() as server:
        name = await channel(daemon, server)
        short = await record(daemon, name, 2)
        item = await record(daemon, name, 12)
        killed = 0
        for _ in range(200):  # the short item's end sets a worker to work
            for worker in workers_of(await daemon.recorder()):
                os.kill(worker, signal.SIGKILL)
                killed += 1
            if killed:
                break
            await asyncio.sleep(0.05)
        assert killed, "no worker was ever seen"
        whole = await ended(daemon, item, 40)
        assert whole["state"] == "done"
        assert later_gaps(whole) == []
        assert server.connections == 1
        part_of(stored(daemon, name), bytes(server.sent[0].data))
        assert (await ended(daemon, short, 30))["state"] == "done"


async def test_kill_gatewayd(daemon: Daemon) -> None:
    """The recording goes on without its daemon and the next one adopts it."""
    async with PacedServer() as server:
        name = await channel(daemon, server)
        item = await record(daemon, name, 14)
        await flowing(daemon, item)
        recorder = await daemon.recorder()
        await daemon.kill()
        before = len(stored(daemon, name))
        await asyncio.sleep(3)
        assert len(stored(daemon, name)) > before
        await daemon.start()
        assert await daemon.recorder() == recorder
        whole = await ended(daemon, item, 40)
        assert whole["state"] == "done"
        assert later_gaps(whole) == []
        assert server.connections == 1
        part_of(stored(daemon, name), bytes(server.sent[0].data))


async def test_a_restart_keeps_recording(daemon: Daemon) -> None:
    """`upkeep.restart` of the daemon: the same process id, a new daemon, the same recorder, no gap."""
    async with PacedServer() as server:
        name = await channel(daemon, server)
        item = await record(daemon, name, 14)
        await flowing(daemon, item)
        recorder, pid = await daemon.recorder(), daemon.pid
        await daemon.post("/upkeep/restart", {"target": "daemon", "reason": "test"})

        await until(daemon.silent)
        await until(daemon.answers)
        assert (daemon.pid, await daemon.recorder()) == (pid, recorder)
        whole = await ended(daemon, item, 40)
        assert whole["state"] == "done"
        assert server.connections == 1
