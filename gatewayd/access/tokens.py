"""The tokens of sessions: which session a token belongs to, and until when."""

from __future__ import annotations

import math

import msgspec

from gatewayd.access import codes
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

ACCESS_LIFE = 900.0
MOST_PER_SESSION = 4
"""A refresh leaves the token before it good for what is left of its life: requests may be under way."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """One token; `ends` (monotonic) None: as long as its session. `cookie`: taken from a cookie only."""

    digest: bytes
    session: str
    cookie: bool
    ends: float | None


class Tokens:
    """All tokens that are good, and those that have run out lately.

    Their life is measured on the monotonic clock of one boot: wall time neither ends nor extends it, and a
    reboot ends them all, since a box without a clock battery cannot know for how long it was off.
    """

    def __init__(self, database: Database, clock: Clock, *, boot: str) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot
        self._by_digest: dict[bytes, Token] = {}
        self._by_session: dict[str, list[Token]] = {}

    async def load(self) -> None:
        """Reads the tokens; those of another boot have run out."""
        for row in await self._database.fetch_all("SELECT * FROM session_tokens ORDER BY ends"):
            ends = row["ends"]
            if ends is not None and row["boot"] != self._boot:
                ends = -math.inf
            self._enter(
                Token(digest=row["digest"], session=row["session"], cookie=bool(row["cookie"]), ends=ends)
            )

    def issue(self, unit: Unit, session: str, *, cookie: bool = False) -> str:
        """Queues a new token of a session; it is good from the commit on."""
        text = codes.draw_token()
        token = Token(
            digest=codes.digest(text),
            session=session,
            cookie=cookie,
            ends=None if cookie else self._clock.monotonic() + ACCESS_LIFE,
        )
        unit.execute(
            # The session may end between this and the commit: then there is nothing to write.
            "INSERT INTO session_tokens (digest, session, cookie, boot, ends)"
            " SELECT ?1, ?2, ?3, ?4, ?5 FROM sessions WHERE id = ?2",
            (token.digest, session, cookie, self._boot, token.ends),
        )
        mine = self._by_session.get(session, [])
        surplus = mine[: max(0, len(mine) + 1 - MOST_PER_SESSION)]
        for old in surplus:
            unit.execute("DELETE FROM session_tokens WHERE digest = ?", (old.digest,))

        def enter() -> None:
            for old in surplus:
                self._by_digest.pop(old.digest, None)
                self._by_session[session].remove(old)
            self._enter(token)

        unit.after(enter)
        return text

    def find(self, text: str) -> Token | None:
        """The token, good or run out; None when it is not known (any more)."""
        return self._by_digest.get(codes.digest(text))

    def is_good(self, token: Token) -> bool:
        """Whether it has not run out."""
        return token.ends is None or self._clock.monotonic() < token.ends

    def forget(self, session: str) -> None:
        """The session has ended: the rows went with it."""
        for token in self._by_session.pop(session, []):
            self._by_digest.pop(token.digest, None)

    def _enter(self, token: Token) -> None:
        self._by_digest[token.digest] = token
        self._by_session.setdefault(token.session, []).append(token)
