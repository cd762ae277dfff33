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
    chain = _chain(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        told = next((text for cause in chain if (text := getattr(cause, "verify_message", ""))), "")
        return f"its certificate is not good, {told[:MOST_REASON]}".rstrip(", ")
    if any(isinstance(cause, ssl.SSLError) for cause in chain):
        return "no agreement on TLS"
    numbers = (getattr(cause, "errno", None) for cause in chain)
    number = next((one for one in numbers if isinstance(one, int) and one > 0), None)
    return os.strerror(number) if number else type(error).__name__


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it came of; aiohttp keeps that as `os_error`, too."""
    chain: list[BaseException] = []
    left: list[object] = [error]
    while left:
        cause = left.pop()
        if isinstance(cause, BaseException) and cause not in chain:
            chain.append(cause)
            left += [getattr(cause, "os_error", None), cause.__cause__]
    return chain
