"""What may be asked of netd: one tagged struct for each verb, and its answer.

Times are in milliseconds, addresses and MACs are text in their usual forms. What a verb refuses has a
`netd.*` code (`gatewayd/errors.py`). The structs carry no nftables text: `rules.py` renders it.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Verb(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the verbs."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the answers."""


# --- the packet filter ---------------------------------------------------------------------------------

SetKind = Literal["mac", "ipv4", "ipv6"]


class NamedSet(Verb, frozen=True, kw_only=True):
    """A set in our table; `name` is `[a-z][a-z0-9_]*`, at most 31 characters, unique in the request."""

    name: str
    kind: SetKind
    elements: tuple[str, ...] = ()


class Pause(Verb, frozen=True, kw_only=True, tag="pause", tag_field="rule"):
    """Drops what is forwarded from the members of `set`, and to them when the set holds addresses.

    A frame that is routed has the router's MAC as its destination's next hop not yet resolved, so a set
    of MACs can only be matched at the source: pair it with sets of the devices' addresses.
    """

    set: str


class GuestIsolation(Verb, frozen=True, kw_only=True, tag="guest_isolation", tag_field="rule"):
    """Keeps the `guest` interface from every interface in `home` (both ways) and from the box itself.

    Guests still reach the internet, and on the box DHCP, DNS and ICMP.
    """

    guest: str
    home: tuple[str, ...]


Rule = Pause | GuestIsolation


class NftApply(Verb, frozen=True, kw_only=True, tag="nft_apply"):
    """Replaces the table `inet gatewayd` by these sets and rules, in one transaction; no other table.

    Without sets and rules the table is removed. Counters start again at each replacement.
    """

    sets: tuple[NamedSet, ...] = ()
    rules: tuple[Rule, ...] = ()


class NftApplied(Answer, frozen=True, kw_only=True):
    """How many set elements and rules are now in force."""

    elements: int
    rules: int


class ConntrackFlush(Verb, frozen=True, kw_only=True, tag="conntrack_flush"):
    """Forgets the tracked connections from and to these addresses, so that a new rule holds at once."""

    addresses: tuple[str, ...]


class ConntrackFlushed(Answer, frozen=True, kw_only=True):
    """How many connections were forgotten."""

    entries: int


# --- links ---------------------------------------------------------------------------------------------


class LinkSet(Verb, frozen=True, kw_only=True, tag="link_set"):
    """Sets an interface up or down."""

    interface: str
    up: bool


class PortIsolate(Verb, frozen=True, kw_only=True, tag="port_isolate"):
    """Keeps a port of a bridge apart from the other ports that are kept apart, or no longer."""

    interface: str
    isolated: bool


class Done(Answer, frozen=True, kw_only=True):
    """It happened."""


# --- probes --------------------------------------------------------------------------------------------


class ArpProbe(Verb, frozen=True, kw_only=True, tag="arp_probe"):
    """Asks on `interface` who has each target (IPv4), up to `count` times, `interval_ms` apart.

    Ends early once every target has answered. `source` is the asker's address; None sends the probe of
    RFC 5227 (sender 0.0.0.0), which updates nobody's cache.
    """

    interface: str
    targets: tuple[str, ...]
    source: str | None = None
    count: int = 3
    interval_ms: int = 1000


class ArpReply(Answer, frozen=True, kw_only=True):
    """`address` is at `mac`; `ms` from the first request to the first reply of this MAC."""

    address: str
    mac: str
    ms: float


class ArpProbeAnswer(Answer, frozen=True, kw_only=True):
    """Two replies with one address and different MACs are a duplicate address. `sent` counts requests."""

    replies: tuple[ArpReply, ...]
    sent: int


class DhcpProbe(Verb, frozen=True, kw_only=True, tag="dhcp_probe"):
    """Broadcasts DHCPDISCOVER on `interface` and collects offers; it requests none, so takes no lease.

    When none comes, it also claims an address that nobody can have (RFC 5737), which a server that rules
    this network refuses (RFC 2131, 4.3.2): so one without a free address is told from none at all.
    """

    interface: str
    timeout_ms: int = 4000


class DhcpOffer(Answer, frozen=True, kw_only=True):
    """What one server offers (RFC 2131, 2132); `ms` from the first DISCOVER. `portal` is the address of the
    network's captive portal API (RFC 8910)."""

    server: str
    address: str
    prefix: int | None
    routers: tuple[str, ...]
    dns: tuple[str, ...]
    lease_seconds: int | None
    ms: float
    portal: str | None = None


class DhcpProbeAnswer(Answer, frozen=True, kw_only=True):
    """The offers in the order they came. Without one, `refused_by` is a server that is there all the same."""

    offers: tuple[DhcpOffer, ...]
    refused_by: str | None = None


class Capture(Verb, frozen=True, kw_only=True, tag="capture"):
    """Records frames that pass `interface`, as they are, until one of the limits is reached.

    `snap`: bytes kept of each frame. `address`: only IPv4 or IPv6 packets from or to it (no VLAN tags).
    Never promiscuous: only what the box sends, receives or forwards.
    """

    interface: str
    timeout_ms: int
    packets: int
    snap: int
    address: str | None = None


class CaptureAnswer(Answer, frozen=True, kw_only=True):
    """A whole pcap file (nanoseconds, Ethernet), at most 2 MiB. `dropped`: frames that came too fast."""

    pcap: bytes
    packets: int
    dropped: int


# --- radios --------------------------------------------------------------------------------------------


class Scan(Verb, frozen=True, kw_only=True, tag="scan"):
    """Scans on a radio's interface; takes some seconds and leaves the channel for moments.

    `while_sending`: also on an interface that is an access point, where the driver can do that.
    """

    interface: str
    timeout_ms: int = 15000
    while_sending: bool = False


AirSecurity = Literal["open", "owe", "wpa2", "wpa3", "wep", "wpa1", "enterprise", "other"]


class ScanBss(Answer, frozen=True, kw_only=True):
    """One network heard: `ssid` is bytes as they were on the air, `signal_dbm` in dBm, `frequency` in MHz.

    `security` is every way in that it offers, sorted; `width` in MHz. `utilisation` (0 to 1) and `stations`
    are its own word, where its beacon has the element BSS Load. `seen_ms`: so long ago was it heard last,
    which is within this scan.
    """

    bssid: str
    ssid: bytes
    frequency: int | None
    signal_dbm: float | None
    security: tuple[AirSecurity, ...] = ()
    channel: int | None = None
    width: int = 20
    utilisation: float | None = None
    stations: int | None = None
    seen_ms: int | None = None


class ScanAnswer(Answer, frozen=True, kw_only=True):
    """What was heard, strongest first."""

    networks: tuple[ScanBss, ...]


class Survey(Verb, frozen=True, kw_only=True, tag="survey"):
    """What a radio has counted on the channels that it was on; a scan before it visits all of them."""

    interface: str


class ChannelSurvey(Answer, frozen=True, kw_only=True):
    """One channel: of `active_ms` that the radio listened it heard something for `busy_ms`.

    None where the driver does not count. `in_use` is the channel that the radio is on.
    """

    frequency: int
    channel: int | None
    in_use: bool
    noise_dbm: int | None
    active_ms: int | None
    busy_ms: int | None


class SurveyAnswer(Answer, frozen=True, kw_only=True):
    """The channels that the driver tells of, by frequency; none is an answer too."""

    channels: tuple[ChannelSurvey, ...]


class RadioSet(Verb, frozen=True, kw_only=True, tag="radio_set"):
    """Sets the transmit power (dBm; None leaves it) or the country (ISO 3166-1 alpha-2) of a radio."""

    interface: str
    tx_power_dbm: int | None = None
    country: str | None = None


AnyVerb = (
    NftApply
    | ConntrackFlush
    | LinkSet
    | PortIsolate
    | ArpProbe
    | DhcpProbe
    | Capture
    | Scan
    | Survey
    | RadioSet
)
