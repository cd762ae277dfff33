"""A small internet in three namespaces: box - provider (router, DHCP, DNS) - the world (anchors, DNS, web).

Built once for a module; a test breaks one thing with a context manager that heals it. The box's address
comes from a real DHCP client. All addresses are documentation or private ones.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.lab.netns import Namespace, veth

ROOT = Path(__file__).parents[2]
GATEWAY, WORLD_GATEWAY = "192.168.77.1", "203.0.113.1"
ANCHORS = ("203.0.113.10", "203.0.113.20", "203.0.113.30")
DNS, WEB, WEB_NAME = "203.0.113.53", "203.0.113.80", "probe.test"
PORTAL_PORT, SERVFAIL_PORT = 8080, 5354
TARGETS = {
    "anchors_v4": [f"{anchor}:443" for anchor in ANCHORS],
    "resolvers": [GATEWAY],
    "public_resolver": DNS,
    "dns_names": [WEB_NAME],
    "http_probe_url": f"http://{WEB_NAME}/generate_204",
}
_CLIENT_SCRIPT = """#!/bin/sh
ip address flush dev "$interface" scope global
case "$1" in bound|renew)
    ip address add "$ip/$mask" dev "$interface"
    ip route replace default via "$router" dev "$interface"
esac
"""


class Internet:
    """Use it as a context manager; afterwards the box has its lease."""

    def __init__(self) -> None:
        self.box, self.isp, self.world = Namespace("box"), Namespace("isp"), Namespace("world")
        self.client: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()
        self.folder = Path()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gwt-internet-")))
            for namespace in (self.box, self.isp, self.world):
                stack.enter_context(namespace)
            self._cables()
            self._far_ends()
            (self.folder / "client.sh").write_text(_CLIENT_SCRIPT)
            (self.folder / "client.sh").chmod(0o755)
            self.start_client()
            self.wait_for(self.has_lease, "the box has no lease")
            self.wait_for(self._web_answers, "the web does not answer")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _cables(self) -> None:
        veth(self.box, self.isp, names=("eth0", "eth0"))
        veth(self.isp, self.world, names=("eth1", "eth0"))
        for namespace, interface in ((self.box, "eth0"), (self.isp, "eth0")):
            namespace.call(without_offload, interface)
        self.isp.address("eth0", f"{GATEWAY}/24")
        self.isp.address("eth1", f"{WORLD_GATEWAY}/24")
        for address in (*ANCHORS, DNS, WEB):
            self.world.address("eth0", f"{address}/24")
        self.world.route("default", WORLD_GATEWAY)
        self.isp.call(Path("/proc/sys/net/ipv4/ip_forward").write_text, "1")

    def _far_ends(self) -> None:
        for namespace in (self.isp, self.world):
            namespace.popen(sys.executable, "-m", "tests.support.far_end", cwd=ROOT)
        common = (
            "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--cache-size=0",
            "--bind-interfaces", "--interface=eth0", "--except-interface=lo", "--user=root",
            "--log-facility=-",
        )  # fmt: skip
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.isp.popen(
            *common, "--no-ping", f"--server={DNS}", f"--pid-file={self.folder}/isp.pid",
            "--dhcp-range=192.168.77.50,192.168.77.99,255.255.255.0,1h", "--dhcp-authoritative",
            f"--dhcp-leasefile={self.folder}/leases", **quiet,
        )  # fmt: skip
        self.world.popen(*common, f"--address=/test/{WEB}", f"--pid-file={self.folder}/world.pid", **quiet)

    # --- the box's DHCP client --------------------------------------------------------------------------

    def start_client(self) -> None:
        """A DHCP client that keeps trying; the one before it must have ended."""
        self.client = self.box.popen(
            "busybox", "udhcpc", "-f", "-i", "eth0", "-s", str(self.folder / "client.sh"),
            "-t", "3", "-T", "1", "-A", "1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop_client(self) -> None:
        """Ends the client and takes the address away."""
        assert self.client is not None
        self.client.terminate()
        self.client.wait(5)
        self.box.ip("address", "flush", "dev", "eth0", "scope", "global")

    def has_lease(self) -> bool:
        """The box has an address and a default route."""
        listed = json.loads(self.box.ip("-j", "-4", "address", "show", "dev", "eth0"))
        return any(one.get("addr_info") for one in listed) and "default" in self.box.ip("route")

    def _web_answers(self) -> bool:
        def ask() -> bool:
            try:
                with socket.create_connection((WEB, 80), timeout=1):
                    return True
            except OSError:
                return False

        return self.box.call(ask)

    def wait_for(self, condition: Callable[[], bool], complaint: str, seconds: float = 15.0) -> None:
        """Waits until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, complaint
            time.sleep(0.1)

    # --- faults ----------------------------------------------------------------------------------------

    @contextmanager
    def rules(self, *chains: str, family: str = "inet") -> Iterator[None]:
        """Chains in a table of their own at the provider; gone at the end."""
        self.isp.nft("\n".join((f"table {family} fault {{", *chains, "}\n")))
        try:
            yield
        finally:
            self.isp.run("nft", "delete", "table", family, "fault")

    @contextmanager
    def link_down(self) -> Iterator[None]:
        """The cable is pulled at the provider's end."""
        self.isp.ip("link", "set", "eth0", "down")
        try:
            yield
        finally:
            self.isp.up("eth0")

    @contextmanager
    def no_lease(self) -> Iterator[None]:
        """The DHCP server hears nothing and the box starts anew."""
        with self.rules("chain c { type filter hook input priority 0; udp dport 67 drop; }"):
            self.stop_client()
            self.start_client()
            yield
        self.wait_for(self.has_lease, "no lease after the fault")

    @contextmanager
    def silent_gateway(self) -> Iterator[None]:
        """The provider's router neither answers nor asks by ARP, and the box has forgotten its MAC."""
        with self.rules(
            "chain a { type filter hook input priority 0; drop; }",
            "chain b { type filter hook output priority 0; drop; }",  # its questions would tell its MAC
            family="arp",
        ):
            self.box.ip("neigh", "flush", "dev", "eth0")
            yield

    @contextmanager
    def shy_gateway(self) -> Iterator[None]:
        """The provider's router answers no ARP, but the box knows its MAC, so traffic passes."""
        mac = json.loads(self.isp.ip("-j", "link", "show", "eth0"))[0]["address"]
        self.box.ip("neigh", "replace", GATEWAY, "lladdr", mac, "dev", "eth0", "nud", "permanent")
        try:
            with self.rules("chain c { type filter hook input priority 0; drop; }", family="arp"):
                yield
        finally:
            self.box.ip("neigh", "del", GATEWAY, "dev", "eth0")

    @contextmanager
    def no_route(self) -> Iterator[None]:
        """The box has lost its default route."""
        self.box.ip("route", "del", "default")
        try:
            yield
        finally:
            self.box.route("default", GATEWAY)

    @contextmanager
    def upstream_down(self) -> Iterator[None]:
        """The provider's own uplink is cut."""
        self.isp.ip("link", "set", "eth1", "down")
        try:
            yield
        finally:
            self.isp.up("eth1")

    @contextmanager
    def dns_silent(self) -> Iterator[None]:
        """The provider's resolver drops questions."""
        with self.rules("chain c { type filter hook input priority 0; udp dport 53 drop; }"):
            yield

    @contextmanager
    def dns_broken(self) -> Iterator[None]:
        """The provider's resolver answers SERVFAIL."""
        redirect = f"ip daddr {GATEWAY} udp dport 53 redirect to :{SERVFAIL_PORT};"
        with self.rules(f"chain c {{ type nat hook prerouting priority -100; {redirect} }}"):
            yield

    @contextmanager
    def captive_portal(self) -> Iterator[None]:
        """Plain HTTP is answered by the provider's sign-in page, everything else but DNS is held back."""
        nat = (
            f"chain a {{ type nat hook prerouting priority -100; tcp dport 80 redirect to :{PORTAL_PORT}; }}"
        )
        held = "chain b { type filter hook forward priority 0; tcp dport 443 drop; }"
        with self.rules(nat, held):
            yield

    @contextmanager
    def nothing_new(self) -> Iterator[None]:
        """New connections through the provider fail; one that the box made before lives on."""
        with self.box.call(socket.create_connection, (ANCHORS[0], 443)) as live:
            live.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            live.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
            live.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            first = "tcp flags & (syn | ack) == syn drop;"
            with self.rules(f"chain c {{ type filter hook forward priority 0; {first} }}"):
                yield

    @contextmanager
    def one_anchor_dead(self) -> Iterator[None]:
        """One of three anchors is gone."""
        with self.rules(f"chain c {{ type filter hook forward priority 0; ip daddr {ANCHORS[0]} drop; }}"):
            yield

    @contextmanager
    def no_icmp(self) -> Iterator[None]:
        """No ping anywhere."""
        with self.rules(
            "chain a { type filter hook forward priority 0; meta l4proto icmp drop; }",
            "chain b { type filter hook input priority 0; meta l4proto icmp drop; }",
        ):
            yield


def without_offload(interface: str) -> None:
    """Has the kernel fill in checksums on a virtual link as on a real one: DHCP clients look at them."""
    value = (ctypes.c_uint32 * 2)(0x17, 0)  # ETHTOOL_STXCSUM: off (ethtool.h)
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8946, request)  # SIOCETHTOOL (sockios.h)
