"""The machine's own health: what can be read at once, without waiting."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil

from gatewayd.box.model import Part

DISK_LOW = 0.05
MEMORY_LOW = 0.10
HOT = 80.0
"""Degrees Celsius: a Raspberry Pi begins to throttle there (its documentation, "Thermal management")."""


def health(folder: Path) -> Part:
    """Disk space of the state's file system, memory and temperature."""
    disk = os.statvfs(folder)
    free = disk.f_bavail / max(1, disk.f_blocks)
    memory = psutil.virtual_memory()
    if free < DISK_LOW:
        return Part(state="degraded", sentence=f"The disk is almost full: {free:.0%} is free.")
    if memory.available / memory.total < MEMORY_LOW:
        return Part(state="degraded", sentence=f"Memory is short: {memory.available >> 20} MB are free.")
    hottest = max(
        (entry.current for rows in _temperatures().values() for entry in rows if entry.current), default=0.0
    )
    if hottest >= HOT:
        return Part(state="degraded", sentence=f"The box is hot: {hottest:.0f} °C. Give it some air.")
    return Part(state="ok", sentence=f"The box is well: {free:.0%} of the disk is free.")


def _temperatures() -> dict[str, list[Any]]:
    try:
        return dict(psutil.sensors_temperatures())
    except (AttributeError, OSError):
        return {}
