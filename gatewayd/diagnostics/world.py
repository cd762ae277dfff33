"""The probes' only way out: everything that a check may look at or send."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from gatewayd.diagnostics.certificate import Sight
from gatewayd.diagnostics.mail_server import Exchangers, Greeting
from gatewayd.diagnostics.ports import Port
from gatewayd.diagnostics.results import AnchorAnswer, DnsAnswer, EncryptedOutcome
from gatewayd.diagnostics.sip import Answer as SipAnswer
from gatewayd.netd.verbs import ArpProbeAnswer, DhcpProbeAnswer
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.netlink import Address, Link, Neighbour, Route


class Changes(Protocol):
    """A subscription to changes of links, addresses and routes."""

    async def wait(self, seconds: float) -> bool:
        """True at a change since the last call, False when the time is over."""
        ...


class HttpAnswer(NamedTuple):
    """What came back for one GET without following redirects; `body` is cut at some kilobytes.

    `failure` says why there is no status: `unresolved`, `timeout` or `unreachable`.
    """

    status: int | None = None
    location: str | None = None
    body: bytes = b""
    failure: str | None = None
    ms: float | None = None


class Captive(NamedTuple):
    """What a captive portal's API says (RFC 8908): whether we are held back, and the page for people (None:
    it names none)."""

    captive: bool
    page: str | None = None


class Download(NamedTuple):
    """How much of a GET's body came. `whole`: all of it (or as much as was wanted); `connected`: the server
    took the connection; `started`: the answer's head came."""

    size: int = 0
    whole: bool = False
    connected: bool = False
    started: bool = False
    status: int | None = None
    seconds: float = 0.0


RecordKind = Literal["A", "AAAA"]


class World(Protocol):
    """Looks and probes. Raises GatewayError where netd refuses or is not there, OSError where the kernel
    does; a target that does not answer is a value, never an exception."""

    notes: tuple[str, ...]

    async def links(self) -> tuple[Link, ...]:
        """Every interface."""
        ...

    async def addresses(self) -> tuple[Address, ...]:
        """Every address."""
        ...

    async def routes(self) -> tuple[Route, ...]:
        """The main table's unicast routes, best metric first."""
        ...

    async def neighbours(self) -> tuple[Neighbour, ...]:
        """The neighbour cache."""
        ...

    def changes(self) -> AbstractAsyncContextManager[Changes]:
        """Notices every change after it is entered: enter, then look, then wait."""
        ...

    async def arp(
        self, interface: str, target: str, source: str | None, *, count: int = 3, interval_ms: int = 1000
    ) -> ArpProbeAnswer:
        """ARP requests, by default three a second apart; fewer when the first are answered."""
        ...

    async def dhcp(self, interface: str, seconds: float) -> DhcpProbeAnswer:
        """Asks for offers; takes none."""
        ...

    async def nudge(self, target: str) -> None:
        """Makes the kernel resolve a neighbour by sending it one datagram; for when netd is not there."""
        ...

    async def resolvers(self) -> tuple[str, ...]:
        """The name servers that the box uses (literal addresses)."""
        ...

    async def connect(self, target: str, seconds: float) -> AnchorAnswer:
        """A TCP handshake with `address:port`, then closed."""
        ...

    async def heard_within(self, seconds: float) -> bool:
        """Whether a peer in the public internet sent anything on a live TCP connection of the box lately."""
        ...

    async def resolve(
        self, resolver: str, name: str, *, seconds: float, tries: int, kind: RecordKind = "A"
    ) -> DnsAnswer:
        """Asks one resolver for the addresses of `name`."""
        ...

    async def get(self, url: str, resolvers: Sequence[str], seconds: float) -> HttpAnswer:
        """One GET; a host name is resolved through `resolvers`."""
        ...

    async def dns_over_tls(self, server: str, name: str, seconds: float) -> EncryptedOutcome:
        """Asks `address[:port]#host` for `name`."""
        ...

    async def dns_over_https(
        self, url: str, name: str, resolvers: Sequence[str], seconds: float
    ) -> EncryptedOutcome:
        """Asks a DoH server for `name`."""
        ...

    async def captive(self, url: str, resolvers: Sequence[str], seconds: float) -> Captive | None:
        """What a captive portal's API says; None when it says nothing."""
        ...

    async def loop_lag_ms(self) -> float:
        """How late the event loop is, 95th percentile over about a second."""
        ...

    async def disk_free(self) -> float | None:
        """The free share (0..1) of the disk that holds the box's state; None when unknown."""
        ...

    async def port(self, interface: str) -> Port:
        """The physical layer of a port."""
        ...

    async def carrier_changes(self, interface: str) -> int:
        """How often the carrier came or went in about the last minute."""
        ...

    async def had_address(self, interface: str) -> str | None:
        """The IPv4 address that was last seen since the carrier came; None when none was."""
        ...

    async def counters(self, interface: str) -> tuple[int, int] | None:
        """Bytes received and sent so far; None when nobody counts."""
        ...

    async def ping(
        self, target: str, *, count: int, interval: float, size: int = 56, timeout: float = 1.0
    ) -> tuple[float | None, ...]:
        """Round trips in milliseconds to a literal address, None for each that was lost.

        `size` is the content's."""
        ...

    async def hop(self, target: str, number: int, seconds: float) -> str | None:
        """Who is the `number`th router towards `target`; None when it does not say, or is no more on the
        way."""
        ...

    async def clock_offset(self, server: str, resolvers: Sequence[str], seconds: float) -> float | None:
        """By how many seconds the box's clock is slow; None without an answer."""
        ...

    async def certificate(
        self, server: str, pins: Sequence[str], resolvers: Sequence[str], now: datetime, seconds: float
    ) -> Sight:
        """Whose certificate `server` (`host:port`) shows."""
        ...

    async def download(self, url: str, resolvers: Sequence[str], seconds: float, most: int) -> Download:
        """A GET that is read, up to `most` bytes, and thrown away."""
        ...

    async def telephone(
        self, targets: DiagnosticsSettings, resolvers: Sequence[str], seconds: float
    ) -> SipAnswer:
        """What the telephone's server says to the account of the settings."""
        ...

    async def mail_server(self, host: str, address: str, port: int, seconds: float) -> Greeting:
        """The first words of a mail server."""
        ...

    async def exchangers(self, domain: str, resolvers: Sequence[str]) -> Exchangers:
        """Where a domain's mail goes."""
        ...

    async def multicast(self, group: str, interface: str | None, seconds: float) -> bool:
        """Whether anything for `group` (`address:port`) arrives."""
        ...

    async def pressure(self) -> float | None:
        """The share (0..100) of the last ten seconds in which something waited for the processor."""
        ...

    async def throttled(self) -> bool | None:
        """Whether the machine runs slower for heat; None where nobody tells."""
        ...

    async def boot(self) -> str:
        """A name for this run of the kernel."""
        ...
