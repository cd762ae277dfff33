"""Ends that are kept whatever the clock does: of a guest network, of an old password.

An end is a wall time, and what remains until then on the monotonic clock. Wall time decides while it can be
believed; else what remains does, which is written now and then, so that a box without a clock that
was off does not end early, and one that is restarted over and over does end.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

What = Literal["expiry", "rotation"]
WRITE_SECONDS = 300.0


class _End(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime | None
    monotonic: float


class Deadlines:
    """The ends of all networks. `load` once; `keep` for ever."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._ends: dict[tuple[str, What], _End] = {}

    async def load(self) -> None:
        """What the state holds."""
        now = self._clock.monotonic()
        for row in await self._database.fetch_all("SELECT * FROM wifi_deadlines"):
            at = None if row["at"] is None else datetime.fromtimestamp(row["at"], UTC)
            self._ends[row["network"], row["what"]] = _End(at=at, monotonic=now + row["remaining"])

    def set(self, unit: Unit, network: str, what: What, seconds: float) -> None:
        """An end so many seconds from now; it replaces the one before when the unit commits."""
        at = self.after(seconds) if self._clock.trusted() else None
        end = _End(at=at, monotonic=self._clock.monotonic() + seconds)
        unit.execute(
            "INSERT INTO wifi_deadlines (network, what, at, remaining) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (network, what) DO UPDATE SET at = excluded.at, remaining = excluded.remaining",
            (network, what, None if at is None else at.timestamp(), seconds),
        )
        unit.after(lambda: self._ends.__setitem__((network, what), end))

    def clear(self, unit: Unit, network: str, what: What) -> None:
        """No end any more, when the unit commits."""
        unit.execute("DELETE FROM wifi_deadlines WHERE network = ? AND what = ?", (network, what))
        unit.after(lambda: self._forget(network, what))

    def after(self, seconds: float) -> datetime:
        """The wall time so many seconds from now."""
        return self._clock.now() + timedelta(seconds=seconds)

    def remaining(self, network: str, what: What) -> float | None:
        """Seconds until the end, 0 when it has come; None when there is none."""
        end = self._ends.get((network, what))
        if end is None:
            return None
        if end.at is not None and self._clock.trusted():
            return max(0.0, (end.at - self._clock.now()).total_seconds())
        return max(0.0, end.monotonic - self._clock.monotonic())

    def due(self, network: str, what: What) -> bool:
        """Whether there was an end and it has come."""
        return self.remaining(network, what) == 0.0

    def moment(self, network: str, what: What) -> datetime | None:
        """The end as wall time, as good as it is known."""
        left = self.remaining(network, what)
        end = self._ends.get((network, what))
        if left is None or end is None:
            return None
        if end.at is not None and self._clock.trusted():
            return end.at
        return self._clock.now() + timedelta(seconds=left)

    def _forget(self, network: str, what: What) -> None:
        self._ends.pop((network, what), None)

    async def keep(self) -> None:
        """Writes what remains, every 5 minutes, and the wall time of ends that had none. For ever."""
        while True:
            await self._clock.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Writes what remains now."""
        if not self._ends:
            return
        async with self._database.unit() as unit:
            for (network, what), end in tuple(self._ends.items()):
                left = max(0.0, end.monotonic - self._clock.monotonic())
                if end.at is None and self._clock.trusted():
                    end = msgspec.structs.replace(end, at=self._clock.now() + timedelta(seconds=left))
                    self._ends[network, what] = end
                unit.execute(
                    "UPDATE wifi_deadlines SET at = ?, remaining = ? WHERE network = ? AND what = ?",
                    (None if end.at is None else end.at.timestamp(), left, network, what),
                )
