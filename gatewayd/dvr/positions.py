"""How far each viewer has watched each recording."""

from __future__ import annotations

from datetime import datetime

from gatewayd.store.database import Database, Unit


class Positions:
    """All queries and statements on `dvr_positions`. A recording that goes takes its positions along."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, recording: str, viewer: str) -> float:
        """Seconds from the recording's beginning; 0.0 when there is none."""
        row = await self._database.fetch_one(
            "SELECT seconds FROM dvr_positions WHERE recording = ? AND viewer = ?", (recording, viewer)
        )
        return 0.0 if row is None else float(row["seconds"])

    def put(self, unit: Unit, recording: str, viewer: str, seconds: float, now: datetime) -> None:
        """Queues a position; 0 forgets it."""
        if seconds <= 0:
            unit.execute("DELETE FROM dvr_positions WHERE recording = ? AND viewer = ?", (recording, viewer))
            return
        # A recording that is deleted in this very moment has no positions either.
        unit.execute(
            "INSERT INTO dvr_positions (recording, viewer, seconds, changed)"
            " SELECT id, ?2, ?3, ?4 FROM dvr_recordings WHERE id = ?1"
            " ON CONFLICT (recording, viewer) DO UPDATE SET seconds = ?3, changed = ?4",
            (recording, viewer, seconds, now.timestamp()),
        )
