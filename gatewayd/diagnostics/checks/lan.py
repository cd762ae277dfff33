"""Do the home's devices lose packets on their way to the box?"""

from __future__ import annotations

import asyncio

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import CLIENT_LOSS
from gatewayd.diagnostics.results import LanResult, PingFigures, ping_figures
from gatewayd.system.netlink import Neighbour

_MOST = 8
_INTERVAL = 0.05
_SHORT, _WHOLE = 20, 80
_AWAKE = {"reachable", "stale", "delay", "probe"}


class LanCheck(Check[LanResult]):
    """A second of pings to each device that the box has met; longer to those that lost some.

    One that answers nothing sleeps, or does not like pings: that is no fault.
    """

    result = LanResult
    limit = 9.0

    async def run(self, around: Surroundings) -> LanResult:
        met = await _met(around)
        if not met:
            return self.without("skipped", "The box knows of no device at home to ask.")
        figures = await asyncio.gather(*(_asked(around, one.address) for one in met))
        answering = tuple(one for one in figures if one.lost < one.sent)
        losing = [one for one in answering if one.loss > CLIENT_LOSS and one.lost > 2]
        detail = f"{len(answering)} of {len(met)} devices at home answer pings."
        if losing:
            detail += " " + " ".join(f"{one.target} loses {one.loss:.0%}." for one in losing)
        return LanResult(status="warn" if losing else "ok", detail=detail, clients=answering)


async def _met(around: Surroundings) -> list[Neighbour]:
    indexes = {link.index for link in await around.world.links() if link.name in around.lan}
    if not indexes:
        return []
    cache = await around.world.neighbours()
    here = [one for one in cache if one.index in indexes and one.state in _AWAKE and ":" not in one.address]
    return sorted(here, key=lambda one: one.state != "reachable")[:_MOST]


async def _asked(around: Surroundings, address: str) -> PingFigures:
    figures = ping_figures(
        address, await around.world.ping(address, count=_SHORT, interval=_INTERVAL, timeout=1.0)
    )
    if not 0 < figures.lost < figures.sent:
        return figures
    times = await around.world.ping(address, count=_WHOLE, interval=_INTERVAL, timeout=1.0)
    return ping_figures(address, times)
