"""The probe against servers on loopback: open, closed, silent, TLS without trust, HTTP that says much."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatewayd.diagnostics.probe_tool import probe
from gatewayd.diagnostics.tool_model import ProbeResult, ProbeStart
from gatewayd.errors import GatewayError

HERE = "127.0.0.1"


@asynccontextmanager
async def server(answer: bytes | None, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Sends `answer` when something was asked, or (None) nothing ever; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readline() not in (b"\r\n", b""):
                pass
            if answer is None:
                await reader.read()  # until the other end has had enough
            writer.write(answer or b"")
            await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(serve, HERE, 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "middle\u202ebox")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("box.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


async def ask(told: Callable[[ProbeResult], None] = lambda so_far: None, **wanted: Any) -> ProbeResult:
    return await probe(ProbeStart(target=HERE, **({"timeout": 2.0} | wanted)), (), own=True, told=told)


async def test_an_open_port_and_a_closed_one() -> None:
    async with server(b"") as port:
        found = await ask(kind="tcp", port=port)
    assert found.ok
    assert [(one.step, one.ok) for one in found.steps] == [("resolve", True), ("connect", True)]
    closed = await ask(kind="tcp", port=port)
    assert not closed.ok
    assert closed.steps[-1].detail == "connection refused"


async def test_http_tells_status_and_little_more() -> None:
    said = (
        b"HTTP/1.1 302 Found\r\nLocation: /"
        + b"x" * 500
        + b"\r\nServer: a\x1b[31m\r\nContent-Length: 5\r\n\r\nhello"
    )
    steps: list[int] = []
    async with server(said.replace(b"\x1b", b"\xc2\x9b")) as port:
        found = await ask(lambda so_far: steps.append(len(so_far.steps)), kind="http", port=port, path="/a?b")
    assert found.ok
    assert (found.status, found.body_bytes) == (302, 5)
    assert len(found.location or "") == 200
    assert (found.server or "").isprintable()
    assert steps == [1, 2, 3]


async def test_a_server_that_says_nothing() -> None:
    async with server(None) as port:
        found = await ask(kind="http", port=port, timeout=0.5)
    assert not found.ok
    assert found.steps[-1].step == "http"
    assert "0.5 s" in found.steps[-1].detail


async def test_rubbish_is_no_answer() -> None:
    async with server(b"SSH-2.0-what\r\n\r\n") as port:
        found = await ask(kind="http", port=port)
    assert not found.ok
    assert found.steps[-1].step == "http"


async def test_a_certificate_that_nobody_vouches_for_is_shown(self_signed: ssl.SSLContext) -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", self_signed) as port:
        found = await ask(kind="https", port=port)
    assert found.ok, found.steps
    assert found.tls_version == "TLSv1.3"
    assert found.certificate is not None
    assert not found.certificate.trusted
    assert "self-signed" in (found.certificate.reason or "")
    assert found.certificate.subject.isprintable()
    assert found.certificate.names == ("box.example",)
    assert "not trusted" in found.steps[2].detail


async def test_tls_where_there_is_none() -> None:
    async with server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        found = await ask(kind="tls", port=port, timeout=0.5)
    assert not found.ok
    assert found.steps[-1].step == "tls"


async def test_the_box_itself_is_not_probed_and_a_port_is_needed() -> None:
    with pytest.raises(GatewayError) as refused:
        await probe(ProbeStart(target=HERE, kind="tcp", port=443), ())
    assert refused.value.code == "diagnostics.forbidden_target"
    with pytest.raises(GatewayError) as refused:
        await ask(kind="tcp")
    assert refused.value.field == "port"


async def test_a_name_that_nobody_knows_is_a_result() -> None:
    found = await probe(ProbeStart(target="nobody.example", kind="https"), ())
    assert not found.ok
    assert found.steps[0].step == "resolve"
