"""The real world: netlink for what the kernel knows, netd for raw frames, sockets for the rest."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path

from gatewayd.diagnostics import (
    capport,
    certificate,
    encrypted_dns,
    mail_server,
    multicast,
    ports,
    sntp,
    telephone,
    web,
)
from gatewayd.diagnostics.icmp import Pinger
from gatewayd.diagnostics.lookup import endpoint, resolve
from gatewayd.diagnostics.mail_server import Exchangers, Greeting
from gatewayd.diagnostics.ports import CarrierLog, Port
from gatewayd.diagnostics.results import AnchorAnswer, ConnectOutcome, DnsAnswer, EncryptedOutcome
from gatewayd.diagnostics.sip import Answer as SipAnswer
from gatewayd.diagnostics.world import Captive, Changes, Download, HttpAnswer, RecordKind
from gatewayd.netd.client import NetworkDoor
from gatewayd.netd.verbs import ArpProbeAnswer, DhcpProbeAnswer
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system import netlink, sockdiag
from gatewayd.system.boot import boot_id

_RESOLV_CONF = Path("/etc/resolv.conf")
_DISCARD = 9  # RFC 863: nobody minds a datagram there
_LAG_SAMPLES, _LAG_STEP = 20, 0.05


class LiveWorld:
    """A World on this machine's network. `state` is a folder on the disk whose room matters."""

    def __init__(
        self, door: NetworkDoor, *, state: Path | None = None, carriers: CarrierLog | None = None
    ) -> None:
        self.notes: tuple[str, ...] = ()
        self._carriers = carriers
        self._door = door
        self._state = state

    async def links(self) -> tuple[netlink.Link, ...]:
        return await netlink.links()

    async def addresses(self) -> tuple[netlink.Address, ...]:
        return await netlink.addresses()

    async def routes(self) -> tuple[netlink.Route, ...]:
        return await netlink.routes()

    async def neighbours(self) -> tuple[netlink.Neighbour, ...]:
        return await netlink.neighbours()

    def changes(self) -> AbstractAsyncContextManager[Changes]:
        return netlink.changes()

    async def arp(
        self, interface: str, target: str, source: str | None, *, count: int = 3, interval_ms: int = 1000
    ) -> ArpProbeAnswer:
        return await self._door.arp_probe(
            interface, [target], source=source, count=count, interval_ms=interval_ms
        )

    async def dhcp(self, interface: str, seconds: float) -> DhcpProbeAnswer:
        return await self._door.dhcp_probe(interface, timeout_ms=int(seconds * 1000))

    async def nudge(self, target: str) -> None:
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        # An OSError means that the neighbour is unreachable: what the caller is about to see anyway.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(b"", (target, _DISCARD))

    async def resolvers(self) -> tuple[str, ...]:
        return parse_resolv_conf(await asyncio.to_thread(_read, _RESOLV_CONF))

    async def connect(self, target: str, seconds: float) -> AnchorAnswer:
        host, _, port = target.rpartition(":")
        started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                # A literal address: getaddrinfo is told so, or it would use a thread and the resolver.
                _, writer = await asyncio.open_connection(
                    host.strip("[]"), int(port), flags=socket.AI_NUMERICHOST
                )
        except TimeoutError:
            return AnchorAnswer(target=target, outcome="timeout")
        except OSError as error:
            return AnchorAnswer(target=target, outcome=_outcome(error))
        writer.transport.abort()  # the handshake was the question
        return AnchorAnswer(target=target, outcome="connected", ms=_ms(started))

    async def heard_within(self, seconds: float) -> bool:
        return any(one.ms <= seconds * 1000 and is_public(one.peer) for one in await sockdiag.heard())

    async def resolve(
        self, resolver: str, name: str, *, seconds: float, tries: int, kind: RecordKind = "A"
    ) -> DnsAnswer:
        return await resolve(resolver, name, seconds=seconds, tries=tries, kind=kind)

    async def get(self, url: str, resolvers: Sequence[str], seconds: float) -> HttpAnswer:
        return await web.get(url, resolvers, seconds)

    async def port(self, interface: str) -> Port:
        return await asyncio.to_thread(ports.port, interface)

    async def carrier_changes(self, interface: str) -> int:
        if self._carriers is None:
            return 0
        await asyncio.to_thread(self._carriers.look)
        return self._carriers.changes(interface)

    async def had_address(self, interface: str) -> str | None:
        return None if self._carriers is None else self._carriers.address(interface)

    async def counters(self, interface: str) -> tuple[int, int] | None:
        return await asyncio.to_thread(ports.counters, interface)

    async def ping(
        self, target: str, *, count: int, interval: float, size: int = 56, timeout: float = 1.0
    ) -> tuple[float | None, ...]:
        async with Pinger(target) as pinger, asyncio.TaskGroup() as group:
            asked = [
                group.create_task(_echo(pinger, number * interval, size, timeout)) for number in range(count)
            ]
        return tuple(one.result() for one in asked)

    async def hop(self, target: str, number: int, seconds: float) -> str | None:
        async with Pinger(target) as pinger:
            with contextlib.suppress(OSError):
                echo = await pinger.ask(seconds, hops=number)
                return echo.source if echo is not None and echo.kind == "exceeded" else None
        return None

    async def clock_offset(self, server: str, resolvers: Sequence[str], seconds: float) -> float | None:
        host, port = endpoint(server, 123)
        address = await web.address_of(host, resolvers)
        return None if address is None else await sntp.offset(address, port, seconds)

    async def certificate(
        self, server: str, pins: Sequence[str], resolvers: Sequence[str], now: datetime, seconds: float
    ) -> certificate.Sight:
        host, port = endpoint(server, 443)
        address = await web.address_of(host, resolvers)
        if address is None:
            return certificate.Sight("unresolved")
        return await certificate.look(address, port, host, pins, now, seconds)

    async def download(self, url: str, resolvers: Sequence[str], seconds: float, most: int) -> Download:
        return await web.download(url, resolvers, seconds, most)

    async def telephone(
        self, targets: DiagnosticsSettings, resolvers: Sequence[str], seconds: float
    ) -> SipAnswer:
        return await telephone.ask(targets, resolvers, seconds)

    async def mail_server(self, host: str, address: str, port: int, seconds: float) -> Greeting:
        return await mail_server.greet(host, address, port, seconds)

    async def exchangers(self, domain: str, resolvers: Sequence[str]) -> Exchangers:
        return await mail_server.exchangers(domain, resolvers)

    async def multicast(self, group: str, interface: str | None, seconds: float) -> bool:
        address, port = endpoint(group, 0)
        return await multicast.arrives(address, port, interface, seconds)

    async def pressure(self) -> float | None:
        return await asyncio.to_thread(ports.pressure)

    async def boot(self) -> str:
        return await asyncio.to_thread(boot_id)

    async def throttled(self) -> bool | None:
        return await asyncio.to_thread(ports.throttled)

    async def dns_over_tls(self, server: str, name: str, seconds: float) -> EncryptedOutcome:
        return await encrypted_dns.over_tls(server, name, seconds)

    async def dns_over_https(
        self, url: str, name: str, resolvers: Sequence[str], seconds: float
    ) -> EncryptedOutcome:
        return await encrypted_dns.over_https(url, name, resolvers, seconds)

    async def captive(self, url: str, resolvers: Sequence[str], seconds: float) -> Captive | None:
        return await capport.ask(url, resolvers, seconds)

    async def loop_lag_ms(self) -> float:
        late: list[float] = []
        for _ in range(_LAG_SAMPLES):
            before = time.monotonic()
            await asyncio.sleep(_LAG_STEP)
            late.append(time.monotonic() - before - _LAG_STEP)
        return round(max(0.0, sorted(late)[int(_LAG_SAMPLES * 0.95) - 1]) * 1000, 1)

    async def disk_free(self) -> float | None:
        if self._state is None:
            return None
        found = await asyncio.to_thread(os.statvfs, self._state)
        return round(found.f_bavail / found.f_blocks, 4) if found.f_blocks else None


async def _echo(pinger: Pinger, after: float, size: int, seconds: float) -> float | None:
    await asyncio.sleep(after)
    try:
        echo = await pinger.ask(seconds, size=size)
    except OSError:
        return None  # not sent: lost as far as the asker is concerned
    return echo.ms if echo is not None and echo.kind == "reply" else None


_NOT_PUBLIC = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        *("100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),  # RFC 6598, 3927, 1122
        *("fc00::/7", "fe80::/10", "::1/128"),  # RFC 4193, 4291
    )
)


def is_public(address: str) -> bool:
    """Whether an address lies beyond the home and the provider's inner network."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return not any(parsed in network for network in _NOT_PUBLIC if network.version == parsed.version)


def parse_resolv_conf(text: str) -> tuple[str, ...]:
    """The name servers of a resolv.conf(5); entries that are no addresses are left out."""
    found: list[str] = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                with contextlib.suppress(ValueError):
                    ipaddress.ip_address(address)
                    found.append(address)
    return tuple(found)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _outcome(error: OSError) -> ConnectOutcome:
    if isinstance(error, ConnectionError):
        return "refused"
    return "timeout" if error.errno == errno.ETIMEDOUT else "unreachable"


def _ms(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 3)
