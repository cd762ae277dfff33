"""The survey's row in the table of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gatewayd.operations import Context, JobAnswer, JobHandle, Operation, Request, Scope
from gatewayd.wifi.model import Band, WifiRadio
from gatewayd.wifi.survey import WifiSurvey, concluded
from gatewayd.wifi.surveyor import Surveyor

LOCK = "wifi.survey"
Radios = Callable[[], Awaitable[tuple[WifiRadio, ...]]]


class WifiSurveyStart(Request, frozen=True, kw_only=True):
    """A survey takes no arguments: it listens on every band that a radio of the box carries."""


async def survey(radios: Radios, surveyor: Surveyor, handle: JobHandle) -> WifiSurvey:
    """One survey of the neighbourhood. Raises GatewayError `wifi.radio_unavailable`, `netd.*`."""
    ours = await radios()
    current: dict[Band, int | None] = {}
    for radio in ours:
        current.setdefault(radio.band, radio.channel)
    findings = await surveyor.listen(tuple(radio.interface for radio in ours), handle.progress)
    return concluded(findings, current)


def operations(radios: Radios, surveyor: Surveyor) -> tuple[Operation, ...]:
    """`wifi.survey.run`; `radios` tells the box's radios as they are now."""

    async def run(request: WifiSurveyStart, context: Context) -> JobAnswer:
        async def job(handle: JobHandle) -> WifiSurvey:
            return await survey(radios, surveyor, handle)

        return await context.start_job(job, lock=LOCK)

    return (
        Operation(
            name="wifi.survey.run",
            summary="Listen to the neighbourhood and find the quietest channel of each band",
            request=WifiSurveyStart,
            result=JobAnswer,
            scope=Scope.DIAGNOSTICS_RUN,
            method="POST",
            path="/wifi/survey",
            handler=run,
            mutates=True,
            recovery="transaction",
            status=202,
            outcome=WifiSurvey,
        ),
    )
