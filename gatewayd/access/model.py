"""Sessions, pairings and what is told of them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from gatewayd.callers import Role
from gatewayd.events import EventData

OwnerState = Literal["unclaimed", "ready"]
EndReason = Literal["revoked", "logout", "idle", "restored"]


class Session(msgspec.Struct, kw_only=True):
    """A live session in memory: `used` is when (monotonic) its idle time was `idle` seconds."""

    id: str
    account: str
    role: Role
    digest: bytes
    created: datetime
    last_used: datetime
    idle: float
    used: float
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
    """A session that has just begun; `token` is shown this once."""

    token: str
    session: str
    account: str
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


class SessionRevoked(EventData, frozen=True, kw_only=True):
    """A session has ended; what came in by it is to be closed."""

    topic: ClassVar[str] = "access.session_revoked"
    account: str
    session: str
    reason: EndReason
