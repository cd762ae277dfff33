"""One way to log for all our processes: key=value lines on stderr, which systemd hands to journald.

The daemon also keeps its newest records in memory, so that the page can show them.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import sys
import time
from collections import deque
from collections.abc import MutableMapping
from typing import Any, Literal, NamedTuple, cast

import structlog

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
_VARIABLE = "GATEWAYD_LOG_LEVEL"
_MOST_RECORDS = 4000
_MOST_TEXT, _MOST_FIELD, _MOST_TRACE = 4000, 300, 3000
_SHOWN_ELSEWHERE = ("event", "level", "timestamp")


class Record(NamedTuple):
    """One record: its number in this ring, Unix seconds, what happened, and `key=value` words."""

    number: int
    time: float
    level: Level
    event: str
    text: str


class Ring:
    """The newest records of this process, at most 4000 of at most 4000 characters. Safe to fill from threads.

    `epoch` tells one process's numbers from another's.
    """

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._records: deque[Record] = deque(maxlen=_MOST_RECORDS)

    def __call__(
        self, _logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """As a processor of structlog."""
        words = [
            f"{name}={_short(name, value)}" for name, value in event.items() if name not in _SHOWN_ELSEWHERE
        ]
        self.add(str(event.get("level", method)), str(event.get("event", "")), " ".join(words))
        return event

    def add(self, level: str, event: str, text: str) -> None:
        """One more record."""
        known: Level = level if level in LEVELS else "error" if level == "critical" else "info"
        self._records.append(
            Record(next(self._numbers), time.time(), known, event[:_MOST_FIELD], text[:_MOST_TEXT])
        )

    def records(self, after: int = 0) -> list[Record]:
        """Those with a number above `after`, oldest first."""
        return [record for record in tuple(self._records) if record.number > after]


def configure(level: Level | None = None, ring: Ring | None = None) -> None:
    """Sets up structlog, and silences what libraries say below warning.

    A level that is given is handed on to the processes that this one starts; else theirs is taken. `ring` is
    given everything from `info` on, also what is not printed.
    """
    if level is None:
        level = cast(Level, os.environ.get(_VARIABLE, "info"))
    os.environ[_VARIABLE] = level
    kept = level if ring is None else min(level, "info", key=LEVELS.index)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(),
            *([] if ring is None else [ring]),
            _from(level),
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(kept),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, format="level=%(levelname)s event=%(name)s text=%(message)r")
    if ring is not None:
        logging.getLogger().addHandler(_Libraries(ring))


class _Libraries(logging.Handler):
    """What libraries say goes into the ring as well."""

    def __init__(self, ring: Ring) -> None:
        super().__init__(logging.WARNING)
        self._ring = ring

    def emit(self, record: logging.LogRecord) -> None:
        self._ring.add(record.levelname.lower(), record.name, record.getMessage())


def _from(level: Level) -> structlog.typing.Processor:
    """Lets through what is printed."""

    def printed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if LEVELS.index(cast(Level, event["level"])) < LEVELS.index(level):
            raise structlog.DropEvent
        return event

    return printed


def _short(name: str, value: Any) -> str:
    most = _MOST_TRACE if name == "exception" else _MOST_FIELD
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}..."
