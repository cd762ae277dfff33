"""Did the line come and go lately?"""

from __future__ import annotations

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.claims import TRANSITIONS
from gatewayd.diagnostics.results import StabilityResult


class StabilityCheck(Check[StabilityResult]):
    """What the outage watch saw in the last 15 minutes."""

    result = StabilityResult

    async def run(self, around: Surroundings) -> StabilityResult:
        transitions = await around.house.transitions()
        if transitions is None:
            return self.without("skipped", "Nobody watched the line.")
        return StabilityResult(
            status="warn" if transitions >= TRANSITIONS else "ok",
            detail=f"The line came or went {transitions} times in the last 15 minutes.",
            transitions=transitions,
        )
