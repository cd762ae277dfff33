"""What a source did wrong, in words that are ours: what it sent itself could be long, binary, or hold the
password of its address.
"""

from __future__ import annotations

import os
import ssl

MOST_REASON = 60


def status_line(status: int, reason: str | None) -> str:
    """`404 Not Found`: the reason only as far as it is short and plain. Pure."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in reason or "")
    return f"{status} {plain[:MOST_REASON]}".strip()


def why(error: BaseException) -> str:
    """What became of a connection, from the kind of the error and the system's own number for it. Pure."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not good, {cause.verify_message[:MOST_REASON]}"
        if isinstance(cause, ssl.SSLError):
            return "no agreement on TLS"
        number = getattr(cause, "errno", None)
        if isinstance(number, int) and number > 0:
            return os.strerror(number)
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    return type(error).__name__
