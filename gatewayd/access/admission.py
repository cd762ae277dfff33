"""Who is let in: what a request shows becomes a caller, or a refusal."""

from __future__ import annotations

import hmac

from gatewayd.access import codes, dpop
from gatewayd.access.model import Session
from gatewayd.access.nonces import Nonces
from gatewayd.access.sessions import Sessions, unknown_token
from gatewayd.access.throttle import Buckets, Rate
from gatewayd.access.tickets import Tickets
from gatewayd.access.tools import ToolTokens
from gatewayd.callers import Caller, Shown, anonymous
from gatewayd.errors import GatewayError
from gatewayd.system.clock import Clock

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_STRAY = Rate(burst=60, every=1.0)
"""Unknown tokens of one neighbourhood: 256 bits cannot be guessed, this only keeps the log and the CPU."""


class Admission:
    """Judges what requests show. A good token is looked at before anything is counted: whoever has one is
    let in, however many others guess, also from the same address."""

    def __init__(self, clock: Clock, sessions: Sessions, tools: ToolTokens, tickets: Tickets) -> None:
        self._sessions = sessions
        self._tools = tools
        self._tickets = tickets
        self._nonces = Nonces(clock)
        self._stray = Buckets(clock, each=_STRAY, overall=None)

    def nonce(self) -> str:
        """What the next DPoP proof has to hold."""
        return self._nonces.current()

    async def admit(self, shown: Shown) -> Caller:
        """The caller. Without a token it is `anonymous`, with the key that a proof shows.

        Raises GatewayError `access.unauthenticated`, `access.throttled` (too many unknown tokens came from
        there), `access.csrf`, `access.dpop_invalid`, `access.dpop_nonce`.
        """
        if shown.kind == "none":
            return self.stranger(shown)
        if shown.kind == "ticket":
            return self._by_ticket(shown)
        token = self._sessions.tokens.find(shown.token)
        session = None if token is None else self._sessions.find(token.session)
        if token is None or session is None:
            return self._by_tool(shown)
        if not self._sessions.tokens.is_good(token):
            raise unknown_token()  # an app that comes back after a while: nobody guesses
        if token.cookie != (shown.kind == "cookie"):
            raise unknown_token()
        if token.cookie:
            _check_csrf(shown)
        self._check_key(shown, session)
        return await self._sessions.use(session, shown.address)

    def stranger(self, shown: Shown) -> Caller:
        """Somebody whose token is none, or does not count where none is needed."""
        if shown.proof is None:
            return anonymous("http", address=shown.address)
        proof = dpop.read(shown.proof, method=shown.method, url=shown.url, token=None)
        self._nonces.spend(proof, known=False)
        return anonymous("http", key=proof.key, address=shown.address)

    def still_valid(self, caller: Caller) -> bool:
        """Whether what was let in may stay: its session or token is there, with the same rights."""
        if caller.id.startswith("session:"):
            session = self._sessions.of(caller)
            return session is not None and self._sessions.caller(session).scopes == caller.scopes
        return not caller.id.startswith("token:") or self._tools.find(caller) is not None

    def _by_ticket(self, shown: Shown) -> Caller:
        caller = self._tickets.redeem(shown.token)
        if caller is None or not self.still_valid(caller):
            raise unknown_token()
        return caller

    def _by_tool(self, shown: Shown) -> Caller:
        caller = self._tools.use(shown.token, shown.address) if shown.kind == "bearer" else None
        if caller is not None:
            return caller
        if not self._tools.knows(shown.token):
            self._stray.check(shown.address)
            self._stray.failed(shown.address)
        raise unknown_token()

    def _check_key(self, shown: Shown, session: Session) -> None:
        """A bound token goes with a proof of its key; a free one does not pass for a bound one."""
        if (session.key is not None) != (shown.kind == "dpop"):
            raise unknown_token()
        if session.key is None:
            return
        if shown.proof is None:
            raise dpop.invalid("there is none")
        proof = dpop.read(shown.proof, method=shown.method, url=shown.url, token=shown.token)
        if not hmac.compare_digest(proof.key.encode(), session.key.encode()):
            raise dpop.invalid("it is signed with another key than the token is bound to")
        self._nonces.spend(proof, known=True)


def _check_csrf(shown: Shown) -> None:
    if shown.method in _SAFE:
        return
    if not hmac.compare_digest((shown.csrf or "").encode(), codes.csrf(shown.token).encode()):
        raise GatewayError(
            "access.csrf", "A page sends X-CSRF-Token with what it was given when it signed in."
        )
