"""From the probes' results to one verdict. Pure: recorded results give the same verdict for ever.

The first rule that claims something has the verdict; `EXPLAINS` says which further claims it makes
unremarkable, the others are `also_seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gatewayd.diagnostics.claims import LAG_MS, OFFSET_WARN, Found
from gatewayd.diagnostics.facts import Facts, facts, is_shared
from gatewayd.diagnostics.model import AlsoSeen, Diagnosis, Evidence
from gatewayd.diagnostics.quality_rules import QUALITY_RULES
from gatewayd.diagnostics.remedies import REMEDIES
from gatewayd.diagnostics.results import AnyResult
from gatewayd.diagnostics.rules import RULES as WAY_OUT_RULES
from gatewayd.diagnostics.words import Confidence, Verdict


def _codes(*codes: Verdict) -> frozenset[Verdict]:
    return frozenset(codes)


RULES: tuple[Callable[[Facts], Found | None], ...] = (*WAY_OUT_RULES, *QUALITY_RULES)
_FINE: frozenset[Verdict] = frozenset({"OK", "OK_IPV6_ONLY", "OK_CLOUD_DOWN"})
_CONNECTION: frozenset[Verdict] = frozenset(
    {
        "ADDR_NO_LEASE", "ADDR_POOL_FULL", "ADDR_LEASE_LOST", "ROUTE_MISSING", "GW_NO_ARP", "TCP_BLOCKED",
        "ISP_UPSTREAM_DOWN", "V4_DOWN", "V6_DOWN", "LINK_DOWN",
    }
)  # fmt: skip
_NAMES: frozenset[Verdict] = frozenset(
    {"DNS_TIMEOUT", "DNS_SERVFAIL", "DNS_LOCAL", "DNS_HIJACK_NX", "DNS_INTERCEPTED", "DNS_SLOW"}
)
_TRANSPORT: frozenset[Verdict] = frozenset({"TLS_INTERCEPTED", "MTU_BLACKHOLE"})
_QUALITY: frozenset[Verdict] = frozenset(
    {"LOSS_WAN", "LOSS_BURSTY", "JITTER_WAN", "BUFFERBLOAT", "SLOW_BELOW_PLAN", "DNS_SLOW"}
)
_SERVICES: frozenset[Verdict] = frozenset(
    {
        "PHONE_REG_FAIL",
        "PHONE_NOT_REGISTERED",
        "TV_STREAM_SERVER",
        "TV_MULTICAST",
        "MAIL_UNREACHABLE",
    }
)
_OUTAGE: frozenset[Verdict] = _CONNECTION | _NAMES | _TRANSPORT | _QUALITY | _SERVICES | _codes("UNSTABLE")
_POOR_LINE = _QUALITY | _SERVICES
EXPLAINS: dict[Verdict, frozenset[Verdict]] = {
    "CAPTIVE_PORTAL": _OUTAGE,
    "WALLED_GARDEN": _OUTAGE,
    "LINK_FLAPPING": _OUTAGE,
    "LINK_DOWN": _OUTAGE,
    "ADDR_DUPLICATE": _OUTAGE,
    "ADDR_SUBNET_CLASH": _OUTAGE,
    "ADDR_NO_LEASE": _OUTAGE,
    "ADDR_POOL_FULL": _OUTAGE,
    "ADDR_LEASE_LOST": _OUTAGE,
    "ROUTE_MISSING": _OUTAGE,
    "GW_NO_ARP": _OUTAGE,
    "TCP_BLOCKED": _OUTAGE - _codes("DNS_INTERCEPTED"),
    "ISP_UPSTREAM_DOWN": _OUTAGE,
    "CLOCK_WRONG": _TRANSPORT - _codes("MTU_BLACKHOLE"),
    "DNS_TIMEOUT": _SERVICES | _codes("DNS_SLOW"),
    "DNS_SERVFAIL": _SERVICES | _codes("DNS_SLOW"),
    "DNS_LOCAL": _SERVICES | _codes("DNS_SLOW"),
    "DNS_INTERCEPTED": _codes("DNS_HIJACK_NX"),
    "MTU_BLACKHOLE": _SERVICES,
    "V4_DOWN": _SERVICES,
    "UNSTABLE": _POOR_LINE,
    "SELF_OVERLOADED": _QUALITY | _codes("LAN_CLIENT_LOSS", "UNSTABLE"),
    "BUSY_LINE": _POOR_LINE,
    "LINK_SLOW_PORT": _codes("SLOW_BELOW_PLAN"),
    "LOSS_WAN": _POOR_LINE,
    "LOSS_BURSTY": _POOR_LINE,
    "JITTER_WAN": _POOR_LINE - _codes("SLOW_BELOW_PLAN"),
}


def judge(results: Iterable[AnyResult], *, seconds: float = 0.0, notes: Iterable[str] = ()) -> Diagnosis:
    """The diagnosis that these results support; `notes` are put before its own. Never raises."""
    results = tuple(results)
    seen = facts(results)
    found = [one for rule in RULES if (one := rule(seen)) is not None]
    first = found[0] if found else Found("UNKNOWN", "low")
    remedy = REMEDIES[first.verdict]
    explained = EXPLAINS.get(first.verdict, frozenset()) | _FINE | _codes(first.verdict)
    own_notes = tuple(_notes(seen))
    confidence = (
        _lowered(first.confidence) if _late(seen) and first.verdict not in _FINE else first.confidence
    )
    return Diagnosis(
        verdict=first.verdict,
        layer=remedy.layer,
        confidence=confidence,
        remedy=remedy.sentence,
        short=remedy.short,
        who=remedy.who,
        evidence=tuple(_evidence(result) for result in results),
        also_seen=tuple(_also(one.verdict) for one in found[1:] if one.verdict not in explained),
        notes=(*notes, *own_notes),
        seconds=round(seconds, 3),
    )


def _also(verdict: Verdict) -> AlsoSeen:
    remedy = REMEDIES[verdict]
    return AlsoSeen(verdict=verdict, layer=remedy.layer, remedy=remedy.sentence, short=remedy.short)


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
    if seen.own.throttled:
        yield "The box runs slower than it could because it is hot."
    if seen.clock.offset is not None and abs(seen.clock.offset) > OFFSET_WARN:
        yield f"The box's clock is {abs(seen.clock.offset):.0f} s wrong."
    if seen.online and seen.gateway.arp == "silent":
        yield "The gateway does not answer ARP, but traffic passes."
    if any(is_shared(address) for address in seen.address.v4):
        yield "CGNAT: the provider shares one public address among customers; nobody can call in."
    if seen.dns.nat64:
        yield "NAT64: the provider translates IPv4 for this line."
    asked = (("TLS", seen.dns.dot), ("HTTPS", seen.dns.doh))
    if seen.online and any(outcome is not None for _, outcome in asked):
        through = [way for way, outcome in asked if outcome == "answered"]
        if stopped := [way for way, outcome in asked if outcome not in (None, "answered")]:
            yield f"Encrypted DNS over {' and '.join(stopped)} does not get through."
        if through and seen.dns.status != "ok":
            yield f"Encrypted DNS over {' and '.join(through)} gets through."
    if seen.http.portal is not None:
        yield f"The network names its own page for people: {seen.http.portal}"
    if seen.internet.heard:
        yield "The probe's anchors do not answer, but a live connection hears from the internet."
    missed = [one for one in (*seen.internet.v4, *seen.internet.v6) if one.outcome != "connected"]
    if seen.online and seen.internet.status == "ok" and missed:
        yield f"{len(missed)} of the probe's anchors did not answer; the others did."
    if seen.tls.outcome == "expired" and seen.clock.offset is not None:
        yield "The certificate of the probe's TLS server has run out; the box's clock is right."
    line, gateway = seen.quality.line, seen.quality.gateway
    if line is not None and gateway is not None and line.lost and gateway.loss > line.loss / 2:
        yield "Packets are lost already on the way to the modem."
    if any(one is not None and one.device_limited for one in (seen.load.down, seen.load.up)):
        yield "The box itself was the limit while the line was loaded; that says nothing of the line."


def _late(seen: Facts) -> bool:
    return (seen.own.loop_lag_ms or 0.0) > LAG_MS


def _lowered(confidence: Confidence) -> Confidence:
    return "medium" if confidence == "high" else "low"
