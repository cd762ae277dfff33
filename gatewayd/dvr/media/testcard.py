"""The engine for `testcard:`: a child that encodes while somebody reads, over a socket in our own folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from gatewayd.dvr.media.engine import Beat, Flow
from gatewayd.dvr.media.http import HttpEngine
from gatewayd.dvr.media.messages import Source
from gatewayd.dvr.media.workers import spawn
from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)

START_SECONDS = 20.0
_ADDRESS = "http://testcard.invalid/testcard.ts"


class TestCardEngine:
    """One child for all readers; it is started for the first and ended after the last."""

    __test__ = False  # not a test, whatever pytest thinks of its name

    def __init__(self, beat: Beat, socket: Path) -> None:
        self._socket = socket
        self._http = HttpEngine(beat, unix_socket=socket)
        self._readers = 0
        self._starting = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[Flow]:
        """See Engine."""
        self._readers += 1
        try:
            await self._start()
            async with self._http.open(Source(kind="http", url=_ADDRESS)) as flow:
                yield flow
        finally:
            self._readers -= 1
            if not self._readers:
                await self.close()

    async def close(self) -> None:
        """Ends the child."""
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            await child.wait()

    async def _start(self) -> None:
        async with self._starting:
            if self._child is not None and self._child.returncode is None:
                return
            await asyncio.to_thread(self._socket.unlink, missing_ok=True)
            child = self._child = await spawn(
                "gatewayd.dvr.media.worker_testcard", str(self._socket), talks=False
            )
            try:
                async with asyncio.timeout(START_SECONDS):
                    while not await self._answers():
                        if child.returncode is not None:
                            raise GatewayError("dvr.worker_died", "The test card's encoder does not start.")
                        await asyncio.sleep(0.05)
            except TimeoutError:
                raise GatewayError("dvr.worker_too_slow", "The test card's encoder does not start.") from None

    async def _answers(self) -> bool:
        return await asyncio.to_thread(self._socket.exists)
