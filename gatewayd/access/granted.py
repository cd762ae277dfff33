"""What somebody gets who has come in: the same answer whatever the way in was."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from gatewayd.access.model import Granted
from gatewayd.callers import Role
from gatewayd.operations import Result


class SessionGranted(Result, frozen=True, kw_only=True):
    """Tokens, shown this once.

    `token` goes with every request as `token_type` says: `Bearer` in the Authorization header, `DPoP` there
    with a proof of the key that it is bound to; `Cookie`: the browser has it (null), and the page repeats
    `csrf` in X-CSRF-Token whenever it changes something. It is good for `expires_in` seconds (null: as long
    as the session), then `refresh_token` gives the next two. `expires` is when the session ends if it is
    never used; null while the box does not know the time.
    """

    token: str | None
    token_type: Literal["Bearer", "DPoP", "Cookie"]
    refresh_token: str | None
    expires_in: float | None
    csrf: str | None
    expires: datetime | None
    account: str | None
    role: Role
    session: str


def fields(granted: Granted) -> dict[str, Any]:
    """The fields of a SessionGranted, for the structs that add to it."""
    kind = "DPoP" if granted.key is not None else "Bearer"
    return {
        "token": granted.token,
        "token_type": "Cookie" if granted.csrf is not None else kind,
        "refresh_token": granted.refresh_token,
        "expires_in": granted.expires_in,
        "csrf": granted.csrf,
        "expires": granted.expires,
        "account": granted.account,
        "role": granted.role,
        "session": granted.session,
    }
