"""The second check of every value that crosses the socket. All functions are pure; refusals are coded."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from gatewayd.errors import GatewayError
from gatewayd.netd import verbs

MOST_SETS = 64
MOST_ELEMENTS = 4096  # of all sets together: a household has some hundreds of devices
MOST_RULES = 128
MOST_FLUSHED = 256
MOST_ARP_TARGETS = 256
MOST_ARP_ROUNDS = 10
MOST_WAIT_MS = 30_000
MOST_CAPTURE_MS = 60_000
MOST_CAPTURED = 20_000
MOST_SNAP = 1600

_SET_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", re.ASCII)
# What `nft -j` (1.0.6) takes for a number where an interface's name is meant; found with the real one.
PROTOCOLS = frozenset({"ah", "comp", "dccp", "esp", "icmp", "icmpv6", "sctp", "tcp", "udp", "udplite"})


def refuse(detail: str, field: str | None = None) -> GatewayError:
    """The refusal `netd.invalid`, to be raised."""
    return GatewayError("netd.invalid", detail, field=field)


def interface(name: str, field: str = "interface") -> str:
    """An interface name: 1-15 of letters, digits, `_`, `.`, `-`, as every distribution makes them.

    The kernel takes more (dev_valid_name: any byte but `/`, `:` and space). The name is also written into
    rules, where `@`, `*` and quotes would mean something else, and a protocol's name means its number.
    """
    if not _INTERFACE.fullmatch(name) or name in PROTOCOLS:
        raise refuse("not an interface name", field)
    return name


def mac(text: str, field: str) -> str:
    """A MAC in lower case with colons. Refuses group addresses, which no device sends from."""
    if not _MAC.fullmatch(text):
        raise refuse("not a MAC address", field)
    if int(text[:2], 16) & 1:
        raise refuse("a group address is nobody's own", field)
    return text.lower()


def ipv4(text: str, field: str) -> str:
    """A single IPv4 address in dotted form."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise refuse("not an IPv4 address", field) from None


def ipv6(text: str, field: str) -> str:
    """A single IPv6 address without a zone."""
    try:
        parsed = ipaddress.IPv6Address(text)
    except ValueError:
        raise refuse("not an IPv6 address", field) from None
    if parsed.scope_id is not None:
        raise refuse("an address with a zone", field)
    return str(parsed)


def address(text: str, field: str) -> str:
    """An IPv4 or IPv6 address."""
    return ipv6(text, field) if ":" in text else ipv4(text, field)


def between(value: int, least: int, most: int, field: str) -> int:
    """A number in [least, most]."""
    if not least <= value <= most:
        raise refuse(f"outside {least} to {most}", field)
    return value


def at_most(values: Sequence[object], most: int, field: str) -> None:
    """A bound on a count, before anything is done for each."""
    if len(values) > most:
        raise refuse(f"more than {most}", field)


def country(text: str) -> str:
    """ISO 3166-1 alpha-2 in capitals."""
    if not _COUNTRY.fullmatch(text):
        raise refuse("not a country code", "country")
    return text


_ELEMENT = {"mac": mac, "ipv4": ipv4, "ipv6": ipv6}


def named_set(wanted: verbs.NamedSet) -> verbs.NamedSet:
    """The set with its elements normalised, each once, in order."""
    if not _SET_NAME.fullmatch(wanted.name):
        raise refuse("not a set name", "sets")
    check = _ELEMENT[wanted.kind]
    elements = tuple(sorted({check(element, "sets") for element in wanted.elements}))
    return verbs.NamedSet(name=wanted.name, kind=wanted.kind, elements=elements)


def nft_apply(wanted: verbs.NftApply) -> verbs.NftApply:
    """The whole request normalised: unique set names, rules that name only these sets."""
    at_most(wanted.sets, MOST_SETS, "sets")
    at_most(wanted.rules, MOST_RULES, "rules")
    if sum(len(named.elements) for named in wanted.sets) > MOST_ELEMENTS:
        raise refuse(f"more than {MOST_ELEMENTS} elements", "sets")
    sets = tuple(named_set(one) for one in wanted.sets)
    names = {one.name for one in sets}
    if len(names) != len(sets):
        raise refuse("a set twice", "sets")
    for rule in wanted.rules:
        match rule:
            case verbs.Pause():
                if rule.set not in names:
                    raise refuse("a rule for a set that is not there", "rules")
            case verbs.GuestIsolation():
                _guest_isolation(rule)
    return verbs.NftApply(sets=sets, rules=wanted.rules)


def _guest_isolation(rule: verbs.GuestIsolation) -> None:
    at_most(rule.home, 16, "rules")
    for name in (rule.guest, *rule.home):
        interface(name, "rules")
    if not rule.home:
        raise refuse("isolation from nothing", "rules")
    if rule.guest in rule.home:
        raise refuse("the guests' interface cannot be a home interface", "rules")
