"""Does the provider's first router beyond the gateway answer?"""

from __future__ import annotations

import asyncio

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.results import AddressResult, EdgeResult, LinkResult

_HOPS = (2, 3)
_TIMEOUT = 1.0


class EdgeCheck(Check[EdgeResult]):
    """Three pings to the router that was learned while the line was well; else it is looked for.

    A router that does not answer is no fault: many never do. So this one never fails.
    """

    result = EdgeResult
    needs = (LinkResult, AddressResult)
    limit = 4.0

    async def run(self, around: Surroundings) -> EdgeResult:
        hop = around.learned.hop
        if hop is None:
            return await self._look(around)
        answers = await around.world.ping(hop, count=3, interval=0.3, timeout=_TIMEOUT)
        answered = any(one is not None for one in answers)
        return EdgeResult(
            status="ok" if answered else "warn",
            detail=f"The provider's router {hop} {'answers' if answered else 'does not answer'}.",
            hop=hop,
            answered=answered,
        )

    async def _look(self, around: Surroundings) -> EdgeResult:
        if not around.targets.anchors_v4 or not around.result(AddressResult).v4:
            return self.without("skipped", "There is no anchor to look towards.")
        target, _ = endpoint(around.targets.anchors_v4[0], 443)
        found = await asyncio.gather(*(around.world.hop(target, number, _TIMEOUT) for number in _HOPS))
        for hop in found:
            if hop is not None:
                return EdgeResult(
                    status="ok", detail=f"The provider's first router is {hop}.", hop=hop, answered=True
                )
        return self.without("skipped", "No router beyond the gateway tells who it is.")
