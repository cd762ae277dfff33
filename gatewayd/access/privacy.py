"""What may leave the box and how long things are kept: the household's choice, in memory and in the state."""

from __future__ import annotations

from typing import Literal, get_args

from gatewayd.errors import InvalidField
from gatewayd.store.database import Database, Unit

Purpose = Literal["service", "alerts", "diagnostics", "network", "devices", "usage", "viewing"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
DEFAULT_ON: frozenset[Purpose] = frozenset({"service"})
"""What the service itself needs: that the box restarted, was updated, is well."""

# Which purpose the events of an area serve. What is not listed stays in the house.
_AREAS: dict[str, Purpose] = {
    "upkeep": "service",
    "portal": "service",
    "box": "service",
    "access": "alerts",
    "diagnostics": "diagnostics",
    "wifi": "network",
    "home": "devices",
    "devices": "devices",
    "usage": "usage",
    "dvr": "viewing",
}

Retained = Literal["audit", "alerts", "visits", "diagnostics", "history", "restarts"]
RETENTION: dict[Retained, int] = {
    "audit": 400,
    "alerts": 90,
    "visits": 400,
    "diagnostics": 90,
    "history": 730,
    "restarts": 400,
}
"""Days, where the household has not chosen otherwise."""
MOST_DAYS = 3650
LEAST_DAYS = 1


class PrivacySettings:
    """Asked before anything leaves the box; answers from memory. Call `load` first: until then all stays."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._allowed: frozenset[Purpose] = frozenset()
        self._days: dict[Retained, int] = dict(RETENTION)

    async def load(self) -> None:
        """Reads what was chosen."""
        chosen = {
            row["purpose"]: bool(row["allowed"])
            for row in await self._database.fetch_all("SELECT purpose, allowed FROM privacy_settings")
        }
        self._allowed = frozenset(
            purpose for purpose in PURPOSES if chosen.get(purpose, purpose in DEFAULT_ON)
        )
        kept = {
            row["kind"]: int(row["days"])
            for row in await self._database.fetch_all("SELECT kind, days FROM privacy_retention")
        }
        self._days = {kind: kept.get(kind, days) for kind, days in RETENTION.items()}

    def may_leave(self, topic: str) -> bool:
        """Whether an event of this topic, or a value of its area, may be told to the operator."""
        purpose = _AREAS.get(topic.partition(".")[0])
        return purpose is not None and purpose in self._allowed

    def allows(self, purpose: Purpose) -> bool:
        """Whether the household lets data out for this purpose."""
        return purpose in self._allowed

    @property
    def share(self) -> dict[Purpose, bool]:
        """Each purpose and whether it is allowed."""
        return {purpose: purpose in self._allowed for purpose in PURPOSES}

    @property
    def days(self) -> dict[Retained, int]:
        """Each kind of data and for how many days it is kept."""
        return dict(self._days)

    def change(self, unit: Unit, share: dict[Purpose, bool], keep: dict[Retained, int]) -> None:
        """Queues a choice; what is not named stays as it is. What waited in the outbox for a purpose that
        is not allowed any more is deleted with it. Raises InvalidField `keep`."""
        for kind, days in keep.items():
            if not LEAST_DAYS <= days <= MOST_DAYS:
                raise InvalidField("keep", f"keep.{kind}: {LEAST_DAYS} to {MOST_DAYS} days, not {days}.")
        for purpose, allowed in share.items():
            unit.execute(
                "INSERT INTO privacy_settings (purpose, allowed) VALUES (?, ?)"
                " ON CONFLICT (purpose) DO UPDATE SET allowed = excluded.allowed",
                (purpose, int(allowed)),
            )
        for kind, days in keep.items():
            unit.execute(
                "INSERT INTO privacy_retention (kind, days) VALUES (?, ?)"
                " ON CONFLICT (kind) DO UPDATE SET days = excluded.days",
                (kind, days),
            )
        allowed_now = (self._allowed | {name for name, on in share.items() if on}) - {
            name for name, on in share.items() if not on
        }
        for area, purpose in _AREAS.items():
            if purpose not in allowed_now:
                unit.execute("DELETE FROM outbox WHERE type GLOB ?", (f"{area}.*",))
                unit.execute(
                    "DELETE FROM portal_notifications WHERE topic = ? OR topic GLOB ?", (area, f"{area}.*")
                )
        # Withdrawing works from now on, also for what the same unit tells of; allowing from the commit on.
        self._allowed &= frozenset(allowed_now)
        unit.after(lambda: self._enter(frozenset(allowed_now), keep))

    def _enter(self, allowed: frozenset[Purpose], keep: dict[Retained, int]) -> None:
        self._allowed = allowed
        self._days |= keep
