"""Is there a signal on the cable to the modem?"""

from __future__ import annotations

import asyncio

import msgspec

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import CHANGES
from gatewayd.diagnostics.results import LinkResult
from gatewayd.system.netlink import Link

WAIT = 2.0
"""Seconds without carrier before it counts: autonegotiation after plugging in takes about that long."""
WATCH = 9.0
"""Seconds for which a carrier that moved while we looked is watched."""


class LinkCheck(Check[LinkResult]):
    """The WAN's carrier: the interface of the settings, else the one with the default route."""

    result = LinkResult
    limit = WATCH + 2.0

    async def run(self, around: Surroundings) -> LinkResult:
        started = around.clock.monotonic()
        async with around.world.changes() as changes:
            first = found = await self._look(around)
            while found.status == "failed" and (left := started + WAIT - around.clock.monotonic()) > 0:
                await changes.wait(left)
                found = await self._look(around)
            moved = _changes_since(first, found)
            if moved or (found.status == "failed" and found.changes > 1):
                while moved < CHANGES and (left := started + WATCH - around.clock.monotonic()) > 0:
                    await changes.wait(left)
                    found = await self._look(around)
                    moved = _changes_since(first, found)
        seen = max(found.changes, moved)
        if seen >= CHANGES:
            detail = f"The signal of {found.interface} came or went {seen} times lately."
            return msgspec.structs.replace(found, status="failed", detail=detail, changes=seen)
        return msgspec.structs.replace(found, changes=seen)

    async def _look(self, around: Surroundings) -> LinkResult:
        links = {link.index: link for link in await around.world.links()}
        if around.wan is None:
            return await self._guess(around, links)
        for link in links.values():
            if link.name == around.wan:
                return await _told(around, link)
        return LinkResult(
            status="failed", detail=f"There is no interface {around.wan}.", interface=around.wan
        )

    async def _guess(self, around: Surroundings, links: dict[int, Link]) -> LinkResult:
        defaults = [route for route in await around.world.routes() if route.destination is None]
        for route in defaults:
            if route.index in links:
                return await _told(around, links[route.index])
        real = [link for link in links.values() if not link.loopback and link.kind is None and link.up]
        lit = [link for link in real if link.carrier]
        if len(lit) == 1:
            return await _told(around, lit[0])
        if not lit:
            return LinkResult(status="failed", detail="No interface has a signal.")
        names = ", ".join(link.name for link in lit)
        return LinkResult(
            status="unknown", detail=f"Any of {names} could lead to the modem; set network.wan to say which."
        )


async def _told(around: Surroundings, link: Link) -> LinkResult:
    working = link.up and link.carrier
    port, changes, boot = await asyncio.gather(
        around.world.port(link.name), around.world.carrier_changes(link.name), around.world.boot()
    )
    if working:
        detail = f"{link.name} has a signal."
        if port.full_duplex is False:
            detail += " It cannot send and receive at once (half duplex)."
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
        changes=changes,
        speed=port.speed if working else None,
        best_speed=port.best_speed,
        full_duplex=port.full_duplex if working else None,
        errors=port.errors,
        session=f"{boot}/{link.name}/{link.carrier_changes}",
    )


def _changes_since(first: LinkResult, now: LinkResult) -> int:
    """How often the kernel saw the carrier change between two looks."""
    if first.session is None or now.session is None or first.interface != now.interface:
        return 0
    before, after = (int(one.session.rpartition("/")[2]) for one in (first, now) if one.session)
    return after - before
