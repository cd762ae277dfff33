"""sd_notify(3): telling systemd that we are ready, alive, or stopping. Silent without systemd."""

from __future__ import annotations

import asyncio
import os
import socket


def notify(state: str) -> None:
    """Sends one datagram such as `READY=1` to $NOTIFY_SOCKET; does nothing where that is not set."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(state.encode(), address)


def watchdog_seconds() -> float | None:
    """The time within which systemd wants to hear `WATCHDOG=1`, or None (sd_watchdog_enabled(3))."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6


async def feed_watchdog(every: float) -> None:
    """Runs for ever, from inside the event loop: a loop that hangs is restarted."""
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(every)
