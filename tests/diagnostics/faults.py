"""The faults of the lab: how each is made and healed, what the verdict ought to be, and what is as good.

What plain namespaces carry is made with nftables, tbf and small servers; `netem` marks what needs more.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from gatewayd.diagnostics.words import Verdict
from tests.diagnostics import far_end
from tests.diagnostics.street import (
    ANCHORS,
    CLOUD,
    GATEWAY,
    GATEWAY6,
    MAIL,
    PHONE,
    SPEED_PORT,
    TV,
    WEB,
    Street,
)
from tests.lab.netns import Namespace, veth
from tests.support.internet import ROOT

Inject = Callable[[Street], AbstractContextManager[None]]
BOTH = "chain f { type filter hook forward priority 0; %s }"
HERE = "chain i { type filter hook input priority 0; %s }"
TO_PORT = "chain n { type nat hook prerouting priority -100; %s }"


@dataclass(frozen=True)
class Case:
    """One row of the matrix. `request` is what the doctor is asked, `note` a word that a note must hold,
    `also` a code that must be seen beside the verdict."""

    name: str
    verdict: Verdict
    inject: Inject
    request: dict[str, Any] = field(default_factory=dict)
    note: str | None = None
    also: Verdict | None = None
    netem: bool = False
    ci: bool = False


@contextmanager
def nothing(street: Street) -> Iterator[None]:
    """All is well."""
    yield


def rules(*chains: str, family: str = "inet", at: str = "isp") -> Inject:
    """Chains in a table of their own, gone at the end."""

    @contextmanager
    def inject(street: Street) -> Iterator[None]:
        namespace: Namespace = getattr(street, at)
        namespace.nft("\n".join((f"table {family} fault {{", *chains, "}\n")))
        namespace.run("conntrack", "-F", check=False)
        try:
            yield
        finally:
            namespace.run("nft", "delete", "table", family, "fault")

    return inject


def together(*injected: Inject) -> Inject:
    """Several faults at once."""

    @contextmanager
    def inject(street: Street) -> Iterator[None]:
        with ExitStack() as stack:
            for one in injected:
                stack.enter_context(one(street))
            yield

    return inject


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
def repeated(turn: Callable[[bool], None], on: float, off: float) -> Iterator[None]:
    """Makes and heals something by turns until the end."""
    end = threading.Event()

    def run() -> None:
        while not end.wait(off):
            turn(True)
            end.wait(on)
            turn(False)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


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
    with _no_ipv6(street):
        yield
    street.box.route("default", GATEWAY)


@contextmanager
def _no_ipv6(street: Street) -> Iterator[None]:
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


@contextmanager
def jitter(street: Street) -> Iterator[None]:
    """Every packet from the world is late by another time."""
    street.isp.netem("br0", "delay", "80ms", "60ms")
    try:
        yield
    finally:
        street.isp.run("tc", "qdisc", "del", "dev", "br0", "root")


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


def drop(what: str) -> Inject:
    """What the provider does not forward."""
    return rules(BOTH % f"{what} drop;")


def to_port(what: str, port: int) -> Inject:
    """What the provider answers itself, at another port."""
    return rules(TO_PORT % f"iifname br0 {what} redirect to :{port};")


_DNS = f"ip daddr {GATEWAY} udp dport 53"
_SPEED = {"thorough": True, "speed": f"http://{WEB}:{SPEED_PORT}"}
_PLAN = {"targets": {"plan_down_mbits": 8, "plan_up_mbits": 8}}
_UP = shaped("8mbit", 40_000, way="up")
_ANCHORS = f"ip daddr {ANCHORS[0]}"
_FILTERED = rules(BOTH % "meta l4proto icmp drop;", HERE % "meta l4proto icmp drop;")
_PORTAL = rules(
    TO_PORT % f"iifname br0 ip daddr != {GATEWAY} tcp dport 80 redirect to :{far_end.PORTAL};",
    BOTH % "meta l4proto tcp drop;",
)
_GARDEN = rules(
    TO_PORT % f"iifname br0 ip daddr != {GATEWAY} tcp dport 80 redirect to :{far_end.GARDEN};",
    BOTH % "meta l4proto tcp drop;",
)
_ONE_PROBE = f"ip daddr {WEB} tcp dport 443"


@contextmanager
def wrong_clock(street: Street) -> Iterator[None]:
    """By the box's clock the true time is two years ahead, and the web's certificate of tomorrow."""
    chain = (
        f"iifname br0 udp dport 123 redirect to :{far_end.WRONG_TIME};"
        f" iifname br0 {_ONE_PROBE} redirect to :{far_end.LATER_TLS};"
    )
    with rules(TO_PORT % chain)(street):
        yield


CASES: tuple[Case, ...] = (
    *(Case(f"healthy {number}", "OK", well_device, ci=number == 1) for number in range(1, 6)),
    Case("link down", "LINK_DOWN", link_down, ci=True),
    Case("link flapping", "LINK_FLAPPING", flapping),
    Case("DHCP silent", "ADDR_NO_LEASE", together(_no_ipv6, dhcp_silent)),
    Case("DHCP pool exhausted", "ADDR_POOL_FULL", together(_no_ipv6, pool_exhausted), ci=True),
    Case("duplicate address", "ADDR_DUPLICATE", duplicate_address),
    Case("lease lost", "ADDR_LEASE_LOST", together(_no_ipv6, lease_lost)),
    Case("subnet clash", "ADDR_SUBNET_CLASH", subnet_clash),
    Case("CGNAT", "OK", cgnat, note="CGNAT"),
    Case("gateway silent at ARP", "GW_NO_ARP", silent_gateway, ci=True),
    Case("no default route", "ROUTE_MISSING", no_route),
    Case("upstream down", "ISP_UPSTREAM_DOWN", upstream_down, ci=True),
    Case("IPv4 broken", "V4_DOWN", drop("meta nfproto ipv4 meta l4proto != udp")),
    Case("IPv6 broken", "V6_DOWN", drop("meta nfproto ipv6"), ci=True),
    Case("IPv6 only, NAT64", "OK_IPV6_ONLY", ipv6_only, {"targets": {"resolvers": [GATEWAY6]}}, note="NAT64"),
    Case("ICMP filtered", "OK", _FILTERED, ci=True),
    Case("one anchor dead", "OK", drop(_ANCHORS)),
    Case("DNS timeout", "DNS_TIMEOUT", rules(HERE % "udp dport 53 drop;"), ci=True),
    Case("DNS SERVFAIL", "DNS_SERVFAIL", to_port(_DNS, far_end.SERVFAIL)),
    Case("DNS invents names", "DNS_HIJACK_NX", to_port(_DNS, far_end.LYING)),
    Case("DNS slow", "DNS_SLOW", to_port(_DNS, far_end.SLOW)),
    Case("DNS intercepted", "DNS_INTERCEPTED", to_port("udp dport 53", 53), ci=True),
    Case("local resolver dead", "DNS_LOCAL", nothing, {"targets": {"resolvers": ["127.0.0.53"]}}),
    Case("clock wrong", "CLOCK_WRONG", wrong_clock),
    Case("TLS man in the middle", "TLS_INTERCEPTED", to_port("tcp dport 443", far_end.FOREIGN_TLS), ci=True),
    Case("big packets vanish", "MTU_BLACKHOLE", drop("meta length > 1400"), ci=True),
    Case("TCP blocked, ping works", "TCP_BLOCKED", drop("meta l4proto tcp")),
    Case("captive portal", "CAPTIVE_PORTAL", _PORTAL, ci=True),
    Case("walled garden", "WALLED_GARDEN", _GARDEN),
    Case("only our cloud down", "OK_CLOUD_DOWN", drop(f"ip daddr {CLOUD}")),
    Case("8 % loss", "LOSS_WAN", drop("iifname eth1 numgen random mod 100 < 8")),
    Case("loss in bursts", "LOSS_BURSTY", bursts),
    Case("60 ms of jitter", "JITTER_WAN", jitter, netem=True),
    Case(
        "bufferbloat", "BUFFERBLOAT", together(speed_server, shaped("8mbit", 300_000), _UP),
        _SPEED | _PLAN,
    ),
    Case(
        "rate below the plan", "SLOW_BELOW_PLAN", together(speed_server, shaped("8mbit", 40_000), _UP),
        _SPEED | {"targets": {"plan_down_mbits": 20}},
    ),
    Case("line busy", "BUSY_LINE", busy, _PLAN),
    Case("weak Wi-Fi client", "WIFI_WEAK", nothing, {"stations": [["Tablet", -84], ["Laptop", -51]]}),
    Case("lossy device at home", "LAN_CLIENT_LOSS", lossy_device),
    Case("box overloaded", "SELF_OVERLOADED", overloaded),
    Case("disk full", "SELF_DISK", disk_full),
    Case("telephone server dead", "PHONE_REG_FAIL", drop(f"ip daddr {PHONE}")),
    Case("stream server slow", "TV_STREAM_SERVER", to_port(f"ip daddr {TV} tcp dport 80", far_end.SLOW_TV)),
    Case(
        "multicast missing", "TV_MULTICAST",
        rules("chain o { type filter hook output priority 0; ip daddr 239.0.0.0/8 drop; }"),
    ),
    Case("mail server dead", "MAIL_UNREACHABLE", drop(f"ip daddr {MAIL}")),
    Case(
        "resolver and IPv6 dead", "DNS_TIMEOUT",
        rules(HERE % "udp dport 53 drop;", BOTH % "meta nfproto ipv6 drop;"), also="V6_DOWN",
    ),
    Case(
        "telephone and disk", "PHONE_REG_FAIL", together(drop(f"ip daddr {PHONE}"), disk_full),
        also="SELF_DISK",
    ),
    Case("gateway hides from ARP", "OK", shy_gateway, note="does not answer ARP"),
    Case("gateway silent, netd away", "GW_NO_ARP", silent_gateway, {"netd": "/nowhere/netd.sock"}),
    Case(
        "a connection lives on", "OK", nothing_new, {"targets": {"public_resolver": None}},
        note="live connection",
    ),
    Case("lease comes meanwhile", "OK", together(_no_ipv6, late_lease)),
    Case("lease offered, not taken", "ADDR_NO_LEASE", together(_no_ipv6, no_client)),
    Case("line came and went", "UNSTABLE", nothing, {"transitions": 4}),
)  # fmt: skip
