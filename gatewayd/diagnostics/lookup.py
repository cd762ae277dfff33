"""One DNS question to one server, with dnspython."""

from __future__ import annotations

import time
from typing import Any

from gatewayd.diagnostics.model import DnsAnswer, DnsOutcome

_RCODES: dict[int, DnsOutcome] = {
    0: "answered",
    2: "servfail",
    3: "nxdomain",
    5: "refused",
}  # RFC 1035, 4.1.1


async def resolve(resolver: str, name: str, *, seconds: float, tries: int) -> DnsAnswer:
    """Asks `resolver` (`address` or `address:port`, `[address]:port`) over UDP for the A records of `name`.

    Each try waits `seconds`. A truncated answer counts as an answer. An answer without records is one too:
    the server knows the name. Never raises for what a server does or does not do.
    """
    import dns.asyncquery
    import dns.exception
    import dns.message
    import dns.rdatatype

    host, port = _endpoint(resolver)
    started = time.monotonic()
    outcome: DnsOutcome = "timeout"
    for _ in range(tries):
        try:
            query = dns.message.make_query(name, dns.rdatatype.A)
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
        record.address for group in answer.answer if group.rdtype == dns.rdatatype.A for record in group
    )


def _endpoint(resolver: str) -> tuple[str, int]:
    if resolver.startswith("["):
        host, _, port = resolver[1:].partition("]")
        return host, int(port[1:] or 53)
    if resolver.count(":") == 1:
        host, _, port = resolver.partition(":")
        return host, int(port)
    return resolver, 53
