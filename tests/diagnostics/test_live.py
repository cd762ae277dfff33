"""The real world's doors against real sockets on loopback, well behaved and not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from gatewayd.diagnostics import LiveWorld
from gatewayd.diagnostics.checks.http import judge_answer
from gatewayd.diagnostics.live import is_public
from gatewayd.netd import SimulatedNetwork
from gatewayd.system import sockdiag

Answerer = Callable[[bytes], bytes | None]


class Responder(asyncio.DatagramProtocol):
    """Answers each datagram with what `answer` makes of it; None is silence."""

    def __init__(self, answer: Answerer) -> None:
        self._answer = answer
        self.asked = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        if (answer := self._answer(data)) is not None:
            self._transport.sendto(answer, addr)


@asynccontextmanager
async def name_server(answer: Answerer) -> AsyncIterator[tuple[str, Responder]]:
    loop = asyncio.get_running_loop()
    transport, responder = await loop.create_datagram_endpoint(
        lambda: Responder(answer), local_addr=("127.0.0.1", 0)
    )
    yield "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1]), responder
    transport.close()


def says(rcode: dns.rcode.Rcode, address: str | None = None, *, truncated: bool = False) -> Answerer:
    def answer(data: bytes) -> bytes:
        response = dns.message.make_response(dns.message.from_wire(data))
        response.set_rcode(rcode)
        if address:
            response.answer.append(dns.rrset.from_text(response.question[0].name, 60, "IN", "A", address))
        if truncated:
            response.flags |= dns.flags.TC
        return response.to_wire()

    return answer


@pytest.fixture
def world(tmp_path: Path) -> LiveWorld:
    return LiveWorld(SimulatedNetwork(), state=tmp_path)


@pytest.mark.parametrize(
    ("answer", "outcome", "addresses"),
    [
        (says(dns.rcode.NOERROR, "192.0.2.80"), "answered", ("192.0.2.80",)),
        (says(dns.rcode.NOERROR), "answered", ()),
        (says(dns.rcode.NOERROR, "192.0.2.80", truncated=True), "answered", ("192.0.2.80",)),
        (says(dns.rcode.SERVFAIL), "servfail", ()),
        (says(dns.rcode.REFUSED), "refused", ()),
        (says(dns.rcode.NXDOMAIN), "nxdomain", ()),
        (says(dns.rcode.NOTIMP), "servfail", ()),
        (lambda data: b"\xff" * 40, "servfail", ()),
        (lambda data: data[:2], "servfail", ()),
        (lambda data: None, "timeout", ()),
    ],
)
async def test_a_resolver(
    world: LiveWorld, answer: Answerer, outcome: str, addresses: tuple[str, ...]
) -> None:
    async with name_server(answer) as (resolver, _):
        found = await world.resolve(resolver, "probe.test", seconds=0.2, tries=2)
    assert (found.outcome, found.addresses) == (outcome, addresses)


async def test_a_lost_question_is_asked_again(world: LiveWorld) -> None:
    lost: list[bytes] = []

    def second_time_lucky(data: bytes) -> bytes | None:
        lost.append(data)
        return says(dns.rcode.NOERROR, "192.0.2.80")(data) if len(lost) > 1 else None

    async with name_server(second_time_lucky) as (resolver, responder):
        found = await world.resolve(resolver, "probe.test", seconds=0.3, tries=2)
        assert responder.asked == 2
    assert found.outcome == "answered"


async def test_nobody_at_the_resolvers_port(world: LiveWorld) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    found = await world.resolve(f"127.0.0.1:{port}", "probe.test", seconds=0.2, tries=1)
    assert found.outcome in ("unreachable", "timeout")


@asynccontextmanager
async def web_server(answer: bytes | None) -> AsyncIterator[int]:
    """Answers every request with these bytes; None never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (NO_CONTENT, "expected"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\nContent-Length: 0\r\n\r\n", "redirect"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "replaced"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000, "replaced"),
        (b"HTTP/1.1 511 Sign in\r\nContent-Length: 0\r\n\r\n", "replaced"),
        (b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", "unexpected"),
        (b"\x16\x03\x01\x02\x00", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "unreachable"),
        (b"", "unreachable"),
        (None, "timeout"),
    ],
)
async def test_the_204_probe(world: LiveWorld, answer: bytes | None, outcome: str) -> None:
    async with web_server(answer) as port:
        url = f"http://127.0.0.1:{port}/204"
        assert judge_answer(url, await world.get(url, (), 0.5)) == outcome


async def test_the_probes_name_is_resolved_by_the_resolvers_given(world: LiveWorld) -> None:
    async with (
        web_server(NO_CONTENT) as port,
        name_server(says(dns.rcode.NOERROR, "127.0.0.1")) as (resolver, _),
    ):
        assert (await world.get(f"http://probe.test:{port}/204", (resolver,), 2.0)).status == 204
        nowhere = await world.get(f"http://probe.test:{port}/204", (), 2.0)
    assert nowhere.failure == "unresolved"


@pytest.mark.parametrize("url", ["http://", "not a url", "http://[::1", "http://127.0.0.1:99999/"])
async def test_a_bad_probe_address_is_no_crash(world: LiveWorld, url: str) -> None:
    assert (await world.get(url, (), 0.5)).status is None


async def test_tcp(world: LiveWorld) -> None:
    async with web_server(NO_CONTENT) as port:
        assert (await world.connect(f"127.0.0.1:{port}", 1.0)).outcome == "connected"
    assert (await world.connect(f"127.0.0.1:{port}", 1.0)).outcome == "refused"
    assert (await world.connect("nonsense:443", 1.0)).outcome == "unreachable"


async def test_progress_of_live_connections_is_seen() -> None:
    async with web_server(None) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")  # acknowledged, never answered
        await writer.drain()
        heard = [one.ms for one in await sockdiag.heard() if one.peer == "127.0.0.1"]
        writer.close()
    assert heard
    assert min(heard) < 5000


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *[(one, True) for one in ("203.0.113.9", "2001:db8::9", "::ffff:203.0.113.9")],
        *[(one, False) for one in ("192.168.1.1", "100.64.0.1", "127.0.0.1", "::ffff:10.0.0.1")],
        *[(one, False) for one in ("fd00::1", "fe80::1", "::1")],
    ],
)
def test_what_lies_beyond_the_provider(address: str, public: bool) -> None:
    assert is_public(address) == public


async def test_what_the_kernel_knows(world: LiveWorld) -> None:
    (loopback,) = [link for link in await world.links() if link.name == "lo"]
    assert loopback.loopback
    assert not loopback.arp
    assert any(one.index == loopback.index for one in await world.addresses())
    assert all(route.gateway or route.index for route in await world.routes())
    await world.neighbours()
    async with world.changes() as changes:
        await changes.wait(0.01)


async def test_the_box_itself(world: LiveWorld) -> None:
    free = await world.disk_free()
    assert free is not None
    assert 0 <= free <= 1
    assert await world.loop_lag_ms() >= 0
