"""Visits of technicians: who came, by what right, for how long still, and what was done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import msgspec

from gatewayd.access.model import SessionRevoked
from gatewayd.callers import Scope
from gatewayd.events import EventData
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

Source = Literal["grant", "code"]
COUNT_EVERY = 60.0
"""Seconds between two writings of the time that visits have used: what a power cut can give away."""


class TechnicianVisit(EventData, frozen=True, kw_only=True):
    """A technician has come in; `technician` is the operator's opaque id, or empty for the owner's code."""

    topic: ClassVar[str] = "access.technician_visit"
    visit: str
    session: str
    source: Source
    technician: str


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One visit. `used` are the seconds spent before `began` (monotonic, of `boot`)."""

    id: str
    source: Source
    grant_id: str | None
    technician: str
    key: str | None
    session: str
    scopes: frozenset[Scope]
    epoch: int
    lifetime: float
    used: float
    boot: str
    began: float
    started: datetime
    ended: datetime | None


class Visits:
    """The rows of visits. Seconds are counted on the monotonic clock while the daemon runs."""

    def __init__(self, database: Database, clock: Clock, *, boot: str) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot

    def begin(
        self,
        unit: Unit,
        *,
        source: Source,
        grant_id: str | None,
        technician: str,
        key: str | None,
        session: str,
        scopes: frozenset[Scope],
        epoch: int,
        lifetime: float,
    ) -> str:
        """Queues a new visit and the event that tells of it; returns its id."""
        visit = new_id()
        unit.execute(
            "INSERT INTO technician_visits (id, source, grant_id, technician, key, session, scopes, epoch,"
            " lifetime, boot, began, started) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                visit,
                source,
                grant_id,
                technician,
                key,
                session,
                " ".join(sorted(scopes)),
                epoch,
                lifetime,
                self._boot,
                self._clock.monotonic(),
                self._clock.now().timestamp(),
            ),
        )
        unit.execute("INSERT INTO technician_sessions (session, visit) VALUES (?, ?)", (session, visit))
        unit.emit(TechnicianVisit(visit=visit, session=session, source=source, technician=technician))
        return visit

    def resume(self, unit: Unit, visit: Visit, session: str) -> None:
        """Queues that a visit goes on in another session, after the box was restarted."""
        unit.execute(
            "UPDATE technician_visits SET session = ?, boot = ?, began = ?, used = ? WHERE id = ?",
            (session, self._boot, self._clock.monotonic(), self.used(visit), visit.id),
        )
        unit.execute("INSERT INTO technician_sessions (session, visit) VALUES (?, ?)", (session, visit.id))

    async def all(self) -> list[Visit]:
        """Newest first."""
        rows = await self._database.fetch_all("SELECT * FROM technician_visits ORDER BY id DESC")
        return [_from_row(row) for row in rows]

    async def get(self, identifier: str) -> Visit | None:
        """One visit."""
        row = await self._database.fetch_one("SELECT * FROM technician_visits WHERE id = ?", (identifier,))
        return None if row is None else _from_row(row)

    async def of_grant(self, grant_id: str) -> Visit | None:
        """The visit that a grant was redeemed for."""
        row = await self._database.fetch_one(
            "SELECT * FROM technician_visits WHERE grant_id = ?", (grant_id,)
        )
        return None if row is None else _from_row(row)

    async def sessions(self, visit: str) -> list[str]:
        """All sessions that a visit had."""
        rows = await self._database.fetch_all(
            "SELECT session FROM technician_sessions WHERE visit = ?", (visit,)
        )
        return [row["session"] for row in rows]

    def used(self, visit: Visit) -> float:
        """Seconds of its time that a visit has spent; of a boot before this one, what was written down
        and one period more, so that restarts give nothing away."""
        if visit.boot == self._boot:
            return visit.used + max(0.0, self._clock.monotonic() - visit.began)
        return visit.used + COUNT_EVERY

    def left(self, visit: Visit) -> float:
        """Seconds that a visit may still go on; 0 when it has ended."""
        return 0.0 if visit.ended is not None else max(0.0, visit.lifetime - self.used(visit))

    def end(self, unit: Unit, visit: Visit) -> None:
        """Queues the end of a visit."""
        unit.execute(
            "UPDATE technician_visits SET ended = ? WHERE id = ? AND ended IS NULL",
            (self._clock.now().timestamp(), visit.id),
        )

    async def count(self) -> None:
        """Writes down what running visits have spent, and ends those whose time is up."""
        running = [visit for visit in await self.all() if visit.ended is None]
        async with self._database.unit() as unit:
            for visit in running:
                if self.left(visit) <= 0:
                    self.end(unit, visit)
                elif visit.boot == self._boot:
                    unit.execute(
                        "UPDATE technician_visits SET used = ?, began = ? WHERE id = ?",
                        (self.used(visit), self._clock.monotonic(), visit.id),
                    )

    def witness(self, unit: Unit, data: EventData) -> None:
        """A session was ended by somebody's will: its visit ends in the same transaction."""
        if isinstance(data, SessionRevoked) and data.reason not in ("ended", "idle"):
            unit.execute(
                "UPDATE technician_visits SET ended = ? WHERE session = ? AND ended IS NULL",
                (self._clock.now().timestamp(), data.session),
            )


def _from_row(row: Any) -> Visit:
    return Visit(
        id=row["id"],
        source=row["source"],
        grant_id=row["grant_id"],
        technician=row["technician"],
        key=row["key"],
        session=row["session"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"].split()),
        epoch=row["epoch"],
        lifetime=row["lifetime"],
        used=row["used"],
        boot=row["boot"],
        began=row["began"],
        started=datetime.fromtimestamp(row["started"], UTC),
        ended=None if row["ended"] is None else datetime.fromtimestamp(row["ended"], UTC),
    )
