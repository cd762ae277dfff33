"""The box as the operator knows it: its endpoint id, its certificate (with the box's own key), its TLS.

The endpoint id is `os::<OUI>-<serial>` where the installer provisioned an OUI, else `uuid::` with one that is
drawn once (TR-369, "Endpoint Identifier"). Its URN in certificates is `urn:bbf:usp:id:` and the id.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gatewayd.errors import GatewayError
from gatewayd.store.database import Database
from gatewayd.system import files

URN = "urn:bbf:usp:id:"
NOT_BEFORE = datetime(1970, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
COMMON_NAME_MOST = 64
NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME (X509_VERIFY_PARAM_set_flags(3)); Python has no name for it."""
SCHEMES = r"(?:oui|cid|pen|os|ops|user|self|uuid|imei|imeisv|proto|doc|fqdn|ni)"
_ENDPOINT = re.compile(SCHEMES + r":[\w.%:-]{0,64}:[\w.%+@:-]{1,128}", re.ASCII)


async def draw_endpoint_id(database: Database, *, oui: str | None = None, serial: str | None = None) -> str:
    """The box's endpoint id, the same at every start."""
    if oui is not None and serial is not None:
        return f"os::{oui.upper()}-{quote(serial, safe='')}"
    async with database.unit() as unit:
        unit.execute(
            "INSERT OR IGNORE INTO facts (name, value) VALUES ('portal_uuid', ?)", (str(uuid.uuid4()),)
        )
    row = await database.fetch_one("SELECT value FROM facts WHERE name = 'portal_uuid'")
    assert row is not None  # just written
    return f"uuid::{row['value']}"


def is_endpoint_id(text: str) -> bool:
    """Whether this can be an endpoint id at all."""
    return _ENDPOINT.fullmatch(text) is not None


def urn_of(endpoint: str) -> str:
    """How an endpoint id stands in a certificate's subjectAltName."""
    return URN + quote(endpoint, safe=":.-_~")


def endpoints_in(names: Sequence[str]) -> tuple[str, ...]:
    """The endpoint ids among the URIs of a certificate's subjectAltName."""
    return tuple(unquote(name.removeprefix(URN)) for name in names if name.startswith(URN))


class PortalIdentity:
    """The box's key, which it shares with its web server, in the part of the operator's client.

    `key` is a file (PEM); `folder` is where certificates for the key are kept.
    """

    def __init__(self, endpoint: str, key: Path, folder: Path) -> None:
        self.endpoint = endpoint
        self._key = key
        self._folder = folder
        self._request_made = ""

    async def request(self) -> str:
        """A certificate request (PEM) for the operator's authority to sign; the same each time."""
        if not self._request_made:
            self._request_made = await asyncio.to_thread(self._request)
        return self._request_made

    async def context(
        self, certificate: str | None, authority: str | None, *, timed: bool = True
    ) -> ssl.SSLContext:
        """A client's TLS: `certificate` is the operator's for the box's key (PEM, the whole chain), None for
        one that the box signs itself; `authority` (PEM) replaces the system's authorities. Not `timed`: for
        a box that does not know the time, which looks at everything in a certificate but its dates.

        Raises GatewayError `portal.certificate_invalid`.
        """
        made = await asyncio.to_thread(self._context, certificate, authority)
        if not timed:
            made.verify_flags |= NO_CHECK_TIME
        return made

    async def check(self, certificate: str | None, authority: str | None) -> None:
        """Raises GatewayError `portal.certificate_invalid` for what `context` could not use."""
        await asyncio.to_thread(self._check, certificate, authority)

    def _private(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(self._key.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise GatewayError("store.corrupt", f"{self._key}: this is not the box's key any more.")
        return key

    def _names(self) -> x509.SubjectAlternativeName:
        return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(urn_of(self.endpoint))])

    def _subject(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.endpoint[:COMMON_NAME_MOST])])

    def _request(self) -> str:
        built = x509.CertificateSigningRequestBuilder().subject_name(self._subject())
        request = built.add_extension(self._names(), critical=False).sign(self._private(), hashes.SHA256())
        return request.public_bytes(Encoding.PEM).decode()

    def _context(self, certificate: str | None, authority: str | None) -> ssl.SSLContext:
        self._check(certificate, authority)
        files.ensure_folder(self._folder)
        file = self._folder / "certificate.pem"
        files.write_atomically(file, (certificate or self._own_certificate()).encode())
        context = ssl.create_default_context(cadata=authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(file, self._key)
        return context

    def _own_certificate(self) -> str:
        key = self._private()
        made = (
            x509.CertificateBuilder()
            .subject_name(self._subject())
            .issuer_name(self._subject())
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOT_BEFORE)  # a box that has no clock yet can use it
            .not_valid_after(NOT_AFTER)
            .add_extension(self._names(), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )
        return made.public_bytes(Encoding.PEM).decode()

    def _check(self, certificate: str | None, authority: str | None) -> None:
        if authority is not None:
            try:
                x509.load_pem_x509_certificates(authority.encode())
            except ValueError:
                raise GatewayError(
                    "portal.certificate_invalid", "This is no certificate (PEM).", field="authority"
                ) from None
        if certificate is None:
            return
        try:
            leaf = x509.load_pem_x509_certificates(certificate.encode())[0]
        except ValueError:
            raise GatewayError(
                "portal.certificate_invalid", "This is no certificate (PEM).", field="certificate"
            ) from None
        if leaf.public_key() != self._private().public_key():
            raise GatewayError(
                "portal.certificate_invalid",
                "The certificate is for another key: have the box's own request signed.",
                field="certificate",
            )
        named = endpoints_in(_uris(leaf))
        if named and self.endpoint not in named:
            raise GatewayError(
                "portal.certificate_invalid",
                f"The certificate is for another endpoint; this box is {self.endpoint}.",
                field="certificate",
            )


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
