"""A clock that tests move."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

from gatewayd.system.clock import SystemClock

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until moved: `advance` moves both clocks and wakes sleepers, `step` only wall time."""

    def __init__(self, start: datetime = START, *, trust: bool = True) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self.trust = trust

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def trusted(self) -> bool:
        return self.trust

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._monotonic + seconds, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Lets time pass, waking each sleeper at its moment."""
        end = self._monotonic + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, future = heapq.heappop(self._sleepers)
            self._move(max(0.0, moment - self._monotonic))
            if not future.done():
                future.set_result(None)
            for _ in range(5):
                await asyncio.sleep(0)
        self._move(end - self._monotonic)

    def step(self, seconds: float) -> None:
        """Somebody set the wall clock."""
        self._now += timedelta(seconds=seconds)

    def _move(self, seconds: float) -> None:
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)


class LeapingClock(SystemClock):
    """The machine's clocks, which a test sets: for what runs beside real parts, whose time nobody moves."""

    def __init__(self) -> None:
        super().__init__("always")
        self._wall = 0.0
        self._past = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._wall)

    def monotonic(self) -> float:
        return super().monotonic() + self._past

    def step(self, seconds: float) -> None:
        """Somebody set the wall clock."""
        self._wall += seconds

    def leap(self, seconds: float) -> None:
        """So much time is past, on both clocks; who sleeps just now sleeps on."""
        self._wall += seconds
        self._past += seconds
