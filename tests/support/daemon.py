"""The whole daemon as real processes: started, asked, killed, started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from gatewayd.system.children import peer_pid
from tests.support.ports import free_port

T = TypeVar("T")

DEMO = """
[api]
advertise = false
[clock]
trust = "always"
[wifi]
driver = "simulated"
[dvr]
folder = "media"
allow_loopback = true
"""


async def until(probe: Callable[[], Awaitable[T | None]], seconds: float = 20.0) -> T:
    """The first thing that `probe` finds; TimeoutError when it finds nothing in time."""
    async with asyncio.timeout(seconds):
        while (found := await probe()) is None:
            await asyncio.sleep(0.05)
    return found


class Daemon:
    """`gatewayd` on `folder` with the settings `config`; `prefix` is what runs it (`ip netns exec ...`).

    With `log` it tells everything that it can, into that file.
    """

    def __init__(
        self,
        folder: Path,
        config: str = DEMO,
        *,
        demo: bool = True,
        prefix: Sequence[str] = (),
        log: Path | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.api = folder / "run" / "api.sock"
        self.recorder_socket = folder / "run" / "media.sock"
        self._config = folder / "test.toml"
        self._text = config
        self._arguments = (["--demo"] if demo else []) + [
            "--state-dir",
            str(folder),
            "--port",
            str(self.port),
        ]
        self._prefix = tuple(prefix)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the daemon itself."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when it answers."""
        self._config.write_text(self._text)
        with contextlib.ExitStack() as stack:
            log = None if self._log is None else stack.enter_context(self._log.open("ab"))
            self._process = await asyncio.create_subprocess_exec(
                *(*self._prefix, sys.executable, "-m", "gatewayd", "--config", str(self._config)),
                *(*self._arguments, "--log-level", "warning" if log is None else "debug"),
                stdout=asyncio.subprocess.DEVNULL if log is None else log,
                stderr=log,
            )
        await until(self.answers, 120)  # an emulated machine takes its time

    async def kill(self, number: int = signal.SIGKILL) -> int:
        """Sends a signal and waits for the end; the exit status."""
        assert self._process is not None
        behind = await asyncio.to_thread(peer_pid, self.api)  # a prefix may stand in between
        os.kill(behind or self._process.pid, number)
        async with asyncio.timeout(20):
            return await self._process.wait()

    async def recorder(self, other_than: int | None = None) -> int:
        """The recorder's pid, once there is one (another one)."""

        async def look() -> int | None:
            pid = await asyncio.to_thread(peer_pid, self.recorder_socket)
            return None if pid == other_than else pid

        return await until(look)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request over the Unix socket: the status and the JSON answer."""
        connector = aiohttp.UnixConnector(path=str(self.api))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://box/v1{path}", json=body, headers=named) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def get(self, path: str) -> Any:
        """The answer of a GET that must succeed."""
        status, body = await self.call("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any = None) -> Any:
        """The answer of a POST that must succeed."""
        status, answer = await self.call("POST", path, body)
        assert status in (200, 201, 202), answer
        return answer

    async def end(self) -> None:
        """SIGTERM, and nothing of it is left: also what outlived a killed daemon."""
        if self._process is not None and self._process.returncode is None:
            await self.kill(signal.SIGTERM)
        for name in ("media.sock", "netd.sock"):
            pid = await asyncio.to_thread(peer_pid, self.folder / "run" / name)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)

    async def silent(self) -> bool | None:
        """True when nobody listens any more."""
        try:
            await self.call("GET", "/info")
        except (aiohttp.ClientError, OSError):
            return True
        return None

    async def answers(self) -> bool | None:
        """True when the API answers; AssertionError when the process has ended."""
        assert self._process is not None
        if self._process.returncode is not None:
            raise AssertionError(f"gatewayd ended with {self._process.returncode}")
        try:
            status, _ = await self.call("GET", "/info")
        except (aiohttp.ClientError, OSError):
            return None
        return status == 200 or None


@asynccontextmanager
async def running(folder: Path, config: str = DEMO, **more: Any) -> AsyncIterator[Daemon]:
    """A started daemon, gone at the end with everything it started."""
    daemon = Daemon(folder, config, **more)
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.end()
