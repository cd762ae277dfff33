"""The street of the fault lab: a device at home - the box - the provider - the world, each a namespace.

Built once, healthy; a fault (`faults.py`) breaks one thing and heals it. The box has its IPv4 address from a
real DHCP client and its IPv6 address from router advertisements. All addresses are documentation or private
ones. Several streets may stand side by side.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.diagnostics.far_end import certificates
from tests.lab.netns import Namespace, run, veth
from tests.support.internet import ROOT, without_offload
from tests.support.registrar import REALM

GATEWAY, GATEWAY6 = "192.168.77.1", "2001:db8:77::1"
CGNAT_GATEWAY = "100.64.0.1"
WORLD_GATEWAY, WORLD_GATEWAY6 = "203.0.113.1", "2001:db8:113::1"
HOME, DEVICE = "192.168.9.1", "192.168.9.10"
ANCHORS = tuple(f"203.0.113.{number}" for number in (10, 20, 30, 40, 50, 60))
ANCHORS6 = tuple(f"2001:db8:113::{number}" for number in (10, 20, 30, 40))
DNS, WEB, CLOUD, TV, PHONE, MAIL = (f"203.0.113.{number}" for number in (53, 80, 90, 100, 110, 120))
DNS6, WEB6 = "2001:db8:113::53", "2001:db8:113::80"
CANARY = "198.51.100.53"
GROUP, GROUP_PORT = "239.1.1.1", 5000
SPEED_PORT = 8088

_CLIENT_SCRIPT = """#!/bin/sh
ip -4 address flush dev "$interface" scope global
case "$1" in bound|renew)
    ip address add "$ip/$mask" dev "$interface"
    ip route replace default via "$router" dev "$interface"
esac
"""
_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Street:
    """Use it as a context manager; afterwards the box is online over both families."""

    def __init__(self, number: int = 1) -> None:
        self.device, self.box, self.isp, self.world = (
            Namespace(f"{name}{number}") for name in ("device", "box", "isp", "world")
        )
        self.client: subprocess.Popen[bytes] | None = None
        self.dhcp: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()
        self.folder = Path()
        self.pin = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gwt-street-")))
            self.pin = certificates(self.folder)
            (self.folder / "password").write_text("swordfish\n")
            for namespace in (self.device, self.box, self.isp, self.world):
                stack.enter_context(namespace)
            stack.enter_context(self._small_disk())
            self._cables()
            self._far_ends()
            (self.folder / "client.sh").write_text(_CLIENT_SCRIPT)
            (self.folder / "client.sh").chmod(0o755)
            self.start_client()
            self.wait_for(self.has_lease, "the box has no lease")
            self.wait_for(self.has_ipv6, "the box has no IPv6 address")
            self.wait_for(lambda: self.answers(WEB, 443), "the web does not answer")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def targets(self) -> dict[str, Any]:
        """The settings of a diagnosis on this street."""
        return {
            "anchors_v4": [f"{anchor}:443" for anchor in ANCHORS],
            "anchors_v6": [f"[{anchor}]:443" for anchor in ANCHORS6],
            "resolvers": [GATEWAY],
            "public_resolver": DNS,
            "dns_names": ["probe.test"],
            "dns_canary": CANARY,
            "http_probe_url": "http://probe.test/generate_204",
            "https_probe_url": "https://probe.test/generate_204",
            "ntp_server": WEB,
            "tls_probe": "probe.test:443",
            "tls_pins": [self.pin],
            "bulk_url": "http://probe.test/bulk",
            "cloud_url": f"http://{CLOUD}/health",
            "sip_server": PHONE,
            "sip_account": f"4930@{REALM}",
            "sip_password_file": str(self.folder / "password"),
            "mail_servers": ["mail.test:993", "mail.test:587"],
            "mail_domain": "mail.test",
            "tv_stream_url": f"http://{TV}/live.m3u8",
            "tv_multicast": f"{GROUP}:{GROUP_PORT}",
        }

    @contextmanager
    def _small_disk(self) -> Iterator[None]:
        disk = self.folder / "disk"
        disk.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=2m", "gwt-disk", str(disk))
        try:
            yield
        finally:
            run("umount", str(disk))

    def _cables(self) -> None:
        veth(self.device, self.box, names=("eth0", "lan0"))
        veth(self.box, self.isp, names=("eth0", "eth0"))
        veth(self.isp, self.world, names=("eth1", "eth0"))
        for namespace in (self.box, self.isp):
            namespace.call(without_offload, "eth0")
        self.device.address("eth0", f"{DEVICE}/24")
        self.device.route("default", HOME)
        self.box.address("lan0", f"{HOME}/24")
        self._sysctl(self.box, "net/ipv4/ip_forward", "1")
        self._sysctl(self.box, "net/ipv6/conf/eth0/accept_ra", "2")
        self._sysctl(self.box, "net/ipv6/conf/eth0/accept_dad", "0")
        self.box.nft(
            "table ip home {\n"
            'chain out { type nat hook postrouting priority 100; oifname "eth0" masquerade; }\n}\n'
        )
        self.isp.bridge("br0", "eth0", address=f"{GATEWAY}/24")
        self.isp.address("br0", f"{GATEWAY6}/64")
        self.isp.address("eth1", f"{WORLD_GATEWAY}/24")
        self.isp.address("eth1", f"{WORLD_GATEWAY6}/64")
        for address in (*ANCHORS, DNS, WEB, CLOUD, TV, PHONE, MAIL):
            self.world.address("eth0", f"{address}/24")
        for address in (*ANCHORS6, DNS6, WEB6):
            self.world.address("eth0", f"{address}/64")
        self.world.route("default", WORLD_GATEWAY)
        self.world.ip("-6", "route", "add", "default", "via", WORLD_GATEWAY6)
        self.world.ip("route", "add", "blackhole", "198.51.100.0/24")
        self.isp.route("default", ANCHORS[0])
        for switch in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
            self._sysctl(self.isp, switch, "1")
        # Routers tell of dropped packets as often as it happens here; by default one in a second.
        self._sysctl(self.isp, "net/ipv4/icmp_ratelimit", "0")

    def _sysctl(self, namespace: Namespace, name: str, value: str) -> None:
        namespace.call(Path(f"/proc/sys/{name}").write_text, value)

    def _far_ends(self) -> None:
        for namespace, place in ((self.isp, "isp"), (self.world, "world")):
            namespace.popen(
                sys.executable, "-m", "tests.diagnostics.far_end", str(self.folder), place, cwd=ROOT
            )
        self.start_dhcp()
        self.world.popen(
            *_dnsmasq("eth0"), f"--address=/probe.test/{WEB}", f"--address=/probe.test/{WEB6}",
            f"--address=/mail.test/{MAIL}", "--mx-host=mail.test,mx.mail.test,10",
            "--local=/com/", "--local=/arpa/", f"--pid-file={self.folder}/world.pid", **_QUIET,
        )  # fmt: skip

    # --- the provider's DHCP server, resolver and router advertisements ---------------------------------

    def start_dhcp(self, *options: str, first: str = "192.168.77.50", last: str = "192.168.77.99") -> None:
        """Starts it; `options` are dnsmasq's. An earlier one must have ended."""
        self.dhcp = self.isp.popen(
            *_dnsmasq("br0"), "--no-ping", f"--server={DNS}", f"--pid-file={self.folder}/isp.pid",
            f"--dhcp-range={first},{last},255.255.255.0,1h", "--dhcp-authoritative",
            "--dhcp-range=::,constructor:br0,ra-only,64,1h", "--enable-ra",
            f"--dhcp-leasefile={self.folder}/leases", *options, **_QUIET,
        )  # fmt: skip

    def stop_dhcp(self) -> None:
        """Ends it and forgets its leases."""
        assert self.dhcp is not None
        self.dhcp.terminate()
        self.dhcp.wait(5)
        (self.folder / "leases").unlink(missing_ok=True)

    # --- the box's DHCP client --------------------------------------------------------------------------

    def start_client(self) -> None:
        """A DHCP client that keeps trying; the one before it must have ended."""
        self.client = self.box.popen(
            "busybox", "udhcpc", "-f", "-i", "eth0", "-s", str(self.folder / "client.sh"),
            "-t", "3", "-T", "1", "-A", "1", **_QUIET,
        )  # fmt: skip

    def stop_client(self) -> None:
        """Ends the client and takes the IPv4 address away."""
        assert self.client is not None
        self.client.terminate()
        self.client.wait(5)
        self.box.ip("-4", "address", "flush", "dev", "eth0", "scope", "global")

    def has_lease(self) -> bool:
        """The box has an address and a default route."""
        return self.address() is not None and "default" in self.box.ip("-4", "route")

    def address(self) -> str | None:
        """The box's IPv4 address on its WAN."""
        listed = json.loads(self.box.ip("-j", "-4", "address", "show", "dev", "eth0"))
        found = [info["local"] for one in listed for info in one.get("addr_info", ())]
        return found[0] if found else None

    def has_ipv6(self) -> bool:
        """The box has a global IPv6 address and a default route."""
        listed = self.box.ip("-6", "address", "show", "dev", "eth0", "scope", "global")
        usable = "inet6 2001:db8:77:" in listed and "tentative" not in listed
        return usable and "default" in self.box.ip("-6", "route")

    def answers(self, address: str, port: int) -> bool:
        """Whether the box reaches a port."""

        def ask() -> bool:
            try:
                with socket.create_connection((address, port), timeout=1):
                    return True
            except OSError:
                return False

        return self.box.call(ask)

    def healed(self) -> None:
        """Waits until the street is as it was before a fault."""
        self.wait_for(self.has_lease, "no lease after the fault")
        self.wait_for(self.has_ipv6, "no IPv6 after the fault")
        self.wait_for(lambda: self.answers(WEB, 80), "the web does not answer after the fault")
        self.wait_for(lambda: self.answers(f"{ANCHORS6[0]}", 443), "no IPv6 internet after the fault")

    def wait_for(self, condition: Callable[[], bool], complaint: str, seconds: float = 60.0) -> None:
        """Waits until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, complaint
            time.sleep(0.1)


def _dnsmasq(interface: str) -> tuple[str, ...]:
    return (
        "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--cache-size=0",
        "--bind-interfaces", f"--interface={interface}", "--except-interface=lo", "--user=root",
        "--log-facility=-",
    )  # fmt: skip


class Doctor:
    """A process in the box that diagnoses again and again. Use it as a context manager."""

    def __init__(self, street: Street, netd: Path) -> None:
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "SSL_CERT_FILE": str(street.folder / "authority.pem"),
        }
        self._street = street
        self._process = street.box.popen(
            sys.executable, "-m", "tests.diagnostics.doctor", str(netd), str(street.folder),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def diagnose(self, **request: Any) -> bytes:
        """One diagnosis as JSON. `targets` replace the street's; see `doctor.py` for the rest."""
        request["targets"] = self._street.targets | request.get("targets", {})
        return self._ask(request)

    def forget(self) -> None:
        """A new day: the box remembers nothing of its cable but what it sees now."""
        self._ask({"forget": True})

    def _ask(self, request: dict[str, Any]) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        line: bytes = self._process.stdout.readline()
        assert line, "the doctor has died"
        return line
