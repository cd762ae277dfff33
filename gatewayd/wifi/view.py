"""Networks as callers see them: what is wanted, and how far it is with it."""

from __future__ import annotations

from typing import Literal

from gatewayd.wifi.deadlines import Deadlines
from gatewayd.wifi.model import WifiNetwork
from gatewayd.wifi.reconciler import Reconciler
from gatewayd.wifi.repository import Repository, StoredNetwork
from gatewayd.wifi.timetable import Timetable


class View:
    """Looks; changes nothing."""

    def __init__(
        self,
        *,
        repository: Repository,
        reconciler: Reconciler,
        timetable: Timetable,
        deadlines: Deadlines,
        simulated: bool,
    ) -> None:
        self._repository = repository
        self._reconciler = reconciler
        self._timetable = timetable
        self._deadlines = deadlines
        self._simulated = simulated

    async def health(self) -> tuple[Literal["ok", "degraded", "down"], str]:
        """How Wi-Fi is, and a sentence, for the box's status."""
        if self._reconciler.down is not None:
            return "down", self._reconciler.down
        if await self.changing():
            return "degraded", "A change of the Wi-Fi is under way."
        simulated = " on a simulated radio" if self._simulated else ""
        return "ok", f"All networks are on the air{simulated}."

    async def changing(self) -> set[str]:
        """The networks of which a change or a revocation is under way."""
        changes = await self._repository.open_changes()
        revocations = await self._repository.open_revocations()
        return {stored.change.network for stored in (*changes, *revocations)}

    def network(self, stored: StoredNetwork, changing: set[str]) -> WifiNetwork:
        """One of them."""
        wanted = stored.desired
        off = self._timetable.off(wanted)
        state: Literal["on_air", "changing", "off", "down"] = "on_air"
        if stored.id in changing:
            state = "changing"
        elif off is not None:
            state = "off"
        elif self._reconciler.down is not None:
            state = "down"
        return WifiNetwork(
            id=stored.id,
            role=wanted.role,
            ssid=wanted.ssid,
            security=wanted.security,
            bands=wanted.bands,
            hidden=wanted.hidden,
            isolated=wanted.isolated,
            enabled=wanted.enabled,
            state=state,
            revision=wanted.revision,
            schedule=wanted.schedule,
            expires=self._deadlines.moment(stored.id, "expiry"),
            off=off,
            simulated=self._simulated,
        )
