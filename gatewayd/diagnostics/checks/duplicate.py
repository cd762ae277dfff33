"""Does anybody else use our address?"""

from __future__ import annotations

import asyncio

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AddressResult, DuplicateResult, LinkResult

_COUNT, _INTERVAL_MS = 3, 350
_MOST = 3


class DuplicateCheck(Check[DuplicateResult]):
    """RFC 5227's probe for each of our own IPv4 addresses: only a stranger answers it."""

    result = DuplicateResult
    needs = (LinkResult, AddressResult)
    limit = 4.0

    async def run(self, around: Surroundings) -> DuplicateResult:
        interface = around.result(LinkResult).interface
        addresses = around.result(AddressResult).v4[:_MOST]
        links = {link.name: link for link in await around.world.links()}
        link = links.get(interface or "")
        if link is None or not link.arp or not addresses:
            return self.without("skipped", "This line knows no ARP.")
        answers = await asyncio.gather(
            *(
                around.world.arp(link.name, one, None, count=_COUNT, interval_ms=_INTERVAL_MS)
                for one in addresses
            )
        )
        for address, answer in zip(addresses, answers, strict=True):
            for reply in answer.replies:
                if reply.mac.lower() != (link.mac or "").lower():
                    return DuplicateResult(
                        status="failed",
                        detail=f"{reply.mac} claims our address {address}.",
                        address=address,
                        mac=reply.mac,
                    )
        return DuplicateResult(status="ok", detail="Nobody else claims our address.")
