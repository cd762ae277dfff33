"""Requests for netd as hypothesis makes them: right ones, nearly right ones, and nonsense."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gatewayd.netd import limits, verbs

NASTY = st.text(max_size=40) | st.sampled_from(
    [
        '"; flush ruleset; "',
        "a\nadd table inet x",
        "@other",
        "eth0 ",
        "*",
        "../x",
        "lo",
        "a" * 16,
        "\0",
        "é",
        "{ }",
    ]
)
SET_NAMES = st.sampled_from(["paused", "paused4", "p_6"]) | NASTY
MACS = st.sampled_from(["02:00:00:00:00:07", "AA:BB:CC:00:11:22"]) | NASTY
ADDRESSES = st.ip_addresses().map(str) | NASTY
INTERFACES = st.sampled_from(["eth0", "br-guest", "eth0.10"]) | NASTY
KINDS: st.SearchStrategy[verbs.SetKind] = st.sampled_from(["mac", "ipv4", "ipv6"])
SETS = st.builds(
    verbs.NamedSet, name=SET_NAMES, kind=KINDS, elements=st.lists(MACS | ADDRESSES, max_size=4).map(tuple)
)
RULES: st.SearchStrategy[verbs.Rule] = st.one_of(
    st.builds(verbs.Pause, set=SET_NAMES),
    st.builds(verbs.GuestIsolation, guest=INTERFACES, home=st.lists(INTERFACES, max_size=3).map(tuple)),
)
ANY_APPLY = st.builds(
    verbs.NftApply, sets=st.lists(SETS, max_size=4).map(tuple), rules=st.lists(RULES, max_size=4).map(tuple)
)


@st.composite
def acceptable(draw: st.DrawFn) -> verbs.NftApply:
    """A request that passes the limits."""
    names = draw(st.lists(st.from_regex(r"\A[a-z][a-z0-9_]{0,30}\Z"), unique=True, max_size=4))
    sets = []
    for name in names:
        kind = draw(KINDS)
        element: st.SearchStrategy[str] = {
            "mac": st.binary(min_size=6, max_size=6).map(
                lambda raw: bytes([raw[0] & 0xFE, *raw[1:]]).hex(":")
            ),
            "ipv4": st.ip_addresses(v=4).map(str),
            "ipv6": st.ip_addresses(v=6).map(str),
        }[kind]
        sets.append(verbs.NamedSet(name=name, kind=kind, elements=tuple(draw(st.lists(element, max_size=5)))))
    interface = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,14}\Z").filter(
        lambda name: name not in limits.PROTOCOLS
    )
    rules: list[verbs.Rule] = [verbs.Pause(set=name) for name in names if draw(st.booleans())]
    for guest, *home in draw(st.lists(st.lists(interface, min_size=2, max_size=4, unique=True), max_size=2)):
        rules.append(verbs.GuestIsolation(guest=guest, home=tuple(home)))
    return verbs.NftApply(sets=tuple(sets), rules=tuple(rules))


SMALL: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | NASTY | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=8,
)
TAGS = [
    "nft_apply",
    "conntrack_flush",
    "link_set",
    "port_isolate",
    "arp_probe",
    "dhcp_probe",
    "scan",
    "survey",
    "radio_set",
    "reboot",
    "",
]
FIELDS = [
    *("interface", "up", "isolated", "targets", "source", "count", "interval_ms", "timeout_ms", "addresses"),
    *("sets", "rules", "tx_power_dbm", "country", "while_sending", "unknown"),
]
MESSAGES = st.builds(
    lambda tag, fields: {"type": tag} | fields,
    st.sampled_from(TAGS),
    st.dictionaries(
        st.sampled_from(FIELDS), SMALL | INTERFACES | st.lists(ADDRESSES, max_size=3), max_size=5
    ),
)
"""Objects that look like verbs, with anything in their fields."""
