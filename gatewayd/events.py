"""What happens in the box, numbered: one bus, bounded queues, nobody ever waits for a slow reader."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from datetime import datetime
from fnmatch import fnmatchcase
from types import TracebackType
from typing import ClassVar, Self

from msgspec import Struct

from gatewayd.system.clock import Clock


class EventData(Struct, frozen=True, kw_only=True):
    """What one kind of event tells; the subclass names its `topic` (`wifi.changed`).

    `leaves_box` marks a kind that the portal is told about: it goes to the outbox in the change's
    own transaction.
    """

    topic: ClassVar[str] = "event"
    leaves_box: ClassVar[bool] = False


class Gap(EventData, frozen=True, kw_only=True):
    """Events were lost to this reader: read the state again. `missed` is None when it cannot be known."""

    topic: ClassVar[str] = "gap"
    missed: int | None = None


class Event(Struct, frozen=True, kw_only=True):
    """One event as every reader sees it; `seq` rises by one within an `epoch` (one run of the daemon)."""

    epoch: str
    seq: int
    time: datetime
    type: str
    data: EventData


class Bus:
    """Publishes to subscriptions and remembers the last `memory` events for readers that come back."""

    def __init__(self, clock: Clock, *, memory: int = 1024) -> None:
        self.epoch = secrets.token_hex(8)
        self._clock = clock
        self._seq = 0
        self._past: deque[Event] = deque(maxlen=memory)
        self._readers: set[Subscription] = set()

    @property
    def seq(self) -> int:
        """The number of the newest event."""
        return self._seq

    def publish(self, data: EventData) -> Event:
        """Numbers and hands out one event; returns at once."""
        self._seq += 1
        event = Event(
            epoch=self.epoch, seq=self._seq, time=self._clock.now(), type=type(data).topic, data=data
        )
        self._past.append(event)
        for reader in self._readers:
            reader.offer(event)
        return event

    def subscribe(
        self, *topics: str, since: int | None = None, epoch: str | None = None, size: int = 256
    ) -> Subscription:
        """A reader of the topics (patterns such as `wifi.*`; none means all).

        With `since`, it first gets what came after that number; what is no longer remembered, or
        belongs to another `epoch`, is one `gap` event. `size` bounds the queue.
        """
        reader = Subscription(self, topics or ("*",), size)
        if since is not None:
            self._replay(reader, since, epoch)
        self._readers.add(reader)
        return reader

    def _replay(self, reader: Subscription, since: int, epoch: str | None) -> None:
        if since > self._seq or epoch not in (None, self.epoch):
            reader.lost(None)
            return
        oldest = self._past[0].seq if self._past else self._seq + 1
        if since + 1 < oldest:
            reader.lost(oldest - since - 1)
        for event in self._past:
            if event.seq > since:
                reader.offer(event)

    def forget(self, reader: Subscription) -> None:
        """Ends a subscription."""
        self._readers.discard(reader)

    def gap(self, missed: int | None) -> Event:
        """A `gap` event for one reader; it takes the number of the newest event and is not remembered."""
        return Event(
            epoch=self.epoch, seq=self._seq, time=self._clock.now(), type=Gap.topic, data=Gap(missed=missed)
        )


class Subscription:
    """A bounded queue of events: `async for event in subscription`; close it or use it with `with`."""

    def __init__(self, bus: Bus, topics: tuple[str, ...], size: int) -> None:
        self._bus = bus
        self._topics = topics
        self._size = size
        self._queue: deque[Event] = deque()
        self._missed: int | None = 0
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, event: Event) -> None:
        """Takes an event if it matches; a full queue loses the oldest, knowingly."""
        if self._closed or not any(fnmatchcase(event.type, topic) for topic in self._topics):
            return
        if len(self._queue) >= self._size:
            self._queue.popleft()
            self.lost(1)
        self._queue.append(event)
        self._wake.set()

    def lost(self, count: int | None) -> None:
        """Remembers that events were lost; the reader hears of it before its next event."""
        self._missed = None if count is None or self._missed is None else self._missed + count
        self._wake.set()

    def close(self) -> None:
        """Ends the iteration after what is queued."""
        self._closed = True
        self._bus.forget(self)
        self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while True:
            if self._missed != 0:
                missed, self._missed = self._missed, 0
                return self._bus.gap(missed)
            if self._queue:
                return self._queue.popleft()
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
