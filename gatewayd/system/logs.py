"""One way to log for all our processes: key=value lines on stderr, which systemd hands to journald."""

from __future__ import annotations

import logging
import os
import sys
from typing import Literal, cast

import structlog

Level = Literal["debug", "info", "warning", "error"]
_VARIABLE = "GATEWAYD_LOG_LEVEL"


def configure(level: Level | None = None) -> None:
    """Sets up structlog, and silences what libraries say below warning.

    A level that is given is handed on to the processes that this one starts; else theirs is taken.
    """
    if level is None:
        level = cast(Level, os.environ.get(_VARIABLE, "info"))
    os.environ[_VARIABLE] = level
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, format="level=%(levelname)s event=%(name)s text=%(message)r")
