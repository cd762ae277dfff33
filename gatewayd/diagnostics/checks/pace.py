"""Is the box slow even when we leave it alone?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import LAG_MS, LAG_TOO_MUCH_MS
from gatewayd.diagnostics.results import (
    DnsResult,
    HttpResult,
    InternetResult,
    MtuResult,
    PaceResult,
    TlsResult,
)


class PaceCheck(Check[PaceResult]):
    """Lateness of the event loop after the rush of the first probes."""

    result = PaceResult
    needs = (InternetResult,)
    after = (DnsResult, HttpResult, TlsResult, MtuResult)
    late = True

    async def run(self, around: Surroundings) -> PaceResult:
        lag = await around.world.loop_lag_ms()
        return PaceResult(
            status="failed" if lag > LAG_TOO_MUCH_MS else "warn" if lag > LAG_MS else "ok",
            detail=f"Left alone, the event loop is {lag:.0f} ms late at most times.",
            loop_lag_ms=lag,
        )
