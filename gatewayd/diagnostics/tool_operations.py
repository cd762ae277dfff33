"""The tools' rows in the operations table: each is a job with live progress, and can be cancelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from gatewayd.diagnostics.capture import CaptureFile, CaptureQuery, CaptureResult, CaptureStart
from gatewayd.diagnostics.service_tools import MailReport, MailStart, PhoneReport, PhoneStart
from gatewayd.diagnostics.speed_model import SpeedProgress, SpeedtestResult, SpeedtestStart
from gatewayd.diagnostics.tool_model import (
    LookupResult,
    LookupStart,
    PingResult,
    PingStart,
    ProbeResult,
    ProbeStart,
    TracerouteResult,
    TracerouteStart,
)
from gatewayd.diagnostics.tools import Told, Tools
from gatewayd.errors import GatewayError
from gatewayd.operations import Context, JobAnswer, JobHandle, Operation, Request, Scope

AT_ONCE = 8
"""Tools that run at the same time: a caller must not be able to pile them up."""
Work = Callable[[Any, Told], Awaitable[msgspec.Struct]]


class _Row:
    """One tool as an operation. With a `lock` it runs once at a time, and a second is refused."""

    def __init__(self, work: Work, running: Counter[str], name: str, lock: str | None) -> None:
        self._work = work
        self._running = running
        self._name = name
        self._lock = lock

    async def __call__(self, request: Any, context: Context) -> JobAnswer:
        if self._running.total() >= AT_ONCE or (self._lock and self._running[self._name]):
            what = f"A {self._name} runs already." if self._lock else f"{AT_ONCE} tools run already."
            raise GatewayError("diagnostics.tools_busy", what, retry_after=10.0)

        async def run(handle: JobHandle) -> msgspec.Struct:
            self._running[self._name] += 1
            try:
                return await self._work(request, handle.progress)
            finally:
                self._running[self._name] -= 1

        return await context.start_job(run, lock=self._lock)


def tool_operations(
    tools: Tools, measured: Callable[[str, float], None] = lambda series, value: None
) -> tuple[Operation, ...]:
    """`diagnostics.ping`, `.traceroute`, `.lookup`, `.probe`, `.phone`, `.mail`,
    `.speedtest`, `.capture`, `.captures.get`.

    `measured` keeps what a speed test found, by the name of a series.
    """
    running: Counter[str] = Counter()

    def row(
        name: str,
        summary: str,
        request: type[Request],
        work: Work,
        outcome: type[msgspec.Struct],
        *,
        partial: type[msgspec.Struct] | None = None,
        lock: str | None = None,
    ) -> Operation:
        return Operation(
            name=f"diagnostics.{name}",
            summary=summary,
            request=request,
            result=JobAnswer,
            scope=Scope.DIAGNOSTICS_RUN,
            method="POST",
            path=f"/diagnostics/{name}",
            handler=_Row(work, running, name, lock),
            mutates=True,
            recovery="transaction",
            status=202,
            outcome=outcome,
            partial=partial or outcome,
        )

    async def speedtest(request: SpeedtestStart, told: Told) -> SpeedtestResult:
        result = await tools.speedtest(request, told)
        for way in (result.down, result.up):
            if way is not None and way.rate is not None:
                measured(f"speed_{way.way}_bits", way.rate)
                if way.latency is not None:
                    measured(f"speed_{way.way}_ms", way.latency.ms)
        return result

    return (
        row("ping", "Ping an address: loss, times, jitter", PingStart, tools.ping, PingResult),
        row(
            "traceroute",
            "The way to an address, with loss at each hop",
            TracerouteStart,
            tools.traceroute,
            TracerouteResult,
        ),
        row("lookup", "Ask a resolver for a name", LookupStart, tools.lookup, LookupResult),
        row("probe", "Try to reach a service: TCP, TLS, HTTP", ProbeStart, tools.probe, ProbeResult),
        row(
            "phone",
            "Ask the telephone's server whether it is registered",
            PhoneStart,
            tools.phone,
            PhoneReport,
        ),
        row(
            "mail",
            "Try the servers by which mail is read, sent and delivered",
            MailStart,
            tools.mail,
            MailReport,
        ),
        # A speed test fills the line: no diagnosis may run beside it.
        row(
            "speedtest",
            "Measure the line, down and up",
            SpeedtestStart,
            speedtest,
            SpeedtestResult,
            partial=SpeedProgress,
            lock="diagnostics",
        ),
        *_capture_operations(tools, running),
    )


def _capture_operations(tools: Tools, running: Counter[str]) -> tuple[Operation, ...]:
    async def capture(request: CaptureStart, told: Told) -> CaptureResult:
        told(0.0, f"Recording what passes {request.interface}", None)
        return await tools.captures.run(request)

    captured = _Row(capture, running, "capture", "diagnostics.capture")

    async def start_capture(request: CaptureStart, context: Context) -> JobAnswer:
        tools.captures.allow(request, context.caller)
        return await captured(request, context)

    async def get_capture(request: CaptureQuery, context: Context) -> CaptureFile:
        return tools.captures.get(request.capture)

    return (
        Operation(
            name="diagnostics.capture",
            summary="Record packets for a minute at most, if somebody at home agrees",
            request=CaptureStart,
            result=JobAnswer,
            scope=Scope.DIAGNOSTICS_RUN,
            method="POST",
            path="/diagnostics/capture",
            handler=start_capture,
            mutates=True,
            recovery="transaction",
            status=202,
            target="interface",
            outcome=CaptureResult,
        ),
        Operation(
            name="diagnostics.captures.get",
            summary="Fetch the last capture as a pcap file",
            request=CaptureQuery,
            result=CaptureFile,
            scope=Scope.DIAGNOSTICS_RUN,
            method="GET",
            path="/diagnostics/captures/{capture}",
            handler=get_capture,
        ),
    )
