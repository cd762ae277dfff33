"""Faults of the cable, the address and the way out."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.diagnostics.fault import (
    BOTH,
    HERE,
    repeated,
    rules,
)
from tests.diagnostics.street import (
    ANCHORS,
    GATEWAY,
    Street,
)
from tests.lab.netns import Namespace, veth

# --- link and address --------------------------------------------------------------------------------------


@contextmanager
def link_down(street: Street) -> Iterator[None]:
    """The cable is pulled at the provider's end."""
    street.isp.ip("link", "set", "eth0", "down")
    try:
        yield
    finally:
        street.isp.up("eth0")


@contextmanager
def flapping(street: Street) -> Iterator[None]:
    """The signal comes and goes."""

    def turn(broken: bool) -> None:
        street.isp.ip("link", "set", "eth0", "down" if broken else "up")

    with repeated(turn, 1.0, 1.2):
        yield


@contextmanager
def dhcp_silent(street: Street) -> Iterator[None]:
    """The box is plugged in anew and no DHCP server answers."""
    with rules(HERE % "udp dport 67 drop;")(street):
        street.stop_client()
        street.box.ip("link", "set", "eth0", "down")
        street.box.up("eth0")
        street.start_client()
        yield


@contextmanager
def pool_exhausted(street: Street) -> Iterator[None]:
    """All addresses are given away."""
    street.stop_client()
    street.stop_dhcp()
    (street.folder / "leases").write_text("4102444800 02:00:00:00:00:99 192.168.77.50 * *\n")
    street.start_dhcp(last="192.168.77.50")
    street.start_client()
    try:
        yield
    finally:
        street.stop_dhcp()
        street.start_dhcp()


@contextmanager
def duplicate_address(street: Street) -> Iterator[None]:
    """A stranger on the provider's segment has the box's address, too."""
    address = street.address()
    assert address is not None
    suffix = street.box.name.rpartition("-")[2]
    with Namespace(f"stranger-{suffix}") as stranger:
        veth(stranger, street.isp, names=("eth0", "eth9"))
        street.isp.ip("link", "set", "eth9", "master", "br0")
        stranger.address("eth0", f"{address}/24")
        yield


@contextmanager
def lease_lost(street: Street) -> Iterator[None]:
    """The lease runs out because the server no longer answers."""
    with rules(HERE % "udp dport 67 drop;")(street):
        street.stop_client()
        street.start_client()
        yield


@contextmanager
def subnet_clash(street: Street) -> Iterator[None]:
    """The home has the modem's network."""
    street.box.address("lan0", "192.168.77.200/24")
    try:
        yield
    finally:
        street.box.ip("address", "del", "192.168.77.200/24", "dev", "lan0")


@contextmanager
def cgnat(street: Street) -> Iterator[None]:
    """The provider shares its addresses among customers."""
    street.stop_client()
    street.stop_dhcp()
    street.isp.address("br0", "100.64.0.1/24")
    street.start_dhcp(first="100.64.0.50", last="100.64.0.99")
    street.start_client()
    street.wait_for(street.has_lease, "no lease of the shared kind")
    try:
        yield
    finally:
        street.stop_client()
        street.stop_dhcp()
        street.isp.ip("address", "del", "100.64.0.1/24", "dev", "br0")
        street.start_dhcp()
        street.start_client()


# --- the way out -------------------------------------------------------------------------------------------


@contextmanager
def silent_gateway(street: Street) -> Iterator[None]:
    """The provider's router neither answers nor asks by ARP or ND, and the box has forgotten its MAC."""
    arp = rules(
        "chain a { type filter hook input priority 0; drop; }",
        "chain b { type filter hook output priority 0; drop; }",  # its questions would tell its MAC
        family="arp",
    )
    nd = rules(
        HERE % "iifname br0 drop;", "chain o { type filter hook output priority 0; oifname br0 drop; }",
        BOTH % "drop;", family="ip6",
    )  # fmt: skip
    with arp(street), nd(street):
        street.box.ip("neigh", "flush", "dev", "eth0")
        yield


@contextmanager
def no_route(street: Street) -> Iterator[None]:
    """The box has lost its default routes."""
    street.box.ip("-4", "route", "del", "default")
    with no_ipv6(street):
        yield
    street.box.route("default", GATEWAY)


@contextmanager
def no_ipv6(street: Street) -> Iterator[None]:
    """A line without IPv6."""
    switch = "/proc/sys/net/ipv6/conf/eth0/disable_ipv6"
    street.box.run("sh", "-c", f"echo 1 > {switch}")
    try:
        yield
    finally:
        street.box.run("sh", "-c", f"echo 0 > {switch}")


@contextmanager
def upstream_down(street: Street) -> Iterator[None]:
    """The provider's own uplink drops everything."""
    with rules(BOTH % "drop;", "chain o { type filter hook output priority 0; oifname eth1 drop; }")(street):
        yield


@contextmanager
def nothing_new(street: Street) -> Iterator[None]:
    """New connections through the provider fail; one that the box made before lives on."""
    with street.box.call(socket.create_connection, (ANCHORS[0], 443)) as live:
        live.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        live.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        live.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        first = "tcp flags & (syn | ack) == syn drop; meta l4proto icmp drop; meta l4proto icmpv6 drop;"
        with rules(BOTH % first)(street):
            yield


@contextmanager
def late_lease(street: Street) -> Iterator[None]:
    """The DHCP client starts some seconds after the diagnosis."""
    street.stop_client()
    late = threading.Timer(4.0, street.start_client)
    late.start()
    try:
        yield
    finally:
        late.join()


@contextmanager
def no_client(street: Street) -> Iterator[None]:
    """Nobody in the box asks for an address."""
    street.stop_client()
    try:
        yield
    finally:
        street.start_client()


@contextmanager
def shy_gateway(street: Street) -> Iterator[None]:
    """The provider's router answers no ARP, but the box knows its MAC, so traffic passes."""
    [router] = json.loads(street.isp.ip("-j", "link", "show", "br0"))
    street.box.ip("neigh", "replace", GATEWAY, "lladdr", router["address"], "dev", "eth0", "nud", "permanent")
    try:
        with rules("chain c { type filter hook input priority 0; drop; }", family="arp")(street):
            yield
    finally:
        street.box.ip("neigh", "del", GATEWAY, "dev", "eth0")


@contextmanager
def ipv6_only(street: Street) -> Iterator[None]:
    """A line that carries IPv6 only, with a provider that translates."""
    with rules(HERE % "udp dport 67 drop;")(street):
        street.stop_client()
        street.box.ip("link", "set", "eth0", "down")
        street.box.up("eth0")
        street.stop_dhcp()
        street.start_dhcp("--address=/ipv4only.arpa/64:ff9b::c000:aa")
        street.wait_for(street.has_ipv6, "no IPv6 address on a line that has nothing else")
        yield
    street.stop_dhcp()
    street.start_dhcp()
    street.start_client()
