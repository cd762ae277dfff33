"""Faults of how well the line, the box and the home work."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.diagnostics.fault import (
    BOTH,
    HERE,
    Inject,
    repeated,
    rules,
)
from tests.diagnostics.street import (
    SPEED_PORT,
    WEB,
    Street,
)
from tests.support.internet import ROOT

# --- quality -----------------------------------------------------------------------------------------------


def shaped(rate: str, limit: int, *, way: str = "down") -> Inject:
    """A bottleneck in the provider's router: so fast, with a queue of so many bytes."""
    interface = "br0" if way == "down" else "eth1"

    @contextmanager
    def inject(street: Street) -> Iterator[None]:
        tbf = ("tbf", "rate", rate, "burst", "16k", "limit", str(limit))
        street.isp.run("tc", "qdisc", "replace", "dev", interface, "root", *tbf)
        try:
            yield
        finally:
            street.isp.run("tc", "qdisc", "del", "dev", interface, "root")

    return inject


@contextmanager
def speed_server(street: Street) -> Iterator[None]:
    """The far end of the speed test."""
    server = street.world.popen(
        sys.executable, "-m", "gatewayd", "speedtest-server", "--port", str(SPEED_PORT), "--address", WEB,
        cwd=ROOT, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    street.wait_for(lambda: street.answers(WEB, SPEED_PORT), "the speed test's server does not answer")
    try:
        yield
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def bursts(street: Street) -> Iterator[None]:
    """The line breaks off for half a second every few seconds."""
    street.isp.nft("table inet fault {\n" + BOTH % "" + "\n}\n")

    def turn(broken: bool) -> None:
        if broken:
            street.isp.run("nft", "add", "rule", "inet", "fault", "f", "iifname", "eth1", "drop")
        else:
            street.isp.run("nft", "flush", "chain", "inet", "fault", "f")

    try:
        with repeated(turn, 0.6, 2.0):
            yield
    finally:
        street.isp.run("nft", "delete", "table", "inet", "fault")


def netem(*options: str, ways: tuple[str, ...] = ("br0",)) -> Inject:
    """The kernel's network emulator in the provider's router: `br0` is the way down, `eth1` the way up."""

    @contextmanager
    def inject(street: Street) -> Iterator[None]:
        try:
            for interface in ways:
                street.isp.netem(interface, *options)
            yield
        finally:
            for interface in ways:
                street.isp.run("tc", "qdisc", "del", "dev", interface, "root", check=False)

    return inject


@contextmanager
def busy(street: Street) -> Iterator[None]:
    """A device at home downloads as fast as the line goes."""
    program = (
        "import http.client\nwhile True:\n"
        f" c=http.client.HTTPConnection('{WEB}',80,timeout=5)\n"
        " try:\n  c.request('GET','/bulk'); c.getresponse().read()\n except OSError: pass\n c.close()\n"
    )
    children = [street.device.popen(sys.executable, "-c", program) for _ in range(4)]
    try:
        with shaped("8mbit", 60_000)(street):
            street.wait_for(lambda: _carries(street, 500_000), "the device does not download")
            yield
    finally:
        for child in children:
            child.terminate()
            child.wait(5)


def _carries(street: Street, least: int) -> bool:
    """Whether so many bytes a second come in."""

    def received() -> int:
        [one] = json.loads(street.box.ip("-j", "-s", "link", "show", "dev", "eth0"))
        return int(one["stats64"]["rx"]["bytes"])

    before = received()
    threading.Event().wait(0.5)
    return (received() - before) * 2 > least


# --- the box and the home ----------------------------------------------------------------------------------


@contextmanager
def overloaded(street: Street) -> Iterator[None]:
    """The processor is what everybody waits for."""
    file = street.folder / "pressure"
    file.write_text("some avg10=87.40 avg60=60.00 avg300=20.00 total=1\n")
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def disk_full(street: Street) -> Iterator[None]:
    """Hardly a byte is free."""
    file = street.folder / "disk" / "recording"
    file.write_bytes(bytes(2_000_000))
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def lossy_device(street: Street) -> Iterator[None]:
    """A device at home loses a fifth of what it is sent."""
    street.device.run("ping", "-c1", "-W2", "192.168.9.1")
    with rules(HERE % "meta l4proto icmp numgen random mod 100 < 20 drop;", at="device")(street):
        yield


@contextmanager
def well_device(street: Street) -> Iterator[None]:
    """The box has met the device."""
    street.device.run("ping", "-c1", "-W2", "192.168.9.1")
    yield
