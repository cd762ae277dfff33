"""What processes cost, as the kernel counts it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """CPU-seconds per stream-hour, and PSS in MB of all processes together."""

    cpu: float
    pss: float


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Time on a CPU of all threads of these processes so far (schedstat, nanoseconds)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def pss_megabytes(pids: list[int]) -> float:
    """Proportional memory of these processes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def measure(roots: Callable[[], list[int]], streams: int, seconds: float) -> Cost:
    """Watches processes that already record."""
    pids = [pid for root in roots() for pid in family(root)]
    before, began = cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    used, passed = cpu_seconds(pids) - before, time.monotonic() - began
    return Cost(used / passed / streams * 3600, pss_megabytes(pids))
