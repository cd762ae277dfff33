"""How a channel's bytes are got: the Protocol that every kind of source fulfils, and the beat.

An engine opens a source and returns a Flow of transport stream bytes. HTTP and the test card are the
engines of today; what is not MPEG-TS gets an engine that lets a worker remux it.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gatewayd.dvr.media.messages import Source

BEAT = 0.25
"""Seconds between two readings of a flow: what a killed recorder may lose, less than 0.5 s."""


class Flow(Protocol):
    """An open source."""

    async def read(self) -> bytes:
        """What has come since the last call, waiting for the next beat and for a byte; b"" at the end.

        Raises GatewayError (a dotted `dvr.` code) when the source breaks.
        """
        ...


class Engine(Protocol):
    """Opens sources of one kind."""

    def open(self, source: Source) -> AbstractAsyncContextManager[Flow]:
        """The flow of a source; leaving the context closes it.

        Entering raises GatewayError: `dvr.source_unreachable`, `dvr.source_http_status`,
        `dvr.forbidden_address`.
        """
        ...


class Beat:
    """One timer for all flows, so that the process wakes a few times a second however many it reads.

    Wake-ups are what copying a stream costs, not bytes. Between beats the kernel holds what comes.
    """

    def __init__(self, period: float = BEAT) -> None:
        self._period = period
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Until the next beat."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            now = loop.time()
            loop.call_at(now - now % self._period + self._period, self._strike)
        future = loop.create_future()
        self._waiting.append(future)
        await future

    def _strike(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
