"""Subscriptions that change the configuration (TR-181 2.16: TriggerAction, TriggerConfigSettings).

What is to be changed is written down with what set it off, carried out as a Set of the subscription's own
controller, and forgotten then: the ledger sees to it that a crash in between does not do it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gatewayd.errors import GatewayError
from gatewayd.portal.assignments import read_settings, request_of
from gatewayd.portal.expressions import Malformed
from gatewayd.portal.refusals import UspFault
from gatewayd.portal.schema import usp_msg_pb2 as usp
from gatewayd.portal.stored import Stored
from gatewayd.portal.subscriptions import Subscription, subscriptions
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
PAUSE = 1.0
"""Seconds between two changes: subscriptions that set one another off shall not wear out the disk."""
_FACT = "portal_triggered:"


Configure = Callable[[str, usp.Set, str], Awaitable[object]]
"""Carries out a Set for an endpoint, under a message id. Raises UspFault and GatewayError."""


class Triggers:
    """What was set off and waits. `run` it under a supervisor."""

    def __init__(self, database: Database, stored: Stored, clock: Clock, configure: Configure) -> None:
        self._database = database
        self._stored = stored
        self._clock = clock
        self._configure = configure
        self._wake = asyncio.Event()
        self._wake.set()  # the last run may have left something

    def put(self, unit: Unit, subscription: Subscription) -> None:
        """Queues a subscription's settings into the unit of what set it off; set off twice is once."""
        if not subscription.settings:
            return
        unit.execute(
            "INSERT INTO facts (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (_FACT + subscription.path, new_id()),
        )
        unit.after(self._wake.set)

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            rows = await self._database.fetch_all(
                "SELECT name, value FROM facts WHERE name GLOB ? ORDER BY value", (f"{_FACT}*",)
            )
            for row in rows:
                await self._carry_out(row["name"], row["value"])
                await self._clock.sleep(PAUSE)

    async def _carry_out(self, name: str, identifier: str) -> None:
        path = name.removeprefix(_FACT)
        found = next((each for each in subscriptions(self._stored) if each.path == path), None)
        if found is not None and found.settings:
            try:
                request = request_of(read_settings(list(found.settings)))
                await self._configure(found.endpoint, request, f"trigger-{identifier}")
            except (Malformed, UspFault, GatewayError) as error:
                log.warning("portal.trigger_refused", subscription=path, reason=str(error)[:120])
        async with self._database.unit() as unit:  # unless it was set off again meanwhile
            unit.execute("DELETE FROM facts WHERE name = ? AND value = ?", (name, identifier))
