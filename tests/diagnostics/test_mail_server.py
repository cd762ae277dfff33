"""Mail servers' greetings on real sockets, and where a domain's mail goes by a real resolver's answers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from gatewayd.diagnostics import mail_server, telephone
from gatewayd.diagnostics.service_results import MailOutcome
from tests.diagnostics import far_end


@asynccontextmanager
async def server(
    *lines: str, port: int, monkeypatch: pytest.MonkeyPatch, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[str]]]:
    """Says its first line, then one more at each thing that it hears, as if it stood at `port`."""
    heard: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for line in lines:
                writer.write(line.replace("\n", "\r\n").encode())
                await writer.drain()
                heard.append((await reader.readline()).decode().strip())
        except ConnectionError:
            pass
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with listening:
        own: int = listening.sockets[0].getsockname()[1]
        monkeypatch.setitem(mail_server.USES, own, mail_server.USES[port])
        monkeypatch.setattr(mail_server, "_TLS", frozenset({own} if port == 993 else ()))
        monkeypatch.setattr(mail_server, "_SMTP", frozenset({own} if port in (25, 465, 587) else ()))
        yield own, heard


ESMTP = "250-mx.test at your service\n250-SIZE 35882577\n250-STARTTLS\n250 HELP\n"


@pytest.mark.parametrize(
    ("lines", "port", "outcome", "secure"),
    [
        (("220-mx.test\n220 ESMTP\n", ESMTP, "221 Bye\n"), 587, "greeted", True),
        (("220 mx.test ESMTP\n", "250 mx.test\n", "221 Bye\n"), 25, "greeted", False),
        (("220 mx.test SMTP\n", "502 No\n", "221 Bye\n"), 587, "greeted", False),
        (("421 Too many connections\n",), 587, "turned_away", None),
        (("554 No\n",), 25, "turned_away", None),
        (("* OK IMAP4rev1\n", "* BYE\n"), 143, "greeted", None),
        (("* BYE Overloaded\n",), 143, "turned_away", None),
        (("+OK POP3\n", "+OK\n"), 110, "greeted", None),
        (("-ERR Busy\n",), 110, "turned_away", None),
        (("HTTP/1.1 302 Found\n",), 587, "turned_away", None),
        (("\x1b[2J220 x\n",), 587, "turned_away", None),
        (("x" * 100_000,), 587, "mute", None),
        (("",), 587, "mute", None),
        ((), 587, "mute", None),
    ],
)
async def test_each_greeting(
    lines: tuple[str, ...],
    port: int,
    outcome: MailOutcome,
    secure: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with server(*lines, port=port, monkeypatch=monkeypatch) as (own, heard):
        found = await mail_server.greet("mx.test", "127.0.0.1", own, 0.5)
    assert (found.outcome, found.secure) == (outcome, secure)
    assert found.text is None or (len(found.text) <= 200 and found.text.isprintable())
    if outcome == "greeted" and port in (25, 587):
        assert heard[0] == "EHLO [127.0.0.1]"
        assert not any(one.startswith(("MAIL", "AUTH", "RCPT")) for one in heard)


async def test_nobody_at_the_port_and_a_port_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server("hello\n", port=587, monkeypatch=monkeypatch) as (own, _):
        monkeypatch.delitem(mail_server.USES, own)
        assert (await mail_server.greet("mx.test", "127.0.0.1", own, 1.0)).outcome == "connected"
    assert (await mail_server.greet("mx.test", "127.0.0.1", own, 1.0)).outcome == "refused"


async def test_tls_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far_end.certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    own, foreign = (far_end._tls(tmp_path, name) for name in ("server", "foreign"))
    for context, host, outcome in (
        (own, "probe.test", "greeted"),
        (own, "other.test", "untrusted"),
        (foreign, "probe.test", "untrusted"),
    ):
        imap = server("* OK\n", "* BYE\n", port=993, monkeypatch=monkeypatch, context=context)
        async with imap as (port, _):
            found = await mail_server.greet(host, "127.0.0.1", port, 2.0)
        assert found.outcome == outcome
    async with server("* OK\n", "* BYE\n", port=993, monkeypatch=monkeypatch) as (port, _):
        assert (await mail_server.greet("probe.test", "127.0.0.1", port, 0.5)).outcome == "mute"


# --- where mail and calls go ---------------------------------------------------------------------------

ZONE: dict[tuple[str, str], tuple[str, ...]] = {
    ("two.test.", "MX"): ("20 b.two.test.", "5 a.two.test."),
    ("plain.test.", "A"): ("192.0.2.1",),
    ("six.test.", "AAAA"): ("2001:db8::1",),
    ("none.test.", "MX"): ("0 .",),
    ("empty.test.", "TXT"): ('"nothing"',),
    ("_sip._udp.calls.test.", "SRV"): ("20 0 5062 b.calls.test.", "10 0 5070 a.calls.test."),
    ("_sips._tcp.calls.test.", "SRV"): ("0 0 0 .",),
    ("a.calls.test.", "A"): ("127.0.0.9",),
    ("calls.test.", "A"): ("127.0.0.8",),
    ("probe.test.", "A"): ("127.0.0.1",),
    ("post.test.", "MX"): ("10 mx.post.test.",),
    ("_submissions._tcp.post.test.", "SRV"): ("0 1 465 smtp.post.test.",),
    ("_imap._tcp.post.test.", "SRV"): ("0 1 143 imap.post.test.",),
    ("mx.post.test.", "A"): ("127.0.0.5",),
    ("smtp.post.test.", "A"): ("127.0.0.5",),
    ("imap.post.test.", "A"): ("127.0.0.5",),
}


class Resolver(asyncio.DatagramProtocol):
    """Answers from `ZONE`; with `fails` every question is answered SERVFAIL."""

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
        if self._fails:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif not any(known == name for known, _ in ZONE):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif (name, kind) in ZONE:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind]))
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def resolver(*, fails: bool = False) -> AsyncIterator[str]:
    """A resolver; its address and port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Resolver(fails=fails), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("domain", "lookup", "hosts"),
    [
        ("two.test", "found", ("a.two.test", "b.two.test")),
        ("plain.test", "found", ("plain.test",)),
        ("six.test", "found", ("six.test",)),
        ("none.test", "refused", ()),
        ("empty.test", "none", ()),
        ("nobody.test", "none", ()),
    ],
)
async def test_where_mail_goes(domain: str, lookup: str, hosts: tuple[str, ...]) -> None:
    async with resolver(fails=True) as broken, resolver() as good:
        assert await mail_server.exchangers(domain, (broken, good)) == (lookup, hosts)
        assert await mail_server.exchangers(domain, (broken,)) == ("failed", ())


async def test_where_calls_go() -> None:
    async with resolver() as one:
        assert await telephone.find("calls.test", "udp", (one,)) == ("calls.test", "127.0.0.9", 5070)
        assert await telephone.find("calls.test", "tls", (one,)) == ("calls.test", "127.0.0.8", 5061)
        assert await telephone.find("calls.test:5099", "udp", (one,)) == ("calls.test", "127.0.0.8", 5099)
        assert await telephone.find("nobody.test", "tcp", (one,)) == ("nobody.test", None, 5060)
        assert await telephone.find("192.0.2.9", "tcp", ()) == ("192.0.2.9", "192.0.2.9", 5060)
