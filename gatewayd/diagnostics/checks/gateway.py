"""Is there a way out, and does the modem at its other end answer?"""

from __future__ import annotations

import ipaddress
import socket

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AddressResult, GatewayResult, LinkResult
from gatewayd.errors import GatewayError
from gatewayd.system.netlink import Address, Link, Route

_ANSWERS = {"reachable", "permanent", "noarp"}
_SILENT = {"failed", "incomplete"}
_RESOLVED_AFTER = 3.5
"""Seconds after which the kernel has given up on a silent neighbour: 3 solicits, 1 s apart (arp(7))."""


class GatewayCheck(Check[GatewayResult]):
    """The IPv4 default route of the WAN, and three ARP requests to its next hop."""

    result = GatewayResult
    needs = (LinkResult, AddressResult)
    limit = 6.5

    async def run(self, around: Surroundings) -> GatewayResult:
        if not around.result(AddressResult).v4:
            return self.without("skipped", "There is no IPv4 address to send from.")
        interface = around.result(LinkResult).interface
        links = {link.name: link for link in await around.world.links()}
        link = links.get(interface or "")
        if link is None:
            return self.without("unknown", f"{interface} has gone while we looked.")
        route = _default(await around.world.routes(), link.index)
        if route is None:
            return GatewayResult(status="failed", detail=f"There is no default route through {link.name}.")
        if route.gateway is None or not link.arp:
            return GatewayResult(
                status="ok",
                detail=f"The default route leaves through {link.name}, which knows no ARP.",
                route=True,
                gateway=route.gateway,
                on_link=True,
            )
        return await self._ask(around, link, route.gateway)

    async def _ask(self, around: Surroundings, link: Link, gateway: str) -> GatewayResult:
        source = _source(await around.world.addresses(), link.index, gateway)
        try:
            answer = await around.world.arp(link.name, gateway, source)
        except GatewayError as error:
            return await self._kernels_view(around, link, gateway, error)
        if not answer.replies:
            return _silent(gateway, f"{gateway} did not answer {answer.sent} ARP requests.")
        first = answer.replies[0]
        return GatewayResult(
            status="ok",
            detail=f"{gateway} answers ARP in {first.ms:.1f} ms.",
            route=True,
            gateway=gateway,
            arp="answered",
            mac=first.mac,
            ms=first.ms,
        )

    async def _kernels_view(
        self, around: Surroundings, link: Link, gateway: str, error: GatewayError
    ) -> GatewayResult:
        """Without netd the neighbour cache tells, once the kernel had a reason to ask."""
        await around.world.nudge(gateway)
        end = around.clock.monotonic() + _RESOLVED_AFTER
        state = "none"
        while around.clock.monotonic() < end:
            cache = await around.world.neighbours()
            known = [one for one in cache if (one.index, one.address) == (link.index, gateway)]
            state = known[0].state if known else "none"
            if state in _ANSWERS or state == "failed":
                break
            await around.clock.sleep(0.25)
        if state in _ANSWERS:
            detail = f"{gateway} answers the kernel's ARP."
            return GatewayResult(status="ok", detail=detail, route=True, gateway=gateway, arp="answered")
        if state in _SILENT:
            return _silent(gateway, f"{gateway} does not answer the kernel's ARP.")
        return GatewayResult(
            status="unknown", detail=f"ARP could not be probed: {error.detail}", route=True, gateway=gateway
        )


def _silent(gateway: str, detail: str) -> GatewayResult:
    return GatewayResult(status="failed", detail=detail, route=True, gateway=gateway, arp="silent")


def _default(routes: tuple[Route, ...], index: int) -> Route | None:
    for route in routes:
        if route.family == socket.AF_INET and route.destination is None and route.index == index:
            return route
    return None


def _source(addresses: tuple[Address, ...], index: int, gateway: str) -> str | None:
    """Our address in the gateway's subnet, else any of the interface."""
    here = [one for one in addresses if one.index == index and one.family == socket.AF_INET]
    wanted = ipaddress.ip_address(gateway)
    for one in here:
        if wanted in ipaddress.ip_network(f"{one.address}/{one.prefix}", strict=False):
            return one.address
    return here[0].address if here else None
