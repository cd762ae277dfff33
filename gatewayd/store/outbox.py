"""Events that must leave the box: written in the change's own transaction, drained by the portal link."""

from __future__ import annotations

from collections.abc import Callable

from gatewayd import wire
from gatewayd.events import EventData
from gatewayd.store.database import Unit
from gatewayd.system.clock import Clock

MOST = 10_000
"""A box without a portal forgets the oldest beyond this many."""


def writer(clock: Clock, may_leave: Callable[[str], bool]) -> Callable[[Unit, EventData], None]:
    """For `Database.on_leaving`. `may_leave` tells of a topic whether the household lets it out: what it
    does not is never written, so nobody has to remember later."""

    def write(unit: Unit, data: EventData) -> None:
        if not may_leave(type(data).topic):
            return
        unit.execute(
            "INSERT INTO outbox (time, type, data) VALUES (?, ?, ?)",
            (clock.now().timestamp(), type(data).topic, wire.encode(data)),
        )
        unit.execute("DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ?", (MOST,))

    return write
