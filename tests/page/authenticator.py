"""An authenticator app (RFC 6238), as the page's visitor has one on the phone."""

from __future__ import annotations

import base64
import time

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP


class Authenticator:
    """Shows the codes of one secret (base32)."""

    def __init__(self, secret: str) -> None:
        self._totp = TOTP(base64.b32decode(secret), 6, SHA1(), 30, enforce_key_length=False)

    def code(self, ahead: int = 0) -> str:
        """The code of now, or of `ahead` steps of half a minute later: a box takes each step once."""
        return self._totp.generate(int(time.time()) + 30 * ahead).decode()
