"""hostapd as a process of its own session, when no service manager runs it: it survives us.

The next gatewayd finds it again through its control socket (the kernel tells the pid of who
answered), so no pid file can lie.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from gatewayd.wifi.abilities import Version, read_version

STOP_SECONDS = 3.0


class Process:
    """A running process, ours or adopted, watched through a pidfd. `watch` it; `stop` or `release` it."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError when it has gone."""
        self.pid = pid
        self._fd = os.pidfd_open(pid)
        self._ended = asyncio.Event()
        self._on_end: Callable[[], None] | None = None
        asyncio.get_running_loop().add_reader(self._fd, self._has_ended)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return not self._ended.is_set()

    async def while_alive(self, work: Coroutine[Any, Any, None]) -> None:
        """Does `work`, and gives it up with ProcessLookupError as soon as the process ends."""
        doing = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            if not doing.done():
                doing.cancel()
            await asyncio.gather(doing, ending, return_exceptions=True)
        if doing.cancelled():
            raise ProcessLookupError(f"process {self.pid} has ended")
        doing.result()

    def watch(self, on_end: Callable[[], None]) -> None:
        """Names who is called once when it ends by itself."""
        self._on_end = on_end

    def reload(self) -> None:
        """Has hostapd read its whole file again: SIGHUP. (Its command RELOAD, up to 2.10, does not.)

        A command that is sent after it is answered after the file was read. Raises ProcessLookupError.
        """
        signal.pidfd_send_signal(self._fd, signal.SIGHUP)

    async def stop(self) -> None:
        """Ends it: politely, then not. Returns when it is gone."""
        self._on_end = None
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive:
                break
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._ended.wait()
        self.release()

    def release(self) -> None:
        """Forgets it; it runs on."""
        self._on_end = None
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _has_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        with contextlib.suppress(ChildProcessError):  # an adopted one is not our child
            os.waitpid(self.pid, os.WNOHANG)
        self._ended.set()
        if self._on_end is not None:
            self._on_end()


def version_of(binary: str) -> Version | None:
    """hostapd's version by its own word; None when it does not say. Blocks shortly. Raises OSError."""
    try:
        told = subprocess.run(
            [binary, "-v"], stdin=subprocess.DEVNULL, capture_output=True, timeout=STOP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return read_version((told.stdout + told.stderr).decode(errors="replace"))


def spawn(binary: str, config: Path, log: Path, *, doors: Path, group: str | None = None) -> int:
    """Starts hostapd in a session of its own and returns its pid. Raises OSError.

    `doors` is where its socket as a whole shall be, which `group` may use. No argument is secret, and never
    `-d`: that would print passphrases. Its output goes to `log`, made anew, never to a pipe of ours that
    would break when we die. Blocks shortly: use a thread.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        return os.posix_spawn(
            binary,
            [binary, "-g", str(doors), *([] if group is None else ["-G", group]), str(config)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, descriptor, 1),
                (os.POSIX_SPAWN_DUP2, descriptor, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
    finally:
        os.close(descriptor)
