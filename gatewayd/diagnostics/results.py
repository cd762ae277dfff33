"""What the probes found, one struct a check. All are JSON as they stand: recorded results can be replayed.

Times are in milliseconds where a name ends in `ms`, else in seconds; rates are in Mbit/s (10^6 bits). A fact
that was not measured is None.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from gatewayd.diagnostics.result_base import ProbeResult
from gatewayd.diagnostics.service_results import CloudResult, MailResult, PhoneResult, TvResult
from gatewayd.diagnostics.words import Layer


class SelfResult(ProbeResult, frozen=True, kw_only=True, tag="self"):
    """Whether the box measures well: lateness of its event loop (95th percentile), its disk, and how much of
    the last ten seconds (0 to 100) something waited for the processor. `throttled`: slower for heat."""

    layer: ClassVar[Layer] = "box"
    loop_lag_ms: float | None = None
    disk_free: float | None = None
    pressure: float | None = None
    throttled: bool | None = None


class PaceResult(ProbeResult, frozen=True, kw_only=True, tag="pace"):
    """Lateness of the event loop (95th percentile) when most probes have ended: not by our own doing."""

    layer: ClassVar[Layer] = "box"
    loop_lag_ms: float | None = None


class ClockResult(ProbeResult, frozen=True, kw_only=True, tag="clock"):
    """By how many seconds the box's clock is slow (negative: fast), as a time server sees it."""

    layer: ClassVar[Layer] = "box"
    server: str | None = None
    offset: float | None = None


class LinkResult(ProbeResult, frozen=True, kw_only=True, tag="link"):
    """The WAN interface; `interface` None when none could be told.

    `changes` of the carrier in about the last minute. `speed` and `best_speed` (what the port could do) in
    Mbit/s. `errors`: frames with a bad checksum since the box started. `session` is another at each change.
    """

    layer: ClassVar[Layer] = "link"
    interface: str | None = None
    up: bool = False
    carrier: bool = False
    changes: int = 0
    speed: int | None = None
    best_speed: int | None = None
    full_duplex: bool | None = None
    errors: int | None = None
    session: str | None = None


class CarrierResult(ProbeResult, frozen=True, kw_only=True, tag="carrier"):
    """How often the carrier changed while everything else was looked at."""

    layer: ClassVar[Layer] = "link"
    changes: int = 0


class AddressResult(ProbeResult, frozen=True, kw_only=True, tag="address"):
    """Global addresses on the WAN.

    `dhcp` is what a probe heard when there was no IPv4 address; `refused`: a server is there and has no
    address. `had`: the address that the box held on this very cable until it lost it. `clash`: the name of
    the home's interface whose network is also the WAN's.
    """

    layer: ClassVar[Layer] = "address"
    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()
    self_assigned: bool = False
    dhcp: Literal["offered", "refused", "silent", "unknown"] = "unknown"
    dhcp_server: str | None = None
    had: str | None = None
    clash: str | None = None


class DuplicateResult(ProbeResult, frozen=True, kw_only=True, tag="duplicate"):
    """Another device that claims one of our addresses (RFC 5227)."""

    layer: ClassVar[Layer] = "address"
    address: str | None = None
    mac: str | None = None


class GatewayResult(ProbeResult, frozen=True, kw_only=True, tag="gateway"):
    """The default route and whether its next hop answers: ARP, or on a line without IPv4 neighbour discovery
    (`six`; its gateway is then written with its interface). `on_link`: a route without next hop."""

    layer: ClassVar[Layer] = "gateway"
    route: bool = False
    gateway: str | None = None
    on_link: bool = False
    six: bool = False
    arp: Literal["answered", "silent", "unknown"] = "unknown"
    mac: str | None = None
    ms: float | None = None


class EdgeResult(ProbeResult, frozen=True, kw_only=True, tag="edge"):
    """The provider's first router beyond the gateway, learned while the line was well."""

    layer: ClassVar[Layer] = "edge"
    hop: str | None = None
    answered: bool | None = None


ConnectOutcome = Literal["connected", "refused", "timeout", "unreachable"]


class AnchorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One TCP connection attempt."""

    target: str
    outcome: ConnectOutcome
    ms: float | None = None


class InternetResult(ProbeResult, frozen=True, kw_only=True, tag="internet"):
    """TCP to the anchors. A family's `reached` is None when it was not tried.

    `heard`: no anchor quorum, but a live connection heard from the internet while the anchors were asked.
    `v4_ping`, `v6_ping`: whether the silent anchors of a family answer ICMP.
    """

    layer: ClassVar[Layer] = "internet"
    v4: tuple[AnchorAnswer, ...] = ()
    v6: tuple[AnchorAnswer, ...] = ()
    v4_reached: bool | None = None
    v6_reached: bool | None = None
    heard: bool = False
    v4_ping: bool | None = None
    v6_ping: bool | None = None


DnsOutcome = Literal["answered", "timeout", "servfail", "refused", "nxdomain", "unreachable"]


class DnsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one resolver said to one name. `refused` is RCODE 5, `unreachable` nobody at that port."""

    resolver: str
    name: str
    outcome: DnsOutcome
    addresses: tuple[str, ...] = ()
    ms: float | None = None


EncryptedOutcome = Literal["answered", "refused", "timeout", "untrusted", "broken"]


class DnsResult(ProbeResult, frozen=True, kw_only=True, tag="dns"):
    """The resolvers in use, and one asked directly (None when not configured).

    `warm_ms`: the first resolver's time for a name that it has just looked up. `made_up`: its answer to a
    name that nobody has; `public_made_up` the same of the one beyond. `canary`: an answer from an address
    where no server can be. `nat64`: prefixes by which IPv4 is reached over IPv6 (RFC 7050).
    `dot` and `doh`: whether encrypted DNS gets through (RFC 7858, RFC 8484).
    """

    layer: ClassVar[Layer] = "dns"
    answers: tuple[DnsAnswer, ...] = ()
    public: DnsAnswer | None = None
    warm_ms: float | None = None
    made_up: DnsAnswer | None = None
    public_made_up: DnsAnswer | None = None
    canary: DnsAnswer | None = None
    nat64: tuple[str, ...] = ()
    dot: EncryptedOutcome | None = None
    doh: EncryptedOutcome | None = None


HttpOutcome = Literal[
    "expected", "redirect", "replaced", "unexpected", "unresolved", "timeout", "unreachable"
]


class HttpResult(ProbeResult, frozen=True, kw_only=True, tag="http"):
    """The 204 probe. `redirect`: to another host; `replaced`: a page where none is due.

    `sign_in`: that page asks for something. `https` is the same probe over TLS. `captive` is what the
    portal's own API says where DHCP names one (RFC 8910), `portal` the page that it names for people.
    """

    layer: ClassVar[Layer] = "http"
    outcome: HttpOutcome | None = None
    http_status: int | None = None
    location: str | None = None
    ms: float | None = None
    sign_in: bool = False
    https: HttpOutcome | None = None
    captive: bool | None = None
    portal: str | None = None


TlsOutcome = Literal[
    "trusted", "foreign", "not_yet_valid", "expired", "broken", "timeout", "unreachable", "unresolved"
]


class TlsResult(ProbeResult, frozen=True, kw_only=True, tag="tls"):
    """The certificate of a server whose key we know. `foreign`: signed by nobody that it may be signed by;
    `broken`: the connection ended in the handshake."""

    layer: ClassVar[Layer] = "transport"
    server: str | None = None
    outcome: TlsOutcome | None = None
    issuer: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None


class MtuResult(ProbeResult, frozen=True, kw_only=True, tag="mtu"):
    """Whether big packets pass. `small` and `large` are how many of `asked` unfragmented pings came back
    (1280 and 1500 bytes whole); `bulk`: how a download of about 200 kB ended."""

    layer: ClassVar[Layer] = "transport"
    asked: int = 0
    small: int | None = None
    large: int | None = None
    bulk: Literal["whole", "stalled", "failed"] | None = None
    bulk_bytes: int = 0


class PingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A row of pings. `jitter_ms` is the mean difference of neighbours (RFC 3550's idea, not smoothed),
    `longest_loss` the most that were lost in a row."""

    target: str
    sent: int = 0
    lost: int = 0
    longest_loss: int = 0
    median_ms: float | None = None
    jitter_ms: float | None = None
    most_ms: float | None = None

    @property
    def loss(self) -> float:
        """The share that was lost, 0 to 1."""
        return self.lost / self.sent if self.sent else 0.0


def ping_figures(target: str, times: Sequence[float | None]) -> PingFigures:
    """Figures of round trips in milliseconds, None for each that was lost."""
    came = [one for one in times if one is not None]
    run = longest = 0
    for one in times:
        run = run + 1 if one is None else 0
        longest = max(longest, run)
    steps = [abs(after - before) for before, after in itertools.pairwise(came)]
    return PingFigures(
        target=target,
        sent=len(times),
        lost=len(times) - len(came),
        longest_loss=longest,
        median_ms=round(sorted(came)[len(came) // 2], 3) if came else None,
        jitter_ms=round(sum(steps) / len(steps), 3) if steps else None,
        most_ms=round(max(came), 3) if came else None,
    )


class QualityResult(ProbeResult, frozen=True, kw_only=True, tag="quality"):
    """The idle line. `line` goes to an anchor, `gateway` to the modem; `whole`: for all of ten seconds."""

    layer: ClassVar[Layer] = "quality"
    line: PingFigures | None = None
    gateway: PingFigures | None = None
    whole: bool = False


class LoadFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One direction under load. `rounds` are the rates of several short loads; `device_limited`: the box and
    not the line was the limit, so the rates say nothing."""

    rounds: tuple[float, ...] = ()
    line: PingFigures | None = None
    rpm: float | None = None
    device_limited: bool = False


class LoadResult(ProbeResult, frozen=True, kw_only=True, tag="load"):
    """The line under load, beside what was bought (`plan_*`)."""

    layer: ClassVar[Layer] = "quality"
    idle_ms: float | None = None
    down: LoadFigures | None = None
    up: LoadFigures | None = None
    plan_down_mbits: float | None = None
    plan_up_mbits: float | None = None


class LineResult(ProbeResult, frozen=True, kw_only=True, tag="line"):
    """How busy the WAN was before we asked anything, beside what was bought. `busiest` names a device."""

    layer: ClassVar[Layer] = "quality"
    down_mbits: float | None = None
    up_mbits: float | None = None
    plan_down_mbits: float | None = None
    plan_up_mbits: float | None = None
    busiest: str | None = None


class WeakStation(msgspec.Struct, frozen=True, kw_only=True):
    """A device on Wi-Fi that hears us badly; `retries` is the share of frames that were sent again."""

    name: str
    signal_dbm: int | None = None
    retries: float | None = None


class WifiResult(ProbeResult, frozen=True, kw_only=True, tag="wifi"):
    """The devices on Wi-Fi: how many, and which are far away."""

    layer: ClassVar[Layer] = "wifi"
    stations: int = 0
    weak: tuple[WeakStation, ...] = ()


class LanResult(ProbeResult, frozen=True, kw_only=True, tag="lan"):
    """Devices of the home that answered some of our pings: those that answer none sleep or are shy."""

    layer: ClassVar[Layer] = "wifi"
    clients: tuple[PingFigures, ...] = ()


class StabilityResult(ProbeResult, frozen=True, kw_only=True, tag="stability"):
    """How often the line came or went in the last 15 minutes, as the outage watch saw it."""

    layer: ClassVar[Layer] = "internet"
    transitions: int = 0


AnyResult = (
    SelfResult | ClockResult | LinkResult | AddressResult | DuplicateResult | GatewayResult | EdgeResult
    | InternetResult | DnsResult | HttpResult | TlsResult | MtuResult | QualityResult | LoadResult
    | LineResult | WifiResult | LanResult | TvResult | PhoneResult | MailResult | CloudResult
    | StabilityResult | CarrierResult | PaceResult
)  # fmt: skip
