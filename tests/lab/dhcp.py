"""A real DHCP server (dnsmasq) and a real client (busybox's udhcpc) for namespaces."""

import tempfile
import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Self

from tests.lab.netns import CommandFailed, Namespace

_CLIENT = """#!/bin/sh
# Called by udhcpc with the lease in its environment (busybox, networking/udhcp).
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "$router"
echo "address=$ip/$mask router=$router dns=$dns lease=$lease"
"""


@dataclass(frozen=True)
class Lease:
    """A line of dnsmasq's lease file. `expires` in seconds since 1970; `hostname` None when not told."""

    expires: int
    mac: str
    address: str
    hostname: str | None


class Dnsmasq:
    """A dnsmasq that serves DHCP and names on one interface of a namespace. A context manager.

    Attributes: `leases_file` and `log` (paths; the lease file is the one a gateway's dnsmasq writes).
    """

    def __init__(self, namespace: Namespace, interface: str, network: str, *options: str) -> None:
        """`network` is the interface's own (``192.168.7.1/24``); addresses .100 to .199 are given out.

        `options` are further command line options of dnsmasq.
        """
        self.namespace = namespace
        self._scratch = tempfile.TemporaryDirectory(prefix="gwt-")
        self.leases_file = Path(self._scratch.name, "dnsmasq.leases")
        self.log = Path(self._scratch.name, "log")
        base = ip_network(network, strict=False).network_address
        self._options = (
            *("--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"),
            *("--pid-file=", "--bind-interfaces", f"--interface={interface}", "--except-interface=lo"),
            *("--log-facility=-", "--log-dhcp", f"--dhcp-leasefile={self.leases_file}"),
            *("--dhcp-authoritative", "--no-ping", f"--dhcp-range={base + 100},{base + 199},10m"),
            *options,
        )

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = self.namespace.popen("dnsmasq", *self._options, stdout=log, stderr=log)
        deadline = time.monotonic() + 15
        while "started" not in self.log.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = self.log.read_text()
                self.__exit__()
                raise CommandFailed(f"dnsmasq does not run: {text}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._scratch.cleanup()

    def leases(self) -> list[Lease]:
        """The IPv4 leases in its file, in the file's order."""
        return parse_leases(self.leases_file.read_text() if self.leases_file.exists() else "")


def parse_leases(text: str) -> list[Lease]:
    """dnsmasq's lease file: expiry, MAC, address, name or ``*``, client id or ``*`` (dnsmasq(8))."""
    leases = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 5 and words[0].isdecimal() and ip_address(words[2]).version == 4:
            name = None if words[3] == "*" else words[3]
            leases.append(Lease(int(words[0]), words[1].lower(), words[2], name))
    return leases


def dhcp_client(
    namespace: Namespace, interface: str, hostname: str | None = None, timeout: int = 15
) -> dict[str, str]:
    """Get a lease, set address and default route; returns ``address``, ``router``, ``dns`` and ``lease``.

    `timeout` in seconds. The client ends when it has the lease. Raises `CommandFailed` without one.
    """
    name = ("-x", f"hostname:{hostname}") if hostname else ()
    with tempfile.TemporaryDirectory(prefix="gwt-") as scratch:
        script = Path(scratch, "lease")
        script.write_text(_CLIENT)
        script.chmod(0o755)
        namespace.up(interface)
        client = ("busybox", "udhcpc", "-f", "-q", "-n", "-t", str(timeout), "-T", "1")
        output = namespace.run(*client, "-i", interface, "-s", str(script), *name, timeout=timeout + 15)
    [line] = [line for line in output.splitlines() if line.startswith("address=")]
    return dict(word.split("=", 1) for word in line.split())
