"""How one of our processes reads another's log over its socket (`gatewayd.system.rpc` carries it)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from gatewayd.system.logs import Record, Ring
from gatewayd.system.rpc import Client

SECONDS = 2.0
_MOST_BYTES = 400_000
"""Of texts in one page: a frame of rpc holds a megabyte."""


class ReadLogs(Struct, frozen=True, tag=True, kw_only=True):
    """Records behind number `after` of `epoch`, the oldest first; without an epoch, or when it is that of
    another process, the newest. Answered by LogPart."""

    epoch: str | None = None
    after: int = 0


class LogPart(Struct, frozen=True, kw_only=True):
    """Records of one process, oldest first; `gap`: some between `after` and these are no longer kept."""

    epoch: str
    records: tuple[Record, ...]
    gap: bool


def part(ring: Ring, asked: ReadLogs) -> LogPart:
    """What `ring` has of that, as much as one frame holds."""
    goes_on = asked.epoch == ring.epoch
    records = ring.records(asked.after if goes_on else 0)
    gap = asked.epoch is not None and (not goes_on or (bool(records) and records[0].number > asked.after + 1))
    kept: list[Record] = []
    size = 0
    for record in records if goes_on else reversed(records):
        size += len(record.event) + len(record.text) + 50
        if size > _MOST_BYTES:
            break
        kept.append(record)
    return LogPart(epoch=ring.epoch, records=tuple(kept if goes_on else reversed(kept)), gap=gap)


def answering(handle: Callable[[Any], Awaitable[Any]], ring: Ring) -> Callable[[Any], Awaitable[Any]]:
    """A handler of verbs that answers ReadLogs as well."""

    async def both(verb: Any) -> Any:
        return part(ring, verb) if isinstance(verb, ReadLogs) else await handle(verb)

    return both


async def fetch(socket: Path, asked: ReadLogs) -> LogPart:
    """The same from the process that listens there. Raises GatewayError `helper.*`."""
    client = Client(socket, timeout=SECONDS)
    try:
        return await client.call(asked, LogPart)
    finally:
        await client.close()
