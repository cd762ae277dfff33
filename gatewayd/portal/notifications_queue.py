"""Notifications that wait: written in the transaction of what they tell of, kept until they are delivered.

The retry is the standard's (TR-369, "Retry of notifications"): the n-th wait is drawn between
m * (k/1000)^(n-1) and m * (k/1000)^n seconds, and n stays at 10 from the tenth on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from gatewayd.portal.contracts import Notification
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

MOST = 10_000
"""Of all controllers together; beyond that the oldest are forgotten."""
LONGEST = 86_400.0
"""Seconds between two tries at most. What is due later than that was written under another wall time."""
LAST_STEP = 10
THOUSAND = 1000


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One row: `number` orders them; `attempts` is how often it was sent."""

    number: int
    recipient: str
    id: str
    message: bytes
    topic: str
    confirm: bool
    minimum: int
    multiplier: int
    attempts: int
    expires: float | None


def wait_range(attempt: int, minimum: int, multiplier: int) -> tuple[float, float]:
    """Between which seconds the wait after the `attempt`-th sending (from 1) is drawn."""
    step = min(max(attempt, 1), LAST_STEP)
    factor = multiplier / THOUSAND
    return minimum * factor ** (step - 1), minimum * factor**step


class NotificationsQueue:
    """Fulfils `contracts.Outbox`, and is drained by the `Deliverer`."""

    def __init__(
        self, database: Database, clock: Clock, may_leave: Callable[[str], bool] = lambda _: True
    ) -> None:
        """`may_leave` tells of a topic whether the household lets it out."""
        self._database = database
        self._clock = clock
        self._may_leave = may_leave
        self._wake: Callable[[], None] = lambda: None

    def on_change(self, wake: Callable[[], None]) -> None:
        """Names who is told when there may be something to send."""
        self._wake = wake

    def put(self, unit: Unit, notification: Notification) -> None:
        """Queues a notification into the unit of what it tells of; what may not leave is never written."""
        if not self._may_leave(notification.topic):
            return
        unit.execute(
            "INSERT INTO portal_notifications (recipient, id, subscription, message, topic, confirm, minimum,"
            " multiplier, due, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                notification.recipient,
                notification.id,
                notification.subscription,
                notification.message,
                notification.topic,
                int(notification.retry),
                notification.minimum,
                notification.multiplier,
                self._clock.now().timestamp(),
                notification.expires,
            ),
        )
        unit.execute(
            "DELETE FROM portal_notifications"
            " WHERE number <= (SELECT max(number) FROM portal_notifications) - ?",
            (MOST,),
        )
        unit.after(self._wake)

    def forget(self, unit: Unit, recipient: str, subscription: str) -> None:
        """Drops what waits for a subscription that is gone."""
        unit.execute(
            "DELETE FROM portal_notifications WHERE recipient = ? AND subscription = ?",
            (recipient, subscription),
        )

    async def answered(self, recipient: str, identifier: str) -> None:
        """A NotifyResp came: it is delivered. One for something else is nothing."""
        async with self._database.unit() as unit:
            unit.execute(
                "DELETE FROM portal_notifications WHERE recipient = ? AND id = ?", (recipient, identifier)
            )

    async def due(self, without: Collection[str] = (), limit: int = 64) -> list[Waiting]:
        """What is to be sent now to others than `without`, oldest first; what has expired, or may not leave
        any more, is dropped."""
        now = self._clock.now().timestamp()
        marks = ", ".join("?" for _ in without)
        rows = [
            _waiting(row)
            for row in await self._database.fetch_all(
                "SELECT * FROM portal_notifications WHERE (due <= ? OR due > ?)"  # noqa: S608  # marks only
                f" AND recipient NOT IN ({marks}) ORDER BY number LIMIT ?",
                (now, now + LONGEST, *without, limit),
            )
        ]
        dropped = [
            row
            for row in rows
            if not self._may_leave(row.topic)
            or (row.expires is not None and row.expires <= now and self._clock.trusted())
        ]
        if dropped:
            async with self._database.unit() as unit:
                for row in dropped:
                    _delete(unit, row)
        return [row for row in rows if row not in dropped]

    async def sent(self, row: Waiting) -> None:
        """It has left: done with, or to be sent again unless an answer comes."""
        async with self._database.unit() as unit:
            if not row.confirm:
                _delete(unit, row)
                return
            low, high = wait_range(row.attempts + 1, row.minimum, row.multiplier)
            wait = random.uniform(min(low, LONGEST), min(high, LONGEST))  # noqa: S311 - jitter, no secret
            unit.execute(
                "UPDATE portal_notifications SET attempts = attempts + 1, due = ? WHERE number = ?",
                (self._clock.now().timestamp() + wait, row.number),
            )

    async def next_due(self) -> float | None:
        """Seconds until something is to be sent, None while nothing waits."""
        row = await self._database.fetch_one("SELECT min(due) AS due FROM portal_notifications")
        if row is None or row["due"] is None:
            return None
        return max(0.0, float(row["due"]) - self._clock.now().timestamp())

    async def count(self) -> int:
        """How many wait."""
        row = await self._database.fetch_one("SELECT count(*) AS waiting FROM portal_notifications")
        assert row is not None  # a count always has a row
        return int(row["waiting"])


def _delete(unit: Unit, row: Waiting) -> None:
    unit.execute("DELETE FROM portal_notifications WHERE number = ?", (row.number,))


def _waiting(row: Any) -> Waiting:
    return Waiting(
        number=row["number"],
        recipient=row["recipient"],
        id=row["id"],
        message=row["message"],
        topic=row["topic"],
        confirm=bool(row["confirm"]),
        minimum=row["minimum"],
        multiplier=row["multiplier"],
        attempts=row["attempts"],
        expires=row["expires"],
    )
