"""The verdict is pure: named cases, and properties over every combination that hypothesis can think of."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatewayd.diagnostics.facts import KINDS, facts
from gatewayd.diagnostics.remedies import REMEDIES
from gatewayd.diagnostics.results import (
    AddressResult,
    AnchorAnswer,
    AnyResult,
    DnsAnswer,
    DnsResult,
    GatewayResult,
    HttpResult,
    InternetResult,
    LinkResult,
    SelfResult,
)
from gatewayd.diagnostics.verdict import RULES, judge
from gatewayd.diagnostics.words import Verdict

ANSWERED = DnsAnswer(resolver="192.0.2.53", name="probe.test", outcome="answered")
SILENT = DnsAnswer(resolver="192.0.2.53", name="probe.test", outcome="timeout")
OFFLINE_CODES = {
    "LINK_DOWN", "ADDR_NO_LEASE", "ADDR_POOL_FULL", "ADDR_LEASE_LOST", "ROUTE_MISSING", "GW_NO_ARP",
    "ISP_UPSTREAM_DOWN",
}  # fmt: skip
LINK = LinkResult(status="ok", interface="wan0", up=True, carrier=True)
ADDRESS = AddressResult(status="ok", v4=("192.0.2.20",))
GATEWAY = GatewayResult(status="ok", route=True, gateway="192.0.2.1", arp="answered")
SILENT_GATEWAY = GatewayResult(status="failed", route=True, gateway="192.0.2.1", arp="silent")
ONLINE = InternetResult(status="ok", v4_reached=True)
OFFLINE = InternetResult(status="failed", v4_reached=False)
DNS = DnsResult(status="ok", answers=(ANSWERED,))
NO_DNS = DnsResult(status="failed", answers=(SILENT,))
NO_DNS_AT_ALL = DnsResult(status="failed", answers=(SILENT,), public=SILENT)
ONLY_PUBLIC_DNS = DnsResult(status="failed", answers=(SILENT,), public=ANSWERED)
LOCAL = DnsAnswer(resolver="127.0.0.53", name="probe.test", outcome="unreachable")
HTTP = HttpResult(status="ok", outcome="expected", http_status=204)
PORTAL = HttpResult(status="failed", outcome="redirect", http_status=302)
NO_HTTP = HttpResult(status="failed", outcome="timeout")

HOME = (LINK, ADDRESS, GATEWAY)
CASES: dict[str, tuple[tuple[AnyResult, ...], str, str]] = {
    "healthy": ((*HOME, ONLINE, DNS, HTTP), "OK", "high"),
    "the web answers though the anchors do not": ((*HOME, OFFLINE, DNS, HTTP), "OK", "medium"),
    "a gateway that hides from ARP": ((LINK, ADDRESS, SILENT_GATEWAY, ONLINE, DNS, HTTP), "OK", "high"),
    "the anchors are silent, a live connection is not": (
        (*HOME, InternetResult(status="failed", v4_reached=False, heard=True), DNS, NO_HTTP), "OK", "medium",
    ),
    "no anchors set": ((*HOME, DNS), "OK", "low"),
    "nothing asked": ((), "UNKNOWN", "low"),
    "cable out": ((LinkResult(status="failed", interface="wan0"),), "LINK_DOWN", "high"),
    "no lease, DHCP silent": (
        (LINK, AddressResult(status="failed", dhcp="silent")), "ADDR_NO_LEASE", "high",
    ),
    "no lease, DHCP offers": (
        (LINK, AddressResult(status="failed", dhcp="offered")), "ADDR_NO_LEASE", "medium",
    ),
    "no route": ((LINK, ADDRESS, GatewayResult(status="failed"), OFFLINE, NO_DNS), "ROUTE_MISSING", "high"),
    "gateway silent": ((LINK, ADDRESS, SILENT_GATEWAY, OFFLINE, NO_DNS, NO_HTTP), "GW_NO_ARP", "high"),
    "upstream": ((*HOME, OFFLINE, NO_DNS_AT_ALL, NO_HTTP), "ISP_UPSTREAM_DOWN", "high"),
    "upstream, little was asked": ((*HOME, OFFLINE), "ISP_UPSTREAM_DOWN", "medium"),
    "upstream on a line without ARP": (
        (LINK, ADDRESS, GatewayResult(status="ok", route=True, on_link=True), OFFLINE),
        "ISP_UPSTREAM_DOWN", "medium",
    ),
    "offline, but the home was not seen to work": (
        (LINK, ADDRESS, GatewayResult(status="unknown", route=True), OFFLINE, NO_HTTP), "UNKNOWN", "low",
    ),
    "names come through, connections do not": (
        (*HOME, OFFLINE, ONLY_PUBLIC_DNS, NO_HTTP), "TCP_BLOCKED", "medium",
    ),
    "resolver silent": ((*HOME, ONLINE, NO_DNS, NO_HTTP), "DNS_TIMEOUT", "high"),
    "resolver silent, nothing else known": ((*HOME, NO_DNS), "DNS_TIMEOUT", "low"),
    "the box's own resolver": (
        (*HOME, ONLINE, DnsResult(status="failed", answers=(LOCAL,), public=ANSWERED)), "DNS_LOCAL", "high",
    ),
    "portal": ((*HOME, OFFLINE, NO_DNS_AT_ALL, PORTAL), "CAPTIVE_PORTAL", "high"),
    "portal that lets TCP 443 through": ((*HOME, ONLINE, DNS, PORTAL), "CAPTIVE_PORTAL", "medium"),
    "IPv6 only": (
        (LINK, AddressResult(status="warn", v6=("2001:db8::2",)),
         InternetResult(status="ok", v6_reached=True), DNS, HTTP),
        "OK_IPV6_ONLY", "high",
    ),
    "IPv4 broken": (
        (*HOME, InternetResult(status="warn", v4_reached=False, v6_reached=True), DNS, HTTP),
        "V4_DOWN", "high",
    ),
    "IPv6 broken": (
        (*HOME, InternetResult(status="warn", v4_reached=True, v6_reached=False), DNS, HTTP),
        "V6_DOWN", "high",
    ),
    "disk full": (
        (SelfResult(status="failed", disk_free=0.01), *HOME, ONLINE, DNS, HTTP), "SELF_DISK", "high",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    results, verdict, confidence = CASES[name]
    found = judge(results)
    assert (found.verdict, found.confidence) == (verdict, confidence), found


def test_the_rest_is_explained_by_the_first_fault() -> None:
    found = judge((LINK, ADDRESS, SILENT_GATEWAY, OFFLINE, NO_DNS_AT_ALL, NO_HTTP))
    assert found.also_seen == ()


def test_a_second_fault_is_also_seen() -> None:
    broken_v6 = InternetResult(status="warn", v4_reached=True, v6_reached=False)
    found = judge((*HOME, broken_v6, NO_DNS, NO_HTTP))
    assert found.verdict == "DNS_TIMEOUT"
    assert [one.verdict for one in found.also_seen] == ["V6_DOWN"]


def test_notes() -> None:
    shared = AddressResult(status="ok", v4=("100.64.3.4",))
    one_dead = InternetResult(
        status="ok", v4_reached=True, v4=(AnchorAnswer(target="203.0.113.10:443", outcome="timeout"),)
    )
    found = judge(
        (SelfResult(status="warn", loop_lag_ms=80.0), LINK, shared, SILENT_GATEWAY, one_dead), notes=("x",)
    )
    told = " ".join(found.notes)
    assert found.notes[0] == "x"
    for word in ("busy", "CGNAT", "ARP", "anchors"):
        assert word in told


def test_a_busy_box_is_less_sure_of_faults() -> None:
    busy = SelfResult(status="warn", loop_lag_ms=80.0)
    assert judge((busy, *HOME, OFFLINE, NO_DNS_AT_ALL)).confidence == "medium"


def test_every_verdict_has_a_remedy_and_no_remedy_is_orphaned() -> None:
    assert set(get_args(Verdict)) == set(REMEDIES)
    for remedy in REMEDIES.values():
        assert remedy.sentence.endswith(".")
        assert remedy.short.endswith(".")


RESULTS: st.SearchStrategy[AnyResult] = st.one_of(*(st.from_type(kind) for kind in KINDS))
"""Every struct of results, with anything that its types allow."""


@settings(max_examples=400, deadline=None)
@given(st.lists(RESULTS, max_size=8))
def test_any_combination_has_one_verdict_with_a_remedy(results: list[AnyResult]) -> None:
    found = judge(results)
    assert found.remedy == REMEDIES[found.verdict].sentence
    assert len(found.evidence) == len(results)
    assert found.verdict not in {one.verdict for one in found.also_seen}


@settings(max_examples=400, deadline=None)
@given(st.lists(RESULTS, max_size=8))
def test_nobody_is_accused_of_an_outage_while_the_internet_answers(results: list[AnyResult]) -> None:
    seen = facts(results)
    found = judge(results)
    if seen.online:
        assert found.verdict not in OFFLINE_CODES
        assert not OFFLINE_CODES & {one.verdict for one in found.also_seen}
    if found.verdict == "ISP_UPSTREAM_DOWN":
        assert seen.gateway.arp == "answered" or seen.gateway.on_link
        assert seen.link.status != "failed"


@settings(max_examples=200, deadline=None)
@given(st.lists(RESULTS, max_size=12))
def test_a_flow_in_progress_is_never_offline(results: list[AnyResult]) -> None:
    """Whatever else was found: data from beyond the home arrived while we looked."""
    flows = InternetResult(status="failed", v4_reached=False, heard=True)
    found = judge([*results, flows])
    assert found.verdict not in OFFLINE_CODES
    assert not OFFLINE_CODES & {one.verdict for one in found.also_seen}


@settings(max_examples=200, deadline=None)
@given(st.lists(RESULTS, max_size=12))
def test_what_was_found_survives_its_recording(results: list[AnyResult]) -> None:
    assume("inf" not in repr(results) and "nan" not in repr(results))  # no clock or counter measures that
    kept = msgspec.json.decode(msgspec.json.encode(results), type=list[AnyResult])
    assert judge(kept) == judge(results)


def test_no_rule_claims_anything_about_nothing() -> None:
    nothing = facts(())
    assert [rule(nothing) for rule in RULES] == [None] * len(RULES)
