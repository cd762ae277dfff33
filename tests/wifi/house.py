"""The whole slice as the daemon builds it: core, driver, service and operations, called by dispatch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from gatewayd.callers import ROLES, Caller
from gatewayd.system.clock import Clock, SystemClock
from gatewayd.tasks import Tasks
from gatewayd.wifi import WifiService
from gatewayd.wifi.driver import Driver
from gatewayd.wifi.household_operations import household_operations
from gatewayd.wifi.operations import operations
from gatewayd.wifi.radio_operations import radio_operations
from tests.support.core import Core, open_core

log = structlog.get_logger(__name__)
OWNER = Caller(id="session:owner", role="owner", scopes=ROLES["owner"], via="http")
FIRST_SSID = "Home-1234"


class House:
    """A box whose Wi-Fi is asked through the registry."""

    def __init__(self, core: Core, service: WifiService) -> None:
        self.core = core
        self.service = service

    async def call(
        self, name: str, *, caller: Caller = OWNER, once: str | None = None, **arguments: Any
    ) -> Any:
        """Dispatches one operation and returns its decoded answer; `once` is an idempotency key."""
        return await self.core.call(name, arguments, caller=caller, key=once)

    async def update(self, **arguments: Any) -> str:
        """Changes the network `home` and returns the change's id."""
        change: str = (await self.call("wifi.networks.update", network="home", **arguments))["change"]["id"]
        return change

    async def passphrase(self) -> str:
        """The network's password."""
        words: str = (await self.call("wifi.networks.reveal", network="home"))["passphrase"]
        return words

    async def wait(self, change: str, *states: str, seconds: float = 60.0) -> dict[str, Any]:
        """The change, once it is in one of these states (without any: once it has ended)."""
        wanted = states or ("applied", "rolled_back")
        async with asyncio.timeout(seconds):
            while True:
                now: dict[str, Any] = await self.call("wifi.changes.get", change=change)
                if now["state"] in wanted:
                    return now
                await asyncio.sleep(0.02)

    async def until(self, true: Callable[[dict[str, Any]], bool], seconds: float = 30.0) -> dict[str, Any]:
        """The network `home`, once this is true of it."""
        async with asyncio.timeout(seconds):
            while True:
                network: dict[str, Any] = await self.call("wifi.networks.get", network="home")
                if true(network):
                    return network
                await asyncio.sleep(0.02)

    async def settled(self, seconds: float = 30.0) -> None:
        """Waits until the network is on the air."""
        await self.until(lambda network: network["state"] == "on_air", seconds)


@asynccontextmanager
async def open_house(
    folder: Path,
    build: Callable[[Tasks], Driver],
    *,
    clock: Clock | None = None,
    most: int = 60,
    zone: str | Callable[[], ZoneInfo] = "UTC",
    bridges: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """A box on `folder`; its driver is built with the box's own tasks. It lets go of the radio at the end.

    `bridges` names by role where stations belong.
    """
    clock = clock or SystemClock("always")
    named = ZoneInfo(zone if isinstance(zone, str) else "UTC")
    async with open_core(folder, clock) as core:
        driver = build(core.tasks)
        service = WifiService(
            driver=driver,
            database=core.database,
            bus=core.bus,
            clock=clock,
            tasks=core.tasks,
            first_ssid=FIRST_SSID,
            max_changes_per_minute=most,
            zone=(lambda: named) if isinstance(zone, str) else zone,
            bridges=bridges,
        )
        core.registry.add(operations(service))
        core.registry.add(household_operations(service))
        core.registry.add(radio_operations(service))
        await service.start()
        try:
            yield House(core, service)
        finally:
            await service.close()
