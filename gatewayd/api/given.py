"""A certificate for a name of one's own, which the installer puts beside the box's."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Self

from cryptography import x509

from gatewayd.errors import GatewayError


def server_context() -> ssl.SSLContext:
    """What every listener speaks: TLS 1.2 and newer, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


class Given:
    """Shown to whoever asks for one of its names (SNI); read anew when its file has changed.

    Its key is not the box's identity: apps pin the box's own key, and ask for the box by its own name.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._stamp = 0.0
        self._context = server_context()
        self.names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, certificate: str | None, key: str | None) -> Self | None:
        """From the settings. Raises GatewayError `settings.invalid` when one of the two is missing."""
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            raise GatewayError("settings.invalid", "api.certificate and api.key go together")
        return cls(Path(certificate), Path(key))

    def load(self) -> None:
        """Reads both files. Raises GatewayError `settings.invalid`; the old certificate stays then."""
        try:
            stamp = self._certificate.stat().st_mtime
            first = x509.load_pem_x509_certificate(self._certificate.read_bytes())
            context = server_context()
            context.load_cert_chain(self._certificate, self._key)
            names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, x509.ExtensionNotFound) as error:  # ssl.SSLError is an OSError
            raise GatewayError(
                "settings.invalid", f"api.certificate: {self._certificate} cannot be used: {error}"
            ) from None
        self.names = frozenset(name.lower() for name in names.get_values_for_type(x509.DNSName))
        self._context, self._stamp = context, stamp

    def has_changed(self) -> bool:
        """Whether the file is another than the one that was read."""
        try:
            return self._certificate.stat().st_mtime != self._stamp
        except OSError:
            return False

    def choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext
    ) -> None:
        """For `sni_callback`: this certificate where its name is asked for."""
        if name is not None and self._knows(name.lower().rstrip(".")):
            connection.context = self._context

    def _knows(self, name: str) -> bool:
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names
