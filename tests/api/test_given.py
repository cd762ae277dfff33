"""The installer's certificate is for his names only; the box's own key stays what apps pin."""

from __future__ import annotations

import asyncio
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gatewayd.api import BoxTls, Given
from gatewayd.api.tls import spki_sha256
from gatewayd.errors import GatewayError
from tests.support.clock import FakeClock


def make(folder: Path, *names: str) -> str:
    """Writes `own.crt` and `own.key` for those names; the hash of the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else's authority")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "own.crt").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "own.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return spki_sha256(key.public_key())


def given(folder: Path) -> Given:
    found = Given.of(str(folder / "own.crt"), str(folder / "own.key"))
    assert found is not None
    return found


async def shown(tls: BoxTls, name: str | None) -> str:
    """The hash of the key that a client gets who asks for this name."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls.context)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name or "")
        certificate = writer.get_extra_info("ssl_object").getpeercert(True)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    finally:
        server.close()
        await server.wait_closed()
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return spki_sha256(key)


async def test_each_name_gets_its_certificate(tmp_path: Path) -> None:
    own = await asyncio.to_thread(make, tmp_path, "box.example.org", "*.home.example.org")
    tls = BoxTls(tmp_path / "tls", FakeClock(), box="gw-1", given=given(tmp_path))
    await tls.load()
    assert own != tls.spki_sha256()
    for name in ("box.example.org", "BOX.example.org", "any.home.example.org"):
        assert await shown(tls, name) == own, name
    others: tuple[str | None, ...] = (
        "gw-1.local",
        "localhost",
        None,
        "other.example.org",
        "a.b.home.example.org",
    )
    for other in others:
        assert await shown(tls, other) == tls.spki_sha256(), other


async def test_a_renewed_certificate_is_taken_without_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    await asyncio.to_thread(make, tmp_path, "box.example.org")
    tls = BoxTls(tmp_path / "tls", clock, box="gw-1", given=given(tmp_path))
    await tls.load()
    box = tls.spki_sha256()
    renewed = await asyncio.to_thread(make, tmp_path, "box.example.org")
    os.utime(tmp_path / "own.crt", (1, 1))
    keeping = asyncio.create_task(tls.keep())
    try:
        async with asyncio.timeout(10):
            while await shown(tls, "box.example.org") != renewed:
                await clock.advance(1800)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert await shown(tls, "gw-1.local") == box


def test_one_without_the_other_or_one_that_is_none(tmp_path: Path) -> None:
    assert Given.of(None, None) is None
    make(tmp_path, "box.example.org")
    (tmp_path / "bad.key").write_text("no key")
    for certificate, key in (
        (str(tmp_path / "own.crt"), None),
        (None, str(tmp_path / "own.key")),
        (str(tmp_path / "own.crt"), str(tmp_path / "bad.key")),
        (str(tmp_path / "bad.key"), str(tmp_path / "own.key")),
        (str(tmp_path / "missing"), str(tmp_path / "own.key")),
    ):
        with pytest.raises(GatewayError) as error:
            found = Given.of(certificate, key)
            assert found is not None
            found.load()
        assert error.value.code == "settings.invalid"
