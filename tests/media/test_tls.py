"""Television over https: recorded where the certificate is good, refused by name where it is not."""

from __future__ import annotations

import ipaddress
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatewayd.dvr.media.messages import Gap, Range, SourceFailed
from tests.support.recorder import RecorderProcess, http_channel, until
from tests.support.ts import PacedServer


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1, and the file of the certificate that vouches for it (its own)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "television")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "television.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "television.key"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    return context, file


async def test_https_is_recorded_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))  # the recorder inherits it: whom OpenSSL believes
    async with PacedServer(tls=context) as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 6)))
        await recorder.done("a")
        [sent] = server.sent
        located = await recorder.locate("one", now, now + 6)
        stored = recorder.read(located.slices)
        assert stored == bytes(sent.data[: len(stored)])
        assert len(stored) >= sent.by(now + 5.5)
        assert not [gap for gap in await recorder.journal(Gap) if gap.reason != "dvr.started_late"]


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    async with PacedServer(tls=context) as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 60)))
        [failed, *_] = await until(lambda: recorder.journal(SourceFailed))
        assert failed.code == "dvr.source_unreachable"
        assert "certificate" in failed.detail.lower()
        assert server.connections == 0
