"""Is there a signal on the cable to the modem?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.model import LinkResult
from gatewayd.system.netlink import Link

WAIT = 2.0
"""Seconds without carrier before it counts: autonegotiation after plugging in takes about that long."""


class LinkCheck(Check[LinkResult]):
    """The WAN's carrier: the interface of the settings, else the one with the default route."""

    result = LinkResult
    limit = 4.0

    async def run(self, around: Surroundings) -> LinkResult:
        end = around.clock.monotonic() + WAIT
        async with around.world.changes() as changes:
            while True:
                found = await self._look(around)
                left = end - around.clock.monotonic()
                if found.status != "failed" or left <= 0:
                    return found
                await changes.wait(left)

    async def _look(self, around: Surroundings) -> LinkResult:
        links = {link.index: link for link in await around.world.links()}
        if around.wan is None:
            return await self._guess(around, links)
        for link in links.values():
            if link.name == around.wan:
                return _told(link)
        return LinkResult(
            status="failed", detail=f"There is no interface {around.wan}.", interface=around.wan
        )

    async def _guess(self, around: Surroundings, links: dict[int, Link]) -> LinkResult:
        defaults = [route for route in await around.world.routes() if route.destination is None]
        for route in defaults:
            if route.index in links:
                return _told(links[route.index])
        real = [link for link in links.values() if not link.loopback and link.kind is None and link.up]
        lit = [link for link in real if link.carrier]
        if len(lit) == 1:
            return _told(lit[0])
        if not lit:
            return LinkResult(status="failed", detail="No interface has a signal.")
        names = ", ".join(link.name for link in lit)
        return LinkResult(
            status="unknown", detail=f"Any of {names} could lead to the modem; set network.wan to say which."
        )


def _told(link: Link) -> LinkResult:
    working = link.up and link.carrier
    if working:
        detail = f"{link.name} has a signal."
    elif link.up:
        detail = f"{link.name} is switched on, but there is no signal on its cable."
    else:
        detail = f"{link.name} is switched off."
    return LinkResult(
        status="ok" if working else "failed",
        detail=detail,
        interface=link.name,
        up=link.up,
        carrier=link.carrier,
    )
