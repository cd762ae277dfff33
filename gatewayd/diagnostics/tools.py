"""The technician's tools behind their operations: real ones, and the demo's, which send nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from gatewayd.diagnostics import ping, probe_tool, service_tools, tool_lookup, tool_targets, traceroute
from gatewayd.diagnostics.capture import Captures, Capturing
from gatewayd.diagnostics.service_tools import MailReport, MailStart, PhoneReport, PhoneStart
from gatewayd.diagnostics.speed_model import SpeedtestResult, SpeedtestStart
from gatewayd.diagnostics.speed_watch import Busiest
from gatewayd.diagnostics.speedtest import LineFacts, SpeedTest
from gatewayd.diagnostics.tool_model import (
    Family,
    Hop,
    LookupResult,
    LookupStart,
    PingResult,
    PingStart,
    ProbeResult,
    ProbeStart,
    TracerouteResult,
    TracerouteStart,
)
from gatewayd.diagnostics.world import World
from gatewayd.errors import GatewayError
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.clock import Clock

Told = Callable[[float, str, msgspec.Struct | None], None]
"""How far (0..1), a sentence, and the result so far: a job handle's `progress`."""


class Tools(Protocol):
    """Each tool raises GatewayError `diagnostics.*`, or InvalidField for a target that cannot be one."""

    captures: Captures

    async def ping(self, wanted: PingStart, told: Told) -> PingResult:
        """Loss and times to one target."""
        ...

    async def traceroute(self, wanted: TracerouteStart, told: Told) -> TracerouteResult:
        """The way there, hop by hop."""
        ...

    async def lookup(self, wanted: LookupStart, told: Told) -> LookupResult:
        """One DNS question."""
        ...

    async def probe(self, wanted: ProbeStart, told: Told) -> ProbeResult:
        """TCP, TLS, HTTP."""
        ...

    async def phone(self, wanted: PhoneStart, told: Told) -> PhoneReport:
        """Is the telephone registered?"""
        ...

    async def mail(self, wanted: MailStart, told: Told) -> MailReport:
        """Can mail be read and sent?"""
        ...

    async def speedtest(self, wanted: SpeedtestStart, told: Told) -> SpeedtestResult:
        """Down, up, and the latency meanwhile."""
        ...


class LiveTools:
    """Tools on this machine's network. `own` lets them at the box's own addresses (tests)."""

    def __init__(
        self,
        *,
        resolvers: Callable[[], Awaitable[Sequence[str]]],
        speed: SpeedTest,
        captures: Captures,
        targets: DiagnosticsSettings | None = None,
        own: bool = False,
    ) -> None:
        self.captures = captures
        self._resolvers = resolvers
        self._speed = speed
        self._own = own
        self._targets = targets or DiagnosticsSettings()

    async def ping(self, wanted: PingStart, told: Told) -> PingResult:
        address = await self._address(wanted.target, wanted.family)

        def tell(so_far: PingResult) -> None:
            told(so_far.sent / wanted.count, _ping_words(so_far), so_far)

        try:
            return await ping.ping(
                address,
                count=wanted.count,
                interval=wanted.interval,
                size=wanted.size,
                timeout=wanted.timeout,
                target=wanted.target,
                told=tell,
            )
        except OSError as error:
            raise _no_family(error) from error

    async def traceroute(self, wanted: TracerouteStart, told: Told) -> TracerouteResult:
        address = await self._address(wanted.target, wanted.family)

        def tell(done: int, so_far: TracerouteResult) -> None:
            told(0.95 * done / wanted.rounds, f"Round {done} of {wanted.rounds}", so_far)

        try:
            found = await traceroute.trace(
                address, rounds=wanted.rounds, hops=wanted.hops, target=wanted.target, told=tell
            )
        except OSError as error:
            raise _no_family(error) from error
        return await self._named(found) if wanted.names else found

    async def lookup(self, wanted: LookupStart, told: Told) -> LookupResult:
        if wanted.type != "PTR":
            tool_targets.checked_name(wanted.name, "name")
        if wanted.resolver is not None:
            resolver = tool_targets.checked_resolver(wanted.resolver)
        else:
            known = await self._resolvers()
            if not known:
                raise GatewayError("diagnostics.unresolved", "The box knows no resolver.", field="resolver")
            resolver = known[0]
        return await tool_lookup.ask(resolver, wanted.name, wanted.type)

    async def probe(self, wanted: ProbeStart, told: Told) -> ProbeResult:
        def tell(so_far: ProbeResult) -> None:
            last = so_far.steps[-1]
            told(len(so_far.steps) / 4, f"{last.step}: {last.detail}", so_far)

        return await probe_tool.probe(wanted, await self._resolvers(), own=self._own, told=tell)

    async def phone(self, wanted: PhoneStart, told: Told) -> PhoneReport:
        told(0.0, f"Asking {wanted.server or 'the telephone server'}", None)
        return await service_tools.phone(wanted, self._targets, await self._resolvers(), own=self._own)

    async def mail(self, wanted: MailStart, told: Told) -> MailReport:
        told(0.0, f"Asking for {wanted.domain or 'the mail servers'}", None)
        return await service_tools.mail(wanted, self._targets, await self._resolvers(), own=self._own)

    async def speedtest(self, wanted: SpeedtestStart, told: Told) -> SpeedtestResult:
        return await self._speed.run(wanted, told)

    async def _address(self, target: str, family: Family) -> str:
        return await tool_targets.address_of(target, family, await self._resolvers(), own=self._own)

    async def _named(self, found: TracerouteResult) -> TracerouteResult:
        resolvers = await self._resolvers()
        if not resolvers:
            return found

        async def name(hop: Hop) -> Hop:
            if not hop.addresses:
                return hop
            answer = await tool_lookup.ask(resolvers[0], hop.addresses[0], "PTR", seconds=1.0, tries=1)
            names = [record.data.removesuffix(".") for record in answer.records if record.type == "PTR"]
            return msgspec.structs.replace(hop, name=names[0]) if names else hop

        return msgspec.structs.replace(found, hops=tuple(await asyncio.gather(*map(name, found.hops))))


def live_tools(
    world: World,
    targets: DiagnosticsSettings,
    wan: str | None,
    network: Capturing,
    clock: Clock,
    *,
    busiest: Busiest,
    own: bool = False,
) -> LiveTools:
    """The box's own tools: names are looked up where diagnoses look them up, and captures are netd's."""

    async def resolvers() -> Sequence[str]:
        return targets.resolvers or await world.resolvers()

    async def line() -> LineFacts:
        return LineFacts(
            wan or await _default_interface(world),
            _bits(targets.plan_down_mbits),
            _bits(targets.plan_up_mbits),
        )

    speed = SpeedTest(targets.speedtest_url, clock, resolvers=resolvers, line=line, busiest=busiest)
    captures = Captures(network, clock)
    return LiveTools(resolvers=resolvers, speed=speed, captures=captures, targets=targets, own=own)


def _bits(megabits: float | None) -> float | None:
    return None if megabits is None else megabits * 1e6


async def _default_interface(world: World) -> str | None:
    """The interface of the best default route."""
    ways = [route.index for route in await world.routes() if route.destination is None]
    names = {link.index: link.name for link in await world.links()}
    return next((names[index] for index in ways if index in names), None)


def _ping_words(so_far: PingResult) -> str:
    if so_far.median_ms is None:
        return f"{so_far.sent} sent, no answer yet"
    return f"{so_far.received} of {so_far.sent} answered, median {so_far.median_ms:.1f} ms"


def _no_family(error: OSError) -> GatewayError:
    return GatewayError("diagnostics.unreachable", f"The box cannot send to it: {error.strerror or 'no'}.")
