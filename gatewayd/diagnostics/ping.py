"""Ping: loss, times and jitter to one address."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
from collections.abc import Callable, Sequence
from typing import Literal

from gatewayd.diagnostics.icmp import Echo, Pinger
from gatewayd.diagnostics.tool_model import PingReply, PingResult

Told = Callable[[PingResult], None]


async def ping(
    address: str,
    *,
    count: int,
    interval: float,
    size: int = 56,
    timeout: float = 2.0,
    target: str | None = None,
    told: Told = lambda so_far: None,
) -> PingResult:
    """`count` questions, one each `interval` seconds whether or not the last was answered.

    `told` hears the result so far after each answer or miss. Raises what `Pinger` raises.
    """
    replies: dict[int, PingReply] = {}
    stamped: list[bool] = []
    name = target or address

    async def one(pinger: Pinger, sequence: int) -> None:
        await asyncio.sleep((sequence - 1) * interval)
        try:
            echo = await pinger.ask(timeout, size=size)
        except OSError as error:
            replies[sequence] = PingReply(sequence=sequence, error=_words(error.errno))
        else:
            replies[sequence] = _reply(sequence, echo)
            if echo is not None and echo.kind == "reply":
                stamped.append(echo.stamped)
        told(summary(name, address, list(replies.values()), stamped))

    async with Pinger(address) as pinger, asyncio.TaskGroup() as group:
        for sequence in range(1, count + 1):
            group.create_task(one(pinger, sequence), name=f"ping {sequence}")
    return summary(name, address, list(replies.values()), stamped)


def summary(
    target: str, address: str, replies: Sequence[PingReply], stamped: Sequence[bool] = ()
) -> PingResult:
    """The figures of some questions that are answered or given up, in the order of their numbers."""
    ordered = tuple(sorted(replies, key=lambda one: one.sequence))
    times = [one.ms for one in ordered if one.ms is not None]
    steps = [abs(after - before) for before, after in itertools.pairwise(times)]
    stamps: Literal["kernel", "mixed", "none"] = "none"
    if stamped:
        stamps = "kernel" if all(stamped) else "mixed"
    return PingResult(
        target=target,
        address=address,
        sent=len(ordered),
        received=len(times),
        loss=round(1 - len(times) / len(ordered), 4) if ordered else 0.0,
        min_ms=min(times, default=None),
        median_ms=_rounded(statistics.median(times)) if times else None,
        mean_ms=_rounded(statistics.fmean(times)) if times else None,
        max_ms=max(times, default=None),
        jitter_ms=_rounded(statistics.fmean(steps)) if steps else None,
        stamps=stamps,
        replies=ordered,
    )


def _reply(sequence: int, echo: Echo | None) -> PingReply:
    if echo is None:
        return PingReply(sequence=sequence)
    if echo.kind != "reply":
        words = "hop limit exceeded" if echo.kind == "exceeded" else _words(echo.error)
        return PingReply(sequence=sequence, error=f"{words}, says {echo.source}")
    return PingReply(sequence=sequence, ms=echo.ms, ttl=echo.ttl)


def _words(number: int | None) -> str:
    return os.strerror(number).lower() if number else "not sent"


def _rounded(value: float) -> float:
    return round(value, 4)
