"""The end of a password that a change-over replaced: from then on it is kept nowhere."""

from __future__ import annotations

from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.wifi.deadlines import Deadlines
from gatewayd.wifi.model import OLD_KEY
from gatewayd.wifi.repository import Repository, StoredNetwork
from gatewayd.wifi.timetable import MOST_PAUSE
from gatewayd.wifi.witness import Witness


class OldPasswords:
    """Forgets them. `keep` it running; the radio is told by the reconciler, which looks at the same ends."""

    def __init__(
        self,
        *,
        database: Database,
        repository: Repository,
        deadlines: Deadlines,
        witness: Witness,
        clock: Clock,
    ) -> None:
        self._database = database
        self._repository = repository
        self._deadlines = deadlines
        self._witness = witness
        self._clock = clock

    def forget(self, unit: Unit, stored: StoredNetwork) -> None:
        """Queues into `unit` that the old password is forgotten, and with it what was before the last change
        (where it was the network's own). A change-over that begins meanwhile is not touched."""
        self._repository.take_key(unit, stored.id, OLD_KEY, up_to=stored.newest)
        self._repository.forget_before(unit, stored.id)
        self._witness.old_password_ended(unit, stored.id)

    async def keep(self) -> None:
        """Forgets those whose time is up. For ever."""
        while True:
            pause = MOST_PAUSE
            for stored in await self._repository.networks():
                left = self._deadlines.remaining(stored.id, "rotation")
                if left:
                    pause = min(pause, left)
                elif left is not None and _has_old(stored):
                    async with self._database.unit() as unit:
                        self.forget(unit, stored)
            await self._clock.sleep(pause)


def _has_old(stored: StoredNetwork) -> bool:
    return any(key.id == OLD_KEY for key in (*stored.applied.keys, *stored.desired.keys))
