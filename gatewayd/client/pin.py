"""Pinning: the box is who holds its key, whatever name, address or certificate it has today."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from urllib.parse import urlsplit

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatewayd.client.errors import Unreachable


class PinnedKey(aiohttp.Fingerprint):
    """Accepts the one server that holds the key with this SHA-256; checked before anything is sent."""

    def check(self, transport: asyncio.Transport) -> None:
        """Raises ServerFingerprintMismatch."""
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        got = spki_sha256(certificate)
        if got != self.fingerprint:
            host, port, *_ = transport.get_extra_info("peername")
            # aiohttp says goodbye to the stranger; nobody waits until he answers.
            asyncio.get_running_loop().call_soon(transport.abort)
            raise aiohttp.ServerFingerprintMismatch(self.fingerprint, got, host, port)


def spki_sha256(certificate: bytes) -> bytes:
    """The SHA-256 of a certificate's public key (SubjectPublicKeyInfo, DER); `certificate` is DER too."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


async def seen_fingerprint(url: str, *, patience: float = 10.0) -> bytes:
    """The fingerprint of whoever answers at `url` just now: a claim by code proves or disproves it.

    Raises Unreachable.
    """
    parts = urlsplit(url)
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=anybody)
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"nobody answers at {url}: {error}") from None
    try:
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return spki_sha256(certificate)
    finally:
        writer.transport.abort()
