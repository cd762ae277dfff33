"""The daemon's other processes where systemd does not start them: in development and in the demo.

A child runs in its own session, so that a Ctrl-C in the terminal reaches only the daemon, and one that
is already there (it outlived its daemon) is adopted through its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)
GRACE = 5.0


class Child:
    """One helper process behind a Unix socket, kept alive by `run` under a supervisor.

    `arguments` are those of the running interpreter (`-m`, `gatewayd.netd`, ...).
    """

    def __init__(self, name: str, arguments: Sequence[str], control: Path) -> None:
        self.name = name
        self._arguments = tuple(arguments)
        self._socket = control
        self.pid: int | None = None
        self._adopted = False
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Starts the process, or adopts the one that answers on the socket, and returns when it ends."""
        adopted = await asyncio.to_thread(peer_pid, self._socket)
        if adopted is not None:
            log.info("child.adopted", child=self.name, pid=adopted)
            self.pid, self._adopted, self._process = adopted, True, None
            await _ended(adopted)  # when cancelled, `stop` still knows the pid
            self._gone()
            return
        process = await asyncio.create_subprocess_exec(
            sys.executable, *self._arguments, start_new_session=True, stdin=asyncio.subprocess.DEVNULL
        )
        self.pid, self._adopted, self._process = process.pid, False, process
        log.info("child.started", child=self.name, pid=process.pid)
        try:
            status = await process.wait()
            log.warning("child.ended", child=self.name, pid=process.pid, status=status)
        finally:
            if process.returncode is not None:
                self._gone()

    async def stop(self, *, grace: float = GRACE) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; returns when the process is gone."""
        if self.pid is None:
            return
        pid = self.pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(grace):
                    await _ended(pid)
            except TimeoutError:
                log.warning("child.killed", child=self.name, pid=pid)
                os.kill(pid, signal.SIGKILL)
                await _ended(pid)
        if self._process is not None:  # the event loop has to hear of it, too, before it closes
            await self._process.wait()
        self._gone()

    def _gone(self) -> None:
        if self.pid is not None and self._adopted:
            with contextlib.suppress(ChildProcessError):  # ours from before a re-exec
                os.waitpid(self.pid, os.WNOHANG)
        self.pid = None


def peer_pid(control: Path) -> int | None:
    """The pid of our own uid's process that listens on a Unix socket, or None when nobody does."""
    pid, uid = listener(control) or (0, -1)
    return pid if uid == os.geteuid() and pid > 0 else None


def listener(control: Path) -> tuple[int, int] | None:
    """The pid and the uid of whoever listens on a Unix socket, or None when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(1.0)
        try:
            sock.connect(str(control))
        except OSError:
            return None
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:8], "little")


async def _ended(pid: int) -> None:
    """Returns when that process is gone (pidfd_open(2): no polling, no reused pid)."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
