"""One DNS question of any kind to one resolver, with dnspython."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from gatewayd.diagnostics.tool_model import LONGEST_TEXT, LookupRecord, LookupResult, RecordType

_MOST_RECORDS = 64


async def ask(
    resolver: str, name: str, kind: RecordType, *, seconds: float = 2.0, tries: int = 2
) -> LookupResult:
    """Asks `resolver` over UDP, and over TCP when the answer was cut. Never raises for what a server does.

    A resolver is `address`, `address:port` or `[address]:port`. For PTR `name` may be an
    address. Text from the answer is cut and holds no control characters.
    """
    import dns.asyncquery
    import dns.exception
    import dns.message
    import dns.name
    import dns.reversename

    host, port = endpoint(resolver)
    started = time.monotonic()
    over: Literal["udp", "tcp"] = "udp"

    def without(outcome: Literal["timeout", "unreachable", "unreadable"]) -> LookupResult:
        return LookupResult(name=name, type=kind, resolver=resolver, outcome=outcome, over=over)

    try:
        asked = dns.reversename.from_address(name) if kind == "PTR" and _is_address(name) else name
        query = dns.message.make_query(asked, kind, want_dnssec=False, use_edns=0, payload=1232)
    except dns.exception.DNSException:
        return without("unreadable")
    last: Literal["timeout", "unreachable", "unreadable"] = "timeout"
    for _ in range(tries):
        try:
            answer = await dns.asyncquery.udp(
                query, host, timeout=seconds, port=port, ignore_unexpected=True, raise_on_truncation=False
            )
            if answer.flags & 0x0200:  # TC (RFC 1035, 4.1.1)
                over = "tcp"
                answer = await dns.asyncquery.tcp(query, host, timeout=seconds, port=port)
        except dns.exception.Timeout:
            last = "timeout"
        except OSError:
            last = "unreachable"
        except (dns.exception.DNSException, EOFError):
            last = "unreadable"
        else:
            return _read(answer, name, kind, resolver, over, started)
    return without(last)


def _read(
    answer: Any, name: str, kind: RecordType, resolver: str, over: Literal["udp", "tcp"], started: float
) -> LookupResult:
    import dns.rcode
    import dns.rdatatype

    records = [
        LookupRecord(
            name=clean(group.name.to_text(omit_final_dot=True)),
            type=dns.rdatatype.to_text(group.rdtype),
            ttl=group.ttl,
            data=clean(record.to_text()),
        )
        for group in answer.answer
        for record in group
    ]
    return LookupResult(
        name=name,
        type=kind,
        resolver=resolver,
        outcome="answered",
        code=dns.rcode.to_text(answer.rcode()),
        over=over,
        authentic=bool(answer.flags & 0x0020),  # AD (RFC 4035, 3.2.3)
        ms=round((time.monotonic() - started) * 1000, 3),
        records=tuple(records[:_MOST_RECORDS]),
    )


async def services(name: str, resolvers: Sequence[str], *, seconds: float = 1.0) -> list[tuple[str, int]]:
    """Hosts and ports of a service's SRV records (RFC 2782), at most three.

    By their order and weight alone: who looks here asks one server, not many in turn.
    """
    found: list[tuple[int, int, str, int]] = []
    for resolver in resolvers[:2]:
        answer = await ask(resolver, name, "SRV", seconds=seconds, tries=1)
        for record in answer.records:
            parts = record.data.split()
            if record.type == "SRV" and len(parts) == 4 and all(one.isdecimal() for one in parts[:3]):
                order, weight, port = (int(one) for one in parts[:3])
                if 0 < port < 65536 and parts[3] != ".":
                    found.append((order, -weight, parts[3].removesuffix("."), port))
        if answer.outcome == "answered":
            break
    return [(host, port) for _, _, host, port in sorted(found)[:3]]


def endpoint(resolver: str) -> tuple[str, int]:
    """A resolver's address and port, as the settings may write it."""
    if resolver.startswith("["):
        host, _, port = resolver[1:].partition("]")
        return host, int(port[1:] or 53)
    if resolver.count(":") == 1:
        host, _, port = resolver.partition(":")
        return host, int(port)
    return resolver, 53


def clean(text: str) -> str:
    """A stranger's words: cut, and without what steers a terminal or a log."""
    return "".join(one if one.isprintable() else "?" for one in text[:LONGEST_TEXT])


def _is_address(name: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
