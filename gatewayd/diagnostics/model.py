"""A diagnosis: what follows from the probes' results (`results.py`). Every struct is JSON as it stands.

`seconds` are seconds. `detail` and all other sentences are for people; codes and facts are for programs.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gatewayd.diagnostics.results import AnyResult
from gatewayd.diagnostics.words import Confidence, Layer, Status, Verdict, Who
from gatewayd.operations import Result


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One check as the verdict's reader sees it."""

    check: str
    layer: Layer
    status: Status
    detail: str
    seconds: float


class AlsoSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Another fault that the verdict does not explain."""

    verdict: Verdict
    layer: Layer
    remedy: str
    short: str = ""


class Diagnosis(Result, frozen=True, kw_only=True):
    """The answer: one verdict, one remedy. `short` is the verdict as one line, `who` takes the next step.
    `seconds` is how long it took to find."""

    verdict: Verdict
    layer: Layer
    confidence: Confidence
    remedy: str
    short: str = ""
    who: Who = "nobody"
    evidence: tuple[Evidence, ...] = ()
    also_seen: tuple[AlsoSeen, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class DiagnosticsRun(Result, frozen=True, kw_only=True):
    """A finished diagnosis as it is kept; `results` are what the verdict was made of."""

    id: str
    started: datetime
    diagnosis: Diagnosis
    results: tuple[AnyResult, ...] = ()


class DiagnosticsPartial(msgspec.Struct, frozen=True, kw_only=True):
    """What a running diagnosis has so far."""

    results: tuple[AnyResult, ...]
