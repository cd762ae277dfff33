"""The way to an address, hop by hop, asked several times: loss and time at each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gatewayd.diagnostics.icmp import Echo, Pinger
from gatewayd.diagnostics.tool_model import Hop, TracerouteResult

Told = Callable[[int, TracerouteResult], None]
WAIT = 1.0
"""Seconds that each question is waited for."""
STAGGER = 0.03
"""Seconds between questions to neighbouring hops: routers ration their ICMP errors (RFC 1812, 4.3.2.8)."""
ROUND = 0.5
SILENT = 5
"""So many hops in a row that say nothing end the way, unless the target answered beyond them."""


class _Tally:
    """What one hop has said so far."""

    def __init__(self, hop: int) -> None:
        self.hop = hop
        self.sent = 0
        self.times: list[float] = []
        self.addresses: list[str] = []
        self.end = False

    def add(self, echo: Echo | None, address: str) -> None:
        self.sent += 1
        if echo is None:
            return
        self.times.append(echo.ms)
        if echo.source not in self.addresses:
            self.addresses.append(echo.source)
        # Whoever refuses it ends the way, too: nothing goes further than there.
        self.end = self.end or echo.kind != "exceeded" or echo.source == address

    def told(self) -> Hop:
        times = self.times
        return Hop(
            hop=self.hop,
            addresses=tuple(self.addresses[:8]),
            sent=self.sent,
            received=len(times),
            loss=round(1 - len(times) / self.sent, 4) if self.sent else 0.0,
            best_ms=min(times, default=None),
            mean_ms=round(sum(times) / len(times), 4) if times else None,
            worst_ms=max(times, default=None),
        )


async def trace(
    address: str,
    *,
    rounds: int,
    hops: int,
    target: str | None = None,
    told: Told = lambda done, so_far: None,
) -> TracerouteResult:
    """Asks every hop `rounds` times; the first round finds how far the target is.

    `told` hears how many rounds are done and the result so far. Raises what `Pinger` raises.
    """
    tallies = [_Tally(number) for number in range(1, hops + 1)]

    def result() -> TracerouteResult:
        way = _cut(tallies)
        reached = any(address in tally.addresses for tally in way)
        return TracerouteResult(
            target=target or address, address=address, reached=reached, hops=tuple(one.told() for one in way)
        )

    async with Pinger(address) as pinger:
        for number in range(rounds):
            way = tallies if number == 0 else _cut(tallies)
            async with asyncio.TaskGroup() as group:
                for tally in way:
                    if _known_end(tallies, tally.hop):
                        break
                    group.create_task(_one(pinger, tally, address), name=f"hop {tally.hop}")
                    await asyncio.sleep(STAGGER)
            told(number + 1, result())
            if number + 1 < rounds:
                await asyncio.sleep(ROUND)
    return result()


async def _one(pinger: Pinger, tally: _Tally, address: str) -> None:
    try:
        echo = await pinger.ask(WAIT, hops=tally.hop)
    except OSError:
        echo = None  # not even sent: no route just now, which is as silent as a hop can be
    tally.add(echo, address)


def _known_end(tallies: list[_Tally], hop: int) -> bool:
    """Whether a nearer hop is the target already: then nobody is behind it."""
    return any(tally.end for tally in tallies[: hop - 1])


def _cut(tallies: list[_Tally]) -> list[_Tally]:
    """The hops up to the target, or up to `SILENT` silent ones after the last that spoke."""
    for position, tally in enumerate(tallies):
        if tally.end:
            return tallies[: position + 1]
    spoke = max((tally.hop for tally in tallies if tally.addresses), default=0)
    return tallies[: min(len(tallies), spoke + SILENT)]
