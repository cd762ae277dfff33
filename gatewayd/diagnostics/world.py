"""The probes' only way out: everything that a check may look at or send."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from gatewayd.diagnostics.model import AnchorAnswer, DnsAnswer
from gatewayd.netd.verbs import ArpProbeAnswer, DhcpProbeAnswer
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

    async def arp(self, interface: str, target: str, source: str | None) -> ArpProbeAnswer:
        """Three ARP requests a second apart, fewer when the first are answered."""
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

    async def resolve(self, resolver: str, name: str, *, seconds: float, tries: int) -> DnsAnswer:
        """Asks one resolver for the A records of `name`."""
        ...

    async def get(self, url: str, resolvers: Sequence[str], seconds: float) -> HttpAnswer:
        """One GET; a host name is resolved through `resolvers`."""
        ...

    async def loop_lag_ms(self) -> float:
        """How late the event loop is, 95th percentile over about a second."""
        ...

    async def disk_free(self) -> float | None:
        """The free share (0..1) of the disk that holds the box's state; None when unknown."""
        ...
