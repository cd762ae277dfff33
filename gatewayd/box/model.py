"""What the box says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

from msgspec import Struct

State = Literal["ok", "degraded", "down", "unknown"]
BoxState = Literal["unclaimed", "ready", "safe_mode"]


class Part(Struct, frozen=True, kw_only=True):
    """How one part of the box is: a state, and one sentence that a person understands."""

    state: State
    sentence: str


class Verdict(Part, frozen=True, kw_only=True):
    """The last diagnosis; `code` is its verdict, or None when there was none yet."""

    code: str | None = None


class Alert(Struct, frozen=True, kw_only=True):
    """Something that somebody should know or do."""

    code: str
    sentence: str


class Info(Struct, frozen=True, kw_only=True):
    """Who the box is; the same to everybody, without a token. `started`: when the daemon was."""

    id: str
    name: str
    model: str
    version: str
    api: str
    state: BoxState
    started: datetime


class Status(Struct, frozen=True, kw_only=True):
    """The whole box at a glance."""

    verdict: Verdict
    internet: Part
    wifi: Part
    devices: Part
    dvr: Part
    portal: Part
    health: Part
    alerts: tuple[Alert, ...]


class Parts(Struct, frozen=True, kw_only=True):
    """Where each part's word comes from; `app` fills it from the features."""

    verdict: Callable[[], Awaitable[Verdict]]
    internet: Callable[[], Awaitable[Part]]
    wifi: Callable[[], Awaitable[Part]]
    dvr: Callable[[], Awaitable[Part]]
    portal: Callable[[], Awaitable[Part]]
    health: Callable[[], Awaitable[Part]]
    alerts: Callable[[], Awaitable[tuple[Alert, ...]]]
