"""Whether self-repair may take a step now, and which. Pure, and it never asks what time it is.

The guards count on the kernel's own seconds: a clock that is set forward must not buy the box another
restart. Of earlier boots only what is known for sure counts: the wait may be too long, never too short.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gatewayd.diagnostics.outage_model import STEPS, Step, StepState

HOUR = 3600.0
STEP_EVERY = 600.0
REBOOT_EVERY = 6 * HOUR
REBOOTS, REBOOTS_WITHIN = 2, 24 * HOUR
AGAIN_AFTER = 6 * HOUR
"""Seconds after which a step is tried again in the same outage."""
FAILED_AGAIN_AFTER = HOUR
"""The same for one that could not be taken."""

_ADDRESS = frozenset({"ADDR_NO_LEASE", "ADDR_LEASE_LOST", "ADDR_DUPLICATE", "ROUTE_MISSING"})
_LINK = frozenset({"LINK_DOWN", "LINK_FLAPPING", "GW_NO_ARP"})
HELPABLE: dict[Step, frozenset[str]] = {
    "renew_lease": _ADDRESS,
    "bounce_wan": _ADDRESS | _LINK,
    "restart_modem": _ADDRESS | _LINK,
    "reboot": _ADDRESS | _LINK | {"DNS_LOCAL"},
}
"""The verdicts that a step may help against. What is not listed is never acted on: faults beyond the
provider's edge, a portal, our own cloud, IPv6 alone."""


class Past(NamedTuple):
    """A step that was taken, `ran` seconds after the kernel started the boot `boot`."""

    step: Step
    outage: str
    boot: str
    ran: float
    state: StepState


def next_step(
    allowed: Collection[Step], verdict: str, outage: str, past: Sequence[Past], boot: str, ran: float
) -> Step | None:
    """The step to take now in this boot, `ran` seconds after its start, or None. `past` is oldest first."""
    since = least_ago(past, boot, ran)
    if since and min(since) < STEP_EVERY:
        return None
    tried = {
        one.step
        for one, ago in zip(past, since, strict=True)
        if one.outage == outage and ago < (FAILED_AGAIN_AFTER if one.state == "failed" else AGAIN_AFTER)
    }
    for step in STEPS:
        if step in allowed and verdict in HELPABLE[step] and step not in tried:
            return step if step != "reboot" or _may_reboot(past, since) else None
    return None


def _may_reboot(past: Sequence[Past], since: Sequence[float]) -> bool:
    reboots = [
        ago for one, ago in zip(past, since, strict=True) if one.step == "reboot" and one.state != "failed"
    ]
    within = sum(ago < REBOOTS_WITHIN for ago in reboots)
    return all(ago >= REBOOT_EVERY for ago in reboots) and within < REBOOTS


def least_ago(past: Sequence[Past], boot: str, ran: float) -> list[float]:
    """For each step, for how many seconds at least it has been past: in its own boot until the last that was
    written in it, in those between as long as is known, and in this one all of it."""
    longest: dict[str, float] = {}
    for one in past:
        longest[one.boot] = max(longest.get(one.boot, 0.0), one.ran)
    longest[boot] = ran
    order = [*dict.fromkeys(one.boot for one in past if one.boot != boot), boot]
    found = []
    for one in past:
        place = order.index(one.boot)
        later = sum(longest[each] for each in order[place + 1 :])
        found.append(max(0.0, longest[one.boot] - one.ran) + later)
    return found
