"""A captive portal that the network names itself: its API's answers, and whom the box never asks."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.diagnostics import capport
from gatewayd.diagnostics.world import Captive, HttpAnswer
from gatewayd.errors import GatewayError
from gatewayd.netd.verbs import DhcpOffer
from tests.diagnostics import far_end
from tests.diagnostics.test_mail_server import resolver
from tests.diagnostics.test_more_checks import NO_ANSWER, look
from tests.support.world import GATEWAY, FakeWorld

API, OWN_PAGE = "https://portal.test/api", "https://portal.test/"
PAGE = HttpAnswer(status=200, body=b"<h1>Welcome</h1>")


def offer(portal: str | None) -> DhcpOffer:
    return DhcpOffer(
        server=GATEWAY, address="192.0.2.30", prefix=24, routers=(GATEWAY,), dns=(), lease_seconds=60, ms=1.0,
        portal=portal,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("world", "verdict", "asked"),
    [
        (FakeWorld(offers=(offer(API),), portal_says=Captive(True, OWN_PAGE)), "CAPTIVE_PORTAL", 1),
        (FakeWorld(offers=(offer(API),), portal_says=Captive(False)), "WALLED_GARDEN", 1),
        (FakeWorld(offers=(offer(API),)), "WALLED_GARDEN", 1),
        (FakeWorld(offers=(offer(None), offer(API)), portal_says=Captive(True)), "CAPTIVE_PORTAL", 1),
        (FakeWorld(offers=(offer(None),)), "WALLED_GARDEN", 0),
        (FakeWorld(dhcp_refusal=GatewayError("helper.unavailable", "away")), "WALLED_GARDEN", 0),
    ],
)
async def test_the_network_tells_whether_it_holds_back(world: FakeWorld, verdict: str, asked: int) -> None:
    world.web, world.secure, world.others = PAGE, NO_ANSWER, "timeout"
    found, _ = await look(world)
    assert found.verdict == verdict
    assert world.asked.count(f"captive {API}") == asked
    page = world.portal_says is not None and world.portal_says.page is not None
    assert any(OWN_PAGE in note for note in found.notes) is page


async def test_nobody_is_asked_while_the_web_answers() -> None:
    world = FakeWorld(offers=(offer(API),), portal_says=Captive(True))
    assert (await look(world))[0].verdict == "OK"
    assert f"captive {API}" not in world.asked


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b'{"captive": true}', Captive(True)),
        (200, b'{"captive": false, "seconds-remaining": 326}', Captive(False)),
        (200, b'{"captive": true, "user-portal-url": "https://a.test/x"}', Captive(True, "https://a.test/x")),
        (200, b'{"captive": true, "user-portal-url": "javascript:alert(1)"}', Captive(True)),
        (200, b'{"captive": true, "user-portal-url": "https://' + b"a" * 300 + b'"}', Captive(True)),
        (200, b'{"captive": "yes"}', None),
        (200, b"<html>", None),
        (302, b'{"captive": true}', None),
    ],
)
def test_what_the_api_says(status: int, body: bytes, found: Captive | None) -> None:
    assert capport.read(HttpAnswer(status=status, body=body)) == found


@given(st.binary(max_size=200))
def test_no_answer_is_too_strange(body: bytes) -> None:
    capport.read(HttpAnswer(status=200, body=body))


async def test_over_tls_from_its_own_host_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far_end.certificates(tmp_path)
    # aiohttp reads the authorities once, when it is imported.
    trusting = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(far_end._page(b'{"captive": true}'))
        await writer.drain()
        writer.close()

    async def ask(scheme: str, name: str, **more: Any) -> Captive | None:
        async with resolver() as one:
            return await capport.ask(f"{scheme}://{name}:{port}/api", (one,), 2.0, **more)

    context = far_end._tls(tmp_path, "server")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await ask("https", "probe.test", own=True) == Captive(True)
        assert b"Accept: application/captive+json\r\n" in asked[0]
        assert await ask("https", "mx.post.test", own=True) is None, "no certificate for this name"
        assert await ask("http", "probe.test", own=True) is None
        assert await ask("https", "probe.test") is None, "the name leads into the box"
        assert await ask("https", "nobody.test", own=True) is None
    assert len(asked) == 1
