"""After a restore from a backup: commands that may have been sent before it are refused.

The ledger is as old as the backup, so what was carried out since is forgotten; what still waits at a broker
may be one of those. Nothing in a message says when it was sent. So for the first minute that a link is up,
commands that it brings are refused, under their keys; a controller that still means one sends it anew.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import structlog

from gatewayd.store.database import Database, Unit

log = structlog.get_logger(__name__)
HELD = 60.0
"""Seconds that a link has to be up: a broker hands over a thousand waiting messages in a tenth of that."""
_FACT = "portal_restored"


class RestoredGuard:
    """Which links have not been up for long enough since the restore; kept over restarts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._links: set[str] = set()

    async def load(self) -> None:
        """Reads what is kept."""
        row = await self._database.fetch_one("SELECT value FROM facts WHERE name = ?", (_FACT,))
        if row is not None:
            self._links = set(msgspec.json.decode(row["value"], type=list[str]))

    async def arm(self, links: Iterable[str]) -> None:
        """The state was restored: from now on these links (their paths) are held."""
        held = set(links)
        if held:
            log.warning("portal.restored", links=len(held))
        async with self._database.unit() as unit:
            self._put(unit, held)

    async def holds(self, link: str, up: float) -> bool:
        """Whether what comes over a link that has been up for that many seconds may be older."""
        if link not in self._links:
            return False
        if up < HELD:
            return True
        async with self._database.unit() as unit:
            self._put(unit, self._links - {link})
        return False

    def _put(self, unit: Unit, links: set[str]) -> None:
        if links:
            unit.execute(
                "INSERT INTO facts (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (_FACT, msgspec.json.encode(sorted(links)).decode()),
            )
        else:
            unit.execute("DELETE FROM facts WHERE name = ?", (_FACT,))
        unit.after(lambda: setattr(self, "_links", links))
