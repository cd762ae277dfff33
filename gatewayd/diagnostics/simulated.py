"""A healthy line for the demo: every probe is answered, nothing is sent, and every diagnosis says so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from gatewayd.diagnostics.model import AnchorAnswer, DnsAnswer
from gatewayd.diagnostics.world import Changes, HttpAnswer
from gatewayd.netd.verbs import ArpProbeAnswer, ArpReply, DhcpOffer, DhcpProbeAnswer
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.netlink import Address, Link, Neighbour, Route

_INDEX, _MAC, _GATEWAY_MAC = 2, "02:00:5e:00:53:02", "02:00:5e:00:53:01"
_ADDRESS, _GATEWAY = "198.51.100.20", "198.51.100.1"  # RFC 5737: documentation

SIMULATED_TARGETS = DiagnosticsSettings(
    anchors_v4=("203.0.113.10:443", "203.0.113.20:443", "203.0.113.30:443"),
    resolvers=(_GATEWAY,),
    public_resolver="203.0.113.53",
    dns_names=("example.com",),
    http_probe_url="http://probe.example/204",
)
"""What the simulated line is asked, where the settings name nothing."""


class _Quiet:
    async def wait(self, seconds: float) -> bool:
        await asyncio.sleep(min(seconds, 0.01))
        return False


class SimulatedWorld:
    """A World that is always well. `pace` is how many seconds each probe takes, to be watched."""

    def __init__(self, pace: float = 0.0) -> None:
        self.notes: tuple[str, ...] = ("Simulated: this is the demo, no packet was sent.",)
        self._pace = pace

    async def links(self) -> tuple[Link, ...]:
        await asyncio.sleep(self._pace)
        return (Link(index=_INDEX, name="wan0", mac=_MAC, up=True, carrier=True),)

    async def addresses(self) -> tuple[Address, ...]:
        return (Address(index=_INDEX, family=socket.AF_INET, address=_ADDRESS, prefix=24, global_scope=True),)

    async def routes(self) -> tuple[Route, ...]:
        return (Route(family=socket.AF_INET, destination=None, prefix=0, gateway=_GATEWAY, index=_INDEX),)

    async def neighbours(self) -> tuple[Neighbour, ...]:
        return (Neighbour(index=_INDEX, address=_GATEWAY, mac=_GATEWAY_MAC, state="reachable"),)

    def changes(self) -> AbstractAsyncContextManager[Changes]:
        return _no_changes()

    async def arp(self, interface: str, target: str, source: str | None) -> ArpProbeAnswer:
        await asyncio.sleep(self._pace)
        return ArpProbeAnswer(replies=(ArpReply(address=target, mac=_GATEWAY_MAC, ms=0.6),), sent=1)

    async def dhcp(self, interface: str, seconds: float) -> DhcpProbeAnswer:
        offer = DhcpOffer(
            server=_GATEWAY, address=_ADDRESS, prefix=24, routers=(_GATEWAY,), dns=(_GATEWAY,),
            lease_seconds=3600, ms=3.0,
        )  # fmt: skip
        return DhcpProbeAnswer(offers=(offer,))

    async def nudge(self, target: str) -> None:
        return None

    async def resolvers(self) -> tuple[str, ...]:
        return (_GATEWAY,)

    async def connect(self, target: str, seconds: float) -> AnchorAnswer:
        await asyncio.sleep(self._pace)
        return AnchorAnswer(target=target, outcome="connected", ms=12.0)

    async def heard_within(self, seconds: float) -> bool:
        return True

    async def resolve(self, resolver: str, name: str, *, seconds: float, tries: int) -> DnsAnswer:
        await asyncio.sleep(self._pace)
        return DnsAnswer(
            resolver=resolver, name=name, outcome="answered", addresses=("203.0.113.80",), ms=9.0
        )

    async def get(self, url: str, resolvers: Sequence[str], seconds: float) -> HttpAnswer:
        await asyncio.sleep(self._pace)
        return HttpAnswer(status=204, ms=25.0)

    async def loop_lag_ms(self) -> float:
        return 0.4

    async def disk_free(self) -> float | None:
        return 0.6


@asynccontextmanager
async def _no_changes() -> AsyncIterator[Changes]:
    yield _Quiet()
