"""gatewayd's end: the `NetworkDoor` that features are given, and the one that asks netd."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gatewayd.netd import verbs
from gatewayd.system.rpc import Client


class NetworkDoor(Protocol):
    """What gatewayd can have done with privilege. Each call raises GatewayError `netd.*` when refused,
    `helper.unavailable` when netd is not there."""

    async def nft_apply(
        self, sets: Sequence[verbs.NamedSet], rules: Sequence[verbs.Rule]
    ) -> verbs.NftApplied:
        """Replaces our table by these sets and rules, all or nothing."""
        ...

    async def conntrack_flush(self, addresses: Sequence[str]) -> int:
        """Forgets these addresses' connections; how many there were."""
        ...

    async def link_set(self, interface: str, *, up: bool) -> None:
        """Sets an interface up or down."""
        ...

    async def port_isolate(self, interface: str, *, isolated: bool) -> None:
        """Whether a bridge's port is kept apart from the others that are."""
        ...

    async def arp_probe(
        self,
        interface: str,
        targets: Sequence[str],
        *,
        source: str | None = None,
        count: int = 3,
        interval_ms: int = 1000,
    ) -> verbs.ArpProbeAnswer:
        """Who has these addresses? Takes at most count x interval_ms."""
        ...

    async def dhcp_probe(self, interface: str, *, timeout_ms: int = 4000) -> verbs.DhcpProbeAnswer:
        """Which DHCP servers offer an address? Takes no lease."""
        ...

    async def capture(
        self, interface: str, *, timeout_ms: int, packets: int, snap: int, address: str | None = None
    ) -> verbs.CaptureAnswer:
        """Records what passes an interface; takes at most timeout_ms."""
        ...

    async def scan(
        self, interface: str, *, timeout_ms: int = 15000, while_sending: bool = False
    ) -> verbs.ScanAnswer:
        """Which Wi-Fi networks are heard? `while_sending` also asks an access point's own interface."""
        ...

    async def survey(self, interface: str) -> verbs.SurveyAnswer:
        """How busy were the channels that this radio was on?"""
        ...

    async def radio_set(
        self,
        interface: str,
        *,
        tx_power_dbm: int | None = None,
        country: str | None = None,
    ) -> None:
        """Sets a radio's power and country; None leaves it."""
        ...


class NetdClient:
    """The NetworkDoor whose other side is the netd process at `socket`; connects at the first call."""

    def __init__(self, socket: Path) -> None:
        self._client = Client(socket)

    async def close(self) -> None:
        """Drops the connection."""
        await self._client.close()

    async def nft_apply(
        self, sets: Sequence[verbs.NamedSet], rules: Sequence[verbs.Rule]
    ) -> verbs.NftApplied:
        verb = verbs.NftApply(sets=tuple(sets), rules=tuple(rules))
        return await self._client.call(verb, verbs.NftApplied, timeout=15.0)

    async def conntrack_flush(self, addresses: Sequence[str]) -> int:
        verb = verbs.ConntrackFlush(addresses=tuple(addresses))
        return (await self._client.call(verb, verbs.ConntrackFlushed, timeout=15.0)).entries

    async def link_set(self, interface: str, *, up: bool) -> None:
        await self._client.call(verbs.LinkSet(interface=interface, up=up), verbs.Done)

    async def port_isolate(self, interface: str, *, isolated: bool) -> None:
        await self._client.call(verbs.PortIsolate(interface=interface, isolated=isolated), verbs.Done)

    async def arp_probe(
        self,
        interface: str,
        targets: Sequence[str],
        *,
        source: str | None = None,
        count: int = 3,
        interval_ms: int = 1000,
    ) -> verbs.ArpProbeAnswer:
        verb = verbs.ArpProbe(
            interface=interface,
            targets=tuple(targets),
            source=source,
            count=count,
            interval_ms=interval_ms,
        )
        return await self._client.call(verb, verbs.ArpProbeAnswer, timeout=_slack(count * interval_ms))

    async def dhcp_probe(self, interface: str, *, timeout_ms: int = 4000) -> verbs.DhcpProbeAnswer:
        verb = verbs.DhcpProbe(interface=interface, timeout_ms=timeout_ms)
        return await self._client.call(verb, verbs.DhcpProbeAnswer, timeout=_slack(timeout_ms))

    async def capture(
        self, interface: str, *, timeout_ms: int, packets: int, snap: int, address: str | None = None
    ) -> verbs.CaptureAnswer:
        verb = verbs.Capture(
            interface=interface, timeout_ms=timeout_ms, packets=packets, snap=snap, address=address
        )
        return await self._client.call(verb, verbs.CaptureAnswer, timeout=_slack(timeout_ms))

    async def scan(
        self, interface: str, *, timeout_ms: int = 15000, while_sending: bool = False
    ) -> verbs.ScanAnswer:
        verb = verbs.Scan(interface=interface, timeout_ms=timeout_ms, while_sending=while_sending)
        return await self._client.call(verb, verbs.ScanAnswer, timeout=_slack(timeout_ms))

    async def survey(self, interface: str) -> verbs.SurveyAnswer:
        return await self._client.call(verbs.Survey(interface=interface), verbs.SurveyAnswer)

    async def radio_set(
        self,
        interface: str,
        *,
        tx_power_dbm: int | None = None,
        country: str | None = None,
    ) -> None:
        verb = verbs.RadioSet(interface=interface, tx_power_dbm=tx_power_dbm, country=country)
        await self._client.call(verb, verbs.Done)


def _slack(milliseconds: int) -> float:
    """How long to wait for an answer that takes this long to be found."""
    return milliseconds / 1000 + 5.0
