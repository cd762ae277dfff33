"""The verdict is pure: named cases, and properties over every combination that hypothesis can think of."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.diagnostics.model import (
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
    Verdict,
)
from gatewayd.diagnostics.remedies import REMEDIES
from gatewayd.diagnostics.verdict import RULES, facts, judge

ANSWERED = DnsAnswer(resolver="192.0.2.53", name="probe.test", outcome="answered")
SILENT = DnsAnswer(resolver="192.0.2.53", name="probe.test", outcome="timeout")
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


STATUS = st.sampled_from(["ok", "warn", "failed", "skipped", "unknown"])
MAYBE = st.sampled_from([None, True, False])
TEXTS = st.lists(st.sampled_from(["192.0.2.1", "100.64.0.1", "nonsense", "", "2001:db8::1"]), max_size=2).map(
    tuple
)
ANCHOR_LISTS = st.lists(st.builds(AnchorAnswer), max_size=3).map(tuple)
ANSWERS = st.builds(DnsAnswer, resolver=st.sampled_from(["127.0.0.1", "192.0.2.53", "192.0.2.53:54", ""]))
LAGS, SHARES = st.none() | st.floats(0, 1e4), st.none() | st.floats(0, 1)
DNS_ANSWERS, PUBLIC = st.lists(ANSWERS, max_size=3).map(tuple), st.none() | ANSWERS
RESULTS: st.SearchStrategy[AnyResult] = st.one_of(
    st.builds(SelfResult, status=STATUS, loop_lag_ms=LAGS, disk_free=SHARES),
    st.builds(LinkResult, status=STATUS),
    st.builds(AddressResult, status=STATUS, v4=TEXTS, v6=TEXTS),
    st.builds(GatewayResult, status=STATUS),
    st.builds(
        InternetResult, status=STATUS, v4=ANCHOR_LISTS, v6=ANCHOR_LISTS, v4_reached=MAYBE, v6_reached=MAYBE,
        heard=st.booleans(),
    ),
    st.builds(DnsResult, status=STATUS, answers=DNS_ANSWERS, public=PUBLIC),
    st.builds(HttpResult, status=STATUS),
)  # fmt: skip


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
        assert found.verdict not in {
            "LINK_DOWN",
            "ADDR_NO_LEASE",
            "ROUTE_MISSING",
            "GW_NO_ARP",
            "ISP_UPSTREAM_DOWN",
        }
    if found.verdict == "ISP_UPSTREAM_DOWN":
        assert seen.gateway.arp == "answered" or seen.gateway.on_link
        assert seen.link.status != "failed"


def test_no_rule_claims_anything_about_nothing() -> None:
    nothing = facts(())
    assert [rule(nothing) for rule in RULES] == [None] * len(RULES)
