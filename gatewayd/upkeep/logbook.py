"""The box's own log as people read it: filtered, page by page, without secrets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from gatewayd.errors import InvalidField
from gatewayd.system.logs import LEVELS, Level, Record, Ring
from gatewayd.upkeep.redact import Redactor

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


class Logbook:
    """Reads a ring of records."""

    def __init__(
        self, ring: Ring, redactor: Redactor, secrets: Secrets, *, process: str = "gatewayd"
    ) -> None:
        self._ring = ring
        self._redactor = redactor
        self._secrets = secrets
        self._process = process

    async def page(self, wanted: Filter, cursor: str | None, limit: int) -> LogPage:
        """Without a cursor the newest `limit` records, else the next ones. Raises InvalidField `cursor`."""
        epoch, after = _decoded(cursor) if cursor else (self._ring.epoch, 0)
        other = epoch != self._ring.epoch
        records = self._ring.records(0 if other else after)
        oldest = records[0].number if records else after + 1
        gap = bool(cursor) and (other or oldest > after + 1)
        known = await self._secrets()
        told: list[LogRecord] = []
        last = after if not other else 0
        for record in records if cursor else reversed(records):
            if len(told) >= limit:
                break
            last = record.number
            if LEVELS.index(record.level) >= LEVELS.index(wanted.level):
                shown = self._told(record, known)
                told += [shown] if wanted.wants(shown) else []
        if not cursor:
            told.reverse()
            last = records[-1].number if records else 0
        return LogPage(items=tuple(told), next=_encoded(self._ring.epoch, last), gap=gap)

    def _told(self, record: Record, known: frozenset[str]) -> LogRecord:
        return LogRecord(
            time=datetime.fromtimestamp(record.time, UTC),
            process=self._process,
            level=record.level,
            event=self._redactor.text(record.event, known),
            text=self._redactor.text(record.text, known),
        )


def _encoded(epoch: str, number: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((epoch, number))).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[str, int]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=tuple[str, int])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidField("cursor", "This is not a cursor that the log has given.") from None
