"""Round trips beside a load: a handshake and a small request on a new connection, again and again.

After draft-ietf-ippm-responsiveness. Its probes on the load's own connections need HTTP/2; ours are all of
the "foreign" kind, as another application's would be. The handshake's time is the kernel's own.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from gatewayd.diagnostics import speed_rates
from gatewayd.diagnostics.speed_model import Latency
from gatewayd.diagnostics.speed_streams import Server, reset
from gatewayd.system.tcpinfo import tcp_info

EVERY = 0.15
PATIENCE = 4.0
_AT_ONCE = 24


class Trip(NamedTuple):
    """One probe: when it began (monotonic), its handshake and its request, in milliseconds."""

    when: float
    handshake: float
    request: float


async def trip(server: Server, seconds: float = PATIENCE) -> Trip | None:
    """One probe; None when it failed or took longer. A lost probe is the load's doing, too."""
    loop = asyncio.get_running_loop()
    when = time.monotonic()
    try:
        with ExitStack() as stack:
            sock = socket.socket(
                server.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            )
            stack.callback(reset, sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(seconds):
                await loop.sock_connect(sock, (server.address, server.port))
                handshake = tcp_info(sock).rtt_us / 1000  # the only round trip so far
                asked = time.monotonic()
                line = f"GET {server.path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n"
                await loop.sock_sendall(sock, line.encode("ascii"))
                if not await loop.sock_recv(sock, 4096):
                    return None
            return Trip(when, round(handshake, 3), round((time.monotonic() - asked) * 1000, 3))
    except (OSError, TimeoutError):
        return None


def latency(trips: Sequence[Trip]) -> Latency | None:
    """What some probes say together; None for none."""
    if not trips:
        return None
    handshakes = sorted(one.handshake for one in trips)
    foreign = (
        speed_rates.trimmed_mean(handshakes) + speed_rates.trimmed_mean([one.request for one in trips])
    ) / 2
    return Latency(
        ms=round(statistics.median(handshakes), 3),
        p95_ms=round(handshakes[min(len(handshakes) - 1, int(len(handshakes) * 0.95))], 3),
        rpm=int(60_000 / foreign) if foreign > 0 else 0,
        probes=len(trips),
    )


async def idle(server: Server, count: int = 10) -> Latency | None:
    """The round trips without a load, one after another."""
    found = []
    for _ in range(count):
        if (one := await trip(server, 2.0)) is not None:
            found.append(one)
        await asyncio.sleep(0.05)
    return latency(found)


class Beside:
    """Probes for as long as the block lasts."""

    def __init__(self, server: Server) -> None:
        self.trips: list[Trip] = []
        self._server = server
        self._under_way: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Beside:
        self._ticking = asyncio.create_task(self._tick(), name="latency beside a load")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [self._ticking, *self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            if len(self._under_way) < _AT_ONCE:
                task = asyncio.create_task(self._one(), name="latency probe")
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(EVERY)

    async def _one(self) -> None:
        if (found := await trip(self._server)) is not None:
            self.trips.append(found)
