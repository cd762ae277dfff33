"""A World whose every answer a test sets, with a clock that passes only while a check waits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from gatewayd.diagnostics.certificate import Sight
from gatewayd.diagnostics.mail_server import Exchangers, Greeting
from gatewayd.diagnostics.ports import Port
from gatewayd.diagnostics.results import AnchorAnswer, ConnectOutcome, DnsAnswer, DnsOutcome, EncryptedOutcome
from gatewayd.diagnostics.sip import Answer as SipAnswer
from gatewayd.diagnostics.world import Captive, Changes, Download, HttpAnswer, RecordKind
from gatewayd.errors import GatewayError
from gatewayd.netd.verbs import ArpProbeAnswer, ArpReply, DhcpOffer, DhcpProbeAnswer
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.netlink import Address, Link, Neighbour, Route

BOX, GATEWAY, MAC = "192.0.2.20", "192.0.2.1", "02:00:00:00:00:01"
WAN = Link(index=2, name="wan0", mac="02:00:00:00:00:02", up=True, carrier=True)
TARGETS = DiagnosticsSettings(
    anchors_v4=("203.0.113.10:443", "203.0.113.20:443", "203.0.113.30:443"),
    anchors_v6=("[2001:db8::10]:443", "[2001:db8::20]:443"),
    resolvers=("192.0.2.53",),
    public_resolver="203.0.113.53",
    dns_names=("probe.test",),
    http_probe_url="http://probe.test/204",
    https_probe_url="https://probe.test/204",
    dns_canary="198.51.100.53",
    ntp_server="203.0.113.123",
    tls_probe="probe.test:443",
    bulk_url="http://probe.test/bulk",
)
EXPECTED = HttpAnswer(status=204, ms=1.0)
GIGABIT = Port(speed=1000, best_speed=1000, full_duplex=True, errors=0)
TRUSTED = Sight("trusted")
REGISTERED = SipAnswer("registered", "REGISTER", 200, 1)
SOMEWHERE = Exchangers("found", ("mx.mail.test",))
WHOLE = Download(200_000, whole=True, connected=True, started=True, status=200, seconds=0.2)


class WaitingClock:
    """Time passes at once when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_790_000_000 + self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.seconds += seconds

    def trusted(self) -> bool:
        return True


@dataclass
class FakeWorld:
    """Healthy until a field is changed. `later` are changes that happen at the n-th wait."""

    clock: WaitingClock = field(default_factory=WaitingClock)
    notes: tuple[str, ...] = ()
    link: Link | None = WAN
    more_links: tuple[Link, ...] = ()
    v4: tuple[str, ...] = (BOX,)
    v6: tuple[str, ...] = ()
    gateway: str | None = GATEWAY
    gateway6: str | None = None
    arp_answers: bool = True
    arp_refusal: GatewayError | None = None
    neighbour: str = "none"
    offers: tuple[DhcpOffer, ...] = ()
    refused_by: str | None = None
    foreign_mac: str | None = None
    dhcp_refusal: GatewayError | None = None
    anchors: dict[str, ConnectOutcome] = field(default_factory=dict)
    others: ConnectOutcome = "connected"
    heard: bool = False
    dns: dict[str, DnsOutcome] = field(default_factory=dict)
    web: HttpAnswer = EXPECTED
    aaaa: tuple[str, ...] = ()
    encrypted: tuple[EncryptedOutcome, EncryptedOutcome] = ("answered", "answered")
    portal_says: Captive | None = None
    made_up: tuple[str, ...] = ()
    public_made_up: tuple[str, ...] = ()
    canary: bool = False
    dns_ms: float = 3.0
    secure: HttpAnswer | None = None
    ports: Port = GIGABIT
    carrier: int = 0
    had: str | None = None
    traffic: tuple[int, int] = (0, 0)
    pings: Callable[[str, int, int], tuple[float | None, ...]] = lambda target, count, size: (9.0,) * count
    edge: str | None = "198.51.100.254"
    offset: float | None = 0.01
    sight: Sight = TRUSTED
    bulk: Download = WHOLE
    sip: SipAnswer = REGISTERED
    mail: dict[int, Greeting] = field(default_factory=dict)
    mx: Exchangers = SOMEWHERE
    flows: bool = True
    pressed: float | None = 2.0
    lag_ms: float = 1.0
    disk: float | None = 0.5
    later: list[dict[str, object]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def links(self) -> tuple[Link, ...]:
        loopback = Link(index=1, name="lo", mac=None, up=True, carrier=True, loopback=True)
        return (loopback, *((self.link,) if self.link else ()), *self.more_links)

    async def addresses(self) -> tuple[Address, ...]:
        index = self.link.index if self.link else 2
        return tuple(
            Address(
                index=index,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                address=one,
                prefix=64 if ":" in one else 24,
                global_scope=not one.startswith("fe80"),
            )
            for one in (*self.v4, *self.v6)
        )

    async def routes(self) -> tuple[Route, ...]:
        ways = ((socket.AF_INET, self.gateway), (socket.AF_INET6, self.gateway6))
        return tuple(
            Route(family=family, destination=None, prefix=0, gateway=gateway or None, index=2)
            for family, gateway in ways
            if gateway is not None
        )

    async def neighbours(self) -> tuple[Neighbour, ...]:
        return tuple(
            Neighbour(index=2, address=address, mac=MAC, state=self.neighbour)
            for address in (GATEWAY, self.gateway6)
            if address
        )

    def changes(self) -> AbstractAsyncContextManager[Changes]:
        return self._changes()

    @asynccontextmanager
    async def _changes(self) -> AsyncIterator[Changes]:
        yield self

    async def wait(self, seconds: float) -> bool:
        """The next thing of `later` happens after a tenth of a second, or nothing does."""
        if not self.later:
            await self.clock.sleep(seconds)
            return False
        await self.clock.sleep(0.1)
        for name, value in self.later.pop(0).items():
            setattr(self, name, value)
        return True

    async def arp(
        self, interface: str, target: str, source: str | None, *, count: int = 3, interval_ms: int = 1000
    ) -> ArpProbeAnswer:
        if source is None:
            if self.arp_refusal is not None:
                raise self.arp_refusal
            mac = self.foreign_mac
            return ArpProbeAnswer(
                replies=(ArpReply(address=target, mac=mac, ms=1.0),) if mac is not None else (), sent=count
            )
        self.asked.append(f"arp {interface} {target} from {source}")
        if self.arp_refusal is not None:
            raise self.arp_refusal
        replies = (ArpReply(address=target, mac=MAC, ms=1.0),) if self.arp_answers else ()
        return ArpProbeAnswer(replies=replies, sent=1 if replies else 3)

    async def dhcp(self, interface: str, seconds: float) -> DhcpProbeAnswer:
        if self.dhcp_refusal is not None:
            raise self.dhcp_refusal
        return DhcpProbeAnswer(offers=self.offers, refused_by=self.refused_by)

    async def nudge(self, target: str) -> None:
        self.asked.append(f"nudge {target}")

    async def resolvers(self) -> tuple[str, ...]:
        return ("192.0.2.53",)

    async def connect(self, target: str, seconds: float) -> AnchorAnswer:
        self.asked.append(f"connect {target}")
        return AnchorAnswer(target=target, outcome=self.anchors.get(target, self.others), ms=5.0)

    async def heard_within(self, seconds: float) -> bool:
        return self.heard

    async def resolve(
        self, resolver: str, name: str, *, seconds: float, tries: int, kind: RecordKind = "A"
    ) -> DnsAnswer:
        answer = DnsAnswer(
            resolver=resolver, name=name, outcome=self.dns.get(resolver, "answered"), ms=self.dns_ms
        )
        addresses: tuple[str, ...] = ("203.0.113.80",)
        if resolver == TARGETS.dns_canary:
            return answer if self.canary else msgspec.structs.replace(answer, outcome="timeout")
        if kind == "AAAA":
            addresses = self.aaaa
        elif name.endswith(".com"):
            addresses = self.public_made_up if resolver == TARGETS.public_resolver else self.made_up
        if answer.outcome != "answered" or not addresses:
            return (
                answer
                if answer.outcome != "answered"
                else msgspec.structs.replace(answer, outcome="nxdomain")
            )
        return msgspec.structs.replace(answer, addresses=addresses)

    async def get(self, url: str, resolvers: Sequence[str], seconds: float) -> HttpAnswer:
        return self.secure if self.secure is not None and url.startswith("https") else self.web

    async def port(self, interface: str) -> Port:
        return self.ports

    async def carrier_changes(self, interface: str) -> int:
        return self.carrier

    async def had_address(self, interface: str) -> str | None:
        return self.had

    async def counters(self, interface: str) -> tuple[int, int] | None:
        """As much as `traffic` (bit/s in and out) has brought by now."""
        return (
            int(self.traffic[0] / 8 * self.clock.monotonic()),
            int(self.traffic[1] / 8 * self.clock.monotonic()),
        )

    async def ping(
        self, target: str, *, count: int, interval: float, size: int = 56, timeout: float = 1.0
    ) -> tuple[float | None, ...]:
        self.asked.append(f"ping {target} {count} {size}")
        await asyncio.sleep(0)
        return self.pings(target, count, size)

    async def hop(self, target: str, number: int, seconds: float) -> str | None:
        return self.edge

    async def clock_offset(self, server: str, resolvers: Sequence[str], seconds: float) -> float | None:
        return self.offset

    async def certificate(
        self, server: str, pins: Sequence[str], resolvers: Sequence[str], now: datetime, seconds: float
    ) -> Sight:
        return self.sight

    async def download(self, url: str, resolvers: Sequence[str], seconds: float, most: int) -> Download:
        return self.bulk

    async def telephone(
        self, targets: DiagnosticsSettings, resolvers: Sequence[str], seconds: float
    ) -> SipAnswer:
        return self.sip

    async def mail_server(self, host: str, address: str, port: int, seconds: float) -> Greeting:
        return self.mail.get(port, Greeting("greeted", 5.0, True))

    async def exchangers(self, domain: str, resolvers: Sequence[str]) -> Exchangers:
        return self.mx

    async def multicast(self, group: str, interface: str | None, seconds: float) -> bool:
        return self.flows

    async def pressure(self) -> float | None:
        return self.pressed

    async def throttled(self) -> bool | None:
        return False

    async def boot(self) -> str:
        return "boot"

    async def dns_over_tls(self, server: str, name: str, seconds: float) -> EncryptedOutcome:
        return self.encrypted[0]

    async def dns_over_https(
        self, url: str, name: str, resolvers: Sequence[str], seconds: float
    ) -> EncryptedOutcome:
        return self.encrypted[1]

    async def captive(self, url: str, resolvers: Sequence[str], seconds: float) -> Captive | None:
        self.asked.append(f"captive {url}")
        return self.portal_says

    async def loop_lag_ms(self) -> float:
        return self.lag_ms

    async def disk_free(self) -> float | None:
        return self.disk
