"""Recording packets: the filter, the limits, and the file that tcpdump reads."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.diagnostics.capture import Captures, CaptureStart
from gatewayd.errors import GatewayError
from gatewayd.netd import verbs
from gatewayd.netd.client import NetdClient
from gatewayd.netd.packets import address_filter, pcap_header, pcap_record
from gatewayd.netd.service import Netd
from gatewayd.system.clock import SystemClock
from tests.lab.netns import Namespace, veth
from tests.support.netd import netd_process

V4, V6 = st.ip_addresses(v=4), st.ip_addresses(v=6)


def verdict(program: bytes, frame: bytes) -> int:
    """What the kernel's machine makes of the few instructions that we use."""
    steps = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    at, accumulator = 0, 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x15:
            at += if_true if accumulator == value else if_false
        else:
            size = {0x28: 2, 0x20: 4}[code]
            if value + size > len(frame):
                return 0
            accumulator = int.from_bytes(frame[value : value + size])


def frame(source: str, destination: str) -> bytes:
    """An Ethernet frame with the addresses at their places and nothing else."""
    one, other = ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed
    kind, room = (0x0800, 12) if len(one) == 4 else (0x86DD, 8)
    return bytes(12) + kind.to_bytes(2) + bytes(room) + one + other


@given(st.one_of(st.tuples(V4, V4, V4), st.tuples(V6, V6, V6)))
def test_the_filter_takes_what_goes_from_or_to_the_address(addresses: tuple[object, ...]) -> None:
    wanted, source, destination = map(str, addresses)
    program = address_filter(wanted, 96)
    assert verdict(program, frame(wanted, destination)) == 96
    assert verdict(program, frame(source, wanted)) == 96
    assert bool(verdict(program, frame(source, destination))) == (wanted in (source, destination))
    assert verdict(address_filter(None, 96), frame(source, destination)) == 96


def test_the_other_family_and_short_frames_are_left_out() -> None:
    assert verdict(address_filter("192.0.2.1", 96), frame("2001:db8::1", "2001:db8::2")) == 0
    assert verdict(address_filter("2001:db8::1", 96), frame("192.0.2.1", "192.0.2.2")) == 0
    assert verdict(address_filter("192.0.2.1", 96), bytes(12) + b"\x08\x00") == 0


def test_a_record_says_how_long_the_frame_was() -> None:
    record = pcap_record(1_700_000_000_123_456_789, b"abc", 1514)
    assert struct.unpack_from("<IIII", record) == (1_700_000_000, 123_456_789, 3, 1514)
    assert len(pcap_header(96)) == 24


@pytest.mark.parametrize(
    "wanted",
    [
        {"timeout_ms": 61_000},
        {"timeout_ms": 0},
        {"packets": 0},
        {"packets": 20_001},
        {"snap": 13},
        {"snap": 65_535},
        {"address": "nobody"},
        {"interface": "eth0; reboot"},
    ],
)
async def test_netd_checks_again(wanted: dict[str, object]) -> None:
    values = {"interface": "dummy-none", "timeout_ms": 100, "packets": 1, "snap": 96} | wanted
    with pytest.raises(GatewayError) as refused:
        await Netd().handle(verbs.Capture(**values))  # type: ignore[arg-type]
    assert refused.value.code in ("netd.invalid", "netd.no_interface")


async def test_loopback_is_not_recorded() -> None:
    with pytest.raises(GatewayError) as refused:
        await Netd().handle(verbs.Capture(interface="lo", timeout_ms=100, packets=1, snap=96))
    assert refused.value.code == "netd.interface_not_allowed"


@pytest.mark.netns
def test_what_passes_is_recorded_and_can_be_read(tmp_path: Path) -> None:
    with Namespace("box") as box, Namespace("far") as far:
        veth(box, far, names=("eth0", "eth0"), addresses=("192.0.2.1/24", "192.0.2.2/24"))
        far.address("eth0", "192.0.2.3/24")

        def capture(**wanted: object) -> verbs.CaptureAnswer:
            values = {"interface": "eth0", "timeout_ms": 3000, "packets": 4, "snap": 96} | wanted
            answer = asyncio.run(Netd().handle(verbs.Capture(**values)))  # type: ignore[arg-type]
            assert isinstance(answer, verbs.CaptureAnswer)
            return answer

        def pings() -> None:
            time.sleep(0.5)
            for address in ("192.0.2.2", "192.0.2.3"):
                box.run("ping", "-c", "2", "-i", "0.1", "-s", "400", address)

        noise = threading.Thread(target=pings)
        noise.start()
        started = time.monotonic()
        found = box.call(lambda: capture(address="192.0.2.3"))
        noise.join()
    assert time.monotonic() - started < 3.5, "it ended with the fourth packet, not with the time"
    assert found.packets == 4
    assert found.dropped == 0
    file = tmp_path / "found.pcap"
    file.write_bytes(found.pcap)
    read = subprocess.run(["tcpdump", "-nn", "-r", file], capture_output=True, text=True, check=True).stdout
    lines = read.splitlines()
    assert len(lines) == 4
    assert all("192.0.2.3" in line and "192.0.2.2 " not in line for line in lines)
    assert all("length 408" in line for line in lines), "how long they were is kept, their content is not"
    assert len(found.pcap) == 24 + 4 * (16 + 96)


@pytest.mark.netns
async def test_a_capture_that_is_given_up_ends_at_once(tmp_path: Path) -> None:
    """The job is cancelled: netd lets go of the interface, and the next capture need not wait."""
    with Namespace("box") as box, Namespace("far") as far:
        veth(box, far, names=("eth0", "eth0"))
        with netd_process(tmp_path / "netd.sock", inside=box) as process:

            def listens() -> bool:
                """Whether anybody records all that passes (packet(7): protocol 3 is ETH_P_ALL)."""
                rows = Path(f"/proc/{process.pid}/net/packet").read_text().splitlines()[1:]
                return any(row.split()[3] == "0003" for row in rows)

            async def until(wanted: bool) -> None:
                async with asyncio.timeout(5):
                    while listens() is not wanted:
                        await asyncio.sleep(0.02)

            client = NetdClient(tmp_path / "netd.sock")
            captures = Captures(client, SystemClock())
            job = asyncio.create_task(captures.run(CaptureStart(interface="eth0", consent=True, seconds=60)))
            await until(True)
            job.cancel()
            await until(False)
            with pytest.raises(asyncio.CancelledError):
                await job
            again = await captures.run(CaptureStart(interface="eth0", consent=True, seconds=1))
            assert again.interface == "eth0"
            await client.close()
