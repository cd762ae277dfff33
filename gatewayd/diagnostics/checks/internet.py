"""Does anything beyond the provider answer?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from gatewayd.diagnostics.check import Check, Surroundings
from gatewayd.diagnostics.lookup import endpoint
from gatewayd.diagnostics.results import AddressResult, AnchorAnswer, InternetResult, LinkResult
from gatewayd.errors import GatewayError

SAMPLE = 3
QUORUM = 2
TIMEOUT = 2.0


class InternetCheck(Check[InternetResult]):
    """TCP handshakes with three anchors a family, two of which must succeed; with three others if not.

    Anchors that refuse connections are pinged, to tell a blocked line from a dead one.
    """

    result = InternetResult
    needs = (LinkResult, AddressResult)
    limit = 2 * TIMEOUT + 2.5

    async def run(self, around: Surroundings) -> InternetResult:
        address, targets = around.result(AddressResult), around.targets
        if not targets.anchors_v4 and not targets.anchors_v6:
            return self.without("skipped", "No anchors are set.")
        started = around.clock.monotonic()
        (v4, v4_ping), (v6, v6_ping) = await asyncio.gather(
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
        told = [_told("IPv4", v4), _told("IPv6", v6)]
        if v4_ping or v6_ping:
            told.append("They answer pings, though.")
        return InternetResult(
            status="ok" if all(tried) else "warn" if any(tried) else "failed",
            detail=" ".join(part for part in told if part),
            v4=v4,
            v6=v6,
            v4_reached=v4_reached,
            v6_reached=v6_reached,
            heard=heard,
            v4_ping=v4_ping,
            v6_ping=v6_ping,
        )


async def _family(
    around: Surroundings, anchors: Sequence[str]
) -> tuple[tuple[AnchorAnswer, ...], bool | None]:
    """The answers of one family: of some anchors, and of others before anybody is accused. Then, while those
    are asked, whether any answers a ping; None when that was not asked."""
    shuffled = random.sample(anchors, len(anchors))
    first = await asyncio.gather(*(around.world.connect(one, TIMEOUT) for one in shuffled[:SAMPLE]))
    if not first or _reached(first):
        return tuple(first), None
    others = asyncio.gather(*(around.world.connect(one, TIMEOUT) for one in shuffled[SAMPLE : 2 * SAMPLE]))
    pinged, more = await asyncio.gather(_pinged(around, shuffled[: 2 * SAMPLE]), others)
    answers = (*first, *more)
    return answers, None if _reached(answers) else pinged


async def _pinged(around: Surroundings, anchors: Sequence[str]) -> bool | None:
    asked = (around.world.ping(endpoint(one, 443)[0], count=3, interval=0.4, timeout=1.0) for one in anchors)
    try:
        answers = await asyncio.gather(*asked)
    except (GatewayError, OSError):
        return None
    return any(one is not None for times in answers for one in times)


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
