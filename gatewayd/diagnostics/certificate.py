"""Whose certificate does a server show? A handshake that sends nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from gatewayd.diagnostics.results import TlsOutcome

_MOST_WORDS = 80


class Sight(NamedTuple):
    """What was seen; `issuer` is a name as the certificate has it, cut short."""

    outcome: TlsOutcome
    issuer: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None


async def look(
    address: str, port: int, name: str, pins: Sequence[str], now: datetime, seconds: float
) -> Sight:
    """Looks at the certificate of `name` at `address`. With `pins` (SHA-256 of a public key, hex) the key
    counts, without them the authorities that the system trusts. Never raises for what a server does."""
    try:
        async with asyncio.timeout(seconds):
            shown = await _leaf(address, port, name)
            known = shown is not None and (bool(pins) or await _verified(address, port, name))
    except TimeoutError:
        return Sight("timeout")
    except ssl.SSLError:
        return Sight("broken")
    except ConnectionResetError:
        return Sight("broken")
    except OSError:
        return Sight("unreachable")
    if shown is None:
        return Sight("broken")
    return judge_certificate(shown, pins, now, verified=known)


async def _leaf(address: str, port: int, name: str) -> bytes | None:
    context = await asyncio.to_thread(ssl.create_default_context)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # a foreign certificate is what we want to see
    return await _handshake(address, port, name, context)


async def _verified(address: str, port: int, name: str) -> bool:
    """Whether the system's authorities vouch for it, whatever its dates."""
    context = await asyncio.to_thread(ssl.create_default_context)
    try:
        await _handshake(address, port, name, context)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code in (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
    return True


async def _handshake(address: str, port: int, name: str, context: ssl.SSLContext) -> bytes | None:
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
    try:
        found = writer.get_extra_info("ssl_object")
        shown: bytes | None = found.getpeercert(binary_form=True) if found is not None else None
        return shown
    finally:
        writer.transport.abort()


def judge_certificate(shown: bytes, pins: Sequence[str], now: datetime, *, verified: bool) -> Sight:
    """What a certificate (DER) means at a moment. `verified`: the authorities vouch for it. Pure."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificate = x509.load_der_x509_certificate(shown)
        key = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        issuer = certificate.issuer.rfc4514_string()
    except ValueError:
        return Sight("foreign")
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    pinned = hashlib.sha256(key).hexdigest() in {pin.lower() for pin in pins}
    outcome: TlsOutcome = "trusted"
    if (pins and not pinned) or not verified:
        outcome = "foreign"
    elif now < first:
        outcome = "not_yet_valid"
    elif now > last:
        outcome = "expired"
    printable = "".join(letter if letter.isprintable() else "?" for letter in issuer)
    return Sight(outcome, printable[:_MOST_WORDS], first, last)
