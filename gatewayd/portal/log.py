"""What controllers changed and what was refused to them: the portal's log, and the owner's activity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
import structlog

from gatewayd.callers import Caller
from gatewayd.operations import Auditor
from gatewayd.portal.contracts import Sender
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
MOST = 1000
LONGEST = 200
MOST_NAMES = 20
OTHERS = "(others)"
"""Whoever invents names shall not push everything else out of the owner's activity."""
QUIET = 60.0
"""Seconds in which the same refusal is counted and not told again: whoever floods us fills no disk."""

Kind = Literal["changed", "refused", "link"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line; `count` is how often a refusal came within its minute."""

    id: str
    time: datetime
    kind: Kind
    controller: str
    what: str
    count: int


class PortalLog:
    """Fulfils `contracts.Witness`, and `Auditor` for the table of operations."""

    def __init__(self, database: Database, clock: Clock, auditor: Auditor) -> None:
        self._database = database
        self._clock = clock
        self._auditor = auditor
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    async def refused(self, sender: Sender, endpoint: str, reason: str) -> None:
        """A Record was not accepted. The owner sees it in the activity, too."""
        now = self._clock.monotonic()
        self._told = {old: seen for old, seen in self._told.items() if now - seen[0] < QUIET}
        name = bounded(endpoint)
        if (name, reason) not in self._told and len(self._told) >= MOST_NAMES:
            name = OTHERS
        key = (name, reason)
        if (known := self._told.get(key)) is not None:
            self._told[key] = (known[0], known[1] + 1)
            if known[1] > MOST:  # counted enough: a flood is not to keep the disk busy
                return
            async with self._database.unit() as unit:
                unit.execute(
                    "UPDATE portal_log SET count = count + 1 WHERE id = (SELECT max(id) FROM portal_log"
                    " WHERE kind = 'refused' AND controller = ? AND what = ?)",
                    (name, bounded(reason)),
                )
            return
        self._told[key] = (now, 1)
        log.warning("portal.refused", via=sender.via, endpoint=name, reason=bounded(reason))
        caller = Caller(id=f"portal:{name}", role="portal", scopes=frozenset(), via="portal")
        async with self._database.unit() as unit:
            self._write(unit, "refused", name, reason)
            self._auditor.record(unit, caller, "portal.record", None, "access.forbidden")

    def done(self, unit: Unit, controller: str, what: str, targets: tuple[str, ...]) -> None:
        """A message changed something; queued into its own unit."""
        others = ", ".join(target for target in targets if target not in what)
        self._write(unit, "changed", bounded(controller), f"{what} {others}".strip())

    def record(self, unit: Unit, caller: Caller, operation: str, target: str | None, outcome: str) -> None:
        """Fulfils `Auditor` around the owner's: what is refused to controllers is in the portal's log."""
        self._auditor.record(unit, caller, operation, target, outcome)
        if caller.via == "portal" and outcome != "ok":
            self._write(
                unit, "refused", bounded(caller.id.removeprefix("portal:")), f"{operation}: {outcome}"
            )

    def _write(self, unit: Unit, kind: Kind, controller: str, what: str) -> None:
        unit.execute(
            "INSERT INTO portal_log (time, kind, controller, what) VALUES (?, ?, ?, ?)",
            (self._clock.now().timestamp(), kind, controller, bounded(what)),
        )
        unit.execute("DELETE FROM portal_log WHERE id <= (SELECT max(id) FROM portal_log) - ?", (MOST,))

    async def list(self, before: int | None, limit: int) -> Sequence[Entry]:
        """Newest first, older than the row `before`."""
        rows = await self._database.fetch_all(
            "SELECT * FROM portal_log WHERE (?1 IS NULL OR id < ?1) ORDER BY id DESC LIMIT ?2",
            (before, limit),
        )
        return [
            Entry(
                id=str(row["id"]),
                time=datetime.fromtimestamp(row["time"], UTC),
                kind=row["kind"],
                controller=row["controller"],
                what=row["what"],
                count=row["count"],
            )
            for row in rows
        ]


def bounded(text: str) -> str:
    """Words from outside, made fit for a log: printable, on one line, of bounded length."""
    plain = "".join(character if character.isprintable() else "?" for character in text[: LONGEST + 1])
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
