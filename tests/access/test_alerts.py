"""Alerts: raised in the transaction of what they tell of, merged, seen; and mailed by a real server."""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatewayd.access.mail import Mailer, check
from gatewayd.callers import ROLES, Caller, local
from gatewayd.errors import GatewayError
from gatewayd.settings import EmailSettings
from tests.support.access import Access, open_access, refuses
from tests.support.clock import FakeClock

SHELL = local(0)
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
PASSWORD = "correct horse battery staple"


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    async with open_access(tmp_path, FakeClock()) as opened:
        yield opened


async def kinds(access: Access) -> list[tuple[str, int]]:
    answer = await access.call("access.alerts.list", caller=SHELL)
    return [(item["kind"], item["count"]) for item in answer["items"]]


async def claim(access: Access) -> Any:
    code = (await access.call("access.pairing.open", caller=SHELL))["code"]
    return await access.call("access.claim.finish", {"code": code})


async def test_a_new_session_is_an_alert_until_it_was_seen(access: Access) -> None:
    with access.bus.subscribe("access.alert") as events:
        granted = await claim(access)
        event = await anext(events)
    assert (event.data.kind, event.data.subject) == ("new_session", granted["session"])  # type: ignore[attr-defined]
    [alert] = (await access.call("access.alerts.list", caller=SHELL))["items"]
    assert not alert["seen"]
    assert [one.kind for one in await access.service.alerts.unseen()] == ["new_session"]
    seen = await access.call("access.alerts.dismiss", {"alert": alert["id"]}, caller=SHELL)
    assert seen["seen"]
    assert await access.service.alerts.unseen() == []
    with refuses("access.alert_not_found"):
        await access.call("access.alerts.dismiss", {"alert": "none"}, caller=SHELL)


async def test_a_technicians_visit_is_one_alert(access: Access) -> None:
    code = (await access.call("access.technician.invite", caller=SHELL))["code"]
    await access.call("access.technician.redeem", {"code": code})
    assert await kinds(access) == [("technician_visit", 1)]


async def test_what_the_portal_changes_is_counted_not_repeated(access: Access) -> None:
    portal = Caller(id="portal", role="portal", scopes=ROLES["owner"], via="portal", fresh=True)
    for _ in range(3):
        await access.call("access.pairing.open", caller=portal)
    with refuses("access.session_not_found"):
        await access.call("access.sessions.revoke", {"session": "none"}, caller=portal)
    await access.call("access.sessions.list", caller=portal)
    assert await kinds(access) == [("portal_change", 3)]


async def test_many_failures_are_one_alert(access: Access) -> None:
    for failures in range(1, 31):
        await access.service.alerts.failed("claim")
        if failures == 9:
            assert await kinds(access) == []
    assert await kinds(access) == [("many_failures", 3)]
    for _ in range(30):  # slowly
        await access.service.alerts.failed("login")
        await access.clock.advance(600)
    assert await kinds(access) == [("many_failures", 3)]


async def test_wrong_codes_are_failures(access: Access) -> None:
    for _ in range(2):
        await access.call("access.pairing.open", caller=SHELL)
        for _ in range(5):
            await access.clock.advance(20)
            asking = asyncio.ensure_future(access.call("access.claim.finish", {"code": "00000000"}))
            while not asking.done():
                await asyncio.sleep(0.001)
                if access.clock._sleepers:
                    await access.clock.advance(0.1)
            assert isinstance(asking.exception(), GatewayError)
    assert await kinds(access) == [("many_failures", 1)]


async def test_an_alert_is_written_with_its_change_or_not_at_all(access: Access) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with access.database.unit() as unit:
            access.service.alerts.raise_(unit, "refresh_reused", "s1")
            unit.execute("INSERT INTO facts (name, value) VALUES ('box_id', 'again')")
    assert await kinds(access) == []


async def test_alerts_are_bounded(access: Access) -> None:
    async with access.database.unit() as unit:
        for number in range(520):
            access.service.alerts.raise_(unit, "new_session", f"s{number}")
    rows = await access.database.fetch_all("SELECT subject FROM alerts ORDER BY rowid")
    assert len(rows) == 500
    assert rows[-1]["subject"] == "s519"


# --- mail ---------------------------------------------------------------------------------------------


class Post:
    """A mail server that can be told to fail."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.tls: list[bool] = []
        self.tries = 0
        self.refuse = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tries += 1
        if self.refuse:
            self.refuse -= 1
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content))
        assert server.transport is not None
        self.tls.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"


def right(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """Knows one password."""
    good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=True)


@contextmanager
def certificate(folder: Path) -> Iterator[tuple[ssl.SSLContext, Path]]:
    """A server's TLS and the file that a client trusts it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "mail.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "mail.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "mail.crt", folder / "mail.key")
    yield context, folder / "mail.crt"


@asynccontextmanager
async def post_office(
    folder: Path, security: str, **changes: Any
) -> AsyncIterator[tuple[Post, EmailSettings]]:
    """A server on loopback that wants a password, and the settings for it."""
    post = Post()
    with certificate(folder) as (context, trusted):
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(
                post,
                hostname="localhost",
                tls_context=context if security == "starttls" else None,
                require_starttls=security == "starttls",
                authenticator=right,
                auth_required=True,
                auth_require_tls=security == "starttls",
            ),
            "127.0.0.1",
            0,
            ssl=context if security == "tls" else None,
        )
    (folder / "password").write_text(PASSWORD + "\n")
    settings = EmailSettings(
        **{
            "host": "localhost",
            "port": server.sockets[0].getsockname()[1],
            "security": security,
            "username": "box",
            "password_file": str(folder / "password"),
            "to": ("ada@example.org", "bo@example.org"),
            "sender": "box@example.org",
            "ca_file": str(trusted),
        }
        | changes
    )
    try:
        yield post, settings
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def mailing(access: Access, settings: EmailSettings) -> AsyncIterator[None]:
    mailer = Mailer(access.database, access.bus, access.clock, settings, box="Home\r\nBcc: eve@example.org")
    running = asyncio.create_task(mailer.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until_sent(access: Access, *, pause: float = 0.0) -> None:
    async with asyncio.timeout(20):
        while await access.database.fetch_one("SELECT id FROM alerts WHERE mailed = 0"):
            await asyncio.sleep(0.02)
            if pause and access.clock._sleepers:
                await access.clock.advance(pause)


async def raised(access: Access, kind: Any = "refresh_reused", subject: str = "s1") -> None:
    access.service.alerts._mailed = True
    async with access.database.unit() as unit:
        access.service.alerts.raise_(unit, kind, subject)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_an_alert_is_mailed(access: Access, tmp_path: Path, security: str) -> None:
    async with post_office(tmp_path, security) as (post, settings):
        assert check(settings)
        async with mailing(access, settings):
            await raised(access)
            await until_sent(access)
    [mail] = post.mails
    assert mail["To"] == "ada@example.org, bo@example.org"
    subject = " ".join(mail["Subject"].split())
    assert subject.startswith("Home Bcc: eve@example.org: A copy of a token was used")
    assert mail["Bcc"] is None
    assert "2026-11-23 12:00 UTC: A copy of a token was used" in mail.get_payload()
    assert post.tls == [security != "none"]


async def test_what_waited_goes_in_one_mail_after_a_restart(access: Access, tmp_path: Path) -> None:
    for subject in ("s1", "s2", "s3"):
        await raised(access, subject=subject)
    async with post_office(tmp_path, "tls") as (post, settings), mailing(access, settings):
        await until_sent(access)
    [mail] = post.mails
    assert mail["Subject"].endswith("3 alerts")


async def test_a_server_that_fails_is_tried_again_later_and_later(access: Access, tmp_path: Path) -> None:
    async with post_office(tmp_path, "tls") as (post, settings):
        post.refuse = 3
        began = access.clock.monotonic()
        async with mailing(access, settings):
            await raised(access)
            await until_sent(access, pause=5)
    assert post.tries == 4
    assert len(post.mails) == 1
    assert access.clock.monotonic() - began >= 30 + 60 + 120


async def test_after_a_day_of_failures_a_mail_is_given_up_but_the_alert_stays(access: Access) -> None:
    settings = EmailSettings(host="localhost", port=1, security="none", to=("ada@example.org",))
    async with mailing(access, settings):
        await raised(access)
        await until_sent(access, pause=1800)
    assert await kinds(access) == [("refresh_reused", 1)]


async def test_no_mail_and_no_password_to_a_server_that_cannot_be_trusted(
    access: Access, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with post_office(tmp_path, "tls", ca_file=None) as (post, settings), mailing(access, settings):
        await raised(access)
        async with asyncio.timeout(10):
            while not access.clock._sleepers:
                await asyncio.sleep(0.01)
    assert post.tries == 0
    told = "".join(capfd.readouterr())
    assert "access.mail_failed" in told
    assert PASSWORD not in told
    assert "ada@example.org" not in told


def test_plain_text_is_for_the_box_itself() -> None:
    assert not check(EmailSettings())
    assert not check(EmailSettings(host="mail.example.org"))
    with pytest.raises(GatewayError) as error:
        check(EmailSettings(host="mail.example.org", to=("a@example.org",), security="none"))
    assert error.value.code == "settings.invalid"


async def test_news_end_the_pause_after_a_failure(access: Access, tmp_path: Path) -> None:
    """The line was away, and so was the mail server; that the line is back is sent at once."""
    async with post_office(tmp_path, "starttls") as (post, settings):
        post.refuse = 1
        async with mailing(access, settings):
            await raised(access, "outage", "o1")
            async with asyncio.timeout(20):
                while not (post.tries and access.clock._sleepers):
                    await asyncio.sleep(0.02)
            await raised(access, "outage_over", "o1")
            await until_sent(access)  # the clock stands still
    [mail] = post.mails
    assert " ".join(mail["Subject"].split()).endswith("2 alerts")
    assert "works again." in mail.get_payload()
