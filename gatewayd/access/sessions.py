"""Sessions: who holds a token, since when, and until when.

They are few and asked for at every request, so they live in memory and in the database alike.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog

from gatewayd.access import codes
from gatewayd.access.model import EndReason, Granted, Session, SessionRevoked
from gatewayd.callers import ROLES, Caller, Role
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
DAY = 86_400.0
IDLE_LIMIT = 90 * DAY
FLUSH_EVERY = 6 * 3600.0
"""How often the use of sessions is written down: an SD card is not worn out by being asked."""


class Sessions:
    """All live sessions.

    A session ends when it is revoked, logged out, or idle for 90 days. Idle days are counted on the
    monotonic clock while the daemon runs: a wall clock that jumps ten years, or starts in 1970, can
    neither lock anyone out nor keep a session alive, and a box in a cupboard does not age.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._by_digest: dict[bytes, Session] = {}
        self._by_id: dict[str, Session] = {}

    async def load(self) -> None:
        """Reads the sessions; their idle time goes on from where it was written down."""
        rows = await self._database.fetch_all(
            "SELECT sessions.*, accounts.role AS role FROM sessions"
            " JOIN accounts ON accounts.id = sessions.account"
        )
        for row in rows:
            self._enter(
                Session(
                    id=row["id"],
                    account=row["account"],
                    role=row["role"],
                    digest=row["digest"],
                    created=datetime.fromtimestamp(row["created"], UTC),
                    last_used=datetime.fromtimestamp(row["last_used"], UTC),
                    idle=row["idle"],
                    used=self._clock.monotonic(),
                )
            )

    def grant(self, unit: Unit, account: str, role: Role, label: str) -> Granted:
        """Queues a new session into the unit; it is valid from the commit on."""
        token = codes.draw_token()
        now = self._clock.now()
        session = Session(
            id=new_id(),
            account=account,
            role=role,
            digest=codes.digest(token),
            created=now,
            last_used=now,
            idle=0.0,
            used=self._clock.monotonic(),
        )
        unit.execute(
            "INSERT INTO sessions (id, account, digest, created, last_used) VALUES (?, ?, ?, ?, ?)",
            (session.id, account, session.digest, now.timestamp(), now.timestamp()),
        )
        unit.execute("INSERT INTO access_names (id, name) VALUES (?, ?)", (session.id, label))
        unit.after(lambda: self._enter(session))
        return Granted(
            token=token,
            session=session.id,
            account=account,
            role=role,
            expires=now + timedelta(seconds=IDLE_LIMIT) if self._clock.trusted() else None,
        )

    async def authenticate(self, bearer: str) -> Caller:
        """The caller who holds this token; counts as a use of it.

        Raises GatewayError `access.unauthenticated`, the same sentence whatever is wrong with it.
        """
        session = self._by_digest.get(codes.digest(bearer))
        if session is None or self._is_idle(session):
            raise GatewayError("access.unauthenticated", "This token is not valid here. Pair again.")
        stored_idle = session.idle
        session.idle = 0.0
        session.used = self._clock.monotonic()
        session.last_used = self._clock.now()
        session.dirty = True
        if stored_idle > DAY:  # a crash must not bring the old count back
            await self.flush()
        return _caller(session)

    def find(self, identifier: str) -> Session | None:
        """A live session by its id."""
        session = self._by_id.get(identifier)
        return None if session is None or self._is_idle(session) else session

    def live(self) -> list[Session]:
        """Oldest first."""
        return [session for session in self._by_id.values() if not self._is_idle(session)]

    async def names(self) -> dict[str, str]:
        """What sessions are called, by id."""
        rows = await self._database.fetch_all("SELECT id, name FROM access_names")
        return {row["id"]: row["name"] for row in rows}

    def end(self, unit: Unit, session: Session, reason: EndReason) -> None:
        """Queues the end of a session into the unit; its token is worth nothing from the commit on."""
        unit.execute("DELETE FROM sessions WHERE id = ?", (session.id,))
        unit.execute("DELETE FROM access_names WHERE id = ?", (session.id,))
        unit.emit(SessionRevoked(account=session.account, session=session.id, reason=reason))
        unit.after(lambda: self._leave(session))

    async def end_idle(self) -> None:
        """Ends every session that was idle for too long."""
        idle = [session for session in self._by_id.values() if self._is_idle(session)]
        if not idle:
            return
        async with self._database.unit() as unit:
            for session in idle:
                self.end(unit, session, "idle")
        log.info("access.sessions_idle", count=len(idle))

    async def end_all(self, reason: EndReason) -> int:
        """Ends every session; returns how many."""
        sessions = list(self._by_id.values())
        async with self._database.unit() as unit:
            for session in sessions:
                self.end(unit, session, reason)
        return len(sessions)

    async def flush(self) -> None:
        """Writes down when each session was last used and how long it has been idle."""
        monotonic = self._clock.monotonic()
        async with self._database.unit() as unit:
            for session in self._by_id.values():
                if session.dirty or session.idle_at(monotonic) - session.idle >= FLUSH_EVERY / 2:
                    session.idle = session.idle_at(monotonic)
                    session.used = monotonic
                    session.dirty = False
                    unit.execute(
                        "UPDATE sessions SET last_used = ?, idle = ? WHERE id = ?",
                        (session.last_used.timestamp(), session.idle, session.id),
                    )

    def _is_idle(self, session: Session) -> bool:
        return session.idle_at(self._clock.monotonic()) > IDLE_LIMIT

    def _enter(self, session: Session) -> None:
        self._by_digest[session.digest] = session
        self._by_id[session.id] = session

    def _leave(self, session: Session) -> None:
        self._by_digest.pop(session.digest, None)
        self._by_id.pop(session.id, None)


def _caller(session: Session) -> Caller:
    return Caller(id=f"session:{session.id}", role=session.role, scopes=ROLES[session.role], via="http")
