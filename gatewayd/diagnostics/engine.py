"""Runs checks: each as soon as what it needs is there, all within one budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.results import AnyResult
from gatewayd.errors import GatewayError

log = structlog.get_logger(__name__)
BUDGET, LATE_BUDGET = 14.5, 44.5
"""Seconds for all checks, and for the late ones: an offline verdict is promised within 15, quality in 45."""


async def run_checks(
    checks: Sequence[Check[Any]],
    around: Surroundings,
    *,
    told: Callable[[AnyResult], None] = lambda result: None,
    budget: float = BUDGET,
    late_budget: float = LATE_BUDGET,
) -> tuple[AnyResult, ...]:
    """Every check's result, in the order of `checks`; `told` hears each as it comes.

    A check that exceeds its limit or the budget, or fails by itself, has the status `unknown`; one whose
    needs did not work out is `skipped`.
    """
    run = _Run(around, told, (budget, late_budget))
    async with asyncio.TaskGroup() as group:
        for check in checks:
            run.ready[check.result] = asyncio.Event()
        for check in checks:
            group.create_task(run.one(check), name=f"check {check.name}")
    return tuple(run.results[check.result] for check in checks)


class _Run:
    """One run's state: what is known so far, and who waits for it."""

    def __init__(
        self, around: Surroundings, told: Callable[[AnyResult], None], budgets: tuple[float, float]
    ) -> None:
        self.results: dict[type[Any], AnyResult] = {}
        self.ready: dict[type[Any], asyncio.Event] = {}
        self._around = around._replace(results=self.results)
        started = around.clock.monotonic()
        self._end, self._late_end = (started + budget for budget in budgets)
        self._told = told

    async def one(self, check: Check[Any]) -> None:
        clock = self._around.clock
        for need in (*check.needs, *check.after):
            if need in self.ready:
                await self.ready[need].wait()
        started = clock.monotonic()
        end = self._late_end if check.late else self._end
        result = self._skipped(check) or await self._probed(check, min(check.limit, end - started))
        result = msgspec.structs.replace(result, seconds=round(clock.monotonic() - started, 3))
        self.results[check.result] = result
        self.ready[check.result].set()
        self._told(result)

    def _skipped(self, check: Check[Any]) -> AnyResult | None:
        for need in check.needs:
            found = self.results.get(need)
            if found is None or found.status not in ("ok", "warn"):
                tag = need.__struct_config__.tag
                skipped: AnyResult = check.without(
                    "skipped", f"Not asked: the check of the {tag} came to nothing."
                )
                return skipped
        return None

    async def _probed(self, check: Check[Any], limit: float) -> AnyResult:
        result: AnyResult
        try:
            async with asyncio.timeout(limit):
                result = await check.run(self._around)
        except TimeoutError:
            result = check.without("unknown", f"The check did not end within {max(limit, 0):.1f} s.")
        except (GatewayError, OSError) as error:
            result = check.without("unknown", f"The check could not be done: {error}")
        except Exception:  # the crash boundary of a check: one broken probe must not cost the diagnosis
            log.exception("diagnostics.check_crashed", check=check.name)
            result = check.without("unknown", "The check failed by a defect of ours; the log has it.")
        return result
