"""Three devices of a household around a real radio, where nobody needs to listen."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

from gatewayd.wifi.driver import Heard
from tests.lab.radio import Station, radios
from tests.wifi.radio_air import CHANNEL_6, People, RadioAir

PHONE, TABLET, LAPTOP = 0, 1, 2


class _Nobody:
    """`Scanner` of a household in which no radio listens; it is never asked."""

    async def scan(self) -> tuple[Heard, ...]:
        return ()


@contextlib.contextmanager
def family() -> Iterator[People]:
    """A radio for us, a phone, a tablet and a laptop. Blocks."""
    found = radios()
    with contextlib.ExitStack() as stack:
        devices = [
            stack.enter_context(Station(name, radio, frequencies=(CHANNEL_6,)))
            for name, radio in zip(("phone", "tablet", "laptop"), found[1:4], strict=True)
        ]
        yield found[0], tuple(devices), _Nobody()


class Watched:
    """Whether and when a device loses its network: `async with Watched(air, TABLET) as watched`."""

    def __init__(self, air: RadioAir, device: int) -> None:
        self._station = air.phones[device]
        self._began = 0.0
        self._gone: asyncio.Task[float] | None = None

    async def __aenter__(self) -> Watched:
        await asyncio.to_thread(self._station.drain_events)
        self._began = time.monotonic()
        self._gone = asyncio.create_task(asyncio.to_thread(self._wait))
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._gone is not None:
            await asyncio.gather(self._gone, return_exceptions=True)

    def begin(self) -> None:
        """Counts from here."""
        self._began = time.monotonic()

    def so_far(self) -> float:
        """Seconds since `begin`."""
        return time.monotonic() - self._began

    async def seconds(self) -> float:
        """From `begin` until it was thrown off. Raises TimeoutError after 5 s."""
        assert self._gone is not None
        return await self._gone - self._began

    def _wait(self) -> float:
        self._station.wait_event("CTRL-EVENT-DISCONNECTED", 5.0)
        return time.monotonic()


def returns(station: Station, seconds: float) -> bool:
    """Whether a device that was thrown off is let in again; it looks for its network every second. Blocks."""
    try:
        station.wait_event("CTRL-EVENT-CONNECTED", seconds)
    except TimeoutError:
        return station.connected()
    return True
