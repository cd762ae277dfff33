"""Probes made by hand, on real sockets of the loopback: time, certificates, multicast, downloads."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.diagnostics import certificate, multicast, ports, sntp, web
from gatewayd.diagnostics.results import ping_figures
from gatewayd.netd import packets
from tests.diagnostics import far_end
from tests.lab.netns import Namespace, veth

MAC = bytes.fromhex("020000000002")


@asynccontextmanager
async def datagrams(make: Callable[[], asyncio.DatagramProtocol]) -> AsyncIterator[int]:
    """A server of one protocol; its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(make, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


class Nobody(asyncio.DatagramProtocol):
    """Answers nothing."""


# --- time ----------------------------------------------------------------------------------------------


async def test_the_offset_of_a_clock() -> None:
    async with datagrams(far_end._Ntp) as port:
        found = await sntp.offset("127.0.0.1", port, 2.0)
    assert found is not None
    assert abs(found) < 1.0
    async with datagrams(lambda: far_end._Ntp(3600.0)) as port:
        found = await sntp.offset("127.0.0.1", port, 2.0)
    assert found == pytest.approx(3600.0, abs=1.0)


async def test_a_time_server_that_is_silent_or_not_there() -> None:
    async with datagrams(Nobody) as port:
        assert await sntp.offset("127.0.0.1", port, 0.05) is None
    assert await sntp.offset("127.0.0.1", port, 0.5) is None


def answer(asked: float, now: float, *, first: int = 0x24, stratum: int = 2) -> bytes:
    stamps = [sntp._stamp(moment) for moment in (asked, now, now)]
    return struct.pack("!BBBb", first, stratum, 6, -20) + bytes(20) + struct.pack("!6I", *sum(stamps, ()))


@pytest.mark.parametrize("year", [1971, 2026, 2035, 2037, 2090])
def test_eras_of_the_time_stamps(year: int) -> None:
    now = datetime(year, 6, 1, tzinfo=UTC).timestamp()
    assert sntp.read_offset(answer(now, now + 90), now, now) == pytest.approx(90.0, abs=0.001)


@pytest.mark.parametrize(
    "data",
    [b"", bytes(48), answer(1.0, 2.0, stratum=0), answer(1.0, 2.0, first=0xE4), answer(1.0, 2.0, first=0x23),
     answer(1.5, 2.0)],
)  # fmt: skip
def test_packets_that_tell_no_time(data: bytes) -> None:
    assert sntp.read_offset(data, 1.0, 1.1) is None


@given(st.binary(max_size=80))
def test_no_packet_is_too_strange(data: bytes) -> None:
    sntp.read_offset(data, 1e9, 1e9)
    packets.parse_refusal(data, MAC, 7)


# --- certificates --------------------------------------------------------------------------------------


@asynccontextmanager
async def secure(folder: Path, name: str) -> AsyncIterator[int]:
    """A TLS server that shows one of the lab's certificates."""
    server = await asyncio.start_server(far_end._anchor, "127.0.0.1", 0, ssl=far_end._tls(folder, name))
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("name", "pinned", "days", "outcome"),
    [
        ("server", True, 0, "trusted"),
        ("server", False, 0, "foreign"),  # the system knows no such authority
        ("foreign", True, 0, "foreign"),
        ("later", True, 0, "not_yet_valid"),
        ("later", True, 700, "trusted"),
        ("server", True, 700, "expired"),
    ],
)
async def test_whose_certificate(tmp_path: Path, name: str, pinned: bool, days: int, outcome: str) -> None:
    pin = await asyncio.to_thread(far_end.certificates, tmp_path)
    now = datetime.now(UTC) + timedelta(days=days)
    async with secure(tmp_path, name) as port:
        sight = await certificate.look("127.0.0.1", port, "probe.test", (pin,) if pinned else (), now, 5.0)
    assert sight.outcome == outcome, sight


async def test_a_server_that_speaks_no_tls() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        sight = await certificate.look("127.0.0.1", port, "probe.test", ("00",), datetime.now(UTC), 5.0)
    assert sight.outcome == "broken"
    sight = await certificate.look("127.0.0.1", port, "probe.test", ("00",), datetime.now(UTC), 5.0)
    assert sight.outcome == "unreachable"


def test_a_certificate_that_is_none() -> None:
    assert certificate.judge_certificate(b"\0", (), datetime.now(UTC), verified=True).outcome == "foreign"


# --- multicast and downloads ---------------------------------------------------------------------------


async def test_multicast_arrives_or_does_not() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))

        async def send() -> None:
            while True:
                sender.sendto(b"x", ("239.255.77.1", 15077))
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(send())
        try:
            assert await multicast.arrives("239.255.77.1", 15077, "lo", 5.0)
        finally:
            sending.cancel()
    assert not await multicast.arrives("239.255.77.1", 15078, "lo", 0.05)


@asynccontextmanager
async def serving(handler: Callable[[Any, Any], Awaitable[None]]) -> AsyncIterator[str]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bulk"


async def test_a_download_whole_and_stalled() -> None:
    async with serving(far_end._answer) as url:
        found = await web.download(url, (), 5.0, 400_000)
    assert (found.size, found.whole, found.connected, found.status) == (200_000, True, True, 200)

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side is tired of it
        writer.close()

    async with serving(stall) as url:
        found = await web.download(url, (), 0.2, 400_000)
        assert (found.whole, found.connected, found.started) == (False, True, False)
    gone = await web.download(url, (), 1.0, 400_000)
    assert (gone.whole, gone.connected) == (False, False)


# --- figures, ports, DHCP ------------------------------------------------------------------------------


def test_figures_of_pings() -> None:
    found = ping_figures("x", (10.0, None, None, 14.0, 11.0))
    assert (found.sent, found.lost, found.longest_loss, found.loss) == (5, 2, 2, 0.4)
    assert (found.median_ms, found.jitter_ms, found.most_ms) == (11.0, 3.5, 14.0)
    assert ping_figures("x", ()).loss == 0.0


@given(st.lists(st.none() | st.floats(0, 1e4)))
def test_figures_of_any_pings(times: list[float | None]) -> None:
    found = ping_figures("x", times)
    assert 0 <= found.longest_loss <= found.lost <= found.sent == len(times)


def test_pressure_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "cpu"
    file.write_text("some avg10=12.34 avg60=1.00 avg300=0.10 total=42\nfull avg10=0.00 avg60=0.00\n")
    assert ports.pressure(file) == 12.34
    assert ports.pressure(tmp_path / "nothing") is None


def test_a_claim_is_a_request_that_no_server_can_grant() -> None:
    frame = packets.dhcp_claim(MAC, 7, 1)
    assert b"\x35\x01\x03" in frame
    assert b"\x32\x04" + socket.inet_aton("192.0.2.1") in frame
    assert packets.parse_refusal(frame, MAC, 7) is None


@pytest.mark.netns
def test_the_log_of_carriers_counts_and_remembers_the_address() -> None:
    """In a namespace; the interface goes down and comes back."""
    program = (
        "import json, sys\n"
        "from gatewayd.diagnostics.ports import CarrierLog, counters, port\n"
        "from gatewayd.system.clock import SystemClock\n"
        "log = CarrierLog(SystemClock('always'))\n"
        "for line in sys.stdin:\n"
        " log.look()\n"
        " print(json.dumps([log.changes('eth0'), log.address('eth0'), port('eth0').speed,"
        " counters('eth0') is not None, log.address('nothing')]), flush=True)\n"
    )
    with Namespace("carrier-a") as near, Namespace("carrier-b") as far:
        veth(near, far, addresses=("10.84.0.1/24", "10.84.0.2/24"))
        child = near.popen(
            sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        with child:
            assert child.stdin is not None
            assert child.stdout is not None

            def look() -> list[Any]:
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write(b"\n")
                child.stdin.flush()
                return list(json.loads(child.stdout.readline()))

            assert look() == [0, "10.84.0.1", 10000, True, None]
            near.ip("address", "flush", "dev", "eth0")
            assert look()[:2] == [0, "10.84.0.1"]  # lost, with the same carrier
            far.ip("link", "set", "eth0", "down")
            far.up("eth0")
            time.sleep(0.1)
            assert look()[:2] == [2, None]
            child.stdin.close()
