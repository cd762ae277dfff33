"""DNS over TLS and over HTTPS against small servers with real certificates; what a diagnosis says of it."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import msgspec
import pytest

from gatewayd.diagnostics import encrypted_dns
from tests.diagnostics import far_end
from tests.diagnostics.test_mail_server import resolver
from tests.diagnostics.test_more_checks import look
from tests.support.world import TARGETS, FakeWorld


def answered(wire: bytes, rcode: int) -> bytes:
    """The answer of a server with nothing but a mood."""
    answer = dns.message.make_response(dns.message.from_wire(wire))
    answer.set_rcode(dns.rcode.Rcode(rcode))
    return answer.to_wire()


@asynccontextmanager
async def server(
    folder: Path, kind: str, name: str = "server", rcode: int = 0, *, mute: bool = False
) -> AsyncIterator[int]:
    """A DoT or DoH server on the loopback; its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if kind == "dot":
                wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                said = answered(wire, rcode)
                said = len(said).to_bytes(2, "big") + said
            else:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert "Accept: application/dns-message" in head
                asked = head.split(" ")[1].partition("dns=")[2]
                said = far_end._page(answered(base64.urlsafe_b64decode(asked + "=="), rcode))
            if mute:
                await reader.read()
            writer.write(said)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=far_end._tls(folder, name))
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    far_end.certificates(tmp_path)
    authority = tmp_path / "authority.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    # aiohttp reads the authorities once, when it is imported.
    trusting = ssl.create_default_context(cafile=authority)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    return tmp_path


@pytest.mark.parametrize("kind", ["dot", "doh"])
@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "answered"),
        ({"rcode": 2}, "broken"),
        ({"mute": True}, "timeout"),
        ({"name": "foreign"}, "untrusted"),
    ],
)
async def test_each_way(kind: str, changes: dict[str, Any], outcome: str, folder: Path) -> None:
    async with server(folder, kind, **changes) as port, resolver() as one:
        if kind == "dot":
            found = await encrypted_dns.over_tls(f"127.0.0.1:{port}#probe.test", "example.com", 0.7)
        else:
            url = f"https://probe.test:{port}/dns-query"
            found = await encrypted_dns.over_https(url, "example.com", (one,), 0.7)
            outcome = "broken" if outcome == "untrusted" else outcome
    assert found == outcome


async def test_nobody_there(folder: Path) -> None:
    async with server(folder, "dot") as port:
        pass
    assert await encrypted_dns.over_tls(f"127.0.0.1:{port}#probe.test", "example.com", 1.0) == "refused"


@pytest.mark.parametrize(
    ("world", "note"),
    [
        (FakeWorld(), None),
        (FakeWorld(canary=True), "over TLS and HTTPS gets through."),
        (FakeWorld(encrypted=("timeout", "answered")), "over TLS does not get through."),
        (
            FakeWorld(encrypted=("refused", "broken")),
            "over TLS and HTTPS does not get through.",
        ),
    ],
)
async def test_what_is_said_of_it(world: FakeWorld, note: str | None) -> None:
    targets = msgspec.structs.replace(
        TARGETS, dot_server="203.0.113.9#dns.test", doh_url="https://dns.test/q"
    )
    found, _ = await look(world, targets=targets)
    assert found.verdict == ("DNS_INTERCEPTED" if world.canary else "OK"), "it is a note, never a fault"
    assert [one for one in found.notes if "Encrypted" in one] == (
        [] if note is None else [f"Encrypted DNS {note}"]
    )
