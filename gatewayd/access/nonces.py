"""Nonces for DPoP: they date a proof by the box's own monotonic clock, and bound what must be remembered."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict

from gatewayd.access.dpop import Proof, invalid
from gatewayd.errors import GatewayError
from gatewayd.system.clock import Clock

LIFE = 300.0
MOST_SEEN = 20_000
MOST_STRANGE = 2_000


class Nonces:
    """The nonce of now and the one before it; each is good for five to ten minutes.

    Proofs that were used are remembered with their nonce, so there is nothing older to remember. An app
    that sends more than 20,000 proofs in that time makes a new nonce come early: everybody is told the new
    one, nobody is refused for good. Proofs of strangers are remembered apart, the last 2,000 of them: by
    themselves they open nothing.
    """

    def __init__(self, clock: Clock, *, most: int = MOST_SEEN) -> None:
        self._clock = clock
        self._most = most
        self._began = clock.monotonic()
        self._now, self._before = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._seen: dict[str, set[bytes]] = {self._now: set(), self._before: set()}
        self._strange: OrderedDict[bytes, None] = OrderedDict()

    def current(self) -> str:
        """The nonce that a proof should hold from now on."""
        elapsed = self._clock.monotonic() - self._began
        if elapsed >= LIFE:
            self._turn()
            if elapsed >= 2 * LIFE:
                self._turn()
        return self._now

    def spend(self, proof: Proof, *, known: bool) -> None:
        """Takes a proof once. `known`: it came with a token of a session that is bound to its key.

        Raises GatewayError `access.dpop_nonce` (make another one with the nonce of the answer) and
        `access.dpop_invalid` (used before).
        """
        self.current()
        if proof.nonce not in self._seen:
            raise GatewayError(
                "access.dpop_nonce",
                "Make another DPoP proof with the nonce that this answer's DPoP-Nonce header holds.",
                field="DPoP",
            )
        mark = hashlib.sha256(f"{proof.nonce} {proof.key} {proof.jti}".encode()).digest()[:16]
        if mark in self._seen[proof.nonce] or mark in self._strange:
            raise invalid("it was used before")
        if not known:
            self._strange[mark] = None
            if len(self._strange) > MOST_STRANGE:
                self._strange.popitem(last=False)
            return
        self._seen[proof.nonce].add(mark)
        if len(self._seen[self._now]) >= self._most or len(self._seen[self._before]) >= self._most:
            self._turn()

    def _turn(self) -> None:
        self._before, self._now = self._now, secrets.token_urlsafe(16)
        self._seen = {self._before: self._seen[self._before], self._now: set()}
        self._began = self._clock.monotonic()
