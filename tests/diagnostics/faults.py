"""The faults of the lab: how each is made, what the verdict ought to be, and what is as good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.diagnostics import far_end
from tests.diagnostics.fault import (
    BOTH,
    HERE,
    TO_PORT,
    Case,
    drop,
    nothing,
    rules,
    to_port,
    together,
)
from tests.diagnostics.line_faults import (
    cgnat,
    dhcp_silent,
    duplicate_address,
    flapping,
    ipv6_only,
    late_lease,
    lease_lost,
    link_down,
    no_client,
    no_ipv6,
    no_route,
    nothing_new,
    pool_exhausted,
    shy_gateway,
    silent_gateway,
    subnet_clash,
    upstream_down,
)
from tests.diagnostics.quality_faults import (
    bursts,
    busy,
    disk_full,
    lossy_device,
    netem,
    overloaded,
    shaped,
    speed_server,
    well_device,
)
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

_SIX = {"targets": {"resolvers": [GATEWAY6]}}
_SIP, _SMTP = f"ip daddr {PHONE} udp dport 5060", f"ip daddr {MAIL} tcp dport 587"
_DNS = f"ip daddr {GATEWAY} udp dport 53"
_SPEED = {"thorough": True, "speed": f"http://{WEB}:{SPEED_PORT}"}
_PLAN = {"targets": {"plan_down_mbits": 8, "plan_up_mbits": 8}}
_WAYS = ("br0", "eth1")
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


@contextmanager
def wrong_password(street: Street) -> Iterator[None]:
    """The password that the installer entered is not the account's."""
    right = (street.folder / "password").read_text()
    (street.folder / "password").write_text("swordfis\n")
    try:
        yield
    finally:
        (street.folder / "password").write_text(right)


@contextmanager
def told_by_dhcp(street: Street) -> Iterator[None]:
    """The provider's DHCP server names the portal's API (RFC 8910)."""
    street.stop_dhcp()
    street.start_dhcp(
        f"--dhcp-option-force=114,https://portal.test:{far_end.PORTAL_API}/api",
        f"--address=/portal.test/{GATEWAY}",
    )
    try:
        yield
    finally:
        street.stop_dhcp()
        street.start_dhcp()


CASES: tuple[Case, ...] = (
    *(Case(f"healthy {number}", "OK", well_device, ci=number == 1) for number in range(1, 6)),
    Case("link down", "LINK_DOWN", link_down, ci=True),
    Case("link flapping", "LINK_FLAPPING", flapping),
    Case("DHCP silent", "ADDR_NO_LEASE", together(no_ipv6, dhcp_silent)),
    Case("DHCP pool exhausted", "ADDR_POOL_FULL", together(no_ipv6, pool_exhausted), ci=True),
    Case("duplicate address", "ADDR_DUPLICATE", duplicate_address),
    Case("lease lost", "ADDR_LEASE_LOST", together(no_ipv6, lease_lost)),
    Case("subnet clash", "ADDR_SUBNET_CLASH", subnet_clash),
    Case("CGNAT", "OK", cgnat, note="CGNAT"),
    Case("gateway silent at ARP", "GW_NO_ARP", silent_gateway, ci=True),
    Case("no default route", "ROUTE_MISSING", no_route),
    Case("upstream down", "ISP_UPSTREAM_DOWN", upstream_down, ci=True),
    Case("IPv4 broken", "V4_DOWN", drop("meta nfproto ipv4 meta l4proto != udp")),
    Case("IPv6 broken", "V6_DOWN", drop("meta nfproto ipv6"), ci=True),
    Case("IPv6 only, NAT64", "OK_IPV6_ONLY", ipv6_only, _SIX, note="NAT64"),
    Case("IPv6 only, upstream down", "ISP_UPSTREAM_DOWN", together(ipv6_only, upstream_down), _SIX),
    Case("IPv6 only, gateway silent", "GW_NO_ARP", together(ipv6_only, silent_gateway), _SIX),
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
    Case("portal told by DHCP", "CAPTIVE_PORTAL", together(told_by_dhcp, _GARDEN), note=far_end.PORTAL_PAGE),
    Case("walled garden", "WALLED_GARDEN", _GARDEN),
    Case("only our cloud down", "OK_CLOUD_DOWN", drop(f"ip daddr {CLOUD}")),
    Case("8 % loss", "LOSS_WAN", drop("iifname eth1 numgen random mod 100 < 8")),
    Case("loss in bursts", "LOSS_BURSTY", bursts),
    Case("60 ms of jitter", "JITTER_WAN", netem("delay", "80ms", "60ms"), netem=True),
    Case("8 % loss (netem)", "LOSS_WAN", netem("loss", "8%"), netem=True),
    Case("80 ms away", "OK", netem("delay", "40ms", ways=_WAYS), netem=True),
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
    Case("telephone account refused", "PHONE_ACCOUNT", wrong_password),
    Case("telephone server failing", "PHONE_REG_FAIL", to_port(_SIP, far_end.BUSY_SIP)),
    Case("telephone server dead", "PHONE_REG_FAIL", drop(f"ip daddr {PHONE}")),
    Case("stream server slow", "TV_STREAM_SERVER", to_port(f"ip daddr {TV} tcp dport 80", far_end.SLOW_TV)),
    Case(
        "multicast missing", "TV_MULTICAST",
        rules("chain o { type filter hook output priority 0; ip daddr 239.0.0.0/8 drop; }"),
    ),
    Case("mail server dead", "MAIL_UNREACHABLE", drop(f"ip daddr {MAIL}")),
    Case("mail server full", "MAIL_UNREACHABLE", to_port(_SMTP, far_end.FULL_MAIL)),
    Case("port 25 closed", "OK", drop("tcp dport 25")),
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
    Case("lease comes meanwhile", "OK", together(no_ipv6, late_lease)),
    Case("lease offered, not taken", "ADDR_NO_LEASE", together(no_ipv6, no_client)),
    Case("line came and went", "UNSTABLE", nothing, {"transitions": 4}),
)  # fmt: skip
