"""Reading in the writing thread, and what happens when a slow disk keeps that thread."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.dvr.media.catalogue import Catalogue
from gatewayd.dvr.media.channel import Channel
from gatewayd.dvr.media.disk import Disk
from gatewayd.dvr.media.engine import BEAT, Beat
from gatewayd.dvr.media.http import HttpEngine
from gatewayd.dvr.media.journal import Journal
from gatewayd.dvr.media.messages import Range
from gatewayd.dvr.media.pump import PATIENCE, Draw, Pump
from gatewayd.dvr.media.room import Room
from gatewayd.dvr.media.segments import Shelf
from gatewayd.errors import GatewayError
from tests.support.recorder import http_channel
from tests.support.ts import PacedServer


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    disk = Disk()
    journal = Journal(tmp_path / "journal.jsonl")
    folder = os.open(tmp_path, os.O_RDONLY)
    catalogue = Catalogue(tmp_path, journal)
    yield Shelf(catalogue, journal, disk, Room(folder, catalogue, 0), Pump(BEAT, disk))
    await disk.close()
    journal.close()
    os.close(folder)


async def test_a_disk_that_stands_still_for_seconds_costs_no_byte(shelf: Shelf, tmp_path: Path) -> None:
    async with PacedServer(bitrate=20_000_000) as server:
        now = time.time()
        desired = http_channel("one", server.url, Range(id="a", start=now, stop=now + 60))
        engine = HttpEngine(Beat())
        channel = Channel(desired, shelf, lambda kind: engine, resumed=False)
        life = asyncio.create_task(channel.run())
        await asyncio.sleep(1.5)
        stuck = threading.Event()
        shelf.disk.write(lambda: stuck.wait(20))
        shelf.disk.flush()
        held = time.time()
        await asyncio.sleep(PATIENCE + 2.5)
        waiting = channel.status().received
        stuck.set()
        assert waiting > server.sent[0].by(held + PATIENCE + 1)  # the loop took what the thread could not
        await asyncio.sleep(1.5)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await shelf.disk.ask_sync(lambda: None)
        [sent] = server.sent
        stored = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("*.ts")))
        assert stored == bytes(sent.data[: len(stored)])
        assert len(stored) > sent.by(held + PATIENCE + 2.5)  # and the thread went on where it had left off
        assert server.connections == 1


class _Tap:
    """Gives what it is told to."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def take(self, buffer: memoryview) -> int:
        if not self._pieces:
            raise GatewayError("dvr.source_ended", "The end.")
        piece = self._pieces.pop(0)
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        pass


async def test_a_crash_while_storing_ends_that_channel_only() -> None:
    disk = Disk()
    pump = Pump(0.05, disk)
    woken = asyncio.Event()
    got: list[bytes] = []

    def crash(data: memoryview) -> None:
        raise ZeroDivisionError

    bad = Draw(_Tap(b"x"), crash, woken.set)
    good = Draw(_Tap(b"1", b"", b"2"), lambda data: got.append(bytes(data)), woken.set)
    pump.join(bad)
    pump.join(good)
    await woken.wait()
    assert bad.error is not None
    assert bad.error.code == "dvr.disk_failed"
    woken.clear()
    await woken.wait()
    assert good.error is not None
    assert good.error.code == "dvr.source_ended"
    assert got == [b"1", b"2"]
    pump.leave(bad)
    pump.leave(good)
    await disk.close()
