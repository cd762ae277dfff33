"""Outages, as every side sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from gatewayd.events import EventData

Line = Literal["v4", "v6", "dns"]
"""What is watched: each address family, and the resolving of names."""
LINES: tuple[Line, ...] = ("v4", "v6", "dns")
LineState = Literal["unwatched", "online", "suspect", "offline", "recovering"]
OutageScope = Literal["internet", "v4", "v6", "dns", "unstable"]
"""`internet` is every family that is watched; a fault of one alone has its own name, and so has coming and
going (`unstable`)."""
Cause = Literal["probes", "carrier", "lease"]
Step = Literal["renew_lease", "bounce_wan", "restart_modem", "reboot"]
STEPS: tuple[Step, ...] = ("renew_lease", "bounce_wan", "restart_modem", "reboot")
"""The rungs of self-repair, the gentlest first."""
StepState = Literal["running", "helped", "did_not_help", "failed", "interrupted"]


class RepairAttempt(Struct, frozen=True, kw_only=True):
    """One step of self-repair that was taken. `helped` means that the probe that had failed worked soon after
    it; `note` is why a step `failed` to be taken."""

    id: str
    step: Step
    outage: str
    verdict: str
    state: StepState
    began: datetime
    seconds: float | None = None
    note: str = ""


class Outage(Struct, frozen=True, kw_only=True):
    """One outage. `start` is the first probe that failed, `end` the first that worked again, None while it
    lasts; `seconds` is measured on a clock that nobody sets.

    `alerted`: it lasted long enough to tell the household. `quiet`: it came while the line was `unstable`,
    which had been told. `certain` is False when the box itself was away during it.
    """

    id: str
    scope: OutageScope
    lines: tuple[Line, ...]
    cause: Cause
    start: datetime
    end: datetime | None
    seconds: float
    alerted: bool = False
    quiet: bool = False
    certain: bool = True
    sentence: str = ""
    repairs: tuple[RepairAttempt, ...] = ()


class OutageBegan(EventData, frozen=True, kw_only=True):
    """Something does not work any more: the alarm."""

    topic: ClassVar[str] = "diagnostics.outage_began"
    leaves_box: ClassVar[bool] = True
    outage: Outage


class OutageAlerted(EventData, frozen=True, kw_only=True):
    """An outage has lasted a minute: worth telling people."""

    topic: ClassVar[str] = "diagnostics.outage_alert"
    outage: Outage


class OutageEnded(EventData, frozen=True, kw_only=True):
    """It works again, or became part of a greater outage (`became`): the clear."""

    topic: ClassVar[str] = "diagnostics.outage_ended"
    leaves_box: ClassVar[bool] = True
    outage: Outage
    became: OutageScope | None = None


class RepairTaken(EventData, frozen=True, kw_only=True):
    """A step of self-repair was begun (`running`), or its outcome is known."""

    topic: ClassVar[str] = "diagnostics.repair"
    leaves_box: ClassVar[bool] = True
    attempt: RepairAttempt


_NOW: dict[OutageScope, str] = {
    "internet": "The internet does not answer.",
    "v4": "The internet does not answer over IPv4; over IPv6 it does.",
    "v6": "The internet does not answer over IPv6; over IPv4 it does.",
    "dns": "The internet answers, but names are not resolved.",
    "unstable": "The connection comes and goes.",
}
_PAST: dict[OutageScope, str] = {
    "internet": "The internet did not answer.",
    "v4": "The internet did not answer over IPv4; over IPv6 it did.",
    "v6": "The internet did not answer over IPv6; over IPv4 it did.",
    "dns": "The internet answered, but names were not resolved.",
    "unstable": "The connection came and went.",
}


def sentence(scope: OutageScope, lines: Sequence[Line], *, over: bool) -> str:
    """An outage in one sentence. Where only one family was ever seen, the other is not spoken of."""
    said = (_PAST if over else _NOW)[scope]
    if scope == "unstable" and lines:
        names = {"v4": "IPv4", "v6": "IPv6", "dns": "the resolving of names"}
        return f"{said[:-1]} ({', '.join(names[line] for line in lines)})."
    return said
