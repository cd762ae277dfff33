"""Notifications wait, are sent in order, come again until they are answered, and outlive the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.portal.contracts import Notification
from gatewayd.portal.notifications_queue import NotificationsQueue, wait_range
from gatewayd.portal.outbox import Deliverer
from gatewayd.store.database import Database
from tests.support.clock import FakeClock
from tests.support.store import open_database


class Wire:
    """A way to controllers that are there or not."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.there = {"self::desk", "self::clerk"}

    async def send(self, endpoint: str, message: bytes) -> bool:
        """True when somebody is there."""
        if endpoint not in self.there:
            return False
        self.sent.append((endpoint, message))
        return True


class Bench:
    """A queue, a wire and what sends."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FakeClock()
        self.shared = {"wifi", "upkeep"}
        self.queue = NotificationsQueue(database, self.clock, lambda topic: topic in self.shared)
        self.wire = Wire()
        self.deliverer = Deliverer(self.queue, self.wire.send)

    async def put(self, identifier: str, to: str = "self::desk", **more: object) -> None:
        """One more."""
        note = Notification(
            **{  # type: ignore[arg-type]
                "recipient": to,
                "id": identifier,
                "subscription": "all",
                "message": identifier.encode(),
                "topic": "wifi",
                **more,
            }
        )
        async with self.database.unit() as unit:
            self.queue.put(unit, note)

    @property
    def told(self) -> list[str]:
        """What was sent, in order."""
        return [message.decode() for _, message in self.wire.sent]


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """On a state of its own."""
    async with open_database(tmp_path) as database:
        yield Bench(database)


async def test_without_retry_it_is_sent_once(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        await bench.put(name)
    assert not await bench.deliverer.drain()
    assert not await bench.deliverer.drain()
    assert bench.told == ["a", "b", "c"]
    assert await bench.queue.count() == 0


async def test_with_retry_it_comes_again_until_it_is_answered(bench: Bench) -> None:
    await bench.put("a", retry=True)
    await bench.deliverer.drain()
    await bench.deliverer.drain()
    assert bench.told == ["a"]  # not before its time
    for sent in range(2, 13):
        await bench.clock.advance(5 * 2.0 ** min(sent - 1, 10))
        await bench.deliverer.drain()
        assert len(bench.told) == sent
    await bench.queue.answered("self::clerk", "a")  # not its business
    assert await bench.queue.count() == 1
    await bench.queue.answered("self::desk", "a")
    assert await bench.queue.count() == 0


async def test_who_is_away_holds_up_nobody_else(bench: Bench) -> None:
    bench.wire.there = {"self::clerk"}
    for number in range(100):
        await bench.put(f"d{number}")
    await bench.put("c", to="self::clerk")
    assert await bench.deliverer.drain()
    assert bench.told == ["c"]
    bench.wire.there.add("self::desk")
    assert not await bench.deliverer.drain()
    assert bench.told[1:] == [f"d{number}" for number in range(100)]


async def test_a_clock_that_is_set_back_holds_up_nothing(bench: Bench) -> None:
    bench.clock.step(10 * 86_400)
    await bench.put("a")
    bench.clock.step(-10 * 86_400)
    await bench.deliverer.drain()
    assert bench.told == ["a"]


async def test_who_comes_back_and_speaks_gets_what_waited(bench: Bench) -> None:
    bench.wire.there.clear()
    await bench.put("a")
    running = asyncio.create_task(bench.deliverer.run())
    await asyncio.sleep(0.1)
    bench.wire.there.add("self::desk")
    bench.deliverer.heard()
    async with asyncio.timeout(5):
        while await bench.queue.count():
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert bench.told == ["a"]


async def test_expired_is_given_up(bench: Bench) -> None:
    await bench.put("a", retry=True, expires=bench.clock.now().timestamp() + 3)
    await bench.deliverer.drain()
    await bench.clock.advance(60)
    await bench.deliverer.drain()
    assert bench.told == ["a"]
    assert await bench.queue.count() == 0


async def test_what_the_household_keeps_is_not_written_nor_sent(bench: Bench) -> None:
    await bench.put("recording", topic="dvr")
    assert await bench.queue.count() == 0
    await bench.put("network")
    bench.shared.clear()  # a change of mind
    await bench.deliverer.drain()
    assert bench.told == []
    assert await bench.queue.count() == 0


async def test_a_subscription_that_is_gone_takes_its_own_along(bench: Bench) -> None:
    await bench.put("a", subscription="one")
    await bench.put("b", subscription="two")
    async with bench.database.unit() as unit:
        bench.queue.forget(unit, "self::desk", "one")
    await bench.deliverer.drain()
    assert bench.told == ["b"]


async def test_they_outlive_the_daemon(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        await Bench(database).put("a", retry=True)
    async with open_database(tmp_path) as database:
        again = Bench(database)
        await again.deliverer.drain()
        assert again.told == ["a"]


async def test_a_unit_that_fails_tells_nobody(bench: Bench) -> None:
    with pytest.raises(RuntimeError):
        async with bench.database.unit() as unit:
            bench.queue.put(
                unit,
                Notification(recipient="self::desk", id="a", subscription="s", message=b"a", topic="wifi"),
            )
            raise RuntimeError
    assert await bench.queue.count() == 0


@given(attempt=st.integers(1, 50), minimum=st.integers(1, 65535), multiplier=st.integers(1000, 65535))
def test_waits_are_the_standards(attempt: int, minimum: int, multiplier: int) -> None:
    low, high = wait_range(attempt, minimum, multiplier)
    assert low <= high
    assert wait_range(attempt + 10, minimum, multiplier) == wait_range(10, minimum, multiplier)


def test_waits_in_numbers() -> None:
    """The table of TR-369 for m=5, k=2000."""
    assert [wait_range(attempt, 5, 2000) for attempt in (1, 2, 3, 10, 11)] == [
        (5, 10),
        (10, 20),
        (20, 40),
        (2560, 5120),
        (2560, 5120),
    ]
