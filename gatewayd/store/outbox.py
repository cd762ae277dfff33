"""Events that must leave the box: written in the change's own transaction, drained by the portal link."""

from __future__ import annotations

from collections.abc import Callable

from gatewayd import wire
from gatewayd.events import EventData
from gatewayd.store.database import Unit
from gatewayd.system.clock import Clock

MOST = 10_000
"""A box without a portal forgets the oldest beyond this many."""


def writer(clock: Clock) -> Callable[[Unit, EventData], None]:
    """For `Database.on_leaving`."""

    def write(unit: Unit, data: EventData) -> None:
        unit.execute(
            "INSERT INTO outbox (time, type, data) VALUES (?, ?, ?)",
            (clock.now().timestamp(), type(data).topic, wire.encode(data)),
        )
        unit.execute("DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ?", (MOST,))

    return write
