"""The box's identity: a P-256 key for life, and certificates that the box signs itself.

Clients pin the hash of the public key, so a renewed certificate is still the same box. Nobody can
check the dates of a self-signed certificate against anything, and a box without a clock battery
starts in 1970: dates that a wrong clock could leave would only lock the owner out. So a certificate
holds from 1970 to the end of 2049 (the last year that RFC 5280 writes as UTCTime, which every client
can read), and the public key is what counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gatewayd.api.given import Given, server_context
from gatewayd.errors import GatewayError
from gatewayd.system import files
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)
NOT_BEFORE = datetime(1970, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
RENEW_BEFORE = timedelta(days=30)
LATE_LIFE = timedelta(days=25 * 365)
LOOK = 3600.0


class BoxTls:
    """Key and certificate in `folder` (`key.pem`, `certificate.pem`, both 0600).

    `box` is the box's id; `names` are further names or addresses of it; `given` is the installer's
    certificate for names of his own. Call `load` first.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        box: str,
        names: Iterable[str] = (),
        given: Given | None = None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._names = tuple(dict.fromkeys((f"{box}.local", "localhost", *names)))
        self._given = given
        self._fingerprint = ""
        self._context: ssl.SSLContext | None = None

    async def load(self) -> None:
        """Reads the key and the certificate; makes what is missing and renews what has run out.

        Raises GatewayError `store.corrupt` when there is a key that cannot be read: a new one would be
        another box to everybody who pinned the old one. OSError passes through.
        """
        self._fingerprint, self._context = await asyncio.to_thread(self._load)

    async def keep(self) -> None:
        """Runs for ever: looks every hour whether the installer has renewed his certificate."""
        while True:
            await self._clock.sleep(LOOK)
            if self._given is not None and await asyncio.to_thread(self._given.has_changed):
                await asyncio.to_thread(self._given.load)
                log.info("tls.certificate_renewed", names=sorted(self._given.names))

    def spki_sha256(self) -> str:
        """What clients pin: SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hexadecimal digits."""
        return self._fingerprint

    @property
    def context(self) -> ssl.SSLContext:
        """For the listener: TLS 1.2 and newer."""
        if self._context is None:
            raise RuntimeError("load() comes first")
        return self._context

    def _load(self) -> tuple[str, ssl.SSLContext]:
        files.ensure_folder(self._folder)
        key = self._key()
        certificate_file = self._folder / "certificate.pem"
        if not self._holds(certificate_file, key):
            certificate = sign(key, self._names, self._clock.now())
            files.write_atomically(certificate_file, certificate.public_bytes(Encoding.PEM))
            log.info("tls.certificate_made", names=self._names)
        context = server_context()
        if self._given is not None:
            self._given.load()
            context.sni_callback = self._given.choose
        context.load_cert_chain(certificate_file, self._folder / "key.pem")
        return spki_sha256(key.public_key()), context

    def _key(self) -> ec.EllipticCurvePrivateKey:
        file = self._folder / "key.pem"
        try:
            stored = file.read_bytes()
        except FileNotFoundError:
            key = ec.generate_private_key(ec.SECP256R1())
            files.write_atomically(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            log.info("tls.key_made")
            return key
        with contextlib.suppress(ValueError, TypeError):
            loaded = load_pem_private_key(stored, None)
            if isinstance(loaded, ec.EllipticCurvePrivateKey):
                return loaded
        raise GatewayError(
            "store.corrupt", f"{file}: this is not the box's key any more. Restore it, or pair all apps anew."
        )

    def _holds(self, file: Path, key: ec.EllipticCurvePrivateKey) -> bool:
        """Whether the certificate there is of this key, for these names, and good for a while."""
        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
        except (FileNotFoundError, ValueError):
            return False
        now = self._clock.now()
        return (
            certificate.public_key() == key.public_key()
            and certificate.not_valid_before_utc <= now
            and now + RENEW_BEFORE < certificate.not_valid_after_utc
            and _alternatives(certificate) == _general_names(self._names)
        )


def spki_sha256(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo in DER, 64 hexadecimal digits (as in RFC 7469)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def sign(key: ec.EllipticCurvePrivateKey, names: tuple[str, ...], now: datetime) -> x509.Certificate:
    """A self-signed server certificate for `names`; the first is its common name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER if now < NOT_AFTER - LATE_LIFE / 2 else now + LATE_LIFE)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    return general


def _alternatives(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
