"""The rules about the way out, the strongest claim first. Each looks at the facts and claims a fault or None.

What got through proves the layers below it: a gateway that hides from ARP is no fault while pages load, and
the provider is only accused when the home's side was seen to work. Rules about how well the line works are in
`quality_rules.py`.
"""

from __future__ import annotations

from gatewayd.diagnostics.claims import CHANGES, DNS_SLOW_MS, OFFSET_WRONG, Found
from gatewayd.diagnostics.facts import Facts, is_own
from gatewayd.diagnostics.results import DnsAnswer
from gatewayd.diagnostics.words import Confidence

_ONE_PACKET = 1500


def captive_portal(seen: Facts) -> Found | None:
    """A redirect, a page that asks for something, an API that says so; else a walled garden's page."""
    if not seen.portal:
        return None
    reached = seen.internet.v4_reached or seen.internet.v6_reached or seen.http.https == "expected"
    asks = seen.http.outcome == "redirect" or seen.http.sign_in or seen.http.http_status == 511
    asks = asks or bool(seen.http.captive)
    return Found("CAPTIVE_PORTAL" if asks else "WALLED_GARDEN", "medium" if reached else "high")


def link_flapping(seen: Facts) -> Found | None:
    """The cable's signal comes and goes."""
    if seen.link.changes + seen.carrier.changes >= CHANGES:
        return Found("LINK_FLAPPING", "high")
    # A diagnosis takes a quarter of a minute: who came and went in it has not done so by chance.
    return Found("LINK_FLAPPING", "medium") if seen.carrier.changes >= 2 else None


def link_down(seen: Facts) -> Found | None:
    """No signal on the cable."""
    if seen.online or seen.link.status != "failed":
        return None
    return Found("LINK_DOWN", "high" if seen.link.interface else "medium")


def duplicate(seen: Facts) -> Found | None:
    """Somebody else has our address: works by turns, so whatever got through disproves nothing."""
    return Found("ADDR_DUPLICATE", "high") if seen.duplicate.mac is not None else None


def subnet_clash(seen: Facts) -> Found | None:
    """The home and the modem number their networks alike."""
    if seen.address.clash is None:
        return None
    return Found("ADDR_SUBNET_CLASH", "medium" if seen.online else "high")


def no_address(seen: Facts) -> Found | None:
    """No IPv4 address; why, as far as a DHCP probe could tell."""
    if seen.online or seen.address.v4 or seen.address.status not in ("failed", "warn"):
        return None
    if seen.address.v6 and seen.gateway.six and seen.address.had is None and seen.address.dhcp == "silent":
        return None  # nobody gives IPv4 here, and IPv6 has a way out: the fault is further on
    if seen.address.dhcp == "refused":
        return Found("ADDR_POOL_FULL", "high")
    if seen.address.had is not None and seen.address.dhcp != "offered":
        return Found("ADDR_LEASE_LOST", "high" if seen.address.dhcp == "silent" else "medium")
    return Found("ADDR_NO_LEASE", "high" if seen.address.dhcp == "silent" else "medium")


def route_missing(seen: Facts) -> Found | None:
    """An address, and no way out."""
    if seen.online or seen.gateway.status != "failed" or seen.gateway.route:
        return None
    return Found("ROUTE_MISSING", "high" if seen.address.status == "ok" else "medium")


def gateway_silent(seen: Facts) -> Found | None:
    """A gateway through which anything answered is not dead, whatever it says to ARP."""
    if seen.online or seen.public_dns or seen.pings:
        return None
    if seen.gateway.status != "failed" or seen.gateway.arp != "silent":
        return None
    return Found("GW_NO_ARP", "high")


def tcp_blocked(seen: Facts) -> Found | None:
    """Packets come through, connections do not."""
    if seen.internet.status != "failed" or seen.internet.heard or seen.http.https == "expected":
        return None
    if seen.http.outcome == "expected":  # plain HTTP is let through, or the anchors are all dead
        return Found("TCP_BLOCKED", "medium") if seen.pings else None
    if seen.pings:
        return Found("TCP_BLOCKED", "high")
    return Found("TCP_BLOCKED", "medium") if seen.public_dns else None


def upstream_down(seen: Facts) -> Found | None:
    """The home works up to the modem, and nothing beyond answers."""
    if seen.online or seen.internet.status != "failed" or seen.public_dns or seen.pings:
        return None
    if seen.gateway.arp == "answered" or seen.edge.answered:
        beyond = seen.dns.public is not None or seen.http.outcome is not None
        return Found("ISP_UPSTREAM_DOWN", "high" if beyond else "medium")
    # A line without ARP (PPP) is up only while the provider's end keeps the session. Otherwise the home's
    # side was not seen to work, and nobody is accused.
    return Found("ISP_UPSTREAM_DOWN", "medium") if seen.gateway.on_link else None


def clock_wrong(seen: Facts) -> Found | None:
    """A clock that is so wrong that certificates and second factors fail."""
    dated = seen.tls.outcome in ("not_yet_valid", "expired")
    if seen.clock.offset is not None:
        if abs(seen.clock.offset) < OFFSET_WRONG:
            return None
        return Found("CLOCK_WRONG", "high" if dated else "medium")
    # Nobody told the time. Hardly anybody serves a certificate before its first day.
    return Found("CLOCK_WRONG", "medium") if seen.tls.outcome == "not_yet_valid" else None


def dns_fails(seen: Facts) -> Found | None:
    """No resolver in use answers properly."""
    outcomes = {answer.outcome for answer in seen.dns.answers}
    if seen.dns.status != "failed" or not outcomes or "answered" in outcomes:
        return None
    beyond = seen.online or seen.public_dns
    sure: Confidence = "high" if beyond else "low"
    errors = {"servfail", "refused", "nxdomain"}
    if beyond and all(is_own(answer.resolver) for answer in seen.dns.answers):
        return Found("DNS_LOCAL", "medium" if outcomes <= errors else "high")
    return Found("DNS_SERVFAIL" if outcomes & errors else "DNS_TIMEOUT", sure)


def dns_intercepted(seen: Facts) -> Found | None:
    """A server that cannot exist answered."""
    return Found("DNS_INTERCEPTED", "high") if seen.intercepted else None


def dns_hijacked(seen: Facts) -> Found | None:
    """The resolver in use knows an address for a name that nobody has. If the one beyond does, too, the
    name has an owner after all."""
    if not _has_address(seen.dns.made_up) or _has_address(seen.dns.public_made_up):
        return None
    return Found("DNS_HIJACK_NX", "high" if seen.dns.public_made_up is not None else "medium")


def dns_slow(seen: Facts) -> Found | None:
    """Slow for a name that it has just looked up, and slower than the line explains."""
    warm = seen.dns.warm_ms
    if warm is None or warm <= DNS_SLOW_MS or warm - seen.distance_ms <= DNS_SLOW_MS * 2 / 3:
        return None
    return Found("DNS_SLOW", "high" if seen.quality.status == "ok" else "medium")


def tls_intercepted(seen: Facts) -> Found | None:
    """Somebody else's certificate. A portal's is explained by the portal."""
    return Found("TLS_INTERCEPTED", "high") if seen.tls.outcome == "foreign" else None


def mtu_blackhole(seen: Facts) -> Found | None:
    """Small packets pass, big ones vanish."""
    if seen.mtu.bulk_bytes > _ONE_PACKET:
        return None  # big packets came; a full line loses some, too
    passes = seen.mtu.small is not None and seen.mtu.small > 0
    vanish = passes and seen.mtu.large == 0
    if seen.mtu.bulk == "stalled" and (vanish or passes):
        return Found("MTU_BLACKHOLE", "high" if vanish else "medium")
    if seen.mtu.bulk == "stalled" and seen.http.outcome == "expected":
        return Found("MTU_BLACKHOLE", "medium")
    return Found("MTU_BLACKHOLE", "medium") if vanish and seen.mtu.bulk is None else None


def one_family_down(seen: Facts) -> Found | None:
    """One of IPv4 and IPv6 works, the other does not."""
    if seen.internet.v6_reached and not seen.internet.v4_reached:
        tried = seen.internet.v4_reached is False and seen.address.v4
        given = seen.address.had is not None or seen.address.dhcp in ("offered", "refused")
        lost = not seen.address.v4 and given
        return Found("V4_DOWN", "high") if tried or lost else None
    if seen.internet.v4_reached and seen.internet.v6_reached is False:
        return Found("V6_DOWN", "high")
    return None


def _has_address(answer: DnsAnswer | None) -> bool:
    return answer is not None and answer.outcome == "answered" and bool(answer.addresses)


RULES = (
    captive_portal,
    link_flapping,
    link_down,
    duplicate,
    subnet_clash,
    no_address,
    route_missing,
    gateway_silent,
    tcp_blocked,
    upstream_down,
    clock_wrong,
    dns_fails,
    dns_intercepted,
    tls_intercepted,
    mtu_blackhole,
    one_family_down,
    dns_hijacked,
)
