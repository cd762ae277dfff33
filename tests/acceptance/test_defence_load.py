"""The owner does not notice those who only hold connections open: the real daemon, from many addresses."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import psutil
import pytest

from tests.support.daemon import Daemon, running

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

CLOSED_WITHIN = 15.0
P99 = 0.250
MEMORY = 24 << 20
"""Bytes that may stay: what an allocator does not give back of the first attack's pages."""


GIVEN_BACK_WITHIN = 20
"""Seconds."""


class Outcome(NamedTuple):
    """What an attack and its owner saw."""

    lives: dict[str, list[float]]
    refused: int
    waits: list[float]
    calm: list[float]
    before: int
    after: int

    @property
    def p99(self) -> float:
        """Seconds that all but one in a hundred of the owner's requests took at most."""
        return percentile(self.waits)


def percentile(waits: list[float]) -> float:
    """Seconds that all but one in a hundred took at most."""
    return sorted(waits)[int(len(waits) * 0.99)]


async def owner_token(daemon: Daemon) -> str:
    code = (await daemon.post("/access/pairing/open"))["code"]
    return str((await daemon.post("/access/claim/finish", {"code": code}))["token"])


async def ask(daemon: Daemon, token: str, until: asyncio.Event, waits: list[float]) -> None:
    """The owner's app: a request every 50 ms, every tenth on a new connection."""
    headers = {"Authorization": f"Bearer {token}"}
    while not until.is_set():
        connector = aiohttp.TCPConnector(ssl=False, local_addr=("127.0.0.1", 0))
        async with aiohttp.ClientSession(
            f"https://localhost:{daemon.port}", connector=connector, headers=headers
        ) as session:
            for _ in range(10):
                began = time.perf_counter()
                async with session.get("/v1/wifi/networks") as response:
                    await response.read()
                    assert response.status == 200
                waits.append(time.perf_counter() - began)
                await asyncio.sleep(0.05)


async def attacked(daemon: Daemon, *numbers: int) -> Outcome:
    token = await owner_token(daemon)
    process = psutil.Process(daemon.pid)
    stop, waits = asyncio.Event(), list[float]()
    warm: list[float] = []
    for _ in range(2):  # the first handshakes allocate what stays
        stop.clear()
        warm.clear()
        task = asyncio.create_task(ask(daemon, token, stop, warm))
        await asyncio.sleep(2.5)
        stop.set()
        await task
    before = process.memory_info().rss
    stop.clear()
    attacker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.attack", str(daemon.port), *map(str, numbers)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert attacker.stdout is not None
    assert await attacker.stdout.readline() == b"begun\n"
    asking = asyncio.create_task(ask(daemon, token, stop, waits))
    told: dict[str, Any] = json.loads(await attacker.stdout.readline())
    await attacker.wait()
    after = process.memory_info().rss
    async with asyncio.timeout(GIVEN_BACK_WITHIN + 5):  # the owner goes on asking meanwhile
        for _ in range(GIVEN_BACK_WITHIN):
            await asyncio.sleep(1)
            after = process.memory_info().rss
            if after - before <= MEMORY:
                break
    stop.set()
    await asking
    return Outcome(told["lives"], told["refused"], waits, warm, before, after)


def judge(outcome: Outcome, numbers: tuple[int, ...]) -> None:
    longest = {kind: max(lives, default=0.0) for kind, lives in outcome.lives.items()}
    told = (
        f"owner: {len(outcome.waits)} requests, p99 {outcome.p99 * 1e3:.0f} ms (before:"
        f" {percentile(outcome.calm) * 1e3:.0f} ms), worst"
        f" {max(outcome.waits) * 1e3:.0f} ms; closed after {longest}; {outcome.refused} never let in;"
        f" memory {outcome.before >> 20} -> {outcome.after >> 20} MiB"
    )
    print(told)
    assert sum(map(len, outcome.lives.values())) + outcome.refused == sum(numbers[:3])
    assert max(longest.values()) <= CLOSED_WITHIN, told
    assert outcome.p99 <= P99, told
    assert outcome.after - outcome.before <= MEMORY, told


async def attack(*numbers: int) -> None:
    """Slow headers, slow bodies, stalled handshakes, from so many addresses."""
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with running(Path(folder)) as daemon:
            judge(await attacked(daemon, *numbers), numbers)


@pytest.mark.parametrize("addresses", [1, 100])
async def test_a_small_attack(addresses: int) -> None:
    await attack(100, 100, 20, addresses)


@pytest.mark.long
@pytest.mark.parametrize("addresses", [1, 40, 1000])
async def test_the_whole_attack(addresses: int) -> None:
    await attack(1000, 1000, 200, addresses)
