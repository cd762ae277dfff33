"""Refresh tokens: each is used once and gives the next one; one that is used again ends the session."""

from __future__ import annotations

import structlog

from gatewayd.access import codes
from gatewayd.access.model import Granted, RefreshReused, Session
from gatewayd.access.sessions import Sessions, unknown_token
from gatewayd.callers import Caller
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
REPEAT_UNBOUND = 600.0
"""Seconds for which a session that no key protects may show the token before its newest one again. A
session with a key may do so until the newest one is used: nobody else can."""
SPENT_KEPT = 400
"""Used tokens that are remembered of each session: four days of one every quarter of an hour."""


class Refresher:
    """Takes refresh tokens. Its caller holds one lock for all of them."""

    def __init__(self, database: Database, clock: Clock, sessions: Sessions, *, boot: str) -> None:
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._boot = boot

    async def refresh(self, unit: Unit, text: str, caller: Caller) -> Granted:
        """The next tokens of the session that `text` belongs to; they are good from the commit on.

        The token before the newest one gives the newest one again until that is used: a reply that was
        lost locks nobody out. Any other use of a used token ends the session with an alert. Raises
        GatewayError `access.unauthenticated`.
        """
        digest = codes.digest(text)
        session = self._sessions.by_refresh(digest)
        if session is None:
            await self._known_before(digest)
            raise unknown_token()
        keyless = session.key is not None and session.key != caller.key
        if digest == session.previous and (keyless or not self._may_repeat(session)):
            await self._revoke(session)
            raise unknown_token()
        if keyless:  # unused and worth nothing without the key: its holder loses nothing
            log.warning("access.refresh_without_key", session=session.id)
            raise unknown_token()
        assert session.chain is not None  # whoever has a refresh token has a chain
        successor = codes.next_refresh(session.chain, text)
        if digest == session.refresh:
            self._rotate(unit, session, codes.digest(successor))
        await self._sessions.use(session, caller.address)
        token = self._sessions.tokens.issue(unit, session.id)
        return self._sessions.granted(session, token, successor)

    def _rotate(self, unit: Unit, session: Session, successor: bytes) -> None:
        used, rotated = session.refresh, self._clock.monotonic()
        if session.previous is not None:
            unit.execute(
                "INSERT INTO refresh_spent (digest, session, number)"
                " SELECT ?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM refresh_spent WHERE session = ?2)"
                " FROM sessions WHERE id = ?2",
                (session.previous, session.id),
            )
            unit.execute(
                "DELETE FROM refresh_spent WHERE session = ?1 AND number <="
                " (SELECT max(number) FROM refresh_spent WHERE session = ?1) - ?2",
                (session.id, SPENT_KEPT),
            )
        unit.execute(
            "UPDATE sessions SET refresh = ?, previous = ?, rotated = ?, boot = ? WHERE id = ?",
            (successor, used, rotated, self._boot, session.id),
        )

        def turn() -> None:
            session.refresh, session.previous, session.rotated = successor, used, rotated

        unit.after(turn)

    def _may_repeat(self, session: Session) -> bool:
        if session.key is not None:
            return True
        return session.rotated is not None and self._clock.monotonic() - session.rotated <= REPEAT_UNBOUND

    async def _known_before(self, digest: bytes) -> None:
        row = await self._database.fetch_one("SELECT session FROM refresh_spent WHERE digest = ?", (digest,))
        session = None if row is None else self._sessions.find(row["session"])
        if session is not None:
            await self._revoke(session)

    async def _revoke(self, session: Session) -> None:
        """At once, in a unit of its own: the caller's is dropped with the refusal."""
        log.warning("access.refresh_reused", session=session.id)
        async with self._database.unit() as unit:
            unit.emit(RefreshReused(account=session.account, session=session.id))
            self._sessions.end(unit, session, "reused")
