"""What holds for the whole household: the time zone that its schedules are written in."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Callable
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from gatewayd.errors import InvalidField
from gatewayd.events import EventData
from gatewayd.operations import Context, Empty, Operation, Request, Result, Scope
from gatewayd.store.database import Database, Unit

LOCK = "household"
LONGEST = 64
_NO_ZONES = ("localtime", "Factory")


class HouseholdSettings(Result, frozen=True, kw_only=True):
    """`time_zone` is an IANA name; `time_zone_from`: whether the household chose it, or it is the box's."""

    time_zone: str
    time_zone_from: Literal["household", "box"]


class HouseholdUpdate(Request, frozen=True, kw_only=True):
    """The time zone's IANA name (`Europe/Berlin`); null: the box's own."""

    time_zone: str | None


class HouseholdChanged(EventData, frozen=True, kw_only=True):
    """The household lives by another clock: what is scheduled has moved."""

    topic: ClassVar[str] = "household.changed"
    time_zone: str


class Household:
    """`load` it before it is asked. Who follows its zone reads `zone` each time, and may `watch` it."""

    def __init__(self, database: Database, box_zone: ZoneInfo) -> None:
        """`box_zone` holds until the household chooses."""
        self._database = database
        self._box_zone = box_zone
        self._chosen: ZoneInfo | None = None
        self._watchers: list[Callable[[], None]] = []

    @property
    def zone(self) -> ZoneInfo:
        """The zone of every schedule."""
        return self._chosen or self._box_zone

    @property
    def settings(self) -> HouseholdSettings:
        """The same for callers."""
        source: Literal["household", "box"] = "box" if self._chosen is None else "household"
        return HouseholdSettings(time_zone=self.zone.key, time_zone_from=source)

    def watch(self, changed: Callable[[], None]) -> None:
        """`changed` is called after each change."""
        self._watchers.append(changed)

    async def load(self) -> None:
        """What the state holds. A zone that this machine no longer knows counts as none."""
        row = await self._database.fetch_one("SELECT time_zone FROM household")
        if row is not None and row["time_zone"] is not None:
            self._chosen = await asyncio.to_thread(_find, row["time_zone"])

    async def choose(self, unit: Unit, name: str | None) -> HouseholdSettings:
        """Queues another zone into `unit`; it holds from the commit on.

        Raises InvalidField when there is no such zone.
        """
        chosen = None if name is None else await asyncio.to_thread(_find, name)
        if name is not None and chosen is None:
            raise InvalidField(
                "time_zone",
                "A time zone is named as in the IANA list, such as Europe/Berlin; "
                f"there is none of this name ({len(name)} characters).",
            )
        zone = chosen or self._box_zone
        if zone.key != self.zone.key:
            unit.emit(HouseholdChanged(time_zone=zone.key))
        unit.execute("UPDATE household SET time_zone = ?", (None if chosen is None else chosen.key,))
        unit.after(lambda: self._became(chosen))
        source: Literal["household", "box"] = "box" if chosen is None else "household"
        return HouseholdSettings(time_zone=zone.key, time_zone_from=source)

    def _became(self, chosen: ZoneInfo | None) -> None:
        self._chosen = chosen
        for changed in self._watchers:
            changed()


def _find(name: str) -> ZoneInfo | None:
    # By the list, not by trial: `ZoneInfo` takes every file there, and the list what some system added.
    if len(name) > LONGEST or name in _NO_ZONES or name not in zoneinfo.available_timezones():
        return None
    return ZoneInfo(name)


def household_rows(household: Household) -> tuple[Operation, ...]:
    """The rows of this file."""

    async def get(_request: Empty, _context: Context) -> HouseholdSettings:
        return household.settings

    async def update(request: HouseholdUpdate, context: Context) -> HouseholdSettings:
        return await household.choose(context.unit, request.time_zone)

    return (
        Operation(
            name="household.get",
            summary="What holds for the whole household, such as its time zone",
            request=Empty,
            result=HouseholdSettings,
            scope=Scope.BOX_READ,
            method="GET",
            path="/household",
            handler=get,
        ),
        Operation(
            name="household.update",
            summary="Choose the time zone that schedules are written in",
            request=HouseholdUpdate,
            result=HouseholdSettings,
            scope=Scope.HOME_WRITE,
            method="PATCH",
            path="/household",
            handler=update,
            mutates=True,
            recovery="transaction",
            lock=LOCK,
        ),
    )
