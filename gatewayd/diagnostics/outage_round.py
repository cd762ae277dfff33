"""One round of the outage watch: what the kernel knows, a few handshakes a family, one name to resolve."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from gatewayd.diagnostics.outage_model import Cause, Line
from gatewayd.diagnostics.world import World
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.netlink import Address, Link

SAMPLE, QUORUM = 3, 2
TIMEOUT = 2.0
_NO_ADDRESS = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fc00::/7"))  # RFC 3927, RFC 4193


class Finding(NamedTuple):
    """What a round found of a line. `lost` is why nobody had to be asked; `ms` how long the answers took."""

    good: bool
    lost: Cause | None = None
    ms: float | None = None


class Round(NamedTuple):
    """`found` holds the lines that could be judged; `interface` is the WAN as far as it is known."""

    found: dict[Line, Finding]
    interface: str | None


async def look(
    world: World, targets: DiagnosticsSettings, wan: str | None, expected: frozenset[Line]
) -> Round:
    """One round, within 4 s or so. `expected` are the families that had an address before: for them, having
    none is an outage, for the others a matter of course. Raises GatewayError and OSError where the kernel
    cannot be asked."""
    links, addresses = await asyncio.gather(world.links(), world.addresses())
    link = await _wan(world, wan, links)
    if link is None and wan is None:
        return Round({}, None)  # nobody knows which way the internet is: nothing can be said
    here = [one for one in addresses if link is not None and one.index == link.index and _is_global(one)]
    lost: Cause | None = None if link is not None and link.up and link.carrier else "carrier"
    families: tuple[tuple[Line, socket.AddressFamily, tuple[str, ...]], ...] = (
        ("v4", socket.AF_INET, targets.anchors_v4),
        ("v6", socket.AF_INET6, targets.anchors_v6),
    )
    found: dict[Line, Finding] = {}
    asked: list[Line] = []
    for line, family, anchors in families:
        has = any(one.family == family for one in here)
        if not anchors or not (has or line in expected):
            continue
        if lost is not None or not has:
            found[line] = Finding(good=False, lost=lost or "lease")
        else:
            asked.append(line)
    anchors_of = {line: anchors for line, _, anchors in families}
    answers, names = await asyncio.gather(
        asyncio.gather(*(_anchors(world, anchors_of[line]) for line in asked)), _names(world, targets, lost)
    )
    found |= dict(zip(asked, answers, strict=True))
    if asked and not any(one.good for one in answers) and await world.heard_within(TIMEOUT):
        found |= {line: Finding(good=True) for line in asked}  # what arrives proves the line
    if names is not None:
        found["dns"] = names
    return Round(found, link.name if link is not None else wan)


async def _wan(world: World, wan: str | None, links: Sequence[Link]) -> Link | None:
    if wan is not None:
        return next((link for link in links if link.name == wan), None)
    defaults = [route.index for route in await world.routes() if route.destination is None]
    return next((link for index in defaults for link in links if link.index == index), None)


async def _anchors(world: World, anchors: Sequence[str]) -> Finding:
    """A quorum of a few; of others where only some answered, so that one dead anchor accuses nobody."""
    shuffled = random.sample(anchors, len(anchors))
    times: list[float] = []
    for chosen in (shuffled[:SAMPLE], shuffled[SAMPLE : 2 * SAMPLE]):
        answers = await asyncio.gather(*(world.connect(target, TIMEOUT) for target in chosen))
        times += [answer.ms or 0.0 for answer in answers if answer.outcome == "connected"]
        if len(times) >= min(QUORUM, len(anchors)):
            return Finding(good=True, ms=round(statistics.median(times), 1))
        if not times:
            break
    return Finding(good=False)


async def _names(world: World, targets: DiagnosticsSettings, lost: Cause | None) -> Finding | None:
    if not targets.dns_names:
        return None
    if lost is not None:
        return Finding(good=False, lost=lost)
    resolvers = targets.resolvers or await world.resolvers()
    if not resolvers:
        return None
    name = random.choice(targets.dns_names)  # noqa: S311 - no secret
    asked = [world.resolve(one, name, seconds=TIMEOUT, tries=1) for one in resolvers[:SAMPLE]]
    answers = await asyncio.gather(*asked)
    times = [answer.ms or 0.0 for answer in answers if answer.outcome == "answered"]
    return Finding(good=bool(times), ms=round(min(times), 1) if times else None)


def _is_global(one: Address) -> bool:
    if not one.usable or not one.global_scope:
        return False
    parsed = ipaddress.ip_address(one.address)
    return not any(parsed in network for network in _NO_ADDRESS if network.version == parsed.version)


async def outlook(world: World, wan: str) -> tuple[bool, bool, bool]:
    """What a round would start from, without asking anybody: a signal, an IPv4 and an IPv6 address."""
    links, addresses = await asyncio.gather(world.links(), world.addresses())
    link = next((one for one in links if one.name == wan), None)
    families = {
        one.family for one in addresses if link is not None and one.index == link.index and _is_global(one)
    }
    return (
        link is not None and link.up and link.carrier,
        socket.AF_INET in families,
        socket.AF_INET6 in families,
    )
