"""The open pairing: a claim code and a QR secret, good for a while, for five tries, and for one use."""

from __future__ import annotations

import secrets
from typing import Any

from gatewayd.access import codes
from gatewayd.access.model import Opened, Pairing
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

WINDOW = 300.0
MAX_TRIES = 5


class Pairings:
    """At most one pairing is open; opening another one replaces it.

    Only hashes are kept. The window is measured on the monotonic clock of one boot: wall time that
    jumps neither opens nor closes it, a restart of the daemon keeps it, a reboot ends it.
    """

    def __init__(self, database: Database, clock: Clock, *, boot: str) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot

    async def current(self) -> Pairing | None:
        """The pairing that a try would be judged by; None when none is open."""
        pairing = await self.stored()
        return pairing if pairing is not None and self._is_open(pairing) else None

    async def stored(self) -> Pairing | None:
        """The last pairing that was not used, open or not."""
        row = await self._database.fetch_one("SELECT * FROM pairing")
        return None if row is None else _from_row(row)

    def open(self, unit: Unit, *, window: float | None, tries: int = 0) -> Opened:
        """Queues a new pairing into the unit; `uri` is left to who knows the box's address.

        `window` is in seconds, None: open until it is used; `tries` are those already spent.
        """
        code, secret, salt = codes.draw_code(), codes.draw_secret(), secrets.token_bytes(16)
        unit.execute(
            "INSERT OR REPLACE INTO pairing (one, salt, code, secret, tries, boot, closes)"
            " VALUES (1, ?, ?, ?, ?, ?, ?)",
            (
                salt,
                codes.salted(salt, code),
                codes.salted(salt, secret),
                tries,
                None if window is None else self._boot,
                None if window is None else self._clock.monotonic() + window,
            ),
        )
        return Opened(code=code, secret=secret, uri="", expires_in=window)

    async def count_try(self) -> None:
        """Writes down one more try, before it is judged."""
        async with self._database.unit() as unit:
            unit.execute("UPDATE pairing SET tries = tries + 1")

    def use_up(self, unit: Unit) -> None:
        """Queues the end of the pairing: its one use has been made."""
        unit.execute("DELETE FROM pairing")

    def closes_in(self, pairing: Pairing) -> float | None:
        """Seconds until it closes; None: not before it is used."""
        return None if pairing.closes is None else max(0.0, pairing.closes - self._clock.monotonic())

    def _is_open(self, pairing: Pairing) -> bool:
        if pairing.tries >= MAX_TRIES:
            return False
        if pairing.closes is None:
            return True
        return pairing.boot == self._boot and 0.0 < pairing.closes - self._clock.monotonic() <= WINDOW


def _from_row(row: Any) -> Pairing:
    return Pairing(
        salt=row["salt"],
        code=row["code"],
        secret=row["secret"],
        tries=row["tries"],
        boot=row["boot"],
        closes=row["closes"],
    )
