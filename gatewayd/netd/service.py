"""Answers the verbs: checks once more, then acts. One instance serves all connections."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, assert_never

import structlog

from gatewayd.errors import GatewayError
from gatewayd.netd import capture, conntrack, limits, nft, probes, radios, rules, verbs
from gatewayd.system import netlink

log = structlog.get_logger(__name__)


class Netd:
    """The handler behind the socket.

    `interfaces` bounds what link_set, radio_set, scan and the probes may name; None means every
    interface but loopback. Concurrent rule changes wait for one another, so the last asked is in force.
    """

    def __init__(self, interfaces: frozenset[str] | None = None) -> None:
        self._interfaces = interfaces
        self._rules = asyncio.Lock()
        self._scans = asyncio.Lock()
        self._captures = asyncio.Lock()

    async def handle(self, verb: verbs.AnyVerb) -> verbs.Answer:
        """One verb. Raises GatewayError with a `netd.*` code."""
        log.debug("netd.verb", verb=type(verb).__name__)
        match verb:
            case verbs.NftApply():
                return await self._nft_apply(verb)
            case verbs.ConntrackFlush():
                return await self._conntrack_flush(verb)
            case verbs.LinkSet():
                return await self._link_set(verb)
            case verbs.PortIsolate():
                return await self._port_isolate(verb)
            case verbs.ArpProbe():
                return await self._arp_probe(verb)
            case verbs.DhcpProbe():
                return await self._dhcp_probe(verb)
            case verbs.Capture():
                return await self._capture(verb)
            case verbs.Scan():
                return await self._scan(verb)
            case verbs.Survey():
                return await self._survey(verb)
            case verbs.RadioSet():
                return await self._radio_set(verb)
        assert_never(verb)

    async def _nft_apply(self, verb: verbs.NftApply) -> verbs.NftApplied:
        checked = limits.nft_apply(verb)
        batch = rules.commands(checked)
        async with self._rules:
            await nft.run(batch)
        elements = sum(len(one.elements) for one in checked.sets)
        log.info(
            "netd.rules_applied",
            sets=len(checked.sets),
            elements=elements,
            rules=len(checked.rules),
        )
        return verbs.NftApplied(elements=elements, rules=len(checked.rules))

    async def _conntrack_flush(self, verb: verbs.ConntrackFlush) -> verbs.ConntrackFlushed:
        limits.at_most(verb.addresses, limits.MOST_FLUSHED, "addresses")
        checked = sorted({limits.address(one, "addresses") for one in verb.addresses})
        return verbs.ConntrackFlushed(entries=await conntrack.flush(checked))

    async def _link_set(self, verb: verbs.LinkSet) -> verbs.Done:
        index = self._index(verb.interface)
        try:
            await netlink.set_link(index, up=verb.up)
        except OSError as error:
            raise probes.refusal(verb.interface, error) from error
        log.info("netd.link_set", interface=verb.interface, up=verb.up)
        return verbs.Done()

    async def _port_isolate(self, verb: verbs.PortIsolate) -> verbs.Done:
        index = self._index(verb.interface)
        try:
            await netlink.set_isolated(index, isolated=verb.isolated)
        except OSError as error:
            raise probes.refusal(verb.interface, error) from error
        log.info("netd.port_isolated", interface=verb.interface, isolated=verb.isolated)
        return verbs.Done()

    async def _arp_probe(self, verb: verbs.ArpProbe) -> verbs.ArpProbeAnswer:
        self._index(verb.interface)
        limits.at_most(verb.targets, limits.MOST_ARP_TARGETS, "targets")
        limits.between(verb.count, 1, limits.MOST_ARP_ROUNDS, "count")
        limits.between(verb.interval_ms, 50, limits.MOST_WAIT_MS // verb.count, "interval_ms")
        checked = verbs.ArpProbe(
            interface=verb.interface,
            targets=tuple(dict.fromkeys(limits.ipv4(one, "targets") for one in verb.targets)),
            source=None if verb.source is None else limits.ipv4(verb.source, "source"),
            count=verb.count,
            interval_ms=verb.interval_ms,
        )
        if not checked.targets:
            return verbs.ArpProbeAnswer(replies=(), sent=0)
        return await probes.arp(checked)

    async def _dhcp_probe(self, verb: verbs.DhcpProbe) -> verbs.DhcpProbeAnswer:
        self._index(verb.interface)
        limits.between(verb.timeout_ms, 100, limits.MOST_WAIT_MS, "timeout_ms")
        return await probes.dhcp(verb)

    async def _capture(self, verb: verbs.Capture) -> verbs.CaptureAnswer:
        self._index(verb.interface)
        limits.between(verb.timeout_ms, 100, limits.MOST_CAPTURE_MS, "timeout_ms")
        limits.between(verb.packets, 1, limits.MOST_CAPTURED, "packets")
        limits.between(verb.snap, 14, limits.MOST_SNAP, "snap")
        address = None if verb.address is None else limits.address(verb.address, "address")
        if self._captures.locked():
            raise GatewayError("netd.busy", "Packets are being captured already.")
        async with self._captures:
            log.info("netd.capture", interface=verb.interface, ms=verb.timeout_ms, snap=verb.snap)
            try:
                return await capture.capture(verb, address)
            except asyncio.CancelledError:
                log.info("netd.capture_given_up", interface=verb.interface)
                raise

    async def _scan(self, verb: verbs.Scan) -> verbs.ScanAnswer:
        index = self._index(verb.interface)
        limits.between(verb.timeout_ms, 1000, limits.MOST_WAIT_MS, "timeout_ms")
        if self._scans.locked():
            raise GatewayError("netd.busy", "A scan is under way.")
        async with self._scans:
            return await radios.scan(verb, index)

    async def _survey(self, verb: verbs.Survey) -> verbs.SurveyAnswer:
        return await radios.survey(verb.interface, self._index(verb.interface))

    async def _radio_set(self, verb: verbs.RadioSet) -> verbs.Done:
        index = self._index(verb.interface)
        if verb.tx_power_dbm is not None:
            limits.between(verb.tx_power_dbm, 0, 30, "tx_power_dbm")
        if verb.country is not None:
            limits.country(verb.country)
        await radios.configure(verb, index)
        return verbs.Done()

    def _index(self, name: str) -> int:
        """The kernel's number of an interface that exists and that may be named."""
        limits.interface(name)
        # A radio's further networks are `wlan0_1` and so on: who may name the radio may name them.
        own = {name, name.partition("_")[0]}
        if name == "lo" if self._interfaces is None else own.isdisjoint(self._interfaces):
            raise GatewayError(
                "netd.interface_not_allowed",
                f"{name} is not on the list.",
                field="interface",
            )
        try:
            return socket.if_nametoindex(name)
        except OSError:
            raise GatewayError(
                "netd.no_interface", f"There is no interface {name}.", field="interface"
            ) from None


ENDABLE = (verbs.Capture, verbs.ArpProbe, verbs.DhcpProbe)
"""Verbs that only look: they end when nobody waits for them any more. What changes something ends itself."""
VERBS: Any = verbs.AnyVerb
"""What the socket decodes; a message that is none of these never reaches `Netd`."""
