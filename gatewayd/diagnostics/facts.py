"""The probes' results by check, and what follows from several of them together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

from gatewayd.diagnostics.result_base import ProbeResult
from gatewayd.diagnostics.results import (
    AddressResult,
    AnyResult,
    CarrierResult,
    ClockResult,
    DnsResult,
    DuplicateResult,
    EdgeResult,
    GatewayResult,
    HttpResult,
    InternetResult,
    LanResult,
    LineResult,
    LinkResult,
    LoadResult,
    MtuResult,
    PaceResult,
    QualityResult,
    SelfResult,
    StabilityResult,
    TlsResult,
    WifiResult,
)
from gatewayd.diagnostics.service_results import CloudResult, MailResult, PhoneResult, TvResult

R = TypeVar("R", bound=ProbeResult)


class Facts(NamedTuple):
    """One result of every kind; a check that is absent was `skipped`."""

    own: SelfResult
    clock: ClockResult
    link: LinkResult
    address: AddressResult
    duplicate: DuplicateResult
    gateway: GatewayResult
    edge: EdgeResult
    internet: InternetResult
    dns: DnsResult
    http: HttpResult
    tls: TlsResult
    mtu: MtuResult
    quality: QualityResult
    load: LoadResult
    line: LineResult
    wifi: WifiResult
    lan: LanResult
    tv: TvResult
    phone: PhoneResult
    mail: MailResult
    cloud: CloudResult
    stability: StabilityResult
    carrier: CarrierResult
    pace: PaceResult

    @property
    def online(self) -> bool:
        """Something beyond the provider's edge answered as it should."""
        reached = self.internet.v4_reached or self.internet.v6_reached or self.internet.heard
        return bool(reached) or "expected" in (self.http.outcome, self.http.https)

    @property
    def portal(self) -> bool:
        """Somebody in between answers plain HTTP in the web's place."""
        return self.http.outcome in ("redirect", "replaced")

    @property
    def intercepted(self) -> bool:
        """Somebody in between answers DNS in the place of servers further away."""
        return self.dns.canary is not None and self.dns.canary.outcome not in ("timeout", "unreachable")

    @property
    def public_dns(self) -> bool:
        """A resolver beyond the provider answered: packets come through."""
        public = self.dns.public
        return public is not None and public.outcome == "answered" and not self.intercepted

    @property
    def pings(self) -> bool:
        """Anchors that refuse connections answer ICMP."""
        return bool(self.internet.v4_ping or self.internet.v6_ping)

    @property
    def distance_ms(self) -> float:
        """About how long the way to the internet and back takes; 0 when nobody knows."""
        if self.quality.line is not None and self.quality.line.median_ms is not None:
            return self.quality.line.median_ms
        times = [one.ms for one in (*self.internet.v4, *self.internet.v6) if one.ms is not None]
        return min(times, default=0.0)


def facts(results: Iterable[AnyResult]) -> Facts:
    """Sorts results by kind; of two of a kind the later counts."""
    last: dict[type, AnyResult] = {type(result): result for result in results}

    def of(kind: type[R]) -> R:
        found = last.get(kind)
        return found if isinstance(found, kind) else kind(status="skipped", detail="not asked")

    return Facts(*(of(kind) for kind in KINDS))


KINDS: tuple[Any, ...] = (
    SelfResult, ClockResult, LinkResult, AddressResult, DuplicateResult, GatewayResult, EdgeResult,
    InternetResult, DnsResult, HttpResult, TlsResult, MtuResult, QualityResult, LoadResult, LineResult,
    WifiResult, LanResult, TvResult, PhoneResult, MailResult, CloudResult, StabilityResult,
    CarrierResult, PaceResult,
)  # fmt: skip
"""In the order of Facts."""


def is_own(resolver: str) -> bool:
    """Whether a name server is the box itself."""
    try:
        return ipaddress.ip_address(resolver).is_loopback
    except ValueError:
        return False


def is_shared(address: str) -> bool:
    """Whether an address is one that a provider shares among customers (RFC 6598)."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network("100.64.0.0/10")
    except ValueError:
        return False
