"""Are names resolved?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.model import AddressResult, DnsAnswer, DnsResult, LinkResult

TIMEOUT, TRIES = 2.0, 2
MOST_RESOLVERS = 3  # as many as a resolv.conf may name (resolv.conf(5))


class DnsCheck(Check[DnsResult]):
    """A known name at each resolver in use, and at one beyond the provider for comparison."""

    result = DnsResult
    needs = (LinkResult, AddressResult)
    limit = TIMEOUT * TRIES + 2.0

    async def run(self, around: Surroundings) -> DnsResult:
        targets, world = around.targets, around.world
        if not targets.dns_names:
            return self.without("skipped", "No names to ask for are set.")
        name = targets.dns_names[0]
        resolvers = (targets.resolvers or await world.resolvers())[:MOST_RESOLVERS]
        asked = [world.resolve(one, name, seconds=TIMEOUT, tries=TRIES) for one in resolvers]
        if targets.public_resolver is not None:
            asked.append(world.resolve(targets.public_resolver, name, seconds=TIMEOUT, tries=TRIES))
        answers = tuple(await asyncio.gather(*asked))
        public = answers[-1] if targets.public_resolver is not None else None
        own = answers[: len(resolvers)]
        if not own:
            return DnsResult(status="unknown", detail="The box has no DNS server to ask.", public=public)
        good = sum(answer.outcome == "answered" for answer in own)
        return DnsResult(
            status="ok" if good == len(own) else "warn" if good else "failed",
            detail=_told(own, public),
            answers=own,
            public=public,
        )


_SAYS = {
    "answered": "answers",
    "timeout": "does not answer",
    "servfail": "answers with an error (SERVFAIL)",
    "refused": "refuses to answer (REFUSED)",
    "nxdomain": "denies a name that exists (NXDOMAIN)",
    "unreachable": "is not reachable",
}


def _told(answers: Sequence[DnsAnswer], public: DnsAnswer | None) -> str:
    sentences = [f"{answer.resolver} {_SAYS[answer.outcome]}." for answer in answers]
    if public is not None:
        sentences.append(f"The public {public.resolver} {_SAYS[public.outcome]}.")
    return " ".join(sentences)
