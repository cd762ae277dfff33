"""What the box says of itself to anybody: the start page and the advert read it here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class BoxInfo(Protocol):
    """Nothing in here is private. `state` is `unclaimed`, `ready` or `safe_mode`; `api` is `v1`."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def api(self) -> str: ...
    @property
    def state(self) -> str: ...


BoxInfoSource = Callable[[], Awaitable[BoxInfo]]
"""Tells how the box is now; asked anew each time."""
