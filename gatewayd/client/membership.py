"""What an app keeps of a box that it belongs to. All of it is secret: keep it as one keeps a password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

Save = Callable[["Membership"], Awaitable[None]]


class Membership(msgspec.Struct, kw_only=True):
    """One pairing. `key` is the app's private key (PEM), `fingerprint` the box's public one.

    `refresh_token` changes every quarter of an hour: save the membership before the next request, or a
    crash costs one more refresh. Losing it costs the pairing.
    """

    url: str
    box: str
    fingerprint: str
    key: str
    session: str
    refresh_token: str
    account: str | None = None
    role: str = "owner"

    def to_json(self) -> bytes:
        """For the platform's key store."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, kept: bytes) -> Membership:
        """What was kept. Raises msgspec.ValidationError or DecodeError."""
        return msgspec.json.decode(kept, type=cls)
