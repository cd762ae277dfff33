"""The box's own log as people read it: filtered, page by page, without secrets."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import structlog
from msgspec import Struct

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.system import log_reading
from gatewayd.system.log_reading import LogPart, ReadLogs, fetch
from gatewayd.system.logs import LEVELS, Level, Record, Ring
from gatewayd.upkeep.redact import Redactor

log = structlog.get_logger(__name__)
Secrets = Callable[[], Awaitable[frozenset[str]]]
"""Tells the secrets that the box keeps, to be searched for in what leaves it."""


class LogRecord(Struct, frozen=True, kw_only=True):
    """One record: what happened (a dotted word) and `key=value` words, both without secrets."""

    time: datetime
    process: str
    level: Level
    event: str
    text: str


class Filter(Struct, frozen=True, kw_only=True):
    """What is wanted: from a level on, with some words in it (whatever their case), not before a time."""

    level: Level = "debug"
    contains: str = ""
    since: datetime | None = None

    def wants(self, record: LogRecord) -> bool:
        """Whether a record is."""
        return (
            LEVELS.index(record.level) >= LEVELS.index(self.level)
            and (self.since is None or record.time >= self.since)
            and self.contains.casefold() in f"{record.event} {record.text}".casefold()
        )


class LogPage(Struct, frozen=True, kw_only=True):
    """Records, oldest first; `next` is where to read on. `gap`: records before these are no longer kept."""

    items: tuple[LogRecord, ...]
    next: str
    gap: bool


class Reader(Protocol):
    """One process's log. Raises GatewayError when it cannot be read now."""

    async def __call__(self, asked: ReadLogs, /) -> LogPart: ...


class Logbook:
    """Reads the logs of our processes as one, by time. One that does not answer is passed over for now."""

    def __init__(self, readers: Mapping[str, Reader], redactor: Redactor, secrets: Secrets) -> None:
        """`readers` by the names of the processes."""
        self._readers = dict(readers)
        self._redactor = redactor
        self._secrets = secrets

    async def page(
        self, wanted: Filter, cursor: str | None, limit: int, process: str | None = None
    ) -> LogPage:
        """Without a cursor the newest `limit` records, else the next ones; all processes', or one's.

        Raises InvalidField `cursor`, `process`.
        """
        if process is not None and process not in self._readers:
            raise InvalidField("process", f"The processes here are: {', '.join(self._readers)}.")
        marks = _decoded(cursor) if cursor else {}
        known = await self._secrets()
        names = list(self._readers) if process is None else [process]
        parts = await asyncio.gather(*(self._part(name, marks.get(name)) for name in names))
        gap = bool(cursor) and any(part.gap for part in parts if part is not None)
        found = sorted(
            ((record.time, name, record) for name, part in zip(names, parts, strict=True) if part
             for record in part.records),
            key=lambda each: (each[0], each[1], each[2].number),
        )  # fmt: skip
        told: list[LogRecord] = []
        read: dict[str, int] = {}
        for _, name, record in found if cursor else reversed(found):
            if len(told) >= limit:
                break
            read[name] = max(record.number, read.get(name, 0))
            if LEVELS.index(record.level) >= LEVELS.index(wanted.level):
                shown = self._told(name, record, known)
                told += [shown] if wanted.wants(shown) else []
        if not cursor:
            told.reverse()
        for name, part in zip(names, parts, strict=True):
            if part is not None:
                newest = part.records[-1].number if part.records else 0
                before = marks[name].number if name in marks and marks[name].epoch == part.epoch else 0
                number = read.get(name, before) if cursor else newest
                marks[name] = Mark(part.epoch, number)
        return LogPage(items=tuple(told), next=_encoded(marks), gap=gap)

    async def _part(self, name: str, mark: Mark | None) -> LogPart | None:
        asked = ReadLogs() if mark is None else ReadLogs(epoch=mark.epoch, after=mark.number)
        try:
            return await self._readers[name](asked)
        except GatewayError as error:
            log.debug("upkeep.no_log", process=name, error=error.code)
            return None

    def _told(self, process: str, record: Record, known: frozenset[str]) -> LogRecord:
        return LogRecord(
            time=datetime.fromtimestamp(record.time, UTC),
            process=process,
            level=record.level,
            event=self._redactor.text(record.event, known),
            text=self._redactor.text(record.text, known),
        )


def own(ring: Ring) -> Reader:
    """This process's own."""

    async def read(asked: ReadLogs) -> LogPart:
        return log_reading.part(ring, asked)

    return read


def other(socket: Path) -> Reader:
    """That of the process that listens there."""

    async def read(asked: ReadLogs) -> LogPart:
        return await fetch(socket, asked)

    return read


class Mark(NamedTuple):
    """How far a process's log has been read."""

    epoch: str
    number: int


def _encoded(marks: dict[str, Mark]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(marks)).decode().rstrip("=")


def _decoded(cursor: str) -> dict[str, Mark]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=dict[str, Mark])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidField("cursor", "This is not a cursor that the log has given.") from None
