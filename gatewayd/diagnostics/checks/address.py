"""Has the line given the box an address?"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterable

import msgspec

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AddressResult, LinkResult
from gatewayd.errors import GatewayError
from gatewayd.netd.verbs import DhcpProbeAnswer
from gatewayd.system.netlink import Address

WAIT = 10.0
"""Seconds without an address before it counts: a DHCP client's first two tries (RFC 2131, 4.1)."""
WAIT_IPV6 = 3.5
"""The same where IPv6 works: such a line may well be meant to be without IPv4."""
_SELF_ASSIGNED = ipaddress.ip_network("169.254.0.0/16")  # RFC 3927
_UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")  # RFC 4193: the kernel calls these global, the internet not


class AddressCheck(Check[AddressResult]):
    """Global addresses on the WAN; while there is none, a DHCP probe says whether anybody offers one."""

    result = AddressResult
    needs = (LinkResult,)
    limit = WAIT + 3.0

    async def run(self, around: Surroundings) -> AddressResult:
        link = around.result(LinkResult)
        interface = link.interface or ""
        started = around.clock.monotonic()
        probe: asyncio.Task[DhcpProbeAnswer] | None = None
        try:
            async with around.world.changes() as changes:
                while not (found := await self._look(around, interface)).v4:
                    patience = WAIT if not found.v6 else WAIT_IPV6
                    left = started + patience - around.clock.monotonic()
                    if left <= 0:
                        break
                    if probe is None:
                        probe = asyncio.create_task(around.world.dhcp(interface, patience - 0.5))
                    await changes.wait(left)
            if found.v4:
                return found
            had = await around.world.had_address(interface)
            learned = around.learned
            if had is None and learned.session is not None and learned.session == link.session:
                had = learned.address
            return msgspec.structs.replace(await _qualified(found, probe), had=had)
        finally:
            if probe is not None:
                probe.cancel()
                with contextlib.suppress(asyncio.CancelledError, GatewayError, OSError):
                    await probe

    async def _look(self, around: Surroundings, interface: str) -> AddressResult:
        links = {one.index: one.name for one in await around.world.links()}
        index = next((number for number, name in links.items() if name == interface), None)
        everywhere = [one for one in await around.world.addresses() if one.usable]
        here = [one for one in everywhere if one.index == index]
        home = [one for one in everywhere if links.get(one.index) in around.lan]
        v4 = tuple(one.address for one in here if one.family == socket.AF_INET and not _is_self_assigned(one))
        v6 = tuple(_global_v6(here))
        clash = next((links[one.index] for one in home if _clashes(one, here)), None)
        if v4:
            detail = f"{interface} has {', '.join((*v4, *v6))}."
            if clash is not None:
                detail += f" The home's {clash} has the same network."
        elif v6:
            detail = f"{interface} has {', '.join(v6)}, but no IPv4 address."
        else:
            detail = f"{interface} has no address after {WAIT:g} s."
        return AddressResult(
            status=("warn" if clash else "ok") if v4 else "warn" if v6 else "failed",
            detail=detail,
            v4=v4,
            v6=v6,
            self_assigned=any(_is_self_assigned(one) for one in here),
            clash=clash,
        )


async def _qualified(found: AddressResult, probe: asyncio.Task[DhcpProbeAnswer] | None) -> AddressResult:
    """Adds what the DHCP probe heard; a probe that did not work leaves `unknown`."""
    try:
        answer = await probe if probe is not None and probe.done() else None
    except (GatewayError, OSError) as error:
        return msgspec.structs.replace(found, detail=f"{found.detail} DHCP could not be probed: {error}.")
    if answer is None:
        return found
    offers = answer.offers
    if not offers and answer.refused_by is not None:
        detail = f"{found.detail} The DHCP server {answer.refused_by} is there and offers no address."
        return msgspec.structs.replace(found, dhcp="refused", dhcp_server=answer.refused_by, detail=detail)
    if not offers:
        return msgspec.structs.replace(found, dhcp="silent", detail=f"{found.detail} No DHCP server answers.")
    server = offers[0].server
    detail = f"{found.detail} The DHCP server {server} does offer {offers[0].address}."
    return msgspec.structs.replace(found, dhcp="offered", dhcp_server=server, detail=detail)


def _clashes(one: Address, here: Iterable[Address]) -> bool:
    """Whether an address of the home lies in a network of the WAN, or the other way round."""
    if one.family != socket.AF_INET or _is_self_assigned(one):
        return False
    network = ipaddress.ip_network(f"{one.address}/{one.prefix}", strict=False)
    return any(
        network.overlaps(ipaddress.ip_network(f"{other.address}/{other.prefix}", strict=False))
        for other in here
        if other.family == socket.AF_INET
    )


def _is_self_assigned(one: Address) -> bool:
    return one.family == socket.AF_INET and ipaddress.ip_address(one.address) in _SELF_ASSIGNED


def _global_v6(here: Iterable[Address]) -> Iterable[str]:
    for one in here:
        if (
            one.family == socket.AF_INET6
            and one.global_scope
            and ipaddress.ip_address(one.address) not in _UNIQUE_LOCAL
        ):
            yield one.address
