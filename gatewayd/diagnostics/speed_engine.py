"""One direction of a speed test: streams, bins, and when to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from gatewayd.diagnostics import speed_rates as rates
from gatewayd.diagnostics.speed_latency import Beside, latency
from gatewayd.diagnostics.speed_model import DirectionResult, Limit, Way
from gatewayd.diagnostics.speed_rates import Bin
from gatewayd.diagnostics.speed_streams import Pool, Server, Stream, begin
from gatewayd.diagnostics.speed_watch import Counters, Host, Traffic
from gatewayd.errors import GatewayError

Told = Callable[[float, float, int, float | None], None]
"""Seconds since the start, bit/s of the last bin, streams, the newest round trip in ms."""
CONNECT = 5.0
_FULL = 0.95
"""Less of what full segments would have held: then they are not full ones. Lost packets alone, and those that
came twice, explain some per cent."""


class Direction:
    """Measures one way to one server. `small` is what round trips are measured with.

    `interface` and `look` say what else passed the line; `most_bytes` ends it early.
    """

    def __init__(
        self,
        way: Way,
        server: Server,
        small: Server,
        *,
        interface: str | None,
        look: Counters,
        most_bytes: int,
        told: Told = lambda seconds, rate, streams, ms: None,
    ) -> None:
        self._way = way
        self._server = server
        self._small = small
        self._interface = interface
        self._look = look
        self._most_bytes = most_bytes
        self._told = told
        self._streams: list[Stream] = []
        self._bins: list[Bin] = []
        self._failed: Exception | None = None
        self._fullness = 0.0

    async def measure(self) -> DirectionResult:
        """Runs it: 4 to 10 s. Raises GatewayError `diagnostics.unreachable`; leaves no connection behind."""
        self._pool = await asyncio.to_thread(Pool)
        try:
            async with AsyncExitStack() as stack:
                stack.callback(self._end)
                await self._more(rates.FIRST_STREAMS)
                self._host = await stack.enter_async_context(Host())
                self._beside = await stack.enter_async_context(Beside(self._small))
                await self._run()
                return self._result(await self._host.limits())
        finally:
            self._pool.close()

    def _end(self) -> None:
        for stream in self._streams:
            stream.close()

    async def _run(self) -> None:
        began = time.monotonic()
        last, packets = began, self._packets()
        line: list[tuple[float, Traffic | None]] = []
        while True:
            await asyncio.sleep(max(0.0, last + rates.BIN - time.monotonic()))
            now, moved = time.monotonic(), self._packets()
            self._bins.append(Bin(now - began, now - last, moved - packets))
            if moved:  # the best of all moments: a lost packet holds back a whole window for a while
                exact = sum(stream.counted().exact for stream in self._streams)
                self._fullness = max(self._fullness, exact / moved)
            last, packets = now, moved
            self._sampled()
            if self._interface is not None:
                line.append((now, await self._look(self._interface)))
            trips = [(one.when, one.handshake) for one in self._beside.trips]
            rate = self._bins[-1].rate
            self._told(now - began, rate, self._alive(), trips[-1][1] if trips else None)
            if now - began >= rates.MOST or moved >= self._most_bytes or not self._alive():
                break
            if rates.settled(self._bins) and not rates.still_rising(trips, now):
                break
            await self._more(rates.wanted_streams(self._bins, self._alive()) - self._alive())
        self._seconds, self._began = last - began, began
        self._line = _line(line, began + rates.DROPPED, self._way)

    def _packets(self) -> int:
        return sum(stream.counted().packets for stream in self._streams)

    def _alive(self) -> int:
        return sum(stream.alive for stream in self._streams)

    def _sampled(self) -> None:
        alive = [stream for stream in self._streams if stream.alive]
        for stream in alive:
            stream.expect(self._bins[-1].rate / 8 / len(alive))
        self._host.sample(
            unread=max((one.unread() for one in alive), default=0.0),
            starved=max((one.starved() for one in alive), default=0.0),
        )

    async def _more(self, count: int) -> None:
        """Begins further streams; only the first must succeed."""
        if count <= 0:
            return

        async def one() -> None:
            try:
                async with asyncio.timeout(CONNECT):
                    self._streams.append(await begin(self._way, self._server, self._pool, lambda gone: None))
            except (OSError, TimeoutError, GatewayError) as error:
                self._failed = error

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(one(), name=f"speed test, {self._way}")
        if not self._streams:
            if isinstance(self._failed, GatewayError):
                raise self._failed
            raise GatewayError("diagnostics.unreachable", "The speed-test server cannot be reached.")

    def _result(self, limited: tuple[Limit, ...]) -> DirectionResult:
        loaded = [one for one in self._beside.trips if one.when - self._began >= rates.DROPPED]
        counts = [stream.counted() for stream in self._streams]
        payload, exact = sum(one.payload for one in counts), sum(one.exact for one in counts)
        rate = rates.rate(self._bins)
        if self._fullness < _FULL:
            rate *= self._fullness
        alive = [stream for stream in self._streams if stream.alive]
        withheld = bool(limited)
        return DirectionResult(
            way=self._way,
            rate=None if withheld else round(rate),
            goodput=None if withheld else round(rate * payload / exact if exact else 0.0),
            line=None if withheld or self._line is None else round(self._line),
            confidence="low" if withheld else rates.confidence(self._bins),
            seconds=round(self._seconds, 2),
            bytes=payload,
            streams=len(self._streams),
            retransmits=sum(stream.retransmits() for stream in alive),
            congestion=alive[0].congestion() if alive else "",
            latency=latency(loaded),
            limited=limited,
        )


def _line(counts: list[tuple[float, Traffic | None]], since: float, way: Way) -> float | None:
    """bit/s of the interface's own counters over the time that counts."""
    known = [(when, one) for when, one in counts if one is not None and when >= since]
    if len(known) < 2:
        return None
    (began, first), (ended, last) = known[0], known[-1]
    moved = last.received - first.received if way == "down" else last.sent - first.sent
    return moved * 8 / (ended - began) if ended > began else None
