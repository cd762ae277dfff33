"""Are names resolved, quickly and truly?"""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Sequence
from typing import NamedTuple

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import DNS_SLOW_MS
from gatewayd.diagnostics.results import AddressResult, DnsAnswer, DnsResult, EncryptedOutcome, LinkResult

TIMEOUT, TRIES = 2.0, 2
MOST_RESOLVERS = 3  # as many as a resolv.conf may name (resolv.conf(5))
_CANARY = 1.2
_ENCRYPTED = 3.0
_WARM_TRIES, _WARM_PAUSE = 4, 0.15
_NAT64 = "ipv4only.arpa"  # RFC 7050


class _Lies(NamedTuple):
    made_up: DnsAnswer | None = None
    public_made_up: DnsAnswer | None = None
    canary: DnsAnswer | None = None


class DnsCheck(Check[DnsResult]):
    """A known name at each resolver in use, and at one beyond the provider for comparison; the same again,
    warm; a name that nobody has; and a question to an address where no server can be. Beside them,
    whether encrypted DNS gets through."""

    result = DnsResult
    needs = (LinkResult, AddressResult)
    limit = TIMEOUT * TRIES + 3.0

    async def run(self, around: Surroundings) -> DnsResult:
        if not around.targets.dns_names:
            return self.without("skipped", "No names to ask for are set.")
        own = (await around.resolvers())[:MOST_RESOLVERS]
        asked = [_ask(around, one) for one in own]
        if around.targets.public_resolver is not None:
            asked.append(_ask(around, around.targets.public_resolver))
        async with asyncio.TaskGroup() as group:
            lies = group.create_task(_lies(around, own))
            nat64 = group.create_task(_nat64(around, own))
            encrypted = group.create_task(_encrypted(around, own))
            answers = await asyncio.gather(*asked)
            warm = await _warm(around, answers[: len(own)])
        public = answers[-1] if around.targets.public_resolver is not None else None
        answers = answers[: len(own)]
        if not answers:
            return DnsResult(status="unknown", detail="The box has no DNS server to ask.", public=public)
        good = sum(answer.outcome == "answered" for answer in answers)
        doubtful = good < len(answers) or (warm or 0.0) > DNS_SLOW_MS or _is_lie(lies.result())
        return DnsResult(
            status="failed" if not good else "warn" if doubtful else "ok",
            detail=_told(answers, public, warm, lies.result()),
            answers=tuple(answers),
            public=public,
            warm_ms=warm,
            nat64=nat64.result(),
            dot=encrypted.result()[0],
            doh=encrypted.result()[1],
            **lies.result()._asdict(),
        )


async def _ask(around: Surroundings, resolver: str) -> DnsAnswer:
    name = around.targets.dns_names[0]
    return await around.world.resolve(resolver, name, seconds=TIMEOUT, tries=TRIES)


async def _warm(around: Surroundings, answers: Sequence[DnsAnswer]) -> float | None:
    """The milliseconds of a further time, at the first resolver that answered the first time.

    The best of some tries counts: a box that is busy with its other probes is slow itself.
    """
    best: float | None = None
    for answer in answers:
        if answer.outcome != "answered":
            continue
        for _ in range(_WARM_TRIES):
            again = await around.world.resolve(answer.resolver, answer.name, seconds=TIMEOUT, tries=1)
            if again.outcome != "answered" or again.ms is None:
                break
            best = again.ms if best is None else min(best, again.ms)
            if best <= DNS_SLOW_MS:
                break
            await around.clock.sleep(_WARM_PAUSE)
        break
    return best


async def _lies(around: Surroundings, own: Sequence[str]) -> _Lies:
    """What those say who should say nothing. Nobody registers 20 random letters."""
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20)) + ".com"
    public, canary = around.targets.public_resolver, around.targets.dns_canary
    known = around.targets.dns_names[0]

    async def ask(resolver: str | None, wanted: str, seconds: float) -> DnsAnswer | None:
        if resolver is None:
            return None
        return await around.world.resolve(resolver, wanted, seconds=seconds, tries=1)

    made_up, public_made_up, answer = await asyncio.gather(
        ask(own[0] if own else None, name, TIMEOUT),
        ask(public, name, TIMEOUT),
        ask(canary, known, _CANARY),
    )
    return _Lies(made_up, public_made_up, answer)


async def _nat64(around: Surroundings, own: Sequence[str]) -> tuple[str, ...]:
    """IPv6 addresses for a name that has only IPv4 ones: somebody translates. Asked on lines without IPv4."""
    if around.result(AddressResult).v4 or not own:
        return ()
    answer = await around.world.resolve(own[0], _NAT64, seconds=TIMEOUT, tries=1, kind="AAAA")
    return answer.addresses if answer.outcome == "answered" else ()


async def _encrypted(
    around: Surroundings, own: Sequence[str]
) -> tuple[EncryptedOutcome | None, EncryptedOutcome | None]:
    """Whether DNS over TLS and over HTTPS get through, where the settings name servers."""
    dot, doh, name = around.targets.dot_server, around.targets.doh_url, around.targets.dns_names[0]

    async def none() -> EncryptedOutcome | None:
        return None

    return await asyncio.gather(
        none() if dot is None else around.world.dns_over_tls(dot, name, _ENCRYPTED),
        none() if doh is None else around.world.dns_over_https(doh, name, own, _ENCRYPTED),
    )


def _is_lie(seen: _Lies) -> bool:
    invented = seen.made_up is not None and seen.made_up.outcome == "answered" and seen.made_up.addresses
    answered = seen.canary is not None and seen.canary.outcome not in ("timeout", "unreachable")
    return bool(invented) or answered


_SAYS = {
    "answered": "answers",
    "timeout": "does not answer",
    "servfail": "answers with an error (SERVFAIL)",
    "refused": "refuses to answer (REFUSED)",
    "nxdomain": "denies a name that exists (NXDOMAIN)",
    "unreachable": "is not reachable",
}


def _told(answers: Sequence[DnsAnswer], public: DnsAnswer | None, warm: float | None, lies: _Lies) -> str:
    sentences = [f"{answer.resolver} {_SAYS[answer.outcome]}." for answer in answers]
    if public is not None:
        sentences.append(f"The public {public.resolver} {_SAYS[public.outcome]}.")
    if warm is not None and warm > DNS_SLOW_MS:
        sentences.append(f"It takes {warm:.0f} ms for a name that it has just looked up.")
    if lies.canary is not None and lies.canary.outcome not in ("timeout", "unreachable"):
        sentences.append(f"Somebody answers for {lies.canary.resolver}, where no server is.")
    if lies.made_up is not None and lies.made_up.outcome == "answered" and lies.made_up.addresses:
        sentences.append("A name that nobody has gets an address.")
    return " ".join(sentences)
