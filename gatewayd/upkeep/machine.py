"""What the machine says of itself: one reading of all that health is judged by. Blocks for milliseconds."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from gatewayd.system.children import listener

_FIRMWARE = "devices/platform/soc/soc:firmware/get_throttled"
"""The Raspberry Pi's bits of under-voltage and throttling, in hexadecimal."""


class Disk(NamedTuple):
    """A file system that holds something of ours; bytes. `error`: it cannot be asked."""

    name: str
    free: int
    total: int
    writable: bool = True
    error: str | None = None


class Running(NamedTuple):
    """One of our processes; None: it is not there. `started` in Unix seconds, `memory` (RSS) in bytes."""

    name: str
    pid: int | None
    memory: int = 0
    cpu_seconds: float = 0.0
    started: float = 0.0


class Reading(NamedTuple):
    """The machine at one moment. `throttled` is the Pi's bits, None elsewhere; `wear` the worn share of an
    eMMC card, None where there is none. `load` is the mean of five minutes; sizes are in bytes, times in
    seconds."""

    temperature: float | None
    throttled: int | None
    disks: tuple[Disk, ...]
    wear: float | None
    memory_free: int
    memory_total: int
    swap_used: int
    load: float
    cores: int
    uptime: float
    processes: tuple[Running, ...]


def read(
    folders: Sequence[tuple[str, Path]], sockets: Sequence[tuple[str, Path]], system: Path = Path("/sys")
) -> Reading:
    """`folders` are named places on disks, `sockets` where our other processes listen."""
    memory = psutil.virtual_memory()
    processes = [_running("gatewayd", os.getpid())]
    for name, path in sockets:
        found = listener(path)
        processes.append(_running(name, found and found[0]))
    return Reading(
        temperature=_temperature(),
        throttled=_throttled(system),
        disks=tuple(_disk(name, path) for name, path in folders),
        wear=_wear(system),
        memory_free=memory.available,
        memory_total=memory.total,
        swap_used=psutil.swap_memory().used,
        load=os.getloadavg()[1],
        cores=os.cpu_count() or 1,
        uptime=time.clock_gettime(time.CLOCK_BOOTTIME),
        processes=tuple(processes),
    )


def _temperature() -> float | None:
    """The hottest sensor, degrees Celsius."""
    try:
        rows = psutil.sensors_temperatures()
    except (AttributeError, OSError):
        return None
    found = [entry.current for entries in rows.values() for entry in entries if entry.current]
    return max(found, default=None)


def _throttled(system: Path) -> int | None:
    try:
        return int((system / _FIRMWARE).read_text().strip(), 16)
    except (OSError, ValueError):
        return None


def _wear(system: Path) -> float | None:
    """EXT_CSD life time estimates of an eMMC: steps of 10 % in hexadecimal, 0x0b is beyond its life."""
    worst = None
    for path in (system / "block").glob("mmcblk*/device/life_time"):
        with contextlib.suppress(OSError, ValueError):
            worst = max([worst or 0, *(int(word, 16) for word in path.read_text().split())])
    return None if not worst else min(worst, 11) / 10


def _disk(name: str, path: Path) -> Disk:
    try:
        while not path.exists() and path != path.parent:
            path = path.parent  # another process makes it when it starts
        room = os.statvfs(path)
    except OSError as error:
        return Disk(name, 0, 0, False, error.strerror)
    size = room.f_frsize
    return Disk(name, room.f_bavail * size, room.f_blocks * size, not room.f_flag & os.ST_RDONLY)


def _running(name: str, pid: int | None) -> Running:
    if pid is None:
        return Running(name, None)
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return Running(
                name, pid, process.memory_info().rss, times.user + times.system, process.create_time()
            )
    except psutil.Error:  # it listens, but the units hide other users' processes
        return Running(name, pid)
