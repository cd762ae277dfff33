"""Multicast television: real groups on loopback, RTP in and out of order, what is no television."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.addresses import group
from gatewayd.dvr.media.engine import Beat, Flow
from gatewayd.dvr.media.messages import DesiredChannel, Range, Source, SourceFailed
from gatewayd.dvr.media.rtp import WINDOW, Depacketiser, payload_of
from gatewayd.dvr.media.udp import UdpEngine, join
from gatewayd.errors import GatewayError
from tests.support.multicast import Sender, datagrams, header, shuffled, stream
from tests.support.recorder import RecorderProcess, until
from tests.support.ts import transport_stream

GROUP = "239.255.77.1"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def source(port: int, *, scheme: str = "udp", sender: str = "") -> Source:
    return Source(kind="udp", url=f"{scheme}://{sender}@{GROUP}:{port}", interface="lo")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def sender(port: int) -> Iterator[Sender]:
    made = Sender(GROUP, port)
    yield made
    made.close()


@pytest.fixture
async def flow(port: int) -> AsyncIterator[Flow]:
    async with UdpEngine(Beat(0.02)).open(source(port)) as flow:
        yield flow


async def read(flow: Flow, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await flow.read(2.0)
    return data


@pytest.mark.parametrize("rtp", [False, True])
async def test_every_byte_arrives(flow: Flow, sender: Sender, rtp: bool) -> None:
    sent = stream(7 * 700)
    packets = datagrams(sent, rtp=rtp)  # more than one recvmmsg takes, and past the wrap
    for at in range(0, len(packets), 350):
        sender.send(packets[at : at + 350])
        assert await read(flow, 350 * 7 * 188) == sent[at * 7 * 188 :][: 350 * 7 * 188]


async def test_rtp_out_of_order_is_put_in_order(flow: Flow, sender: Sender) -> None:
    sent = stream(7 * 300)
    sender.send(shuffled(datagrams(sent, rtp=True), 8))
    assert await read(flow, len(sent)) == sent


async def test_one_that_comes_a_beat_later_is_waited_for(port: int, sender: Sender) -> None:
    sent = stream(7 * 20)
    packets = datagrams(sent, rtp=True)
    late = packets.pop(10)
    async with UdpEngine(Beat(0.3)).open(source(port)) as flow:
        sender.send(packets)
        first = await flow.read(2.0)
        assert first == sent[: 7 * 188 * 10]
        sender.send([late])
        assert first + await flow.read(2.0) == sent


@pytest.mark.parametrize("rtp", [False, True])
async def test_what_is_no_television_is_left_out(flow: Flow, sender: Sender, rtp: bool) -> None:
    sent = stream(7 * 40)
    packets = datagrams(sent, rtp=rtp)
    noise = [
        b"",
        b"G",
        b"hello",
        b"\x47" * 187,
        b"\x80\x21",
        header(5) + b"no",
        b"\xff" * 1316,
        b"G" * 60_000,
    ]
    for at, piece in enumerate(noise):
        packets.insert(4 * at, piece)
    sender.send(packets)
    assert await read(flow, len(sent)) == sent


async def test_silence_is_told_and_reading_goes_on(flow: Flow, sender: Sender) -> None:
    with pytest.raises(TimeoutError):
        await flow.read(0.1)
    sender.send(datagrams(stream(7), rtp=False))
    assert await flow.read(2.0) == stream(7)


async def test_another_group_on_the_same_port_is_not_heard(flow: Flow, port: int) -> None:
    other = Sender("239.255.77.2", port)
    await_other = join(group(f"udp://@239.255.77.2:{port}"), "lo")
    try:
        other.send(datagrams(stream(7), rtp=False))
        with pytest.raises(TimeoutError):
            await flow.read(0.1)
        assert len(await_other.recv(2000)) == 7 * 188
    finally:
        other.close()
        await_other.close()


async def test_only_the_sender_that_is_named_is_heard(port: int, sender: Sender) -> None:
    engine = UdpEngine(Beat(0.02))
    async with (
        engine.open(source(port, sender="127.0.0.1")) as mine,
        engine.open(source(port, sender="127.0.0.9")) as foreign,
    ):
        sender.send(datagrams(stream(7), rtp=False))
        assert await mine.read(2.0) == stream(7)
        with pytest.raises(TimeoutError):
            await foreign.read(0.1)


async def test_the_group_is_left(port: int) -> None:
    assert GROUP not in joined()
    async with UdpEngine(Beat(0.02)).open(source(port)):
        assert GROUP in joined()
    assert GROUP not in joined()


def joined() -> set[str]:
    """The groups of this namespace, from /proc/net/igmp: little endian hexadecimal."""
    words = [line.split()[0] for line in Path("/proc/net/igmp").read_text().splitlines()]
    return {socket.inet_ntoa(bytes.fromhex(word)[::-1]) for word in words if len(word) == 8}


@pytest.mark.parametrize("interface", ["gwt-none", "nonsense"])
async def test_without_its_interface_it_is_named(port: int, interface: str) -> None:
    with pytest.raises(GatewayError, match=interface) as refused:
        join(group(f"udp://@{GROUP}:{port}"), interface)
    assert refused.value.code == "dvr.source_unreachable"


@pytest.mark.parametrize("scheme", ["rtp"])
async def test_it_is_recorded_byte_by_byte(tmp_path: Path, port: int, sender: Sender, scheme: str) -> None:
    sent = transport_stream(2, 2_000_000)
    async with RecorderProcess(tmp_path) as recorder:
        now = time.time()
        span = Range(id="a", start=now, stop=now + 4)
        await recorder.desire(DesiredChannel(id="one", source=source(port, scheme=scheme), ranges=(span,)))
        await until(lambda: _joined())
        for _ in sender.pace(datagrams(sent, rtp=scheme == "rtp"), 8_000_000):
            await asyncio.sleep(0.01)
        await recorder.done("a")
        located = await recorder.locate("one", now, now + 4)
        assert recorder.read(located.slices) == sent
        assert located.errors.sync == located.errors.continuity == 0
        assert await recorder.journal(SourceFailed) == []
        await until(lambda: _left())


async def _joined() -> bool:
    return GROUP in joined()


async def _left() -> bool:
    return GROUP not in joined()


# --- RTP, without a network

PACKETS = datagrams(stream(7 * 40), rtp=True)


def sorted_out(packets: list[bytes]) -> tuple[bytes, Depacketiser]:
    sorter = Depacketiser()
    for packet in packets:
        sorter.put(packet)
    sorter.settle()
    sorter.settle()
    return sorter.take(), sorter


@given(st.integers(0, 0xFFFF), st.integers(0, WINDOW - 1), st.integers(0, 999))
def test_any_order_within_the_window_is_put_right(first: int, within: int, seed: int) -> None:
    sent = stream(7 * 100)
    data, sorter = sorted_out(shuffled(datagrams(sent, rtp=True, first=first), within, seed))
    assert data == sent
    assert sorter.counts.lost == sorter.counts.late == 0


@given(st.sets(st.integers(1, 38), max_size=20), st.sets(st.integers(0, 39), max_size=10))
def test_what_is_lost_is_counted_and_nothing_comes_twice(lost: set[int], twice: set[int]) -> None:
    packets = [
        packet for at, packet in enumerate(PACKETS) if at not in lost for _ in range(1 + (at in twice))
    ]
    data, sorter = sorted_out(packets)
    kept = [at for at in range(40) if at not in lost]
    assert data == b"".join(PACKETS[at][12:] for at in kept)
    assert sorter.counts.lost == len(lost)


def test_a_sender_that_starts_anew_is_followed() -> None:
    sent = stream(7 * 20)
    again = datagrams(sent, rtp=True, first=30_000)
    other = datagrams(sent, rtp=True, first=65_500, source=0xBEEF)
    data, sorter = sorted_out([*PACKETS, *again, *other])
    assert data == b"".join(packet[12:] for packet in PACKETS) + sent + sent
    assert sorter.counts.lost == 0


@pytest.mark.parametrize(
    "packet",
    [
        header(1, first=0x82) + b"\0" * 8 + stream(7),
        header(1, first=0x90) + b"\xbe\xde\x00\x02" + b"\0" * 8 + stream(7),
        header(1, first=0xA0) + stream(7) + b"\0\0\x03",
        header(1, first=0xB1) + b"\0" * 4 + b"\xbe\xde\x00\x01" + b"\0" * 4 + stream(7) + b"\x01",
    ],
    ids=["sources", "extension", "padding", "all"],
)
def test_headers_of_any_length(packet: bytes) -> None:
    assert payload_of(packet) == stream(7)


@given(st.binary(max_size=300))
def test_anything_is_taken_or_counted(tail: bytes) -> None:
    for packet in (tail, header(1) + tail, header(1, first=0xBF) + tail):
        data, sorter = sorted_out([packet])
        assert len(data) % 188 == 0
        assert sorter.counts.taken + sorter.counts.malformed == 1
