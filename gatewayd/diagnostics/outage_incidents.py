"""From lines that are down to outages that people understand: one name for it, told once, cleared once.

Pure: seconds are monotonic. The greatest name that is true is given: a family that is down is called so only
while the other one works, and names that do not resolve only while the internet answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gatewayd.diagnostics.outage_model import LINES, Cause, Line, OutageScope
from gatewayd.diagnostics.outage_state import CLEAN, LineWatch
from gatewayd.system.identity import new_id

ALERT_AFTER = 60.0
ALERT_QUIET_AFTER = 600.0
"""A long outage is told even when the line was called unstable before: this is no flapping."""
SETTLED_AFTER = 45.0
"""Seconds after which an outage gets its name even though another line has not made up its mind."""
_FAMILIES: tuple[Line, ...] = ("v4", "v6")


@dataclass(slots=True)
class Incident:
    """An outage that lasts or has just ended. `resumed`: it began before the daemon did."""

    id: str
    scope: OutageScope
    lines: tuple[Line, ...]
    cause: Cause
    start: float
    end: float | None = None
    alerted: bool = False
    quiet: bool = False
    resumed: bool = False
    announced: bool = False


class Happening(NamedTuple):
    """What came of a round. `became` names the greater outage that an ended one is part of."""

    kind: Literal["began", "alert", "ended"]
    incident: Incident
    became: OutageScope | None = None


class _Wanted(NamedTuple):
    start: float
    lines: tuple[Line, ...]
    cause: Cause


class Incidents:
    """The outages that last, by scope."""

    def __init__(self) -> None:
        self.open: dict[OutageScope, Incident] = {}
        self._internet_ended = float("-inf")

    def settle(self, at: float, lines: Mapping[Line, LineWatch]) -> list[Happening]:
        """After every round: what began, became worth an alert, ended."""
        wanted = _wanted(lines)
        told = self._end(at, lines, wanted)
        told += self._begin_unstable(at, lines)
        told += self._begin(at, lines, wanted)
        return [*told, *self._alert(at, lines)]

    # --- the end ----------------------------------------------------------------------------------------

    def _end(
        self, at: float, lines: Mapping[Line, LineWatch], wanted: dict[OutageScope, _Wanted]
    ) -> list[Happening]:
        told = []
        became: OutageScope | None
        for scope, incident in tuple(self.open.items()):
            if scope == "unstable":
                clean = _clean_since(at, lines)
                if clean is None:
                    continue
                became, incident.end = None, max(clean, incident.start)
            elif scope in wanted:
                incident.lines = tuple(
                    line for line in LINES if line in {*incident.lines, *wanted[scope].lines}
                )
                continue
            else:
                became, over = _over(at, incident, lines, wanted)
                incident.end = max(over, incident.start)
            if scope == "internet":
                self._internet_ended = incident.end
            del self.open[scope]
            told.append(Happening("ended", incident, became))
        return told

    # --- the beginning ----------------------------------------------------------------------------------

    def _begin(
        self, at: float, lines: Mapping[Line, LineWatch], wanted: dict[OutageScope, _Wanted]
    ) -> list[Happening]:
        told = []
        settled = not any(line.state in ("suspect", "recovering") for line in lines.values())
        for scope, want in wanted.items():
            start = want.start if scope == "internet" else max(want.start, self._internet_ended)
            if scope in self.open or not (settled or scope == "internet" or at - start >= SETTLED_AFTER):
                continue
            quiet = "unstable" in self.open
            incident = Incident(new_id(), scope, want.lines, want.cause, start, quiet=quiet)
            incident.announced = not quiet
            self.open[scope] = incident
            told.append(Happening("began", incident))
        return told

    def _begin_unstable(self, at: float, lines: Mapping[Line, LineWatch]) -> list[Happening]:
        since = {line: began for line, watch in lines.items() if (began := watch.unstable(at)) is not None}
        if not since:
            return []
        if "unstable" in self.open:
            known = self.open["unstable"]
            known.lines = tuple(line for line in LINES if line in {*known.lines, *since})
            return []
        incident = Incident(
            new_id(), "unstable", tuple(line for line in LINES if line in since), "probes",
            min(since.values()), alerted=True, announced=True,
        )  # fmt: skip
        self.open["unstable"] = incident
        return [Happening("began", incident)]

    def _alert(self, at: float, lines: Mapping[Line, LineWatch]) -> list[Happening]:
        told = []
        for incident in self.open.values():
            own = [line for line in incident.lines if incident.scope != "internet" or line != "dns"]
            # A line that came back for a moment is about to be called unstable: that is told instead.
            relapses = max(lines[line].recent(at) for line in own) - 1
            flaps = incident.quiet or "unstable" in self.open
            after = ALERT_QUIET_AFTER if flaps else ALERT_AFTER * max(1, 1 + relapses)
            coming_back = any(lines[line].state == "recovering" for line in own)
            if not incident.alerted and not coming_back and at - incident.start >= after:
                incident.alerted = incident.announced = True
                told.append(Happening("alert", incident))
        return told


def _wanted(lines: Mapping[Line, LineWatch]) -> dict[OutageScope, _Wanted]:
    families = [lines[line] for line in _FAMILIES if lines[line].watched]
    down = [family for family in families if family.down]
    names = lines["dns"]
    if families and len(down) == len(families):
        first = max(down, key=lambda family: family.start)
        told = (*down, names) if names.down else tuple(down)
        return {"internet": _Wanted(first.start, tuple(one.line for one in told), first.cause)}
    found: dict[OutageScope, _Wanted] = {
        family.line: _Wanted(family.start, (family.line,), family.cause) for family in down
    }
    if names.down:
        found["dns"] = _Wanted(names.start, ("dns",), names.cause)
    return found


def _over(
    at: float, incident: Incident, lines: Mapping[Line, LineWatch], wanted: dict[OutageScope, _Wanted]
) -> tuple[OutageScope | None, float]:
    """What an outage became, and when it ended."""
    if incident.scope != "internet" and "internet" in wanted:
        return "internet", wanted["internet"].start
    own = _FAMILIES if incident.scope == "internet" else incident.lines
    ends = (lines[line].end for line in own if not lines[line].down and lines[line].end > incident.start)
    return None, min(ends, default=at)


def _clean_since(at: float, lines: Mapping[Line, LineWatch]) -> float | None:
    """The last transition, when it is long enough ago and nothing fails now."""
    if any(line.state not in ("online", "unwatched") for line in lines.values()):
        return None
    last = max((line.transitions[-1] for line in lines.values() if line.transitions), default=at - CLEAN)
    return last if at - last >= CLEAN else None
