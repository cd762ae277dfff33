"""The typed code as a key exchange: the box's side of SPAKE2, with explicit key confirmation. Pure.

This is the SPAKE2 of the library `spake2` (Ed25519, its own transcript hash), which is *not* RFC 9382:
other points M and N, another transcript, no confirmation. It is not constant-time either; a code is good
for five tries and one use, and answers leave after a fixed time, so there is little to measure and little
to be gained by it. `docs/client/claim-vectors.json` has vectors for other implementations.

    password      SHA-256(salt | the eight digits), `salt` as the box tells it
    idA           "gatewayd claim 1 app"
    idB           "gatewayd claim 1 box ID SPKI": the box's id, and the SHA-256 (hexadecimal) of the key
                  that the app saw in its own TLS handshake
    K             what SPAKE2 gives both sides
    kA | kB       HKDF-SHA256(K, no salt, "gatewayd claim 1 confirmation", 64 bytes)
    confirmation  HMAC-SHA256(kA or kB, X | Y), X and Y being the 33 bytes that each side sent

Whoever stands between the two shows the app another public key, so the two identities differ and with
them the keys: neither confirmation will be right. The app confirms first: who only guesses learns nothing
from the box but whether that one guess was right.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from spake2 import SPAKE2_B, SPAKEError

MESSAGE_BYTES = 33
CONFIRMATION_BYTES = 32
APP = b"gatewayd claim 1 app"
_INFO = b"gatewayd claim 1 confirmation"


@dataclass(frozen=True, slots=True)
class Reply:
    """The box's `message`, the confirmation it will give, and the one that it `expects` of the app."""

    message: bytes
    confirmation: bytes
    expects: bytes

    def confirmed_by(self, offered: bytes) -> bool:
        """Whether the app has shown that it has the same key. Compares in constant time."""
        return hmac.compare_digest(self.expects, offered)


def answer(
    message: bytes,
    *,
    password: bytes,
    box: str,
    fingerprint: str,
    entropy: Callable[[int], bytes] | None = None,
) -> Reply:
    """The box's whole side for an app's message. Some 15 ms of arithmetic: call it in a thread.

    `fingerprint` is the hash of the box's own public key, 64 hexadecimal digits. `entropy` is for test
    vectors. Raises ValueError when the message is not one of an app.
    """
    more = {} if entropy is None else {"entropy_f": entropy}
    side = SPAKE2_B(password, idA=APP, idB=identity(box, fingerprint), **more)
    reply: bytes = side.start()
    if len(message) != MESSAGE_BYTES:
        raise ValueError(f"a message has {MESSAGE_BYTES} bytes, not {len(message)}")
    try:
        key: bytes = side.finish(message)
    except (SPAKEError, AssertionError) as error:
        raise ValueError(f"not a message of this exchange: {type(error).__name__}") from None
    app, own = confirmations(key, message, reply)
    return Reply(message=reply, confirmation=own, expects=app)


def identity(box: str, fingerprint: str) -> bytes:
    """Whom the app believes to talk to: the box's id and the public key that it saw."""
    return f"gatewayd claim 1 box {box} {fingerprint}".encode()


def password(salt: bytes, digits: str) -> bytes:
    """What is agreed upon; the box keeps only this of a code."""
    return hashlib.sha256(salt + digits.encode("ascii")).digest()


def confirmations(key: bytes, app_message: bytes, box_message: bytes) -> tuple[bytes, bytes]:
    """The app's confirmation and the box's."""
    keys = HKDF(hashes.SHA256(), 64, salt=None, info=_INFO).derive(key)
    transcript = app_message + box_message
    return hmac.digest(keys[:32], transcript, "sha256"), hmac.digest(keys[32:], transcript, "sha256")
