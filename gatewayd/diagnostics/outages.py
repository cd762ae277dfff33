"""The journal of outages: written as they begin and end, dated by a clock that somebody may set meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from gatewayd.diagnostics.outage_incidents import Happening, Incident
from gatewayd.diagnostics.outage_model import (
    Outage,
    OutageAlerted,
    OutageBegan,
    OutageEnded,
    RepairAttempt,
    sentence,
)
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

MOST = 5000
"""Outages that are kept, whatever the retention says: a line that flaps must not fill the disk."""


class Reported(Struct, frozen=True, kw_only=True):
    """An outage that the provider tells of. `told` is when the portal said so."""

    id: str
    sentence: str
    start: datetime | None = None
    end: datetime | None = None
    told: datetime


class Journal:
    """Owns the tables `outages` and `outages_reported`. `boot` is the kernel's id of this boot."""

    def __init__(self, database: Database, clock: Clock, boot: str) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot

    # --- writing ----------------------------------------------------------------------------------------

    async def write(self, happenings: Sequence[Happening]) -> None:
        """Writes what happened, and tells of it, in one transaction."""
        async with self._database.unit() as unit:
            for kind, incident, became in happenings:
                self._put(unit, incident)
                outage = self._outage(incident)
                if kind == "began" and incident.announced:
                    unit.emit(OutageBegan(outage=outage))
                elif kind == "alert":
                    unit.emit(OutageAlerted(outage=outage))
                elif kind == "ended" and incident.announced:
                    unit.emit(OutageEnded(outage=outage, became=became))
            unit.execute("DELETE FROM outages WHERE seq <= (SELECT max(seq) FROM outages) - ?", (MOST,))

    def _put(self, unit: Unit, incident: Incident) -> None:
        start, ended = self._wall(incident.start), None
        if incident.end is not None:
            ended = self._wall(incident.end)
            start = ended - (incident.end - incident.start)
        unit.execute(
            "INSERT INTO outages (id, scope, lines, cause, boot, start_ran, ended_ran, start, ended, seconds,"
            " dated, alerted, quiet, certain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET lines = excluded.lines, boot = excluded.boot,"
            " start_ran = excluded.start_ran, ended_ran = excluded.ended_ran, start = excluded.start,"
            " ended = excluded.ended, seconds = excluded.seconds, dated = excluded.dated,"
            " alerted = excluded.alerted, certain = excluded.certain",
            (
                *(incident.id, incident.scope, ",".join(incident.lines), incident.cause, self._boot),
                *(incident.start, incident.end, start, ended),
                None if incident.end is None else incident.end - incident.start,
                *(int(self._clock.trusted()), incident.alerted, incident.quiet, not incident.resumed),
            ),
        )

    async def date_anew(self) -> None:
        """Dates what was written while the time was not known; call it once the clock is trusted."""
        offset = self._clock.now().timestamp() - self._clock.monotonic()
        async with self._database.unit() as unit:
            unit.execute(
                "UPDATE outages SET start = start_ran + ?1, ended = ended_ran + ?1, dated = 1"
                " WHERE dated = 0 AND boot = ?2",
                (offset, self._boot),
            )

    async def interrupted(self) -> list[Incident]:
        """The outages that lasted when the daemon ended, on this boot's monotonic clock.

        After a restart of the machine only wall time tells how long ago they began, where it was known then
        and is now; else they count from the boot on.
        """
        rows = await self._database.fetch_all("SELECT * FROM outages WHERE ended IS NULL ORDER BY seq")
        now, ran = self._clock.now().timestamp(), self._clock.monotonic()

        def start(row: Any) -> float:
            if row["boot"] == self._boot:
                return float(row["start_ran"])
            known = bool(row["dated"]) and self._clock.trusted()
            return ran - max(ran, now - row["start"]) if known else 0.0

        return [
            Incident(
                id=row["id"],
                scope=row["scope"],
                lines=_lines(row),
                cause=row["cause"],
                start=start(row),
                alerted=bool(row["alerted"]),
                quiet=bool(row["quiet"]),
                resumed=True,
                announced=not row["quiet"] or bool(row["alerted"]),
            )
            for row in rows
        ]

    def report(self, unit: Unit, reports: Sequence[Reported]) -> None:
        """Queues the provider's own list of outages in the place of the one before."""
        unit.execute("DELETE FROM outages_reported")
        for one in reports:
            unit.execute(
                "INSERT INTO outages_reported (id, start, ended, sentence, told) VALUES (?, ?, ?, ?, ?)",
                (one.id, _stamp(one.start), _stamp(one.end), one.sentence, one.told.timestamp()),
            )

    # --- reading ----------------------------------------------------------------------------------------

    async def newest(self, before: str | None, limit: int) -> list[Outage]:
        """Newest first, older than the outage `before`. Raises GatewayError
        `diagnostics.outage_not_found`."""
        seq = None
        if before is not None:
            row = await self._database.fetch_one("SELECT seq FROM outages WHERE id = ?", (before,))
            if row is None:
                raise GatewayError(
                    "diagnostics.outage_not_found", "There is no outage with this id.", field="cursor"
                )
            seq = row["seq"]
        rows = await self._database.fetch_all(
            "SELECT * FROM outages WHERE ?1 IS NULL OR seq < ?1 ORDER BY seq DESC LIMIT ?2", (seq, limit)
        )
        attempts = await self._attempts([row["id"] for row in rows])
        return [self._from_row(row, attempts.get(row["id"], ())) for row in rows]

    async def between(self, start: float, end: float) -> list[Outage]:
        """The outages that touch [start, end) (Unix seconds), oldest first, without their repairs."""
        rows = await self._database.fetch_all(
            "SELECT * FROM outages WHERE start < ? AND (ended IS NULL OR ended > ?) ORDER BY start",
            (end, start),
        )
        return [self._from_row(row, ()) for row in rows]

    async def reported(self) -> tuple[Reported, ...]:
        """What the provider tells of."""
        rows = await self._database.fetch_all("SELECT * FROM outages_reported ORDER BY start DESC, id")
        return tuple(
            Reported(
                id=row["id"],
                sentence=row["sentence"],
                start=_moment(row["start"]),
                end=_moment(row["ended"]),
                told=datetime.fromtimestamp(row["told"], UTC),
            )
            for row in rows
        )

    async def _attempts(self, outages: Sequence[str]) -> dict[str, tuple[RepairAttempt, ...]]:
        marks = ",".join("?" * len(outages))
        rows = await self._database.fetch_all(
            f"SELECT * FROM repairs WHERE outage IN ({marks}) ORDER BY seq",  # noqa: S608 - question marks
            outages,
        )
        found: dict[str, tuple[RepairAttempt, ...]] = {}
        for row in rows:
            found[row["outage"]] = (*found.get(row["outage"], ()), attempt_from_row(row))
        return found

    def _outage(self, incident: Incident) -> Outage:
        now = self._clock.monotonic()
        end = incident.end
        return Outage(
            id=incident.id,
            scope=incident.scope,
            lines=incident.lines,
            cause=incident.cause,
            start=datetime.fromtimestamp(self._wall(incident.start), UTC),
            end=None if end is None else datetime.fromtimestamp(self._wall(end), UTC),
            seconds=round((now if end is None else end) - incident.start, 1),
            alerted=incident.alerted,
            quiet=incident.quiet,
            certain=not incident.resumed,
            sentence=sentence(incident.scope, incident.lines, over=end is not None),
        )

    def _from_row(self, row: Any, repairs: tuple[RepairAttempt, ...]) -> Outage:
        over = row["ended"] is not None
        start = row["start"]
        if over:
            seconds = row["seconds"]
        elif row["boot"] == self._boot:
            seconds = self._clock.monotonic() - row["start_ran"]
            start = self._wall(row["start_ran"])
        else:
            seconds = max(0.0, self._clock.now().timestamp() - start)
        return Outage(
            id=row["id"],
            scope=row["scope"],
            lines=_lines(row),
            cause=row["cause"],
            start=datetime.fromtimestamp(start, UTC),
            end=_moment(row["ended"]),
            seconds=round(seconds, 1),
            alerted=bool(row["alerted"]),
            quiet=bool(row["quiet"]),
            certain=bool(row["certain"]),
            sentence=sentence(row["scope"], _lines(row), over=over),
            repairs=repairs,
        )

    def _wall(self, ran: float) -> float:
        """A reading of the monotonic clock as wall time goes now."""
        return self._clock.now().timestamp() - (self._clock.monotonic() - ran)


def attempt_from_row(row: Any) -> RepairAttempt:
    """A row of `repairs`."""
    return RepairAttempt(
        id=row["id"],
        step=row["step"],
        outage=row["outage"],
        verdict=row["verdict"],
        state=row["state"],
        began=datetime.fromtimestamp(row["began"], UTC),
        seconds=row["seconds"],
        note=row["note"],
    )


def _lines(row: Any) -> Any:
    return tuple(line for line in row["lines"].split(",") if line)


def _stamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
