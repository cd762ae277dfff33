"""The box's key is for life; its certificate is for as long as it serves."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatewayd.api.tls import BoxTls
from gatewayd.errors import GatewayError
from tests.support.api import BOX_ID, Api, trusting
from tests.support.clock import FakeClock


async def load(folder: Path, when: datetime, *names: str) -> tuple[BoxTls, bytes]:
    """The identity at some time, and the certificate's file."""
    tls = BoxTls(folder, FakeClock(when), box=BOX_ID, names=names)
    await tls.load()
    return tls, (folder / "certificate.pem").read_bytes()


NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def test_key_and_certificate_stay(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first, certificate = await load(folder, NOW)
    for when in (datetime(1970, 1, 1, 0, 1, tzinfo=UTC), NOW, NOW + timedelta(days=5000)):
        again, same = await load(folder, when)
        assert (again.spki_sha256(), same) == (first.spki_sha256(), certificate)
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "key.pem": 0o600,
        "certificate.pem": 0o600,
    }
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_certificate_near_its_end_is_renewed_with_the_same_key(tmp_path: Path) -> None:
    first, old = await load(tmp_path, NOW)
    late, new = await load(tmp_path, datetime(2049, 12, 15, tzinfo=UTC))
    assert old != new
    assert late.spki_sha256() == first.spki_sha256()
    found = x509.load_pem_x509_certificate(new)
    assert found.not_valid_after_utc > datetime(2060, 1, 1, tzinfo=UTC)
    assert (await load(tmp_path, NOW))[1] == new  # the clock was wrong, and nothing is lost by it


async def test_other_names_and_a_damaged_certificate_renew_it(tmp_path: Path) -> None:
    first, old = await load(tmp_path, NOW)
    other, new = await load(tmp_path, NOW, "box.example", "192.0.2.1")
    assert old != new
    names = x509.load_pem_x509_certificate(new).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == [f"{BOX_ID}.local", "localhost", "box.example"]
    assert [str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)] == ["192.0.2.1"]
    (tmp_path / "certificate.pem").write_bytes(b"")
    assert (await load(tmp_path, NOW))[0].spki_sha256() == first.spki_sha256() == other.spki_sha256()


async def test_a_damaged_key_is_never_replaced_silently(tmp_path: Path) -> None:
    await load(tmp_path, NOW)
    (tmp_path / "key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(GatewayError) as error:
        await load(tmp_path, NOW)
    assert error.value.code == "store.corrupt"
    assert (tmp_path / "key.pem").read_bytes() == b"-----BEGIN PRIVATE KEY-----\n"


async def test_the_server_shows_the_pinned_key(api: Api) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", api.server.port, ssl=trusting())
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert writer.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
    writer.close()
    key = x509.load_der_x509_certificate(shown).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert hashlib.sha256(spki).hexdigest() == api.tls.spki_sha256()


async def test_who_trusts_the_certificate_may_check_the_name(tmp_path: Path) -> None:
    tls, _ = await load(tmp_path, NOW)
    client = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls.context)
    port = server.sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=client, server_hostname=f"{BOX_ID}.local"
    )
    writer.close()
    await writer.wait_closed()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="evil.example")
    server.close()
    await server.wait_closed()
