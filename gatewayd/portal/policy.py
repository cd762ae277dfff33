"""What the household lets the operator do and see: the owner's veto by area, and the privacy settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, get_args

from gatewayd.callers import Caller
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.events import EventData
from gatewayd.operations import Authoriser, Operation
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock

Area = Literal["wifi", "home", "dvr", "diagnostics", "upkeep", "access"]
AREAS: tuple[Area, ...] = get_args(Area)
WORDS: dict[Area, str] = {
    "wifi": "change the Wi-Fi",
    "home": "change anything about the devices of the household",
    "dvr": "change the recordings",
    "diagnostics": "run diagnoses",
    "upkeep": "restart or update the box",
    "access": "change who may come in",
}
# Operations whose first word is not the area's own.
_OTHER_WORDS: dict[str, Area] = {"devices": "home", "household": "home", "usage": "home", "privacy": "access"}


class PolicyChanged(EventData, frozen=True, kw_only=True):
    """The owner vetoed areas or allowed them again; `vetoed` are those that are vetoed now."""

    topic: ClassVar[str] = "portal.policy"
    vetoed: tuple[Area, ...]


class OwnerPolicy:
    """Fulfils `contracts.Policy`. Answers from memory; call `load` first: until then all is refused."""

    def __init__(self, database: Database, clock: Clock, may_leave: Callable[[str], bool]) -> None:
        """`may_leave`: the household's privacy settings."""
        self._database = database
        self._clock = clock
        self._vetoed: frozenset[Area] = frozenset(AREAS)
        self.may_leave = may_leave

    async def load(self) -> None:
        """Reads what was chosen."""
        rows = await self._database.fetch_all("SELECT area FROM portal_vetoes")
        stored = {row["area"] for row in rows}
        self._vetoed = frozenset(area for area in AREAS if area in stored)

    @property
    def vetoed(self) -> tuple[Area, ...]:
        """The areas that the operator is kept out of, in the order of AREAS."""
        return tuple(area for area in AREAS if area in self._vetoed)

    def veto(self, operation: str) -> str | None:
        """Why a controller may not do this, None when it may."""
        area = area_of(operation)
        if area is None or area not in self._vetoed:
            return None
        return f"The owner of this box does not let the operator {WORDS[area]}."

    def change(self, unit: Unit, areas: dict[Area, bool]) -> None:
        """Queues a choice: True allows the area, False vetoes it; the others stay. A veto works at once."""
        allowed = frozenset(area for area, yes in areas.items() if yes)
        refused = frozenset(area for area, yes in areas.items() if not yes)
        for area in refused:
            unit.execute(
                "INSERT OR IGNORE INTO portal_vetoes (area, since) VALUES (?, ?)",
                (area, self._clock.now().timestamp()),
            )
        for area in allowed:
            unit.execute("DELETE FROM portal_vetoes WHERE area = ?", (area,))
        unit.after(lambda: self._enter(allowed, refused))
        after = (self._vetoed - allowed) | refused
        unit.emit(PolicyChanged(vetoed=tuple(area for area in AREAS if area in after)))

    def _enter(self, allowed: frozenset[Area], refused: frozenset[Area]) -> None:
        self._vetoed = (self._vetoed - allowed) | refused


def area_of(operation: str) -> Area | None:
    """The area that an operation changes, None for one that has none."""
    word = operation.partition(".")[0]
    return next((area for area in AREAS if area == word), _OTHER_WORDS.get(word))


def check_areas(names: Iterable[str]) -> None:
    """Raises InvalidField for an area that there is not."""
    for name in names:
        if name not in AREAS:
            raise InvalidField(
                "areas", f"areas: there is no area {name[:32]!r}; there are {', '.join(AREAS)}."
            )


class VetoingAuthoriser:
    """Asks `inner` first, then the owner's veto, for callers that come in by the portal."""

    def __init__(self, inner: Authoriser, policy: OwnerPolicy) -> None:
        self._inner = inner
        self._policy = policy

    def authorise(self, caller: Caller, operation: Operation, request: Mapping[str, Any]) -> None:
        """Returns when it is allowed. Raises GatewayError, `portal.vetoed` for what the owner forbids."""
        self._inner.authorise(caller, operation, request)
        if caller.via != "portal" or not operation.mutates:
            return
        if (sentence := self._policy.veto(operation.name)) is not None:
            raise GatewayError("portal.vetoed", sentence)
