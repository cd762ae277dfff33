"""A real Mosquitto on loopback: TLS with an authority of the test's own, client certificates, an ACL."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.lab.policy import skip_is_failure
from tests.support.ports import free_port

SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


class Authority:
    """Certificates of the test's own, in `folder`."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self.folder = folder
        self.expired = False
        """Whether what it issues ended yesterday."""
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = self._sign(
            self._name, self._key.public_key(), [x509.BasicConstraints(ca=True, path_length=0)]
        )
        self.pem = self._certificate.public_bytes(Encoding.PEM).decode()
        self.file = folder / "authority.pem"
        self.file.write_text(self.pem)

    def issue(self, name: str, *, uris: Sequence[str] = ()) -> tuple[Path, Path]:
        """A certificate for `localhost`, 127.0.0.1 and these URIs: its file and its key's."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.IPAddress(ip_address("127.0.0.1")),
                *(x509.UniformResourceIdentifier(uri) for uri in uris),
            ]
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        made = self._sign(subject, key.public_key(), [alternatives])
        certificate, private = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, private

    def sign_request(self, pem: str) -> str:
        """What an operator does with a box's request."""
        request = x509.load_pem_x509_csr(pem.encode())
        extensions = [extension.value for extension in request.extensions]
        made = self._sign(request.subject, request.public_key(), extensions)
        return made.public_bytes(Encoding.PEM).decode()

    def _sign(
        self, subject: x509.Name, key: object, extensions: Sequence[x509.ExtensionType]
    ) -> x509.Certificate:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=-1 if self.expired else 7))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256())

    def client(self, name: str, *, uris: Sequence[str] = ()) -> ssl.SSLContext:
        """A client's TLS with a certificate of this authority."""
        context = ssl.create_default_context(cadata=self.pem)
        context.load_cert_chain(*self.issue(name, uris=uris))
        return context

    def server(self, name: str, *, uris: Sequence[str] = ()) -> ssl.SSLContext:
        """A server's TLS that asks for client certificates of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, uris=uris))
        context.load_verify_locations(cadata=self.pem)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


class Mosquitto:
    """One broker in `folder`: TCP on `port`, WebSocket on `web_port`, TLS on `tls_port` given `authority`."""

    def __init__(
        self,
        folder: Path,
        *,
        authority: Authority | None = None,
        acl: str | None = None,
        cautious: bool = True,
    ) -> None:
        """`cautious`: it saves each message at once, also for SIGKILL; as shipped it saves when it ends."""
        self.folder = folder
        self._cautious = cautious
        self.port = free_port()
        self.tls_port = free_port()
        self.web_port = free_port()
        self._authority = authority
        self._acl = acl
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the running broker."""
        return None if self._process is None else self._process.pid

    def _configure(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        lines = [
            "per_listener_settings true",
            "persistence true",
            f"persistence_location {self.folder}/data/",
            *(("autosave_interval 1", "autosave_on_changes true") if self._cautious else ()),
            "log_dest none"
            if "GATEWAYD_BROKER_LOG" not in os.environ
            else f"log_dest file {self.folder}/log",
            "user root" if os.geteuid() == 0 else "",
            "set_tcp_nodelay true",
            "max_queued_messages 10000",
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            f"listener {self.web_port} 127.0.0.1",
            "protocol websockets",
            "allow_anonymous true",
        ]
        if self._authority is not None:
            certificate, key = self._authority.issue("broker")
            lines += [
                f"listener {self.tls_port} 127.0.0.1",
                f"cafile {self._authority.file}",
                f"certfile {certificate}",
                f"keyfile {key}",
                "require_certificate true",
                "use_identity_as_username true",
            ]
        if self._acl is not None:
            (self.folder / "acl").write_text(self._acl)
            lines.append(f"acl_file {self.folder}/acl")
        file = self.folder / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n")
        return file

    async def start(self) -> None:
        """Returns when it listens."""
        program = shutil.which("mosquitto", path=SEARCH)
        assert program is not None
        self._process = await asyncio.create_subprocess_exec(
            program,
            "-c",
            str(self._configure()),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        ports = (self.port, self.web_port, *((self.tls_port,) if self._authority else ()))
        async with asyncio.timeout(20):
            for port in ports:
                await self._listening(port)

    async def _listening(self, port: int) -> None:
        assert self._process is not None
        while self._process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        raise AssertionError("mosquitto has ended")

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """Ends it; with SIGTERM it keeps its sessions and what waits in them."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()


def needs_mosquitto() -> None:
    """Skips where there is none, and says what would bring it."""
    if shutil.which("mosquitto", path=SEARCH) is None:
        assert not skip_is_failure(), "mosquitto is missing: `make lab` as root"
        pytest.skip("mosquitto is missing: `make lab` as root")


@asynccontextmanager
async def mosquitto(
    folder: Path, *, authority: Authority | None = None, acl: str | None = None
) -> AsyncIterator[Mosquitto]:
    """A started broker, gone at the end."""
    needs_mosquitto()
    broker = Mosquitto(folder, authority=authority, acl=acl)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
