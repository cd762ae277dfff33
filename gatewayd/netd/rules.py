"""Renders a checked `NftApply` as nftables JSON (libnftables-json(5)). Pure; only our own table."""

from __future__ import annotations

from typing import Any

from gatewayd.netd import verbs

FAMILY, TABLE = "inet", "gatewayd"
Command = dict[str, Any]

_TYPES = {"mac": "ether_addr", "ipv4": "ipv4_addr", "ipv6": "ipv6_addr"}
_DHCP_SERVER, _DHCP6_SERVER, _DNS = 67, 547, 53
# Before the usual filter chains (priority 0) of whoever else keeps rules on the box: a drop there would
# do as well, but an accept there ends only that chain, so ours holds either way.
_PRIORITY = -10


def commands(wanted: verbs.NftApply) -> dict[str, list[Command]]:
    """One transaction: the table as if it had never been, then everything new.

    `add` before `delete` makes the delete succeed also when there is no table yet.
    """
    table = {"family": FAMILY, "name": TABLE}
    batch: list[Command] = [{"add": {"table": table}}, {"delete": {"table": table}}]
    if wanted.sets or wanted.rules:
        batch.append({"add": {"table": table}})
        batch += [_set(one) for one in wanted.sets]
        batch += [_chain("forward"), _chain("input")]
        kinds = {one.name: one.kind for one in wanted.sets}
        for rule in wanted.rules:
            match rule:
                case verbs.Pause():
                    batch += _pause(rule, kinds[rule.set])
                case verbs.GuestIsolation():
                    batch += _guest_isolation(rule)
    return {"nftables": batch}


def _set(wanted: verbs.NamedSet) -> Command:
    body: Command = {
        "family": FAMILY,
        "table": TABLE,
        "name": wanted.name,
        "type": _TYPES[wanted.kind],
    }
    if wanted.elements:
        body["elem"] = list(wanted.elements)
    return {"add": {"set": body}}


def _chain(hook: str) -> Command:
    return {
        "add": {
            "chain": {
                "family": FAMILY,
                "table": TABLE,
                "name": hook,
                "type": "filter",
                "hook": hook,
                "prio": _PRIORITY,
                "policy": "accept",
            }
        }
    }


def _rule(chain: str, *expressions: Command) -> Command:
    return {
        "add": {
            "rule": {
                "family": FAMILY,
                "table": TABLE,
                "chain": chain,
                "expr": list(expressions),
            }
        }
    }


def _match(left: Command, right: Any) -> Command:
    return {"match": {"op": "==", "left": left, "right": right}}


def _payload(protocol: str, field: str) -> Command:
    return {"payload": {"protocol": protocol, "field": field}}


_COUNT: Command = {"counter": None}
_DROP: Command = {"drop": None}
_ACCEPT: Command = {"accept": None}
_INCOMING: Command = {"meta": {"key": "iifname"}}
_OUTGOING: Command = {"meta": {"key": "oifname"}}
_L4: Command = {"meta": {"key": "l4proto"}}


def _pause(rule: verbs.Pause, kind: verbs.SetKind) -> list[Command]:
    members = f"@{rule.set}"
    match kind:
        case "mac":
            fields = [_payload("ether", "saddr")]
        case "ipv4":
            fields = [_payload("ip", "saddr"), _payload("ip", "daddr")]
        case "ipv6":
            fields = [_payload("ip6", "saddr"), _payload("ip6", "daddr")]
    return [_rule("forward", _match(field, members), _COUNT, _DROP) for field in fields]


def _guest_isolation(rule: verbs.GuestIsolation) -> list[Command]:
    guests = _match(_INCOMING, rule.guest)
    batch: list[Command] = []
    for home in rule.home:
        batch.append(_rule("forward", guests, _match(_OUTGOING, home), _COUNT, _DROP))
        batch.append(
            _rule(
                "forward",
                _match(_INCOMING, home),
                _match(_OUTGOING, rule.guest),
                _COUNT,
                _DROP,
            )
        )
    replies = _match({"ct": {"key": "state"}}, {"set": ["established", "related"]})
    services = {"set": [_DHCP_SERVER, _DNS, _DHCP6_SERVER]}
    batch += [
        _rule("input", guests, replies, _ACCEPT),
        _rule("input", guests, _match(_L4, {"set": ["icmp", "ipv6-icmp"]}), _ACCEPT),
        _rule("input", guests, _match(_payload("udp", "dport"), services), _ACCEPT),
        _rule("input", guests, _match(_payload("tcp", "dport"), _DNS), _ACCEPT),
        _rule("input", guests, _COUNT, _DROP),
    ]
    return batch
