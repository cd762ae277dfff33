"""How well does the idle line carry?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gatewayd.diagnostics import claims
from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.results import (
    GatewayResult,
    InternetResult,
    PingFigures,
    QualityResult,
    ping_figures,
)

_INTERVAL = 0.05
_SHORT, _WHOLE = 40, 200  # two and ten seconds
_SUSPICIOUS_JITTER_MS = claims.JITTER_MS / 2
_MOST = 3
_SPARES_ITSELF = 0.3
"""The share of pings beyond which it is the anchor that does not answer, and not the line that loses."""


class QualityCheck(Check[QualityResult]):
    """Two seconds of pings; ten when asked for, or when the two were suspicious.

    Two anchors are pinged and the better counts: one that spares itself answers is not the line.
    """

    result = QualityResult
    needs = (InternetResult,)
    limit = 18.0
    late = True

    async def run(self, around: Surroundings) -> QualityResult:
        targets = await _answering(around)
        if not targets:
            return self.without("skipped", "No anchor answers pings.")
        figures, gateway = await _measured(around, targets[:2], _SHORT)
        whole = around.thorough or _is_doubtful(figures)
        if whole:
            figures, gateway = await _measured(around, targets[:2], _WHOLE)
        line = _better(figures)
        bad = line.loss > claims.LOSS_FAIL or (line.jitter_ms or 0.0) > claims.JITTER_MS
        return QualityResult(
            status="failed" if whole and bad else "warn" if line.loss > claims.LOSS_WARN else "ok",
            detail=_told(line),
            line=line,
            gateway=gateway,
            whole=whole,
        )


def _is_doubtful(figures: Sequence[PingFigures]) -> bool:
    """Whether to look longer. At a loss of 8 % one row of forty in thirty is whole by chance, two seldom are;
    an anchor that loses most of them spares itself, and raises no doubt."""
    line = _better(figures)
    some = any(0.0 < one.loss <= _SPARES_ITSELF for one in figures)
    return line.lost > 0 or some or (line.jitter_ms or 0.0) > _SUSPICIOUS_JITTER_MS


def _better(figures: Sequence[PingFigures]) -> PingFigures:
    return min(figures, key=lambda one: (one.lost, one.jitter_ms or 0.0))


async def _answering(around: Surroundings) -> list[str]:
    """Anchors that answer pings, those that answered connections soonest first."""
    internet = around.result(InternetResult)
    connected = [one for one in (*internet.v4, *internet.v6) if one.outcome == "connected"]
    connected.sort(key=lambda one: one.ms or 0.0)
    hosts = [endpoint(one.target, 443)[0] for one in connected[:_MOST]]
    times = await asyncio.gather(
        *(around.world.ping(host, count=3, interval=0.1, timeout=1.0) for host in hosts)
    )
    return [
        host for host, answers in zip(hosts, times, strict=True) if any(one is not None for one in answers)
    ]


async def _measured(
    around: Surroundings, targets: Sequence[str], count: int
) -> tuple[list[PingFigures], PingFigures | None]:
    """Each of the targets, and the gateway at the same time."""
    # A gateway that has not answered by now is not waited for.
    gateway = around.result(GatewayResult).gateway if GatewayResult in around.results else None
    asked = [*targets, *((gateway,) if gateway is not None else ())]
    rows = await asyncio.gather(
        *(around.world.ping(one, count=count, interval=_INTERVAL, timeout=1.0) for one in asked)
    )
    figures = [ping_figures(one, row) for one, row in zip(asked, rows, strict=True)]
    return figures[: len(targets)], figures[-1] if gateway is not None and figures[-1].lost < figures[
        -1
    ].sent else None


def _told(line: PingFigures) -> str:
    told = f"{line.lost} of {line.sent} pings were lost"
    if line.median_ms is not None and line.jitter_ms is not None:
        told += f"; they take {line.median_ms:.0f} ms, give or take {line.jitter_ms:.1f} ms"
    return f"{told}."
