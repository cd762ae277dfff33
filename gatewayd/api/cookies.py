"""The browser's session: a token in a cookie that no script can read, and what a page repeats beside it.

The `__Host-` prefix (RFC 6265bis) makes browsers refuse the cookie unless it is Secure, of this very host and
of the whole site: no other name and no plain HTTP can plant one.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

COOKIE = "__Host-gatewayd"
CSRF_COOKIE = "__Host-gatewayd-csrf"
CSRF_HEADER = "X-CSRF-Token"
MAX_AGE = 400 * 86_400  # the most that browsers keep; the session ends long before, after 90 idle days
_FLAGS = "Path=/; Secure; SameSite=Strict"


def begin(response: web.Response, body: bytes) -> None:
    """Moves the token of the answer `body` into the cookie.

    `csrf` is in a cookie of its own as well, one that the page can read: it survives a reload.
    """
    answer = msgspec.json.decode(body)
    token, answer["token"] = answer["token"], None
    response.body = msgspec.json.encode(answer)
    _set(response, f"{COOKIE}={token}; Max-Age={MAX_AGE}; HttpOnly; {_FLAGS}")
    _set(response, f"{CSRF_COOKIE}={answer['csrf']}; Max-Age={MAX_AGE}; {_FLAGS}")


def end(response: web.Response) -> None:
    """Takes both cookies away."""
    _set(response, f"{COOKIE}=; Max-Age=0; HttpOnly; {_FLAGS}")
    _set(response, f"{CSRF_COOKIE}=; Max-Age=0; {_FLAGS}")


def _set(response: web.Response, value: str) -> None:
    response.headers.add("Set-Cookie", value)
