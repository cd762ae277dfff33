"""A technician's grant as the operator signs it: a compact JWS that the box verifies offline. Pure.

    header   {"alg": "ES256" or "EdDSA", "typ": "gatewayd-grant+jwt"}; `kid` may stand there, nothing else
    payload  "aud"   the box's id               "sub"   the technician, an opaque id
             "cnf"   {"jkt": thumbprint of the technician's key} (RFC 7800, RFC 7638, RFC 9449)
             "scope" names of scopes between single spaces (RFC 8693)
             "nbf", "exp"  Unix seconds, at most 8 hours apart
             "jti"   the grant's id             "epoch" the grants' epoch as the operator knows it

JWS: RFC 7515; ES256 is r | s, 32 bytes each (RFC 7518, 3.4); EdDSA is Ed25519 (RFC 8037). The algorithm
follows from the operator's key alone: what the header says must be the same, and decides nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Meta

from gatewayd.access import base64url
from gatewayd.callers import ROLES, Scope
from gatewayd.errors import GatewayError

LONGEST = 4096
MOST_HOURS = 8.0
TYPE: Literal["gatewayd-grant+jwt"] = "gatewayd-grant+jwt"
OperatorKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
_Seconds = Annotated[int, Meta(ge=0, le=2**40)]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256", "EdDSA"]
    typ: Literal["gatewayd-grant+jwt"]
    kid: Annotated[str, Meta(max_length=200)] = ""


class _Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jkt: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    aud: _Id
    sub: _Id
    cnf: _Confirmation
    scope: Annotated[str, Meta(max_length=1000)]
    nbf: _Seconds
    exp: _Seconds
    jti: _Id
    epoch: Annotated[int, Meta(ge=0, le=2**31)]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A verified grant. `key` is a JWK thumbprint; `not_before` and `expires` are Unix seconds."""

    id: str
    technician: str
    key: str
    scopes: frozenset[Scope]
    not_before: int
    expires: int
    epoch: int

    @property
    def lifetime(self) -> float:
        """Seconds that the grant allows at most."""
        return float(self.expires - self.not_before)


def read_key(pem: str) -> OperatorKey:
    """The operator's public key, PEM (SubjectPublicKeyInfo): P-256 or Ed25519.

    Raises GatewayError `settings.invalid`.
    """
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise GatewayError(
            "settings.invalid", f"access.operator_key: this is no public key in PEM: {error}"
        ) from None
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise GatewayError("settings.invalid", "access.operator_key: only P-256 and Ed25519 keys are taken")


def verify(text: str, key: OperatorKey, *, box: str) -> Grant:
    """The grant, if the operator signed it for this box and it keeps to the limits; time is not looked at.

    Raises GatewayError `access.grant_invalid`.
    """
    if len(text) > LONGEST:
        raise _invalid(f"it has {len(text)} characters, at most {LONGEST} are read")
    parts = text.split(".")
    raw = [base64url.decode(part) for part in parts]
    if len(raw) != 3 or raw[0] is None or raw[1] is None or raw[2] is None:
        raise _invalid("it is not a compact JWS")
    try:
        header = msgspec.json.decode(raw[0], type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _invalid("its header is not one of a grant") from None
    if not _signed(key, header.alg, f"{parts[0]}.{parts[1]}".encode("ascii"), raw[2]):
        raise _invalid("the operator did not sign it")
    try:
        payload = msgspec.json.decode(raw[1], type=_Payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _invalid("its payload is not one of a grant") from None
    return _checked(payload, box)


def _checked(payload: _Payload, box: str) -> Grant:
    if payload.aud != box:
        raise _invalid("it is for another box")
    if not 0 < payload.exp - payload.nbf <= MOST_HOURS * 3600:
        raise _invalid("it is for no time, or for more than 8 hours")
    known = {scope.value: scope for scope in ROLES["technician"]}
    named = payload.scope.split(" ")
    if not set(named) <= known.keys():
        raise _invalid("it names a scope that no technician may have")
    return Grant(
        id=payload.jti,
        technician=payload.sub,
        key=payload.cnf.jkt,
        scopes=frozenset(known[name] for name in named),
        not_before=payload.nbf,
        expires=payload.exp,
        epoch=payload.epoch,
    )


def _signed(key: OperatorKey, algorithm: str, signed: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            if algorithm != "EdDSA":
                return False
            key.verify(signature, signed)
        else:
            if algorithm != "ES256":
                return False
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _invalid(why: str) -> GatewayError:
    return GatewayError("access.grant_invalid", f"This grant is not valid here: {why}.", field="grant")
