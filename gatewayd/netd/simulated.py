"""A NetworkDoor for the demo: checks as strictly as netd, remembers, and touches nothing."""

from __future__ import annotations

from collections.abc import Sequence

from gatewayd.netd import limits, verbs
from gatewayd.netd.packets import pcap_header

_MAC = "02:00:5e:00:53:01"  # a locally administered address that no vendor has
_GATEWAY = "198.51.100.1"  # RFC 5737: documentation


class SimulatedNetwork:
    """Everything succeeds and the neighbourhood answers. `applied` and `down` are what was asked for."""

    def __init__(self) -> None:
        self.applied = verbs.NftApply()
        self.down: set[str] = set()

    async def nft_apply(
        self, sets: Sequence[verbs.NamedSet], rules: Sequence[verbs.Rule]
    ) -> verbs.NftApplied:
        self.applied = limits.nft_apply(verbs.NftApply(sets=tuple(sets), rules=tuple(rules)))
        elements = sum(len(one.elements) for one in self.applied.sets)
        return verbs.NftApplied(elements=elements, rules=len(self.applied.rules))

    async def conntrack_flush(self, addresses: Sequence[str]) -> int:
        for one in addresses:
            limits.address(one, "addresses")
        return 0

    async def link_set(self, interface: str, *, up: bool) -> None:
        limits.interface(interface)
        if up:
            self.down.discard(interface)
        else:
            self.down.add(interface)

    async def port_isolate(self, interface: str, *, isolated: bool) -> None:
        limits.interface(interface)

    async def arp_probe(
        self,
        interface: str,
        targets: Sequence[str],
        *,
        source: str | None = None,
        count: int = 3,
        interval_ms: int = 1000,
    ) -> verbs.ArpProbeAnswer:
        limits.interface(interface)
        found = (verbs.ArpReply(address=limits.ipv4(one, "targets"), mac=_MAC, ms=0.4) for one in targets)
        return verbs.ArpProbeAnswer(replies=tuple(found), sent=len(targets))

    async def dhcp_probe(self, interface: str, *, timeout_ms: int = 4000) -> verbs.DhcpProbeAnswer:
        limits.interface(interface)
        offer = verbs.DhcpOffer(
            server=_GATEWAY,
            address="198.51.100.20",
            prefix=24,
            routers=(_GATEWAY,),
            dns=(_GATEWAY,),
            lease_seconds=3600,
            ms=3.0,
        )
        return verbs.DhcpProbeAnswer(offers=(offer,))

    async def capture(
        self, interface: str, *, timeout_ms: int, packets: int, snap: int, address: str | None = None
    ) -> verbs.CaptureAnswer:
        limits.interface(interface)
        if address is not None:
            limits.address(address, "address")
        return verbs.CaptureAnswer(pcap=pcap_header(snap), packets=0, dropped=0)

    async def scan(
        self, interface: str, *, timeout_ms: int = 15000, while_sending: bool = False
    ) -> verbs.ScanAnswer:
        limits.interface(interface)
        heard = verbs.ScanBss(
            bssid=_MAC, ssid=b"Neighbour", frequency=2437, signal_dbm=-71.0, security=("wpa2",), channel=6
        )
        return verbs.ScanAnswer(networks=(heard,))

    async def survey(self, interface: str) -> verbs.SurveyAnswer:
        limits.interface(interface)
        busy = verbs.ChannelSurvey(
            frequency=2437, channel=6, in_use=True, noise_dbm=-95, active_ms=1000, busy_ms=320
        )
        return verbs.SurveyAnswer(channels=(busy,))

    async def radio_set(
        self,
        interface: str,
        *,
        tx_power_dbm: int | None = None,
        country: str | None = None,
    ) -> None:
        limits.interface(interface)
        if country is not None:
            limits.country(country)
