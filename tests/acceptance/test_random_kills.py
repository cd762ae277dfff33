"""Daemon, recorder, worker and server die at random moments of one recording: one item, exact gaps."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from gatewayd.dvr.spans import Span, clip, length
from tests.acceptance.recording import channel, ended, flowing, record, segments, stored, workers_of
from tests.support.daemon import Daemon, running, until
from tests.support.ts import PacedServer

pytestmark = pytest.mark.acceptance

VICTIMS = ("recorder", "daemon", "server", "worker")
UNWRITTEN, FLOWING, EXACT = 0.5, 3.0, 1.0
"""Seconds: received but not stored at a kill; until data flow again; how exact a gap is."""


class Hole(NamedTuple):
    """When nothing came because of a kill."""

    start: float
    stop: float


class Murder:
    """One recording and those who die during it."""

    def __init__(self, daemon: Daemon, server: PacedServer, name: str, item: str, seed: int) -> None:
        self._daemon, self._server, self._name, self._item = daemon, server, name, item
        self._random = random.Random(seed)
        self._ended = 0  # bytes that earlier connections left
        self.holes: list[Hole] = []
        self._ways = {
            "recorder": self._kill_recorder,
            "daemon": self._kill_daemon,
            "server": self._drop_connections,
            "worker": self._kill_worker,
        }

    async def commit(self, victim: str) -> None:
        """Waits until data flow, and a while; kills; looks at what became of it."""
        before = len(stored(self._daemon, self._name))
        await until(lambda: self._grown(before), 20)
        await asyncio.sleep(self._random.uniform(0.0, 1.2))
        await self._ways[victim]()

    async def _kill_recorder(self) -> None:
        recorder = await self._daemon.recorder()
        sent = self._server.sent[-1]
        killed = time.time()
        os.kill(recorder, signal.SIGKILL)
        kept = len(stored(self._daemon, self._name))
        unwritten = (sent.by(killed) - (kept - self._ended)) * 8 / self._server.bitrate
        assert unwritten <= UNWRITTEN, f"{unwritten:.2f} s were received and are lost"
        await self._flows_again(killed)
        assert await self._daemon.recorder() != recorder

    async def _drop_connections(self) -> None:
        killed = time.time()
        self._server.drop()
        await self._flows_again(killed)

    async def _kill_daemon(self) -> None:
        connections, recorder = self._server.connections, await self._daemon.recorder()
        await self._daemon.kill()
        before = len(stored(self._daemon, self._name))
        await self._daemon.start()
        assert await self._daemon.recorder() == recorder
        await until(lambda: self._grown(before), 5)
        assert self._server.connections == connections

    async def _kill_worker(self) -> None:
        connections = self._server.connections
        await record(self._daemon, self._name, 0.5)  # its end gives a worker something to do
        for _ in range(200):
            workers = workers_of(await self._daemon.recorder())
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            if workers:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("no worker was ever seen")
        before = len(stored(self._daemon, self._name))
        await until(lambda: self._grown(before), 5)
        assert self._server.connections == connections

    async def _flows_again(self, killed: float) -> None:
        number = len(self._server.sent)
        await until(lambda: self._connected(number), 20)
        again = self._server.sent[number].marks[0][0]
        assert again - killed <= FLOWING, f"{again - killed:.2f} s until data flowed again"
        self.holes.append(Hole(killed, again))
        self._ended = await until(self._settled, 10)

    async def _settled(self) -> int | None:
        """What the earlier connections left: everything but the open segment's file."""
        sent = self._server.sent[-1]
        found = stored(self._daemon, self._name)
        at = found.rfind(bytes(sent.data[:4096])) if len(sent.data) >= 4096 else -1
        return at if at >= 0 else None

    async def _connected(self, number: int) -> bool | None:
        return (len(self._server.sent) > number and bool(self._server.sent[number].marks)) or None

    async def _grown(self, before: int) -> bool | None:
        return len(stored(self._daemon, self._name)) > before or None


async def kill(rounds: int, seed: int) -> None:
    """One recording, so many kills, each kind of victim equally often."""
    rng = random.Random(seed)
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(rounds)]
    rng.shuffle(victims)
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:  # short: a socket's path has 107 bytes
        async with PacedServer() as server, running(Path(folder)) as daemon:
            name = await channel(daemon, server)
            item = await record(daemon, name, 6 * 3600)
            await flowing(daemon, item)
            murder = Murder(daemon, server, name, item, seed)
            for victim in victims:
                await murder.commit(victim)
            await daemon.post(f"/dvr/recordings/{item}/stop")
            whole = await ended(daemon, item, 60 + rounds)
            kept = segments(daemon, name)
            items = (await daemon.get("/dvr/recordings?limit=200"))["items"]
    assert [one["id"] for one in items].count(item) == 1
    assert len(items) == 1 + victims.count("worker")
    first = murder.holes[0].start - EXACT  # before that is how long the source took to open at the start
    gaps = [gap for gap in whole["gaps"] if datetime.fromisoformat(gap["to"]).timestamp() > first]
    told = [(_moment(gap["from"]), _moment(gap["to"])) for gap in gaps]
    compare(told, [(hole.start, hole.stop) for hole in murder.holes])
    arrange(kept, [bytes(sent.data) for sent in server.sent])


def arrange(kept: list[bytes], sent: list[bytes]) -> None:
    """Each segment goes on in a stream where the one before it ended, or is the beginning of a later stream.

    A stream may have left nothing: killed before anything of it was due to be written. Streams begin alike,
    so all ways to read it are followed.
    """
    ways = {(-1, 0)}  # which stream, and how far in it
    for number, piece in enumerate(kept):
        size = len(piece)
        on = {(which, at + size) for which, at in ways if which >= 0 and sent[which][at : at + size] == piece}
        later = range(min(which for which, _ in ways) + 1, len(sent))
        ways = on | {(which, size) for which in later if sent[which][:size] == piece}
        assert ways, f"segment {number} of {len(kept)} is not what was sent"


def compare(told: list[Span], holes: list[Span]) -> None:
    """No gap is told where nothing was missing; what was missing is told, to EXACT seconds at each end.

    Not one by one: two kills in quick succession leave one gap, when what came in between was not written.
    """
    for hole in holes:
        assert length([hole]) - length(clip(told, *hole)) <= EXACT, f"not told: {hole}"
    for gap in told:
        near = [hole for hole in holes if hole[0] < gap[1] + EXACT and hole[1] > gap[0] - EXACT]
        assert near, f"nothing was missing: {gap}"
        assert length([gap]) - length(clip(near, *gap)) <= EXACT * len(near), f"told too much: {gap}"


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.timeout(300)
async def test_ten_random_kills() -> None:
    await kill(10, seed=4)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_a_hundred_random_kills() -> None:
    await kill(100, seed=random.randrange(1 << 32))
