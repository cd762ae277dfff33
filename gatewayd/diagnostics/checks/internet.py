"""Does anything beyond the provider answer?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.model import AddressResult, AnchorAnswer, InternetResult, LinkResult

SAMPLE = 3
QUORUM = 2
TIMEOUT = 2.0


class InternetCheck(Check[InternetResult]):
    """TCP handshakes with three anchors a family, two of which must succeed; with three others if not."""

    result = InternetResult
    needs = (LinkResult, AddressResult)
    limit = 2 * TIMEOUT + 2.0

    async def run(self, around: Surroundings) -> InternetResult:
        address, targets = around.result(AddressResult), around.targets
        if not targets.anchors_v4 and not targets.anchors_v6:
            return self.without("skipped", "No anchors are set.")
        started = around.clock.monotonic()
        v4, v6 = await asyncio.gather(
            _family(around, targets.anchors_v4 if address.v4 else ()),
            _family(around, targets.anchors_v6 if address.v6 else ()),
        )
        v4_reached, v6_reached = _reached(v4), _reached(v6)
        tried = [reached for reached in (v4_reached, v6_reached) if reached is not None]
        if not tried:
            return self.without("skipped", "No anchors are set for the addresses that the box has.")
        # What arrives while the anchors are silent proves the line; older news may be from before the fault.
        asked_for = around.clock.monotonic() - started
        heard = not any(tried) and await around.world.heard_within(asked_for)
        return InternetResult(
            status="ok" if all(tried) else "warn" if any(tried) else "failed",
            detail=" ".join(part for part in (_told("IPv4", v4), _told("IPv6", v6)) if part),
            v4=v4,
            v6=v6,
            v4_reached=v4_reached,
            v6_reached=v6_reached,
            heard=heard,
        )


async def _family(around: Surroundings, anchors: Sequence[str]) -> tuple[AnchorAnswer, ...]:
    """The answers of one family: of some anchors, and of others before anybody is accused."""
    shuffled = random.sample(anchors, len(anchors))
    answers: list[AnchorAnswer] = []
    for chosen in (shuffled[:SAMPLE], shuffled[SAMPLE : 2 * SAMPLE]):
        answers += await asyncio.gather(*(around.world.connect(target, TIMEOUT) for target in chosen))
        if _reached(answers):
            break
    return tuple(answers)


def _reached(answers: Sequence[AnchorAnswer]) -> bool | None:
    if not answers:
        return None
    connected = sum(answer.outcome == "connected" for answer in answers)
    return connected >= min(QUORUM, len(answers))


def _told(family: str, answers: Sequence[AnchorAnswer]) -> str:
    if not answers:
        return ""
    connected = sum(answer.outcome == "connected" for answer in answers)
    return f"{connected} of {len(answers)} anchors answer over {family}."
