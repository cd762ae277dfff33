"""Did the cable's signal come and go while we looked?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import (
    CarrierResult,
    DnsResult,
    HttpResult,
    InternetResult,
    LinkResult,
    MtuResult,
    QualityResult,
)


class CarrierCheck(Check[CarrierResult]):
    """The kernel's count, compared with that of the first look, when the others have ended."""

    result = CarrierResult
    after = (LinkResult, InternetResult, DnsResult, HttpResult, MtuResult, QualityResult)
    late = True

    async def run(self, around: Surroundings) -> CarrierResult:
        link = around.results.get(LinkResult)
        if not isinstance(link, LinkResult) or link.session is None:
            return self.without("skipped", "There was no cable to watch.")
        before = int(link.session.rpartition("/")[2])
        for one in await around.world.links():
            if one.name == link.interface:
                changes = one.carrier_changes - before
                return CarrierResult(
                    status="warn" if changes else "ok",
                    detail=f"The signal came or went {changes} times meanwhile."
                    if changes
                    else "The signal was steady.",
                    changes=changes,
                )
        return self.without("unknown", f"{link.interface} has gone meanwhile.")
