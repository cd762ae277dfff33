"""The real recorder process for tests, and what one asks of it again and again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gatewayd.dvr.media.messages import (
    Accepted,
    DesiredChannel,
    Digest,
    Digested,
    Entry,
    GetStatus,
    Journal,
    Locate,
    Located,
    Range,
    RangeDone,
    ReadJournal,
    SetDesired,
    Slice,
    Source,
    Status,
)
from gatewayd.system.rpc import Client

T = TypeVar("T")


def http_channel(identifier: str, url: str, *ranges: Range, allow_loopback: bool = True) -> DesiredChannel:
    """A desired channel that is read over HTTP."""
    source = Source(kind="http", url=url, allow_loopback=allow_loopback)
    return DesiredChannel(id=identifier, source=source, ranges=ranges)


async def until(check: Callable[[], Awaitable[T | None]], seconds: float = 20.0) -> T:
    """The first result of `check` that is true; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := await check()):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.05)
    return result


class RecorderProcess:
    """`async with RecorderProcess(folder) as recorder:` runs `python -m gatewayd.dvr.media` below `folder`.

    With `supervised` it is started again at once whenever it ends, as systemd would. `before` are the words
    of a command that starts it elsewhere: in a network namespace.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        supervised: bool = False,
        before: tuple[str, ...] = (),
        module: str = "gatewayd.dvr.media",
    ) -> None:
        self._module = module
        self.folder = folder / "media"
        self.socket = folder / "control.sock"
        self._options = options
        self._before = before
        self._supervised = supervised
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._generation = 0
        self.client = Client(self.socket)

    @property
    def pid(self) -> int:
        """Of the recorder now."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self._start()
        if self._supervised:
            self._keeper = asyncio.create_task(self._keep())
        try:
            await self.answers()
        except BaseException:
            await self.__aexit__(None, None, None)  # no process is left behind by a test that fails here
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self.client.close()
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                await self._process.wait()

    async def wait(self) -> int:
        """Until the process ends; its exit status."""
        assert self._process is not None
        return await self._process.wait()

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    async def answers(self) -> Status:
        """Waits until the recorder answers."""

        async def ask() -> Status | None:
            with contextlib.suppress(Exception):
                return await self.client.call(GetStatus(), Status)
            return None

        return await until(ask)

    async def desire(self, *channels: DesiredChannel) -> Accepted:
        """Sends a new desired state."""
        self._generation += 1
        return await self.client.call(SetDesired(generation=self._generation, channels=channels), Accepted)

    async def journal(self, kind: type[T]) -> list[T]:
        """All entries of one kind."""
        entries: list[Entry] = []
        while page := (
            await self.client.call(ReadJournal(after=entries[-1].seq if entries else 0), Journal)
        ).entries:
            entries += page
        return [entry for entry in entries if isinstance(entry, kind)]

    async def done(self, identifier: str, seconds: float = 30.0) -> RangeDone:
        """Waits for the end of a range."""

        async def ask() -> RangeDone | None:
            entries = await self.journal(RangeDone)
            return next((entry for entry in entries if entry.range == identifier), None)

        return await until(ask, seconds)

    async def locate(self, channel: str, start: float, stop: float) -> Located:
        """Where a span lies."""
        return await self.client.call(Locate(channel=channel, start=start, stop=stop), Located)

    async def digest(self, slices: tuple[Slice, ...]) -> Digested:
        """SHA-256 by a worker."""
        return await self.client.call(Digest(slices=slices), Digested, timeout=30)

    def read(self, slices: tuple[Slice, ...]) -> bytes:
        """The stored bytes."""
        return b"".join(
            (self.folder / f"{piece.segment}.ts").read_bytes()[piece.from_byte : piece.to_byte]
            for piece in slices
        )

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._before,
            sys.executable,
            "-m",
            self._module,
            "--socket",
            str(self.socket),
            "--folder",
            str(self.folder),
            "--reserve",
            "0",
            *self._options,
        )

    async def _keep(self) -> None:
        while True:
            await self.wait()
            await self._start()
