"""An operator who signs grants, by the book and against it."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gatewayd.access import base64url
from gatewayd.access.grants import OperatorKey

KEY = "k" * 43
"""The thumbprint of the technician's key."""


class Operator:
    """Signs what it is told; `alg` ES256 or EdDSA."""

    def __init__(self, alg: str = "ES256") -> None:
        self.alg = alg
        self._key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = (
            ec.generate_private_key(ec.SECP256R1())
            if alg == "ES256"
            else ed25519.Ed25519PrivateKey.generate()
        )

    @property
    def key(self) -> OperatorKey:
        """The public half, as settings have it."""
        return self._key.public_key()

    def sign(self, payload: Any, header: Any = None) -> str:
        """A compact JWS of JSON values, or of bytes as they are."""
        header = {"alg": self.alg, "typ": "gatewayd-grant+jwt"} if header is None else header
        parts = [
            base64url.encode(part if isinstance(part, bytes) else json.dumps(part).encode())
            for part in (header, payload)
        ]
        signed = ".".join(parts).encode()
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            signature = self._key.sign(signed)
        else:
            r, s = decode_dss_signature(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return ".".join([*parts, base64url.encode(signature)])


def payload(box: str, now: float, **changes: Any) -> dict[str, Any]:
    """A good grant of two hours; `None` leaves a field out."""
    whole: dict[str, Any] = {
        "aud": box,
        "sub": "tech-7",
        "cnf": {"jkt": KEY},
        "scope": "box:read diagnostics:read diagnostics:run upkeep:restart access:self",
        "nbf": int(now),
        "exp": int(now) + 7200,
        "jti": "grant-1",
        "epoch": 0,
    } | changes
    return {name: value for name, value in whole.items() if value is not None}
