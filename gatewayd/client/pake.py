"""The app's side of a claim by typed code: SPAKE2 with explicit key confirmation. Pure.

    app = ClaimByCode("1234 5678", box=start["id"], salt=start["salt"], fingerprint=seen)
    -> access.claim.start {"message": app.message}
    confirmation = app.confirm(answer["message"])
    -> access.claim.finish {"exchange": answer["exchange"], "confirmation": confirmation, "label": ...}
    app.check(granted["confirmation"])      # before the token is believed

`seen` must be the SHA-256 of the public key (SubjectPublicKeyInfo, DER; 64 hexadecimal digits) of the TLS
handshake that the app itself made, never one that the box or anybody else has told; and the app pins that
key for all three requests. The library `spake2` is not RFC 9382; test vectors stand in the documentation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from spake2 import SPAKE2_A, SPAKEError


class WrongBox(Exception):
    """The other side does not know the code, or another one stands between: believe nothing it sent."""


class ClaimByCode:
    """One exchange, good once. Some 15 ms of arithmetic in the constructor and in `confirm`."""

    def __init__(
        self,
        code: str,
        *,
        box: str,
        salt: str,
        fingerprint: str,
        entropy: Callable[[int], bytes] | None = None,
    ) -> None:
        """`code` as it was typed, `box` and `salt` as `access.claim.start` told; `entropy` is for vectors."""
        digits = code.replace(" ", "").replace("-", "")
        more = {} if entropy is None else {"entropy_f": entropy}
        self._side = SPAKE2_A(
            hashlib.sha256(_read(salt) + digits.encode("ascii")).digest(),
            idA=b"gatewayd claim 1 app",
            idB=f"gatewayd claim 1 box {box} {fingerprint}".encode(),
            **more,
        )
        self._message: bytes = self._side.start()
        self._expected = b""

    @property
    def message(self) -> str:
        """For `access.claim.start`."""
        return _write(self._message)

    def confirm(self, answer: str) -> str:
        """The app's confirmation, for the box's message. Raises WrongBox."""
        theirs = _read(answer)
        try:
            key: bytes = self._side.finish(theirs)
        except (SPAKEError, ValueError, AssertionError) as error:
            raise WrongBox("the box's message is not one") from error
        keys = HKDF(hashes.SHA256(), 64, salt=None, info=b"gatewayd claim 1 confirmation").derive(key)
        transcript = self._message + theirs
        self._expected = hmac.digest(keys[32:], transcript, "sha256")
        return _write(hmac.digest(keys[:32], transcript, "sha256"))

    def check(self, confirmation: str | None) -> None:
        """Returns when the box has shown that it knew the code. Raises WrongBox."""
        if confirmation is None or not hmac.compare_digest(self._expected or b"-", _read(confirmation)):
            raise WrongBox("the box did not confirm the code: somebody may stand between")


def _read(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise WrongBox("this is not base64url") from None


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
