"""The demo's tools: a pleasant line, and not one packet sent."""

from __future__ import annotations

import asyncio

from gatewayd.diagnostics.capture import Captures
from gatewayd.diagnostics.ping import summary
from gatewayd.diagnostics.service_results import MailUse
from gatewayd.diagnostics.service_tools import MailReport, MailServer, MailStart, PhoneReport, PhoneStart
from gatewayd.diagnostics.speed_model import (
    DirectionResult,
    Latency,
    SpeedProgress,
    SpeedtestResult,
    SpeedtestStart,
    Way,
)
from gatewayd.diagnostics.tool_model import (
    Hop,
    LookupRecord,
    LookupResult,
    LookupStart,
    PingReply,
    PingResult,
    PingStart,
    ProbeResult,
    ProbeStart,
    ProbeStep,
    TracerouteResult,
    TracerouteStart,
)
from gatewayd.diagnostics.tools import Told
from gatewayd.netd.client import NetworkDoor
from gatewayd.system.clock import Clock

_FAR = "203.0.113.80"  # RFC 5737: documentation, as all addresses here
_WAY = ("198.51.100.1", "203.0.113.1", _FAR)
_SIMULATED = "Simulated: this is the demo, no packet was sent."


class SimulatedTools:
    """Answers at once but for `pace` seconds at each step, to be watched."""

    def __init__(self, network: NetworkDoor, clock: Clock, pace: float = 0.0) -> None:
        self.captures = Captures(network, clock)
        self._clock = clock
        self._pace = pace

    async def ping(self, wanted: PingStart, told: Told) -> PingResult:
        replies: list[PingReply] = []
        result = summary(wanted.target, _FAR, replies)
        for sequence in range(1, wanted.count + 1):
            await asyncio.sleep(self._pace / 4)
            replies.append(PingReply(sequence=sequence, ms=12.0 + sequence % 3, ttl=57))
            result = summary(wanted.target, _FAR, replies)
            told(sequence / wanted.count, _SIMULATED, result)
        return result

    async def traceroute(self, wanted: TracerouteStart, told: Told) -> TracerouteResult:
        hops = tuple(
            Hop(hop=number, addresses=(address,), sent=wanted.rounds, received=wanted.rounds,
                best_ms=4.0 * number, mean_ms=4.2 * number, worst_ms=5.0 * number)
            for number, address in enumerate(_WAY, 1)
        )  # fmt: skip
        result = TracerouteResult(target=wanted.target, address=_FAR, reached=True, hops=hops)
        await self._step(told, 0.5, result)
        return result

    async def lookup(self, wanted: LookupStart, told: Told) -> LookupResult:
        record = LookupRecord(name=wanted.name, type="A", ttl=300, data=_FAR)
        return LookupResult(
            name=wanted.name,
            type=wanted.type,
            resolver=wanted.resolver or _WAY[0],
            outcome="answered",
            code="NOERROR",
            ms=9.0,
            records=(record,) if wanted.type == "A" else (),
        )

    async def probe(self, wanted: ProbeStart, told: Told) -> ProbeResult:
        steps = tuple(ProbeStep(step=step, ok=True, ms=12.0) for step in ("resolve", "connect"))
        port = wanted.port or {"http": 80}.get(wanted.kind, 443)
        return ProbeResult(
            target=wanted.target, kind=wanted.kind, port=port, ok=True, steps=steps, address=_FAR
        )

    async def phone(self, wanted: PhoneStart, told: Told) -> PhoneReport:
        return PhoneReport(
            server=wanted.server or "sip.example",
            transport=wanted.transport or "udp",
            method="OPTIONS" if wanted.server else "REGISTER",
            outcome="alive" if wanted.server else "registered",
            sentence=_SIMULATED,
            status=200,
            bindings=None if wanted.server else 1,
            algorithm=None if wanted.server else "SHA-256",
            ms=21.0,
        )

    async def mail(self, wanted: MailStart, told: Told) -> MailReport:
        domain = wanted.domain or "mail.example"
        uses: tuple[tuple[int, MailUse], ...] = ((25, "deliver"), (465, "send"), (993, "read"))
        servers = tuple(
            MailServer(
                target=f"mx.{domain}:{port}", use=use, outcome="greeted", address=_FAR, ms=18.0, secure=True
            )
            for port, use in uses
        )
        return MailReport(
            ok=True, servers=servers, domain=domain, lookup="found", exchangers=(f"mx.{domain}",)
        )

    async def speedtest(self, wanted: SpeedtestStart, told: Told) -> SpeedtestResult:
        found: dict[Way, DirectionResult] = {}
        for way in dict.fromkeys(wanted.directions):
            rate = 94.2e6 if way == "down" else 38.6e6
            for step in range(1, 5):
                await self._step(
                    told,
                    0.2 * step,
                    SpeedProgress(
                        stage=way, rate=rate * step / 4, streams=4, ms=18.0, down=found.get("down")
                    ),
                )
            found[way] = _direction(way, rate)
        return SpeedtestResult(
            state="done",
            sentence=_SIMULATED,
            started=self._clock.now(),
            server="speed.example",
            interface="wan0",
            idle=Latency(ms=12.0, p95_ms=13.0, rpm=4600, probes=10),
            down=found.get("down"),
            up=found.get("up"),
        )

    async def _step(self, told: Told, fraction: float, partial: TracerouteResult | SpeedProgress) -> None:
        await asyncio.sleep(self._pace)
        told(fraction, _SIMULATED, partial)


def _direction(way: Way, rate: float) -> DirectionResult:
    return DirectionResult(
        way=way,
        rate=rate,
        goodput=rate * 0.965,
        line=rate,
        confidence="high",
        seconds=4.0,
        bytes=int(rate / 2),
        streams=4,
        retransmits=0,
        congestion="cubic",
        latency=Latency(ms=18.0, p95_ms=24.0, rpm=2900, probes=26),
    )
