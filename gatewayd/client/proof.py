"""The app's key, and the proofs it makes of it: DPoP (RFC 9449) with ES256."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class AppKey:
    """A P-256 key. Make it once, keep it where the platform keeps keys, and never send it anywhere."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        numbers = key.public_key().public_numbers()
        self.jwk = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}

    @classmethod
    def generate(cls) -> Self:
        """A new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """A key that was kept. Raises ValueError when it is not one of P-256."""
        key = load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ValueError("this is not a key of P-256")
        return cls(key)

    def to_pem(self) -> bytes:
        """The key, unencrypted (PKCS #8): for a file that nobody else can read."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def thumbprint(self) -> str:
        """What the box knows the key by (RFC 7638)."""
        return encode(hashlib.sha256(json.dumps(self.jwk, separators=(",", ":")).encode()).digest())

    def prove(self, method: str, url: str, *, nonce: str | None, token: str | None = None) -> str:
        """The DPoP header of one request; `token` is the access token that goes with it."""
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url.partition("?")[0].partition("#")[0],
            "iat": int(time.time()),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        if token is not None:
            claims["ath"] = encode(hashlib.sha256(token.encode()).digest())
        return self.sign({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk}, claims)

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A JWT of any header and claims."""
        signed = f"{_part(header)}.{_part(claims)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def encode(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _coordinate(number: int) -> str:
    return encode(number.to_bytes(32, "big"))


def _part(value: dict[str, Any]) -> str:
    return encode(json.dumps(value, separators=(",", ":")).encode())
