"""From the probes' results to one verdict. Pure: recorded results give the same verdict for ever.

Rules are tried from the outermost evidence inwards. What got through proves the layers below it: a
gateway that hides from ARP is no fault while pages load, and the provider is only accused when the home's
side was seen to work. `EXPLAINS` says which further faults a verdict makes unremarkable.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from gatewayd.diagnostics.model import (
    AddressResult,
    AlsoSeen,
    AnyResult,
    Confidence,
    Diagnosis,
    DnsResult,
    Evidence,
    GatewayResult,
    HttpResult,
    InternetResult,
    LinkResult,
    ProbeResult,
    SelfResult,
    Verdict,
)
from gatewayd.diagnostics.remedies import REMEDIES

R = TypeVar("R", bound=ProbeResult)
LAG_MS = 50.0
DISK_FREE = 0.05


class Found(NamedTuple):
    """A fault that a rule sees, and how sure it is."""

    verdict: Verdict
    confidence: Confidence


class Facts(NamedTuple):
    """The results by check (absent ones are `skipped`), and what follows from several together."""

    own: SelfResult
    link: LinkResult
    address: AddressResult
    gateway: GatewayResult
    internet: InternetResult
    dns: DnsResult
    http: HttpResult

    @property
    def online(self) -> bool:
        """Something beyond the provider's edge answered as it should."""
        reached = self.internet.v4_reached or self.internet.v6_reached or self.internet.heard
        return bool(reached) or self.http.outcome == "expected"

    @property
    def portal(self) -> bool:
        """Somebody in between answers plain HTTP in the web's place."""
        return self.http.outcome in ("redirect", "replaced")

    @property
    def public_dns(self) -> bool:
        """A resolver beyond the provider answered: packets come through."""
        return self.dns.public is not None and self.dns.public.outcome == "answered"


def facts(results: Iterable[AnyResult]) -> Facts:
    """Sorts results by kind; of two of a kind the later counts."""
    last: dict[type, AnyResult] = {type(result): result for result in results}

    def of(kind: type[R]) -> R:
        found = last.get(kind)
        return found if isinstance(found, kind) else kind(status="skipped", detail="not asked")

    return Facts(
        of(SelfResult), of(LinkResult), of(AddressResult), of(GatewayResult),
        of(InternetResult), of(DnsResult), of(HttpResult),
    )  # fmt: skip


# --- the rules, the strongest claim first --------------------------------------------------------------


def _captive_portal(seen: Facts) -> Found | None:
    if not seen.portal:
        return None
    reached = seen.internet.v4_reached or seen.internet.v6_reached
    return Found("CAPTIVE_PORTAL", "medium" if reached else "high")


def _link_down(seen: Facts) -> Found | None:
    if seen.online or seen.link.status != "failed":
        return None
    return Found("LINK_DOWN", "high" if seen.link.interface else "medium")


def _no_lease(seen: Facts) -> Found | None:
    if seen.online or seen.address.v4 or seen.address.status not in ("failed", "warn"):
        return None
    return Found("ADDR_NO_LEASE", "high" if seen.address.dhcp == "silent" else "medium")


def _route_missing(seen: Facts) -> Found | None:
    if seen.online or seen.gateway.status != "failed" or seen.gateway.route:
        return None
    return Found("ROUTE_MISSING", "high" if seen.address.status == "ok" else "medium")


def _gateway_silent(seen: Facts) -> Found | None:
    # A gateway through which anything answered is not dead, whatever it says to ARP.
    if seen.online or seen.public_dns or seen.gateway.status != "failed" or seen.gateway.arp != "silent":
        return None
    return Found("GW_NO_ARP", "high")


def _tcp_blocked(seen: Facts) -> Found | None:
    if seen.online or seen.internet.status != "failed" or not seen.public_dns:
        return None
    return Found("TCP_BLOCKED", "medium")


def _upstream_down(seen: Facts) -> Found | None:
    if seen.online or seen.internet.status != "failed" or seen.public_dns:
        return None
    if seen.gateway.arp == "answered":
        beyond = seen.dns.public is not None or seen.http.outcome is not None
        return Found("ISP_UPSTREAM_DOWN", "high" if beyond else "medium")
    # A line without ARP (PPP) is up only while the provider's end keeps the session. Otherwise the home's
    # side was not seen to work, and nobody is accused.
    return Found("ISP_UPSTREAM_DOWN", "medium") if seen.gateway.on_link else None


def _one_family_down(seen: Facts) -> Found | None:
    if seen.internet.v6_reached and seen.internet.v4_reached is False:
        return Found("V4_DOWN", "high") if seen.address.v4 else None
    if seen.internet.v4_reached and seen.internet.v6_reached is False:
        return Found("V6_DOWN", "high")
    return None


def _dns(seen: Facts) -> Found | None:
    outcomes = {answer.outcome for answer in seen.dns.answers}
    if seen.dns.status != "failed" or not outcomes or "answered" in outcomes:
        return None
    sure: Confidence = "high" if seen.online or seen.public_dns else "low"
    if all(_is_own(answer.resolver) for answer in seen.dns.answers) and (seen.online or seen.public_dns):
        return Found("DNS_LOCAL", "medium" if outcomes <= {"servfail", "refused", "nxdomain"} else "high")
    if outcomes & {"servfail", "refused", "nxdomain"}:
        return Found("DNS_SERVFAIL", sure)
    return Found("DNS_TIMEOUT", sure)


def _disk(seen: Facts) -> Found | None:
    free = seen.own.disk_free
    return Found("SELF_DISK", "high") if free is not None and free < DISK_FREE else None


def _ipv6_only(seen: Facts) -> Found | None:
    return Found("OK_IPV6_ONLY", "high") if seen.internet.v6_reached and not seen.address.v4 else None


def _fine(seen: Facts) -> Found | None:
    if seen.online:
        return Found("OK", "high" if seen.internet.status == "ok" and seen.dns.status in _GOOD else "medium")
    if seen.internet.status == "skipped" and (seen.public_dns or _resolved(seen)):
        return Found("OK", "low")  # no anchors are set, but names are resolved and nothing else failed
    return None


_GOOD = ("ok", "skipped")
RULES: tuple[Callable[[Facts], Found | None], ...] = (
    _captive_portal,
    _link_down,
    _no_lease,
    _route_missing,
    _gateway_silent,
    _tcp_blocked,
    _upstream_down,
    _dns,
    _one_family_down,
    _disk,
    _ipv6_only,
    _fine,
)
_OFFLINE: frozenset[Verdict] = frozenset(
    {"ADDR_NO_LEASE", "ROUTE_MISSING", "GW_NO_ARP", "TCP_BLOCKED", "ISP_UPSTREAM_DOWN", "V4_DOWN", "V6_DOWN"}
)
_NAMES: frozenset[Verdict] = frozenset({"DNS_TIMEOUT", "DNS_SERVFAIL", "DNS_LOCAL"})
_FINE: frozenset[Verdict] = frozenset({"OK", "OK_IPV6_ONLY"})
EXPLAINS: dict[Verdict, frozenset[Verdict]] = {
    "CAPTIVE_PORTAL": _OFFLINE | _NAMES | _FINE,
    "LINK_DOWN": _OFFLINE | _NAMES,
    "ADDR_NO_LEASE": _OFFLINE | _NAMES,
    "ROUTE_MISSING": _OFFLINE | _NAMES,
    "GW_NO_ARP": _OFFLINE | _NAMES,
    "ISP_UPSTREAM_DOWN": _OFFLINE | _NAMES,
}


def judge(results: Iterable[AnyResult], *, seconds: float = 0.0, notes: Iterable[str] = ()) -> Diagnosis:
    """The diagnosis that these results support; `notes` are put before its own. Never raises."""
    results = tuple(results)
    seen = facts(results)
    found = [one for rule in RULES if (one := rule(seen)) is not None]
    first = found[0] if found else Found("UNKNOWN", "low")
    remedy = REMEDIES[first.verdict]
    explained = EXPLAINS.get(first.verdict, frozenset()) | _FINE
    own_notes = tuple(_notes(seen))
    confidence = (
        _lowered(first.confidence) if _late(seen) and first.verdict not in _FINE else first.confidence
    )
    return Diagnosis(
        verdict=first.verdict,
        layer=remedy.layer,
        confidence=confidence,
        remedy=remedy.sentence,
        evidence=tuple(_evidence(result) for result in results),
        also_seen=tuple(
            AlsoSeen(
                verdict=one.verdict, layer=REMEDIES[one.verdict].layer, remedy=REMEDIES[one.verdict].sentence
            )
            for one in found[1:]
            if one.verdict not in explained
        ),
        notes=(*notes, *own_notes),
        seconds=round(seconds, 3),
    )


def _evidence(result: AnyResult) -> Evidence:
    return Evidence(
        check=str(result.__struct_config__.tag),
        layer=result.layer,
        status=result.status,
        detail=result.detail,
        seconds=round(result.seconds, 3),
    )


def _notes(seen: Facts) -> Iterable[str]:
    if _late(seen):
        yield "The box was busy while it measured; times are less sure than usual."
    if seen.online and seen.gateway.arp == "silent":
        yield "The gateway does not answer ARP, but traffic passes."
    if any(_is_shared(address) for address in seen.address.v4):
        yield "CGNAT: the provider shares one public address among customers; nobody can call in."
    if seen.internet.heard:
        yield "The probe's anchors do not answer, but a live connection hears from the internet."
    missed = [one for one in (*seen.internet.v4, *seen.internet.v6) if one.outcome != "connected"]
    if seen.online and seen.internet.status == "ok" and missed:
        yield f"{len(missed)} of the probe's anchors did not answer; the others did."


def _late(seen: Facts) -> bool:
    return (seen.own.loop_lag_ms or 0.0) > LAG_MS


def _lowered(confidence: Confidence) -> Confidence:
    return "medium" if confidence == "high" else "low"


def _resolved(seen: Facts) -> bool:
    return any(answer.outcome == "answered" for answer in seen.dns.answers)


def _is_own(resolver: str) -> bool:
    try:
        return ipaddress.ip_address(resolver).is_loopback
    except ValueError:
        return False


def _is_shared(address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network("100.64.0.0/10")  # RFC 6598
    except ValueError:
        return False
