"""A box with a simulated radio, whose time the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gatewayd.tasks import Tasks
from gatewayd.wifi.driver import Driver
from gatewayd.wifi.simulated import SimulatedDriver
from tests.support.clock import FakeClock
from tests.wifi.house import House, open_house


class Box:
    """A box with a simulated radio whose time the test moves."""

    def __init__(self, house: House, clock: FakeClock, radio: SimulatedDriver) -> None:
        self.house = house
        self.clock = clock
        self.radio = radio

    async def wait(self, change: str, *states: str, seconds: float = 60.0) -> dict[str, Any]:
        """The change in one of these states, letting up to so many (injected) seconds pass."""
        end = self.clock.monotonic() + seconds
        while True:
            now: dict[str, Any] = await self.house.call("wifi.changes.get", change=change)
            if now["state"] in states:
                return now
            assert self.clock.monotonic() < end, now
            await self.clock.advance(0.1)
            await asyncio.sleep(0.002)

    async def applied(self, change: str) -> dict[str, Any]:
        """The change, applied."""
        ended = await self.wait(change, "applied", "rolled_back")
        assert ended["state"] == "applied", ended
        return ended

    async def until(
        self, true: Callable[[dict[str, Any]], bool], network: str = "guest", seconds: float = 30.0
    ) -> None:
        """Lets time pass until this is true of a network."""
        end = self.clock.monotonic() + seconds
        while not true(await self.house.call("wifi.networks.get", network=network)):
            assert self.clock.monotonic() < end
            await self.clock.advance(0.1)
            await asyncio.sleep(0.002)

    async def waiting(self, **arguments: Any) -> str:
        """A change that is on the air and waits to be confirmed."""
        change = await self.house.update(**arguments)
        while (await self.wait(change, "proving"))["proof"] == "none":
            await asyncio.sleep(0.002)
        return change


@asynccontextmanager
async def open_box(
    folder: Path,
    clock: FakeClock | None = None,
    most: int = 60,
    zone: str | Callable[[], ZoneInfo] = "UTC",
) -> AsyncIterator[Box]:
    """A box on `folder`, on the air."""
    clock = clock or FakeClock()
    built: list[SimulatedDriver] = []

    def build(tasks: Tasks) -> Driver:
        built.append(SimulatedDriver(clock, tasks, household=False))
        return built[0]

    async with open_house(folder, build, clock=clock, most=most, zone=zone) as house:
        while (await house.call("wifi.networks.get", network="home"))["state"] != "on_air":
            await clock.advance(0.1)
            await asyncio.sleep(0.002)
        yield Box(house, clock, built[0])
