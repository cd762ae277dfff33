"""Alerts: what the owner should know of who came in and of the line, kept until it was seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import msgspec

from gatewayd.access.model import RefreshReused, SessionBegun
from gatewayd.access.technician_visits import TechnicianVisit
from gatewayd.callers import Caller
from gatewayd.errors import GatewayError
from gatewayd.events import EventData
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

Kind = Literal[
    "new_session", "many_failures", "refresh_reused", "technician_visit", "portal_change",
    "outage", "outage_part", "outage_unstable", "outage_over",
]  # fmt: skip
SENTENCES: dict[Kind, str] = {
    "new_session": "A new app or browser was let in. If it was none of yours, end its session.",
    "many_failures": "Somebody has tried many wrong codes or passwords.",
    "refresh_reused": "A copy of a token was used; its session was ended. Pair that app again.",
    "technician_visit": "A technician was let in. What is done in the visit stands in its receipt.",
    "portal_change": "The operator's portal has changed something on the box.",
    "outage": "The internet connection has not worked for more than a minute.",
    "outage_part": "A part of the internet connection has not worked for more than a minute.",
    "outage_unstable": "The internet connection comes and goes.",
    "outage_over": "The internet connection works again.",
}
MOST = 500
FAILURES = 10
WITHIN = 3600.0
"""So many failures of one kind within so many seconds are an alert."""


class AlertRaised(EventData, frozen=True, kw_only=True):
    """There is a new alert, or one that nobody has seen yet was raised again."""

    topic: ClassVar[str] = "access.alert"
    leaves_box: ClassVar[bool] = True
    kind: Kind
    subject: str
    sentence: str


class OwnAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert. `subject` is an opaque id (a session, a visit, an outage) or an operation's name; `count` is
    how often it came before it was seen."""

    id: str
    time: datetime
    kind: Kind
    subject: str
    sentence: str
    count: int
    seen: bool


class Alerts:
    """Raises alerts in the transaction of what they tell of. `mailed` marks new ones for the mailer."""

    def __init__(self, database: Database, clock: Clock, *, mailed: bool = False) -> None:
        self._database = database
        self._clock = clock
        self._mailed = mailed
        self._failures: dict[str, deque[float]] = {}

    def witness(self, unit: Unit, data: EventData) -> None:
        """For `Database.on_event`: what of an event is an alert."""
        if isinstance(data, RefreshReused):
            self.raise_(unit, "refresh_reused", data.session)
        elif isinstance(data, TechnicianVisit):
            self.raise_(unit, "technician_visit", data.visit)
        elif isinstance(data, SessionBegun) and data.role != "technician":
            self.raise_(unit, "new_session", data.session)

    def changed(self, unit: Unit, caller: Caller, operation: str) -> None:
        """A mutation has succeeded: the portal's are an alert."""
        if caller.role == "portal":
            self.raise_(unit, "portal_change", operation)

    async def failed(self, subject: str) -> None:
        """Somebody got `subject` (`claim`, `login`) wrong; the tenth time within an hour is an alert."""
        now = self._clock.monotonic()
        times = self._failures.setdefault(subject, deque(maxlen=FAILURES))
        times.append(now)
        if len(times) == FAILURES and now - times[0] <= WITHIN:
            times.clear()
            async with self._database.unit() as unit:
                self.raise_(unit, "many_failures", subject)

    def raise_(self, unit: Unit, kind: Kind, subject: str) -> None:
        """Queues an alert and its event; one that was not seen yet is counted up instead of repeated."""
        now = self._clock.now().timestamp()
        unit.execute(
            "INSERT INTO alerts (id, time, kind, subject, count, mailed) SELECT ?1, ?2, ?3, ?4, 0, ?5"
            " WHERE NOT EXISTS (SELECT 1 FROM alerts WHERE kind = ?3 AND subject = ?4 AND seen = 0)",
            (new_id(), now, kind, subject, 0 if self._mailed else None),
        )
        unit.execute(
            "UPDATE alerts SET count = count + 1, time = ? WHERE kind = ? AND subject = ? AND seen = 0",
            (now, kind, subject),
        )
        unit.execute(
            "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
            (MOST,),
        )
        unit.emit(AlertRaised(kind=kind, subject=subject, sentence=SENTENCES[kind]))

    async def list(self, before: str | None, limit: int) -> Sequence[OwnAlert]:
        """Newest first, older than the id `before`."""
        rows = await self._database.fetch_all(
            "SELECT * FROM alerts WHERE id < ? ORDER BY id DESC LIMIT ?", (before or "~", limit)
        )
        return [_from_row(row) for row in rows]

    async def unseen(self) -> Sequence[OwnAlert]:
        """Those that nobody has seen, newest first, at most ten."""
        rows = await self._database.fetch_all("SELECT * FROM alerts WHERE seen = 0 ORDER BY id DESC LIMIT 10")
        return [_from_row(row) for row in rows]

    async def seen(self, unit: Unit, identifier: str) -> OwnAlert:
        """Queues that an alert was seen; returns it so. Raises GatewayError `access.alert_not_found`."""
        row = await self._database.fetch_one("SELECT * FROM alerts WHERE id = ?", (identifier,))
        if row is None:
            raise GatewayError("access.alert_not_found", "There is no such alert.", field="alert")
        unit.execute("UPDATE alerts SET seen = 1 WHERE id = ?", (identifier,))
        return msgspec.structs.replace(_from_row(row), seen=True)


def _from_row(row: Any) -> OwnAlert:
    return OwnAlert(
        id=row["id"],
        time=datetime.fromtimestamp(row["time"], UTC),
        kind=row["kind"],
        subject=row["subject"],
        sentence=SENTENCES[row["kind"]],
        count=row["count"],
        seen=bool(row["seen"]),
    )
