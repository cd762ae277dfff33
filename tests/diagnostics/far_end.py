"""`python -m tests.diagnostics.far_end FOLDER isp|world`: what answers at the far end of the street.

Everything that a fault needs is always there, at a port of its own: a fault only leads packets to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import ssl
import struct
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.registrar import Registrar

PORTAL, GARDEN = 8080, 8081
SERVFAIL, SLOW, LYING = 5354, 5355, 5356
WRONG_TIME, FOREIGN_TLS, LATER_TLS = 1123, 8443, 8444
SLOW_TV = 8082
BUSY_SIP, FULL_MAIL = 5070, 2525
PORTAL_API, PORTAL_PAGE = 8445, "https://portal.test/"
AHEAD = timedelta(days=730)
"""By how much the wrong time server is ahead."""

_NO_CONTENT = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
_SIGN_IN = (
    b"HTTP/1.1 302 Found\r\nLocation: http://login.portal.test/?next=1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


def _page(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


async def _anchor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool = False) -> None:
    """The web: 204, a bulk of 200 kB, and television of which a segment plays for a second."""
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        if path == "/bulk":
            writer.write(_page(bytes(200_000)))
        elif path == "/live.m3u8":
            first = int(time.time())
            lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
            for number in range(3):
                lines += ["#EXTINF:1.0,", f"segment-{first + number}.ts"]
            writer.write(_page("\n".join(lines).encode()))
        elif path.startswith("/segment"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 250000\r\nConnection: close\r\n\r\n")
            for _ in range(10):
                writer.write(bytes(25_000))
                await writer.drain()
                await asyncio.sleep(0.4 if slow else 0.0)
        else:
            writer.write(_NO_CONTENT)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def _slow_tv(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _answer(reader, writer, slow=True)


def _always(answer: bytes) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    return serve


class _Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.answer(data)
        if answer is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self.delay, self._transport.sendto, answer, addr)

    delay = 0.0

    def answer(self, data: bytes) -> bytes | None:
        raise NotImplementedError


class _Dns(_Datagrams):
    """A resolver that fails, is slow, or invents addresses."""

    def __init__(self, *, delay: float = 0.0, lies: bool = False, fails: bool = False) -> None:
        self.delay, self._lies, self._fails = delay, lies, fails

    def answer(self, data: bytes) -> bytes | None:
        end = 12
        while end < len(data) and data[end]:
            end += data[end] + 1
        question = data[12 : end + 5]
        name = data[12:end]
        mail, known = (
            name.endswith(b"\x04mail\x04test"),
            name.endswith((b"\x05probe\x04test", b"\x04mail\x04test")),
        )
        wants_a = question[-4:-2] == b"\0\1"
        flags, records = (b"\x81\x82", b"") if self._fails else (b"\x81\x80", b"")
        if not self._fails and wants_a and (known or self._lies):
            address = "203.0.113.120" if mail else "203.0.113.80" if known else "203.0.113.99"
            records = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
        elif not self._fails and not known:
            flags = b"\x81\x83"
        return data[:2] + flags + b"\0\1" + struct.pack("!H", bool(records)) + b"\0" * 4 + question + records


class _Ntp(_Datagrams):
    """A time server (RFC 4330), right or ahead."""

    def __init__(self, ahead: float = 0.0) -> None:
        self._ahead = ahead

    def answer(self, data: bytes) -> bytes | None:
        now = time.time() + self._ahead + 2_208_988_800
        stamp = struct.pack("!II", int(now) % 2**32, int((now % 1) * 2**32))
        return struct.pack("!BBBb", 0x24, 2, 6, -20) + bytes(12) + stamp + data[40:48] + stamp + stamp


async def _mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, first: str = "220") -> None:
    """SMTP as far as a guest comes who says hello and goodbye."""
    try:
        writer.write(f"{first} mail.test ESMTP\r\n".encode())
        while line := await reader.readline():
            hello = line.startswith(b"EHLO")
            writer.write(b"250-mail.test\r\n250 STARTTLS\r\n" if hello else b"221 Goodbye\r\n")
            if not hello:
                break
        await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def _mail_is_full(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _mail(reader, writer, first="421")


async def _imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        writer.write(b"* OK mail.test\r\n")
        await reader.readline()
    except ConnectionError:
        pass
    writer.close()


async def _multicast() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.168.77.1"))
    sock.setblocking(False)
    while True:
        with contextlib.suppress(OSError):  # the network may be broken at the moment, as it should be
            sock.sendto(bytes(1316), ("239.1.1.1", 5000))
        await asyncio.sleep(0.1)


def _tls(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


async def main(folder: Path, place: str) -> None:
    """Serves until it is ended with its namespace."""
    async with contextlib.AsyncExitStack() as stack:
        await _serve(stack, folder, place)
        await asyncio.Event().wait()


async def _serve(stack: contextlib.AsyncExitStack, folder: Path, place: str) -> None:
    loop = asyncio.get_running_loop()
    sip = "203.0.113.110" if place == "world" else "127.0.0.1"
    for make, port, host in (
        (lambda: _Dns(fails=True), SERVFAIL, "0.0.0.0"), (lambda: _Dns(delay=0.4), SLOW, "0.0.0.0"),
        (lambda: _Dns(lies=True), LYING, "0.0.0.0"), (_Ntp, 123, "0.0.0.0"),
        (lambda: _Ntp(AHEAD.total_seconds()), WRONG_TIME, "0.0.0.0"),
    ):  # fmt: skip
        await loop.create_datagram_endpoint(make, local_addr=(host, port))
    await stack.enter_async_context(Registrar().serving(host=sip, port=5060))
    await stack.enter_async_context(Registrar(always=503).serving(host="0.0.0.0", port=BUSY_SIP))
    for answer, port in (
        (_answer, 80), (_always(_SIGN_IN), PORTAL), (_slow_tv, SLOW_TV), (_mail, 25), (_mail, 587),
        (_mail_is_full, FULL_MAIL),
        (_always(_page(b"<html><h1>Your account is not active yet.</h1></html>")), GARDEN),
    ):  # fmt: skip
        await asyncio.start_server(answer, ("0.0.0.0", "::"), port)
    for name, port in (("server", 443), ("foreign", FOREIGN_TLS), ("later", LATER_TLS)):
        await asyncio.start_server(_answer, ("0.0.0.0", "::"), port, ssl=_tls(folder, name))
    await asyncio.start_server(
        _always(_page(f'{{"captive": true, "user-portal-url": "{PORTAL_PAGE}"}}'.encode())),
        ("0.0.0.0", "::"), PORTAL_API, ssl=_tls(folder, "server"),
    )  # fmt: skip
    await asyncio.start_server(_imap, ("0.0.0.0", "::"), 993, ssl=_tls(folder, "server"))
    if place == "isp":
        await _multicast()


# --- certificates ------------------------------------------------------------------------------------------


def certificates(folder: Path) -> str:
    """Writes an authority and three certificates for probe.test: the server's own, a stranger's, and the own
    one as it will be in a year. Returns the SHA-256 of the own public key."""
    now = datetime.now(UTC)
    authority, own, stranger = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    day, year = timedelta(days=1), timedelta(days=365)
    _write(folder, "authority", authority, "Lab", authority, "Lab", (now - day, now + 9 * year), ca=True)
    _write(folder, "server", own, "probe.test", authority, "Lab", (now - day, now + year))
    _write(folder, "later", own, "probe.test", authority, "Lab", (now + year, now + 3 * year))
    _write(folder, "foreign", stranger, "probe.test", stranger, "Filter", (now - day, now + year))
    key = own.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(key).hexdigest()


def _write(
    folder: Path,
    file: str,
    key: ec.EllipticCurvePrivateKey,
    name: str,
    signer: ec.EllipticCurvePrivateKey,
    issuer: str,
    valid: tuple[datetime, datetime],
    *,
    ca: bool = False,
) -> None:
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.DNSName("mail.test"), x509.DNSName("portal.test")]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    (folder / f"{file}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{file}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
