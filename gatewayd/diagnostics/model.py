"""What the probes found and what follows from it. Every struct is JSON as it stands: results can be replayed.

Times are in milliseconds where a name ends in `ms`, else in seconds. `detail` and all other sentences are for
people; codes and facts are for programs.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from gatewayd.operations import Result

Status = Literal["ok", "warn", "failed", "skipped", "unknown"]
"""`skipped`: not asked, for the reason in `detail`; `unknown`: asked, but the probe itself did not work."""

Layer = Literal["none", "box", "link", "address", "gateway", "internet", "dns", "http"]
Confidence = Literal["high", "medium", "low"]
Verdict = Literal[
    "OK",
    "OK_IPV6_ONLY",
    "LINK_DOWN",
    "ADDR_NO_LEASE",
    "ROUTE_MISSING",
    "GW_NO_ARP",
    "ISP_UPSTREAM_DOWN",
    "V4_DOWN",
    "V6_DOWN",
    "TCP_BLOCKED",
    "DNS_TIMEOUT",
    "DNS_SERVFAIL",
    "DNS_LOCAL",
    "CAPTIVE_PORTAL",
    "SELF_DISK",
    "UNKNOWN",
]
"""The codes that this slice can reach; `UNKNOWN` is what honesty demands when no probe said anything."""


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True, tag_field="check"):
    """What one check found. Facts of a check that did not run keep their defaults."""

    layer: ClassVar[Layer] = "none"
    status: Status
    detail: str = ""
    seconds: float = 0.0


class SelfResult(ProbeResult, frozen=True, kw_only=True, tag="self"):
    """Whether the box measures well: lateness of its event loop (95th percentile) and its disk."""

    layer: ClassVar[Layer] = "box"
    loop_lag_ms: float | None = None
    disk_free: float | None = None


class LinkResult(ProbeResult, frozen=True, kw_only=True, tag="link"):
    """The WAN interface; `interface` None when none could be told."""

    layer: ClassVar[Layer] = "link"
    interface: str | None = None
    up: bool = False
    carrier: bool = False


class AddressResult(ProbeResult, frozen=True, kw_only=True, tag="address"):
    """Global addresses on the WAN. `dhcp` is what a probe heard when there was no IPv4 address."""

    layer: ClassVar[Layer] = "address"
    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()
    self_assigned: bool = False
    dhcp: Literal["offered", "silent", "unknown"] = "unknown"
    dhcp_server: str | None = None


class GatewayResult(ProbeResult, frozen=True, kw_only=True, tag="gateway"):
    """The IPv4 default route and whether its next hop answers ARP. `on_link`: a route without next hop."""

    layer: ClassVar[Layer] = "gateway"
    route: bool = False
    gateway: str | None = None
    on_link: bool = False
    arp: Literal["answered", "silent", "unknown"] = "unknown"
    mac: str | None = None
    ms: float | None = None


ConnectOutcome = Literal["connected", "refused", "timeout", "unreachable"]


class AnchorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One TCP connection attempt."""

    target: str
    outcome: ConnectOutcome
    ms: float | None = None


class InternetResult(ProbeResult, frozen=True, kw_only=True, tag="internet"):
    """TCP to the anchors. A family's `reached` is None when it was not tried.

    `heard`: no anchor quorum, but a live connection heard from the internet while the anchors were asked.
    """

    layer: ClassVar[Layer] = "internet"
    v4: tuple[AnchorAnswer, ...] = ()
    v6: tuple[AnchorAnswer, ...] = ()
    v4_reached: bool | None = None
    v6_reached: bool | None = None
    heard: bool = False


DnsOutcome = Literal["answered", "timeout", "servfail", "refused", "nxdomain", "unreachable"]


class DnsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one resolver said to one name. `refused` is RCODE 5, `unreachable` nobody at that port."""

    resolver: str
    name: str
    outcome: DnsOutcome
    addresses: tuple[str, ...] = ()
    ms: float | None = None


class DnsResult(ProbeResult, frozen=True, kw_only=True, tag="dns"):
    """The resolvers in use, and one asked directly (None when not configured)."""

    layer: ClassVar[Layer] = "dns"
    answers: tuple[DnsAnswer, ...] = ()
    public: DnsAnswer | None = None


HttpOutcome = Literal[
    "expected", "redirect", "replaced", "unexpected", "unresolved", "timeout", "unreachable"
]


class HttpResult(ProbeResult, frozen=True, kw_only=True, tag="http"):
    """The 204 probe. `redirect`: to another host; `replaced`: a page where none is due."""

    layer: ClassVar[Layer] = "http"
    outcome: HttpOutcome | None = None
    http_status: int | None = None
    location: str | None = None
    ms: float | None = None


AnyResult = SelfResult | LinkResult | AddressResult | GatewayResult | InternetResult | DnsResult | HttpResult


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One check as the verdict's reader sees it."""

    check: str
    layer: Layer
    status: Status
    detail: str
    seconds: float


class AlsoSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Another fault that the verdict does not explain."""

    verdict: Verdict
    layer: Layer
    remedy: str


class Diagnosis(Result, frozen=True, kw_only=True):
    """The answer: one verdict, one remedy. `seconds` is how long it took to find."""

    verdict: Verdict
    layer: Layer
    confidence: Confidence
    remedy: str
    evidence: tuple[Evidence, ...] = ()
    also_seen: tuple[AlsoSeen, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class DiagnosticsRun(Result, frozen=True, kw_only=True):
    """A finished diagnosis as it is kept; `results` are what the verdict was made of."""

    id: str
    started: datetime
    diagnosis: Diagnosis
    results: tuple[AnyResult, ...] = ()


class DiagnosticsPartial(msgspec.Struct, frozen=True, kw_only=True):
    """What a running diagnosis has so far."""

    results: tuple[AnyResult, ...]
