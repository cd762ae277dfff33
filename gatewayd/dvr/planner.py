"""Gives tuners to recordings in the state: `conflict` for who gets none, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from gatewayd.dvr.media.messages import Range
from gatewayd.dvr.model import Recording, RecordingChanged, RecordingState
from gatewayd.dvr.tuners import Admission, Want, admit
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)

_ROWS = (
    "SELECT r.id, r.channel, r.title, r.start, r.stop, r.pad_before, r.pad_after, r.state, r.reason, "
    "s.id AS pool, s.name AS source, coalesce(s.own_tuners, s.tuners) AS size FROM dvr_recordings r "
    "LEFT JOIN dvr_channels c ON c.id = r.channel LEFT JOIN dvr_sources s ON s.id = c.source "
    "WHERE r.state IN ('scheduled', 'recording', 'conflict') AND NOT r.ended AND r.trashed IS NULL "
    "ORDER BY r.id"
)
_POOL = (
    "SELECT s.id AS pool, s.name AS source, coalesce(s.own_tuners, s.tuners) AS size "
    "FROM dvr_channels c JOIN dvr_sources s ON s.id = c.source WHERE c.id = ?"
)


class _Planned(NamedTuple):
    want: Want
    title: str
    state: RecordingState
    reason: str | None
    source: str | None
    size: int | None


class Planner:
    """Reads what is planned, decides, writes what has changed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def settle(self) -> dict[str, Range]:
        """Brings waiting recordings' states up to date; from when to when each that may go on is kept."""
        now = self._clock.now().timestamp()
        planned = await self._planned(now)
        found = _admit(planned)
        async with self._database.unit() as unit:
            for row in planned:
                state, reason = _verdict(row, found, planned, now)
                if (state, reason) == (row.state, row.reason):
                    continue
                unit.execute(
                    "UPDATE dvr_recordings SET state = ?, reason = ? WHERE id = ? AND state = ?",
                    (state, reason, row.want.id, row.state),
                )
                if state != row.state:
                    log.info("dvr.planned", recording=row.want.id, state=state)
                    unit.emit(RecordingChanged(recording=row.want.id, channel=row.want.channel, state=state))
        # What waited into its own time is wanted from its beginning on: what is missing of it is a gap.
        late = {row.want.id: row.want.begins for row in planned if row.want.start == now}
        limited = {
            item: Range(id=item, start=late.get(item, first), stop=last, prompt=item in found.prompt)
            for item, (first, last) in found.spans.items()
        }
        free = {
            row.want.id: Range(id=row.want.id, start=row.want.begins, stop=row.want.ends)
            for row in planned
            if row.size is None
        }
        return limited | free

    async def refusal(self, recording: Recording) -> str | None:
        """Why a recording that is about to be made gets no tuner; None when it gets one."""
        pool = await self._database.fetch_one(_POOL, (recording.channel,))
        if pool is None or pool["size"] is None:
            return None
        now = self._clock.now().timestamp()
        start, stop = max(now, recording.start.timestamp()), recording.stop.timestamp()
        want = Want(recording.id, pool["pool"], recording.channel, start, stop, start, stop)
        mine = _Planned(want, recording.title, "scheduled", None, pool["source"], pool["size"])
        planned = [row for row in await self._planned(now) if row.want.id != recording.id]
        return _verdict(mine, _admit([*planned, mine]), planned, now)[1]

    async def _planned(self, now: float) -> list[_Planned]:
        return [
            _Planned(
                Want(
                    id=row["id"],
                    pool=row["pool"] or "",
                    channel=row["channel"],
                    start=row["start"] if row["state"] == "recording" else max(now, row["start"]),
                    stop=row["stop"],
                    begins=row["start"] - row["pad_before"],
                    ends=row["stop"] + row["pad_after"],
                    running=row["state"] == "recording",
                ),
                row["title"],
                row["state"],
                row["reason"],
                row["source"],
                row["size"],
            )
            for row in await self._database.fetch_all(_ROWS)
        ]


def _admit(planned: Sequence[_Planned]) -> Admission:
    sizes = {row.want.pool: row.size for row in planned if row.size is not None}
    return admit((row.want for row in planned if row.size is not None), sizes)


def _verdict(
    row: _Planned, found: Admission, planned: Sequence[_Planned], now: float
) -> tuple[RecordingState, str | None]:
    """What a recording's state is to be, and why."""
    blockers = found.blocked.get(row.want.id)
    titles = [other.title for other in planned if other.want.id in (blockers or ())]
    sentence = _sentence(row.source or "the source", row.size or 0, titles)
    if row.state == "recording":  # it keeps what it has, and goes on when a tuner is free again
        return row.state, row.reason if blockers is None else sentence
    if row.state == "conflict" and row.want.ends <= now:
        return "failed", row.reason
    if blockers is None:
        return "scheduled", None if row.state == "conflict" else row.reason
    return "conflict", sentence


def _sentence(source: str, size: int, titles: Sequence[str]) -> str:
    named = ", ".join(titles[:3]) + (f" and {len(titles) - 3} more" if len(titles) > 3 else "")
    tuners = "The only tuner" if size == 1 else f"All {size} tuners"
    verb = "is" if size == 1 else "are"
    return f"{tuners} of {source} {verb} taken then, by {named}. It gets one when one becomes free."
