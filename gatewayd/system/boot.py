"""Which run of the kernel this is: readings of the monotonic clock compare only within one boot."""

from __future__ import annotations

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4): a new UUID at every boot


def boot_id() -> str:
    """The kernel's id of this boot."""
    return _BOOT_ID.read_text("ascii").strip()
