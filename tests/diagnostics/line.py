"""A line of a known rate: box - provider (who forwards and shapes) - far end, in namespaces, both families.

The shaping is on the forwarding host: on the sender's own, its TCP would see the queue and never fill it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from gatewayd.diagnostics.speed_model import SpeedtestResult
from tests.lab.netns import Namespace, veth

ROOT = Path(__file__).parents[2]
BOX, GATEWAY, FAR_GATEWAY, FAR = "192.168.78.2", "192.168.78.1", "203.0.113.1", "203.0.113.80"
FAR6, GATEWAY6 = "2001:db8:80::80", "2001:db8:78::1"
PORT = 8080
ETHERNET, MTU = 14, 1500


class ShapedLine:
    """Use it as a context manager. `shape` sets the rate of both directions."""

    def __init__(self) -> None:
        self.box, self.isp, self.far = Namespace("box"), Namespace("isp"), Namespace("far")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for namespace in (self.box, self.isp, self.far):
                stack.enter_context(namespace)
            veth(self.box, self.isp, names=("eth0", "eth0"), addresses=(f"{BOX}/24", f"{GATEWAY}/24"))
            veth(self.isp, self.far, names=("eth1", "eth0"), addresses=(f"{FAR_GATEWAY}/24", f"{FAR}/24"))
            for namespace, interface, address in (
                (self.box, "eth0", "2001:db8:78::2/64"),
                (self.isp, "eth0", f"{GATEWAY6}/64"),
                (self.isp, "eth1", "2001:db8:80::1/64"),
                (self.far, "eth0", f"{FAR6}/64"),
            ):
                namespace.address(interface, address)
            for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                self.isp.call(Path(f"/proc/sys/net/{switch}").write_text, "1")
            for namespace, gateway in (
                (self.box, GATEWAY),
                (self.box, GATEWAY6),
                (self.far, FAR_GATEWAY),
                (self.far, "2001:db8:80::1"),
            ):
                namespace.route("default", gateway)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def shape(self, megabits: int) -> None:
        """tbf in both directions; it counts Ethernet frames without their checksum."""
        for interface in ("eth0", "eth1"):
            self.isp.run(
                "tc", "qdisc", "replace", "dev", interface, "root", "tbf",
                "rate", f"{megabits}mbit", "burst", f"{max(16, megabits // 2)}k", "latency", "50ms",
            )  # fmt: skip

    def open(self) -> None:
        """No shaping: as fast as the machine."""
        for interface in ("eth0", "eth1"):
            self.isp.run("tc", "qdisc", "del", "dev", interface, "root", check=False)

    def serve(self) -> None:
        """The speed-test server at the far end, as an operator starts it."""
        self.far.popen(
            sys.executable, "-m", "gatewayd", "speedtest-server", "--port", str(PORT), cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60  # a guest without hardware virtualisation takes long to import
        while f":{PORT}" not in self.far.run("ss", "-ltn"):
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.1)

    def run(self, module: str, *arguments: str, timeout: float = 60) -> str:
        """`python -m module` inside the box; its output."""
        return self.box.run(
            "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", module, *arguments, timeout=timeout
        )

    def test(
        self, *options: str, server: str = FAR, timeout: float = 60, **request: object
    ) -> SpeedtestResult:
        """One speed test from the box to an address of the far end."""
        text = self.run(
            "tests.diagnostics.speed_in_namespace",
            f"http://{server}:{PORT}", "eth0", msgspec.json.encode(request).decode(), *options,
            timeout=timeout,
        )  # fmt: skip
        return msgspec.json.decode(text, type=SpeedtestResult)
