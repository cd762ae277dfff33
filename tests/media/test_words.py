"""What sources send themselves does not get into our words."""

from __future__ import annotations

import errno

import aiohttp
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gatewayd.dvr.media.words import MOST_REASON, status_line, why


@given(st.integers(100, 999), st.none() | st.text(max_size=500))
def test_a_status_line_is_short_and_plain(status: int, reason: str | None) -> None:
    told = status_line(status, reason)
    assert told.startswith(str(status))
    assert told.isprintable()
    assert told.isascii()
    assert len(told) <= 4 + MOST_REASON


def test_the_cause_is_told_and_no_password_with_it() -> None:
    secret = URL("http://user:hunter2@192.0.2.1/x.ts")
    asked = aiohttp.RequestInfo(secret, "GET", headers=None, real_url=secret)  # type: ignore[arg-type]
    told = why(aiohttp.ClientResponseError(asked, (), status=400, message="hunter2"))
    assert told == "ClientResponseError"
    refused = OSError("lost")
    refused.__cause__ = OSError(errno.ECONNREFUSED, "hunter2")
    assert why(refused) == "Connection refused"
