"""Sessions, pairings and what is told of them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from gatewayd.callers import Role, Scope
from gatewayd.events import EventData

OwnerState = Literal["unclaimed", "ready"]
EndReason = Literal["revoked", "logout", "idle", "restored", "reused", "ended", "account", "replaced"]


class Session(msgspec.Struct, kw_only=True):
    """A live session in memory: `used` is when (monotonic) its idle time was `idle` seconds.

    `key` is the thumbprint of the app's key that its tokens are bound to. `scopes` None: those of its role.
    `refresh` and `previous` are digests; `rotated` is when (monotonic) the one took the other's
    place. `ends` (monotonic) bounds a visit. `proved` is when somebody proved himself anew.
    """

    id: str
    account: str | None
    role: Role
    scopes: frozenset[Scope] | None
    key: str | None
    created: datetime
    last_used: datetime
    idle: float
    used: float
    chain: bytes | None = None
    refresh: bytes | None = None
    previous: bytes | None = None
    rotated: float | None = None
    ends: float | None = None
    address: str = ""
    proved: float = -math.inf
    dirty: bool = False

    def idle_at(self, monotonic: float) -> float:
        """Seconds without use while the daemon ran."""
        return self.idle + max(0.0, monotonic - self.used)


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """The stored half of an open pairing: hashes only. `boot`/`closes` None: open until it is used."""

    salt: bytes
    code: bytes
    secret: bytes
    tries: int
    boot: str | None
    closes: float | None


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever is present gets to see, once. `expires_in` is in seconds; None: until it is used."""

    code: str
    secret: str
    uri: str
    expires_in: float | None


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A session that has just begun, or its next tokens, shown this once.

    `expires_in` is how many seconds `token` is good for; None: as long as its session, which `expires`
    when it is not used (None while the time is not known).
    """

    token: str
    refresh_token: str | None
    expires_in: float | None
    csrf: str | None
    key: str | None
    session: str
    account: str | None
    role: Role
    expires: datetime | None


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the audit log. `name` is what the session was called, while it is still known."""

    id: str
    time: datetime
    caller: str
    name: str | None
    role: str
    via: str
    operation: str
    target: str | None
    outcome: str


class AccessClaimed(EventData, frozen=True, kw_only=True):
    """A session of an owner began by pairing; `first` when the box had no owner before."""

    topic: ClassVar[str] = "access.claimed"
    account: str
    session: str
    first: bool


class SessionBegun(EventData, frozen=True, kw_only=True):
    """Somebody has come in anew; `bound` when the tokens are bound to a key of the app."""

    topic: ClassVar[str] = "access.session_begun"
    account: str | None
    session: str
    role: Role
    bound: bool


class RefreshReused(EventData, frozen=True, kw_only=True):
    """A used refresh token was shown again: somebody has a copy. The session was ended."""

    topic: ClassVar[str] = "access.refresh_reused"
    account: str | None
    session: str


class SessionRevoked(EventData, frozen=True, kw_only=True):
    """A session has ended; what came in by it is to be closed."""

    topic: ClassVar[str] = "access.session_revoked"
    account: str | None
    session: str
    reason: EndReason
