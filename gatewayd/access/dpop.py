"""Proofs that a request comes from the holder of a key (DPoP, RFC 9449), with ES256 (RFC 7518) alone.

A proof is a JWT that the app signs for one request: method, address, and the hash of the token that it
comes with. Nothing in it decides how it is checked: other algorithms, other headers, keys that are no point
of P-256 and private keys are refused before a signature is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gatewayd.access import base64url
from gatewayd.errors import GatewayError

MAX_PROOF = 2048
_COORDINATE = 32
_PORTS = {"http": 80, "https": 443}
T = TypeVar("T", bound=msgspec.Struct)


class _Jwk(msgspec.Struct, forbid_unknown_fields=True):
    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str | None = None
    use: Literal["sig"] | None = None
    alg: Literal["ES256"] | None = None
    key_ops: list[str] | None = None


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    typ: Literal["dpop+jwt"]
    alg: Literal["ES256"]
    jwk: _Jwk


class _Claims(msgspec.Struct):
    jti: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    htm: Annotated[str, msgspec.Meta(max_length=16)]
    htu: Annotated[str, msgspec.Meta(max_length=1024)]
    iat: int | float
    nonce: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    ath: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof whose signature is right and that was made for this request and this token.

    `key` is the thumbprint of the key. Whether `nonce` is one of ours and `jti` is new is still to be
    asked. `iat` is not kept: the app's clock proves nothing, the nonce does.
    """

    key: str
    jti: str
    nonce: str | None


def read(text: str, *, method: str, url: str, token: str | None) -> Proof:
    """Checks a DPoP header against the request that it came with.

    `token` is the access token beside it, None where there is none. Raises GatewayError
    `access.dpop_invalid` with what is wrong.
    """
    if len(text) > MAX_PROOF:
        raise invalid(f"it has {len(text)} characters, at most {MAX_PROOF} are read")
    parts = text.split(".")
    if len(parts) != 3:
        raise invalid("it is not a signed JWT of three parts")
    header = _decoded(parts[0], _Header, "header")
    claims = _decoded(parts[1], _Claims, "payload")
    _verify(header.jwk, f"{parts[0]}.{parts[1]}".encode("ascii"), parts[2])
    if claims.htm != method:
        raise invalid("htm is not the method of the request")
    if not same_address(claims.htu, url):
        raise invalid("htu is not the address of the request")
    if token is not None and not hmac.compare_digest((claims.ath or "").encode(), token_hash(token).encode()):
        raise invalid("ath is not the hash of the token")
    return Proof(key=thumbprint(header.jwk.x, header.jwk.y), jti=claims.jti, nonce=claims.nonce)


def thumbprint(x: str, y: str) -> str:
    """The RFC 7638 thumbprint of a P-256 key from its coordinates in base64url."""
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    return base64url.encode(hashlib.sha256(canonical.encode("ascii")).digest())


def token_hash(token: str) -> str:
    """What `ath` has to be for a token (RFC 9449, section 4.2)."""
    return base64url.encode(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())


def same_address(there: str, here: str) -> bool:
    """Whether two addresses agree in scheme, host, port and path; query and fragment do not count."""
    try:
        first, second = urlsplit(there), urlsplit(here)
        return (
            first.scheme in _PORTS
            and (first.scheme, first.hostname, first.port or _PORTS.get(first.scheme))
            == (second.scheme, second.hostname, second.port or _PORTS.get(second.scheme))
            and (first.path or "/") == (second.path or "/")
            and first.username is None
        )
    except ValueError:
        return False


def invalid(why: str) -> GatewayError:
    """A refusal of a proof."""
    return GatewayError("access.dpop_invalid", f"The DPoP proof cannot be accepted: {why}.", field="DPoP")


def _decoded(part: str, kind: type[T], name: str) -> T:
    raw = base64url.decode(part)
    if raw is None:
        raise invalid(f"its {name} is not base64url")
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid(f"its {name} is not what RFC 9449 asks for (ES256, P-256)") from None


def _verify(jwk: _Jwk, signed: bytes, signature_text: str) -> None:
    x, y, signature = (base64url.decode(each) for each in (jwk.x, jwk.y, signature_text))
    if x is None or y is None or len(x) != _COORDINATE or len(y) != _COORDINATE:
        raise invalid(f"a coordinate of its key is not {_COORDINATE} bytes in base64url")
    if signature is None or len(signature) != 2 * _COORDINATE:
        raise invalid(f"its signature is not {2 * _COORDINATE} bytes in base64url")
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    try:
        key = numbers.public_key()
    except ValueError:
        raise invalid("its key is not a point of P-256") from None
    r, s = (int.from_bytes(half, "big") for half in (signature[:_COORDINATE], signature[_COORDINATE:]))
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise invalid("its signature is wrong") from None
