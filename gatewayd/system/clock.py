"""Time: wall clock, monotonic clock, and whether the wall clock can be believed."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from datetime import UTC, datetime
from typing import Literal, Protocol

BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""No honest clock is earlier than the release that reads it."""

_STA_UNSYNC = 0x0040  # <linux/timex.h>: the kernel's clock is not disciplined
_TIMEX_SIZE = 208  # sizeof(struct timex) on 64-bit Linux
_TIMEX_STATUS_OFFSET = 40  # modes, offset, freq, maxerror, esterror come first


class Clock(Protocol):
    """What the daemon knows of time; tests inject their own."""

    def now(self) -> datetime:
        """Wall time, aware, UTC. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits on the monotonic clock."""
        ...

    def trusted(self) -> bool:
        """Whether wall time may decide that something has expired."""
        ...


class SystemClock:
    """The machine's clocks.

    `trust="always"` believes wall time (the demo); `auto` believes it when the kernel's clock is
    disciplined (adjtimex(2)), or when it is later than the release and than the `floor`, the newest
    time that the state holds, on a machine with a hardware clock.
    """

    def __init__(self, trust: Literal["auto", "always"] = "auto") -> None:
        self._trust = trust
        self._floor = BUILT

    def floor(self, last_seen: datetime) -> None:
        """Time cannot be earlier than what the state has seen."""
        self._floor = max(self._floor, last_seen)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def trusted(self) -> bool:
        if self._trust == "always" or synchronised():
            return True
        return os.path.exists("/dev/rtc0") and self.now() > self._floor


def synchronised() -> bool:
    """Whether the kernel says that something disciplines its clock (read only; no privilege)."""
    buffer = ctypes.create_string_buffer(_TIMEX_SIZE)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(buffer) < 0:
        return False
    status = int.from_bytes(buffer.raw[_TIMEX_STATUS_OFFSET : _TIMEX_STATUS_OFFSET + 4], "little")
    return not status & _STA_UNSYNC


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T05:10:44.123Z`: how every time leaves the box."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
