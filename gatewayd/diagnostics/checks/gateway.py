"""Is there a way out, and does the modem at its other end answer?

An IPv6 gateway is asked by ping and by the kernel's neighbour discovery (RFC 4861, 7.3): what was heard of it
lately proves nothing, so the kernel is made to ask anew.
"""

from __future__ import annotations

import ipaddress
import socket

import msgspec

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AddressResult, GatewayResult, LinkResult
from gatewayd.errors import GatewayError
from gatewayd.system.netlink import Address, Link, Route

_ANSWERS = {"reachable", "permanent", "noarp"}
_SILENT = {"failed", "incomplete"}
_RESOLVED_AFTER = 3.5
"""Seconds after which the kernel has given up on a silent neighbour: 3 solicits, 1 s apart (arp(7))."""
_UNREACHABLE_AFTER = 8.5
"""The same for one that it believed to know: 5 s until it asks (RFC 4861, 10: DELAY_FIRST_PROBE_TIME)."""


class GatewayCheck(Check[GatewayResult]):
    """The default route of the WAN, and three ARP requests to its next hop; neighbour discovery on a line
    without IPv4."""

    result = GatewayResult
    needs = (LinkResult, AddressResult)
    limit = 9.5

    async def run(self, around: Surroundings) -> GatewayResult:
        address = around.result(AddressResult)
        if not address.v4 and not address.v6:
            return self.without("skipped", "There is no address to send from.")
        family = socket.AF_INET if address.v4 else socket.AF_INET6
        interface = around.result(LinkResult).interface
        links = {link.name: link for link in await around.world.links()}
        link = links.get(interface or "")
        if link is None:
            return self.without("unknown", f"{interface} has gone while we looked.")
        route = _default(await around.world.routes(), link.index, family)
        if route is None:
            return GatewayResult(status="failed", detail=f"There is no default route through {link.name}.")
        if route.gateway is None or not link.arp:
            return GatewayResult(
                status="ok",
                detail=f"The default route leaves through {link.name}, which knows no ARP.",
                route=True,
                gateway=route.gateway,
                on_link=True,
                six=family == socket.AF_INET6,
            )
        if family == socket.AF_INET6:
            return await self._ask_six(around, link, route.gateway)
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

    async def _ask_six(self, around: Surroundings, link: Link, gateway: str) -> GatewayResult:
        scoped = f"{gateway}%{link.name}" if ipaddress.ip_address(gateway).is_link_local else gateway
        found = GatewayResult(status="ok", route=True, gateway=scoped, six=True, arp="answered")
        times = await around.world.ping(scoped, count=2, interval=0.2, timeout=0.8)
        if came := [one for one in times if one is not None]:
            return msgspec.structs.replace(
                found, detail=f"{gateway} answers a ping in {min(came):.1f} ms.", ms=round(min(came), 3)
            )
        state = await _neighbour(around, link, gateway, _UNREACHABLE_AFTER - 1.0)
        if state in _ANSWERS:
            return msgspec.structs.replace(found, detail=f"{gateway} answers neighbour discovery.")
        if state in _SILENT:
            return _silent(scoped, f"{gateway} does not answer neighbour discovery.", six=True)
        detail = f"Whether {gateway} answers neighbour discovery could not be told."
        return msgspec.structs.replace(found, status="unknown", detail=detail, arp="unknown")

    async def _kernels_view(
        self, around: Surroundings, link: Link, gateway: str, error: GatewayError
    ) -> GatewayResult:
        """Without netd the neighbour cache tells, once the kernel had a reason to ask."""
        await around.world.nudge(gateway)
        state = await _neighbour(around, link, gateway, _RESOLVED_AFTER)
        if state in _ANSWERS:
            detail = f"{gateway} answers the kernel's ARP."
            return GatewayResult(status="ok", detail=detail, route=True, gateway=gateway, arp="answered")
        if state in _SILENT:
            return _silent(gateway, f"{gateway} does not answer the kernel's ARP.")
        return GatewayResult(
            status="unknown", detail=f"ARP could not be probed: {error.detail}", route=True, gateway=gateway
        )


async def _neighbour(around: Surroundings, link: Link, gateway: str, seconds: float) -> str:
    """The state of a neighbour once the kernel is sure of it, or after `seconds`."""
    end = around.clock.monotonic() + seconds
    state = "none"
    while around.clock.monotonic() < end:
        cache = await around.world.neighbours()
        known = [one for one in cache if (one.index, one.address) == (link.index, gateway)]
        state = known[0].state if known else "none"
        if state in _ANSWERS or state == "failed":
            break
        await around.clock.sleep(0.25)
    return state


def _silent(gateway: str, detail: str, *, six: bool = False) -> GatewayResult:
    return GatewayResult(status="failed", detail=detail, route=True, gateway=gateway, six=six, arp="silent")


def _default(routes: tuple[Route, ...], index: int, family: int) -> Route | None:
    for route in routes:
        if route.family == family and route.destination is None and route.index == index:
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
