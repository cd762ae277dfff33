"""Sessions: who has come in, since when, and until when.

They are few and asked for at every request, so they live in memory and in the database alike.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from gatewayd.access import codes
from gatewayd.access.model import EndReason, Granted, Session, SessionBegun, SessionRevoked
from gatewayd.access.tokens import ACCESS_LIFE, Tokens
from gatewayd.callers import ROLES, Caller, Role, Scope
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)
DAY = 86_400.0
IDLE_LIMIT = 90 * DAY
FLUSH_EVERY = 6 * 3600.0
"""How often the use of sessions is written down: an SD card is not worn out by being asked."""
FRESH = 300.0
"""Seconds for which a proof of oneself (a password, a code, presence) is good for what needs one."""
MOST_EACH = 100
"""Sessions of one account."""
_PREFIX = "session:"


class Sessions:
    """All live sessions.

    A session ends when it is revoked, logged out, or idle for 90 days; a visit ends at its time. Idle days
    are counted on the monotonic clock while the daemon runs: a wall clock that jumps ten years, or starts
    in 1970, can neither lock anyone out nor keep a session alive, and a box in a cupboard does not age.
    """

    def __init__(self, database: Database, clock: Clock, *, boot: str) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot
        self.tokens = Tokens(database, clock, boot=boot)
        self._by_id: dict[str, Session] = {}

    async def load(self) -> None:
        """Reads the sessions; their idle time goes on from where it was written down."""
        rows = await self._database.fetch_all(
            "SELECT sessions.*, coalesce(accounts.role, sessions.role) AS role_now FROM sessions"
            " LEFT JOIN accounts ON accounts.id = sessions.account ORDER BY sessions.created, sessions.id"
        )
        for row in rows:
            session = _from_row(row, self._boot, self._clock.monotonic())
            self._by_id[session.id] = session
        await self.tokens.load()

    def grant(
        self,
        unit: Unit,
        *,
        account: str | None,
        role: Role,
        label: str,
        key: str | None = None,
        cookie: bool = False,
        address: str = "",
        fresh: bool = False,
        lifetime: float | None = None,
        scopes: frozenset[Scope] | None = None,
    ) -> Granted:
        """Queues a new session into the unit; it is valid from the commit on.

        `key` binds its tokens to a key of the app. `cookie` makes the one token of a browser, which is good
        as long as the session; others get an access token and a refresh token. `fresh`: who comes in has
        just proved himself. A `lifetime` in seconds of this boot makes it a visit, without a refresh token
        when it is shorter than an access token.
        """
        now, monotonic = self._clock.now(), self._clock.monotonic()
        chain = None if cookie else secrets.token_bytes(32)
        refresh = None if chain is None else codes.next_refresh(chain, secrets.token_urlsafe(32))
        session = Session(
            id=new_id(),
            account=account,
            role=role,
            scopes=scopes,
            key=key,
            created=now,
            last_used=now,
            idle=0.0,
            used=monotonic,
            chain=chain,
            refresh=None if refresh is None else codes.digest(refresh),
            ends=None if lifetime is None else monotonic + lifetime,
            address=address,
            proved=monotonic if fresh else -FRESH,
        )
        self._make_room(unit, account)
        self._insert(unit, session)
        unit.execute("INSERT INTO access_names (id, name) VALUES (?, ?)", (session.id, label))
        token = self.tokens.issue(unit, session.id, cookie=cookie)
        unit.emit(SessionBegun(account=account, session=session.id, role=role, bound=key is not None))
        unit.after(lambda: self._by_id.__setitem__(session.id, session))
        return self.granted(session, token, refresh, cookie=cookie)

    def granted(self, session: Session, token: str, refresh: str | None, *, cookie: bool = False) -> Granted:
        """The tokens of a session, for its holder."""
        ends = self._clock.now() + timedelta(seconds=self._left(session))
        return Granted(
            token=token,
            refresh_token=refresh,
            expires_in=None if cookie else min(ACCESS_LIFE, self._left(session)),
            csrf=codes.csrf(token) if cookie else None,
            key=session.key,
            session=session.id,
            account=session.account,
            role=session.role,
            expires=ends if self._clock.trusted() else None,
        )

    async def use(self, session: Session, address: str) -> Caller:
        """Counts a use of a live session; returns its caller."""
        stored_idle = session.idle
        session.idle = 0.0
        session.used = self._clock.monotonic()
        session.last_used = self._clock.now()
        session.address = address or session.address
        session.dirty = True
        if stored_idle > DAY:  # a crash must not bring the old count back
            await self.flush()
        return self.caller(session, address)

    def caller(self, session: Session, address: str = "") -> Caller:
        """Who acts by this session."""
        return Caller(
            id=_PREFIX + session.id,
            role=session.role,
            scopes=ROLES[session.role] if session.scopes is None else session.scopes & ROLES[session.role],
            via="http",
            key=session.key,
            address=address,
            fresh=self._clock.monotonic() - session.proved < FRESH,
        )

    def find(self, identifier: str) -> Session | None:
        """A live session by its id."""
        session = self._by_id.get(identifier)
        return None if session is None or self._is_over(session) else session

    def of(self, caller: Caller) -> Session | None:
        """The live session that a caller came in by; None when that was something else."""
        return self.find(caller.id.removeprefix(_PREFIX)) if caller.id.startswith(_PREFIX) else None

    def live(self) -> list[Session]:
        """Oldest first."""
        return [session for session in self._by_id.values() if not self._is_over(session)]

    def by_refresh(self, digest: bytes) -> Session | None:
        """The live session whose refresh token, or the one before it, has this digest."""
        return next((each for each in self.live() if digest in (each.refresh, each.previous)), None)

    async def names(self) -> dict[str, str]:
        """What sessions are called, by id."""
        rows = await self._database.fetch_all("SELECT id, name FROM access_names")
        return {row["id"]: row["name"] for row in rows}

    def end(self, unit: Unit, session: Session, reason: EndReason) -> None:
        """Queues the end of a session into the unit; its tokens are worth nothing from the commit on."""
        unit.execute("DELETE FROM sessions WHERE id = ?", (session.id,))
        unit.execute("DELETE FROM access_names WHERE id = ?", (session.id,))
        unit.emit(SessionRevoked(account=session.account, session=session.id, reason=reason))
        unit.after(lambda: self._leave(session))

    def end_account(self, unit: Unit, account: str, reason: EndReason, *, but: str | None = None) -> None:
        """Queues the end of all sessions of an account, but for one."""
        for session in list(self._by_id.values()):
            if session.account == account and session.id != but:
                self.end(unit, session, reason)

    async def end_idle(self) -> None:
        """Ends every session that was idle for too long, and every visit whose time is up."""
        over = [session for session in self._by_id.values() if self._is_over(session)]
        if not over:
            return
        async with self._database.unit() as unit:
            for session in over:
                self.end(unit, session, "idle" if session.ends is None else "ended")
        log.info("access.sessions_over", count=len(over))

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
                        "UPDATE sessions SET last_used = ?, idle = ?, address = ? WHERE id = ?",
                        (session.last_used.timestamp(), session.idle, session.address, session.id),
                    )

    def _make_room(self, unit: Unit, account: str | None) -> None:
        """Whoever signs in again and again replaces the session that was idle for longest."""
        mine = [session for session in self.live() if session.account == account and account is not None]
        if len(mine) >= MOST_EACH:
            monotonic = self._clock.monotonic()
            self.end(unit, max(mine, key=lambda session: session.idle_at(monotonic)), "replaced")

    def _left(self, session: Session) -> float:
        """Seconds until it ends if nobody uses it."""
        idle = IDLE_LIMIT - session.idle_at(self._clock.monotonic())
        return idle if session.ends is None else min(idle, session.ends - self._clock.monotonic())

    def _is_over(self, session: Session) -> bool:
        return self._left(session) < 0 if session.ends is None else self._left(session) <= 0

    def _insert(self, unit: Unit, session: Session) -> None:
        unit.execute(
            "INSERT INTO sessions (id, account, role, scopes, key, refresh, chain, boot, ends, created,"
            " last_used, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                session.id,
                session.account,
                session.role,
                None if session.scopes is None else " ".join(sorted(session.scopes)),
                session.key,
                session.refresh,
                session.chain,
                self._boot,
                session.ends,
                session.created.timestamp(),
                session.last_used.timestamp(),
                session.address,
            ),
        )

    def _leave(self, session: Session) -> None:
        self._by_id.pop(session.id, None)
        self.tokens.forget(session.id)


def unknown_token() -> GatewayError:
    """The one refusal of a token, whatever is wrong with it."""
    return GatewayError("access.unauthenticated", "This token is not valid here. Sign in or pair again.")


def _from_row(row: Any, boot: str, monotonic: float) -> Session:
    same_boot, ends = row["boot"] == boot, row["ends"]
    return Session(
        id=row["id"],
        account=row["account"],
        role=row["role_now"],
        scopes=None if row["scopes"] is None else frozenset(Scope(each) for each in row["scopes"].split()),
        key=row["key"],
        created=datetime.fromtimestamp(row["created"], UTC),
        last_used=datetime.fromtimestamp(row["last_used"], UTC),
        idle=row["idle"],
        used=monotonic,
        chain=row["chain"],
        refresh=row["refresh"],
        previous=row["previous"],
        # After a reboot the time for a lost reply begins anew: the power may have gone just then.
        rotated=row["rotated"] if same_boot else monotonic,
        # A visit does not outlive the boot that it began in: nobody can tell how long the box was off.
        ends=ends if ends is None or same_boot else monotonic,
        address=row["address"],
    )
