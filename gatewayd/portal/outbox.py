"""Sends what waits in the queue, while there is a way to its controller."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gatewayd.portal.notifications_queue import NotificationsQueue, Waiting

IDLE = 60.0
"""Seconds after which it looks even when nobody woke it: wall time may have been set."""
SOON = 1.0

Send = Callable[[str, bytes], Awaitable[bool]]
"""Sends an encoded Msg to a controller; True once the transport has taken responsibility for it."""


class Deliverer:
    """Drains a queue through `send`. Call `wake` when a link comes up; `run` it under a supervisor."""

    def __init__(self, queue: NotificationsQueue, send: Send) -> None:
        self._queue = queue
        self._send = send
        self._awake = asyncio.Event()
        self._stuck = False
        queue.on_change(self.wake)

    def wake(self) -> None:
        """There may be something to send, or a way to send it."""
        self._awake.set()

    def heard(self) -> None:
        """Somebody spoke to us: who was away may be back."""
        if self._stuck:
            self._awake.set()

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            self._awake.clear()
            self._stuck = unsent = await self.drain()
            wait = await self._queue.next_due()
            seconds = IDLE if wait is None or unsent else min(IDLE, max(wait, SOON if wait else 0.0))
            try:
                async with asyncio.timeout(seconds):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def drain(self) -> bool:
        """Sends what is due, in order for each controller; True when some of it found no way."""
        cut_off: set[str] = set()
        while rows := await self._queue.due(without=cut_off):
            for row in rows:
                if row.recipient not in cut_off and not await self._one(row):
                    cut_off.add(row.recipient)
        return bool(cut_off)

    async def _one(self, row: Waiting) -> bool:
        if not await self._send(row.recipient, row.message):
            return False
        await self._queue.sent(row)
        return True
