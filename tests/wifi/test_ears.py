"""What a network's stations did while nobody listened is made up for; against a fake hostapd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gatewayd.tasks import Tasks
from gatewayd.wifi.control import Control
from gatewayd.wifi.driver import RadioEvent
from gatewayd.wifi.hostapd_ears import Ears
from gatewayd.wifi.render import Bss
from tests.wifi.airs import DEVICES, FakeAir, fake_air
from tests.wifi.settings import home

BSS = Bss(network="home", interface="wlan0", bssid="02:00:00:00:00:00")
Heard = list[tuple[str, str | None]]


@asynccontextmanager
async def ears(air: FakeAir, *, adopted: bool) -> AsyncIterator[tuple[Ears, Heard]]:
    """Ears of their own beside the driver's."""
    heard: Heard = []
    tasks = Tasks()

    async def control(interface: str) -> Control:
        return await Control.open(air.places.control / interface, air.folder / "run")

    def tell(event: RadioEvent) -> None:
        heard.append((event.kind, event.mac))

    found = Ears(control, tasks, tell)
    if not adopted:
        found.listen(())
    try:
        yield found, heard
    finally:
        await found.close(gone=False)
        await tasks.close()


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_who_joined_before_the_first_word_was_heard_has_joined_once() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        assert await air.join("Maple Street", "correct horse")
        async with ears(air, adopted=False) as (listening, heard):
            listening.listen((BSS,))
            await _until(lambda: bool(heard))
            assert await air.join("Maple Street", "correct horse", device=1)
            await _until(lambda: len(heard) > 1)
            assert heard == [("joined", DEVICES[0]), ("joined", DEVICES[1])]
            await listening.close()
            assert sorted(heard[2:]) == [("left", DEVICES[0]), ("left", DEVICES[1])]


async def test_whoever_was_there_before_us_did_not_join_now() -> None:
    async with fake_air() as air:
        await air.driver.apply((home(),))
        assert await air.join("Maple Street", "correct horse")
        async with ears(air, adopted=True) as (listening, heard):
            listening.listen((BSS,))
            await asyncio.sleep(0.3)
            assert await air.join("Maple Street", "correct horse", device=1)
            await _until(lambda: bool(heard))
            assert heard == [("joined", DEVICES[1])]
            # a network that is taken away takes its stations along, the one of before, too
            listening.listen(())
            assert sorted(heard[1:]) == [("left", DEVICES[0]), ("left", DEVICES[1])]
