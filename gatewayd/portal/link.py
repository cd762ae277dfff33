"""A link: one connection kept alive, with named states and a back-off that spreads a fleet.

    off -> connecting -> up -> waiting -> connecting ...

The pause before the n-th try is drawn from [0, min(most, first * factor^(n-1))]: full jitter, so that boxes
that lost the same broker at the same moment come back one by one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Literal

import structlog
from msgspec import Struct

from gatewayd.events import Bus, EventData
from gatewayd.portal.transport import LinkLost, Receive, Transport
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
State = Literal["off", "connecting", "up", "waiting"]
STEADY = 60.0
"""A connection that lasted as many seconds starts the count of tries again."""
LEAST = 0.05


class BackOff(Struct, frozen=True, kw_only=True):
    """Seconds: the first ceiling, what each next one is multiplied by, the highest."""

    first: float = 5.0
    factor: float = 2.0
    most: float = 300.0

    def ceiling(self, attempt: int) -> float:
        """Before the `attempt`-th try (from 1)."""
        return float(min(self.most, self.first * self.factor ** min(attempt - 1, 32)))

    def draw(self, attempt: int) -> float:
        """The pause before it."""
        return max(LEAST, random.uniform(0, self.ceiling(attempt)))  # noqa: S311 - jitter, no secret


class LinkChanged(EventData, frozen=True, kw_only=True):
    """A link came up or went down; `reason` is a sentence."""

    topic: ClassVar[str] = "portal.link"
    link: str
    state: State
    reason: str


class LinkStatus(Struct, frozen=True, kw_only=True):
    """How a link is. `tries` counts those since it was last steady."""

    name: str
    state: State
    since: datetime
    reason: str
    tries: int


class Link:
    """One transport, served for ever. `run` it under a supervisor."""

    def __init__(
        self,
        transport: Transport,
        receive: Receive,
        *,
        clock: Clock,
        bus: Bus,
        back_off: BackOff,
        came_up: Callable[[], None],
    ) -> None:
        self.transport = transport
        self._receive = receive
        self._clock = clock
        self._bus = bus
        self._back_off = back_off
        self._came_up = came_up
        self._state: State = "off"
        self._since = clock.now()
        self._up_since: float | None = None
        self._reason = ""
        self._tries = 0
        self._warned = False

    @property
    def status(self) -> LinkStatus:
        """Now."""
        return LinkStatus(
            name=self.transport.name,
            state=self._state,
            since=self._since,
            reason=self._reason,
            tries=self._tries,
        )

    @property
    def up_for(self) -> float:
        """Seconds that this connection has been up; 0 when it is not."""
        return 0.0 if self._up_since is None else self._clock.monotonic() - self._up_since

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                self._tries += 1
                self._enter("connecting")
                began = self._clock.monotonic()
                try:
                    await self.transport.serve(self._receive, self._is_up)
                except LinkLost as error:
                    self._lost(str(error))
                if self._clock.monotonic() - began > STEADY:
                    self._tries = 0
                await asyncio.sleep(self._back_off.draw(max(1, self._tries)))
        finally:
            self._enter("off")

    def _is_up(self) -> None:
        self._warned = False
        log.info("portal.link_up", link=self.transport.name, tries=self._tries)
        self._enter("up")
        self._came_up()

    def _lost(self, reason: str) -> None:
        tell = log.debug if self._warned else log.warning  # one line for a row of failures
        self._warned = True
        tell("portal.link_lost", link=self.transport.name, reason=reason)
        self._enter("waiting", reason)

    def _enter(self, state: State, reason: str = "") -> None:
        was = self._state
        if state == was:
            return
        self._state, self._since = state, self._clock.now()
        self._up_since = self._clock.monotonic() if state == "up" else None
        self._reason = reason or (self._reason if state == "connecting" else "")
        # Trying again and again is one event: that it is down.
        if state == "up" or was == "up":
            self._bus.publish(LinkChanged(link=self.transport.name, state=state, reason=reason))
