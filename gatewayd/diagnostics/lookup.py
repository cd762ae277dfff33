"""One DNS question to one server, with dnspython."""

from __future__ import annotations

import time
from typing import Any, Literal

from gatewayd.diagnostics.results import DnsAnswer, DnsOutcome

_RCODES: dict[int, DnsOutcome] = {
    0: "answered",
    2: "servfail",
    3: "nxdomain",
    5: "refused",
}  # RFC 1035, 4.1.1


async def resolve(
    resolver: str, name: str, *, seconds: float, tries: int, kind: Literal["A", "AAAA"] = "A"
) -> DnsAnswer:
    """Asks `resolver` (`address` or `address:port`, `[address]:port`) over UDP for the addresses of `name`.

    Each try waits `seconds`. A truncated answer counts as an answer. An answer without records is one too:
    the server knows the name. Never raises for what a server does or does not do.
    """
    import dns.asyncquery
    import dns.exception
    import dns.message

    host, port = endpoint(resolver, 53)
    started = time.monotonic()
    outcome: DnsOutcome = "timeout"
    for _ in range(tries):
        try:
            query = dns.message.make_query(name, kind)
            answer = await dns.asyncquery.udp(query, host, timeout=seconds, port=port, ignore_unexpected=True)
        except dns.exception.Timeout:
            continue
        except OSError:
            outcome = "unreachable"
            continue
        except dns.exception.DNSException:
            outcome = "servfail"  # what came cannot be read: no better than an error
            continue
        ms = round((time.monotonic() - started) * 1000, 3)
        outcome = _RCODES.get(answer.rcode(), "servfail")
        return DnsAnswer(resolver=resolver, name=name, outcome=outcome, addresses=_records(answer), ms=ms)
    return DnsAnswer(resolver=resolver, name=name, outcome=outcome)


def _records(answer: Any) -> tuple[str, ...]:
    import dns.rdatatype

    return tuple(
        record.address
        for group in answer.answer
        if group.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        for record in group
    )


def endpoint(text: str, port: int) -> tuple[str, int]:
    """`address`, `address:port` or `[address]:port` in two; `port` where none is named."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:] or port)
    if text.count(":") == 1:
        host, _, rest = text.partition(":")
        return host, int(rest)
    return text, port
