"""A healthy line for the demo: every probe is answered, nothing is sent, and every diagnosis says so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from gatewayd.diagnostics.certificate import Sight
from gatewayd.diagnostics.mail_server import Exchangers, Greeting
from gatewayd.diagnostics.ports import Port
from gatewayd.diagnostics.results import AnchorAnswer, DnsAnswer, EncryptedOutcome
from gatewayd.diagnostics.sip import Answer as SipAnswer
from gatewayd.diagnostics.world import Captive, Changes, Download, HttpAnswer, RecordKind
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
    https_probe_url="https://probe.example/204",
    ntp_server="203.0.113.123",
    tls_probe="probe.example:443",
    bulk_url="http://probe.example/bulk",
    dns_canary="192.0.2.1",
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

    async def arp(
        self, interface: str, target: str, source: str | None, *, count: int = 3, interval_ms: int = 1000
    ) -> ArpProbeAnswer:
        if source is None:
            return ArpProbeAnswer(replies=(), sent=count)
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

    async def resolve(
        self, resolver: str, name: str, *, seconds: float, tries: int, kind: RecordKind = "A"
    ) -> DnsAnswer:
        if resolver == SIMULATED_TARGETS.dns_canary:
            return DnsAnswer(resolver=resolver, name=name, outcome="timeout")
        if name not in SIMULATED_TARGETS.dns_names:
            return DnsAnswer(resolver=resolver, name=name, outcome="nxdomain", ms=9.0)
        await asyncio.sleep(self._pace)
        return DnsAnswer(
            resolver=resolver, name=name, outcome="answered", addresses=("203.0.113.80",), ms=9.0
        )

    async def get(self, url: str, resolvers: Sequence[str], seconds: float) -> HttpAnswer:
        await asyncio.sleep(self._pace)
        return HttpAnswer(status=204, ms=25.0)

    async def port(self, interface: str) -> Port:
        return Port(speed=1000, best_speed=1000, full_duplex=True, errors=0)

    async def carrier_changes(self, interface: str) -> int:
        return 0

    async def had_address(self, interface: str) -> str | None:
        return None

    async def counters(self, interface: str) -> tuple[int, int] | None:
        return (0, 0)

    async def ping(
        self, target: str, *, count: int, interval: float, size: int = 56, timeout: float = 1.0
    ) -> tuple[float | None, ...]:
        await asyncio.sleep(self._pace)
        return tuple(12.0 + 0.2 * (number % 3) for number in range(count))

    async def hop(self, target: str, number: int, seconds: float) -> str | None:
        return "198.51.100.254"

    async def clock_offset(self, server: str, resolvers: Sequence[str], seconds: float) -> float | None:
        return 0.002

    async def certificate(
        self, server: str, pins: Sequence[str], resolvers: Sequence[str], now: datetime, seconds: float
    ) -> Sight:
        await asyncio.sleep(self._pace)
        return Sight("trusted")

    async def download(self, url: str, resolvers: Sequence[str], seconds: float, most: int) -> Download:
        await asyncio.sleep(self._pace)
        return Download(size=200_000, whole=True, connected=True, started=True, status=200, seconds=0.1)

    async def telephone(
        self, targets: DiagnosticsSettings, resolvers: Sequence[str], seconds: float
    ) -> SipAnswer:
        return SipAnswer("registered", "REGISTER", 200, 1, "SHA-256", 21.0)

    async def mail_server(self, host: str, address: str, port: int, seconds: float) -> Greeting:
        return Greeting("greeted", 18.0, True)

    async def exchangers(self, domain: str, resolvers: Sequence[str]) -> Exchangers:
        return Exchangers("found", (f"mx.{domain}",))

    async def multicast(self, group: str, interface: str | None, seconds: float) -> bool:
        return True

    async def pressure(self) -> float | None:
        return 1.5

    async def boot(self) -> str:
        return "simulated"

    async def throttled(self) -> bool | None:
        return False

    async def dns_over_tls(self, server: str, name: str, seconds: float) -> EncryptedOutcome:
        return "answered"

    async def dns_over_https(
        self, url: str, name: str, resolvers: Sequence[str], seconds: float
    ) -> EncryptedOutcome:
        return "answered"

    async def captive(self, url: str, resolvers: Sequence[str], seconds: float) -> Captive | None:
        return Captive(captive=False)

    async def loop_lag_ms(self) -> float:
        return 0.4

    async def disk_free(self) -> float | None:
        return 0.6


@asynccontextmanager
async def _no_changes() -> AsyncIterator[Changes]:
    yield _Quiet()
