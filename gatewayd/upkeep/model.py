"""Restarts, as every side sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from gatewayd.events import EventData

Target = Literal["wifi", "daemon", "box", "modem"]
When = Literal["now", "idle"]
Reason = Annotated[str, Meta(max_length=200)]


class Restart(Struct, frozen=True, kw_only=True):
    """One restart that was asked for; `back_after` in seconds once the daemon is up again."""

    id: str
    target: Target
    state: Literal["waiting", "restarting", "back"]
    reason: str
    asked: datetime
    back_after: float | None = None


class Restarting(EventData, frozen=True, kw_only=True):
    """The box or the daemon is about to go away."""

    topic: ClassVar[str] = "upkeep.restarting"
    leaves_box: ClassVar[bool] = True
    restart: Restart


class Restarted(EventData, frozen=True, kw_only=True):
    """Back again after an asked-for restart."""

    topic: ClassVar[str] = "upkeep.restarted"
    leaves_box: ClassVar[bool] = True
    restart: Restart
