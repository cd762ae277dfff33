"""Whether the box itself or somebody else's traffic stands between a speed test and the line."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from gatewayd.diagnostics.speed_model import BusyLine, Limit

CPU_MOST = 0.85
"""Of a core: what the measuring thread may use, or want and not get, before it is what is measured."""
SOFTIRQ_MOST = 0.9
LAG_MOST = 0.05
SHARE_MOST = 0.2
BUSY_SHARE = 0.1
BUSY_UNKNOWN = 1e6
"""bit/s that make a line busy of which no plan and no earlier result is known."""
LISTENED = 5.0
_TICK = 0.05
_SYS = Path("/sys/class/net")


class Traffic(NamedTuple):
    """Bytes that an interface has counted."""

    received: int
    sent: int


def traffic(interface: str, root: Path = _SYS) -> Traffic | None:
    """An interface's counters; None when it has none. Reads sysfs, which does not wait."""
    folder = root / interface / "statistics"
    try:
        return Traffic(int((folder / "rx_bytes").read_text()), int((folder / "tx_bytes").read_text()))
    except (OSError, ValueError):
        return None


Counters = Callable[[str], Awaitable[Traffic | None]]
Busiest = Callable[[float], Awaitable[str | None]]
"""Names the device that most of so many bit/s are for or from; None when nobody can tell."""


async def counters(interface: str) -> Traffic | None:
    """`traffic`, without holding up the event loop."""
    return await asyncio.to_thread(traffic, interface)


async def others(
    interface: str, plan: tuple[float | None, float | None], look: Counters, busiest: Busiest, seconds: float
) -> BusyLine | None:
    """Listens to the line; what is on it when that is more than a tenth of the `plan` (down, up; bit/s).

    `busiest` names the device that uses it most, or nobody.
    """
    before, began = await look(interface), time.monotonic()
    await asyncio.sleep(seconds)
    after, took = await look(interface), time.monotonic() - began
    if before is None or after is None:
        return None
    down = (after.received - before.received) * 8 / took
    up = (after.sent - before.sent) * 8 / took
    limits = [one * BUSY_SHARE if one else BUSY_UNKNOWN for one in plan]
    if down <= limits[0] and up <= limits[1]:
        return None
    return BusyLine(down=round(down), up=round(up), by=await busiest(max(down, up)) or interface)


class Host:
    """Watches this thread and this machine while a test runs, as an async context manager."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._unread: list[float] = []
        self._starved: list[float] = []

    async def __aenter__(self) -> Host:
        self._ticking = asyncio.create_task(self._tick(), name="lateness of the loop")
        self._began = time.monotonic()
        self._thread = threading.get_native_id()
        self._used, self._waited, self._cores = await self._looked()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)

    def sample(self, *, unread: float, starved: float) -> None:
        """What the streams say of themselves at the end of a bin, as shares of 1."""
        self._unread.append(unread)
        self._starved.append(starved)

    async def limits(self) -> tuple[Limit, ...]:
        """What of the box was the limit; empty when it had time to spare."""
        took = max(1e-6, time.monotonic() - self._began)
        used, waited, cores = await self._looked()
        found: list[Limit] = []
        if (used - self._used + waited - self._waited) / took >= CPU_MOST:
            found.append("cpu")
        if any(share >= SOFTIRQ_MOST for share in _shares(self._cores, cores)):
            found.append("softirq")
        if len(self._late) < took / _TICK / 2 or _p95(self._late) > LAG_MOST:
            found.append("lag")
        if self._unread and _share(self._unread) > SHARE_MOST:
            found.append("reading")
        if self._starved and self._starved[-1] > SHARE_MOST:
            found.append("sending")
        return tuple(found)

    async def _looked(self) -> tuple[float, float, list[tuple[int, int]]]:
        used = time.thread_time()  # of this thread: the files are read in another one
        waited, cores = await asyncio.to_thread(lambda: (_waited(self._thread), _softirq()))
        return used, waited, cores

    async def _tick(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            self._late.append(time.monotonic() - before - _TICK)


def _share(unread: list[float]) -> float:
    """In how many of the samples more than half of the room was full: the data waited for us."""
    return sum(one > 0.5 for one in unread) / len(unread)


def _p95(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.95)] if ordered else 0.0


def _waited(thread: int) -> float:
    """Seconds that a thread was ready and had no processor (schedstat: time run, time waited, in ns)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


def _softirq() -> list[tuple[int, int]]:
    """Of each core: ticks in softirq, and all ticks (proc_stat(5))."""
    found = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/stat").read_text().splitlines():
            name, *words = line.split()
            if name.startswith("cpu") and name != "cpu":
                ticks = [int(one) for one in words[:8]]
                found.append((ticks[6], sum(ticks)))
    return found


def _shares(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> list[float]:
    return [
        (now[0] - then[0]) / (now[1] - then[1])
        for then, now in zip(before, after, strict=False)
        if now[1] - then[1] > 100  # a second of ticks: less says little
    ]
