"""Changes as callers deal with them: queued, confirmed, sent back. The reconciler carries them out."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from gatewayd.errors import GatewayError
from gatewayd.store.database import Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id
from gatewayd.wifi import rules
from gatewayd.wifi.driver import Driver, DriverError
from gatewayd.wifi.events import WifiChanged
from gatewayd.wifi.model import (
    ChangeState,
    Confirm,
    NetworkSettings,
    RadioTuning,
    Step,
    WifiChange,
    WifiImpact,
    WifiStation,
)
from gatewayd.wifi.reconciler import Reconciler
from gatewayd.wifi.repository import Repository, StoredChange, StoredNetwork
from gatewayd.wifi.sending import replaced
from gatewayd.wifi.timetable import Timetable

_MINUTE = 60.0
NOTHING_DIFFERS = "Nothing differs from what is already wanted."


class Changes:
    """The way from a wish to a change, and what may be said to it on its way."""

    def __init__(
        self,
        *,
        driver: Driver,
        repository: Repository,
        reconciler: Reconciler,
        timetable: Timetable,
        clock: Clock,
        most_per_minute: int,
    ) -> None:
        self._driver = driver
        self._repository = repository
        self._reconciler = reconciler
        self._timetable = timetable
        self._clock = clock
        self._most = most_per_minute
        self._recent: deque[float] = deque()

    async def queue(
        self,
        unit: Unit,
        stored: StoredNetwork,
        new: NetworkSettings,
        *,
        caller: str,
        confirm: Confirm = "none",
        deadline_seconds: int = 300,
        unchanged: str = NOTHING_DIFFERS,
    ) -> WifiChange:
        """Queues a pending change of `stored` to `new` into `unit`; hold the lock `wifi`.

        What is wanted already is applied at once with the sentence `unchanged`. Raises GatewayError
        `wifi.radio_unavailable`, `wifi.busy`, `wifi.change_open` and InvalidField.
        """
        if not self._driver.bands:
            raise GatewayError("wifi.radio_unavailable", "This box has no Wi-Fi radio.")
        rules.check_deadline(confirm, deadline_seconds)
        if new.same_as(stored.desired):
            return await self._unchanged(unit, stored, confirm, caller, unchanged)
        await self._not_waiting(stored.id)
        self._not_too_many()
        change = WifiChange(
            id=new_id(),
            network=stored.id,
            state=ChangeState.PENDING,
            proof="none",
            confirm=confirm,
            impact=await self.impact(stored, new),
            from_revision=stored.desired.revision,
            to_revision=new.revision,
            outage_ms=None,
            reason=None,
            created=self._clock.now(),
            deadline=None,
            ended=None,
            simulated=self._driver.simulated,
        )
        self._repository.add_change(
            unit, StoredChange(change=change, caller=caller, deadline_seconds=deadline_seconds), new
        )
        unit.emit(WifiChanged(change=change))
        unit.after(self._accepted)
        return change

    async def queue_radio(
        self,
        unit: Unit,
        now: RadioTuning,
        new: RadioTuning,
        impact: WifiImpact,
        *,
        caller: str,
        confirm: Confirm,
        deadline_seconds: int,
    ) -> WifiChange:
        """The same for a radio; `now` and `new` are equal when nothing differs."""
        rules.check_deadline(confirm, deadline_seconds)
        for stored in await self._repository.open_changes():
            if stored.change.radio == now.radio:
                raise _change_open(stored)
        if new != now:
            self._not_too_many()
        moment = self._clock.now()
        change = WifiChange(
            id=new_id(),
            network="",
            state=ChangeState.APPLIED if new == now else ChangeState.PENDING,
            proof="none",
            confirm=confirm,
            impact=impact,
            from_revision=now.revision,
            to_revision=new.revision,
            outage_ms=0 if new == now else None,
            reason=NOTHING_DIFFERS if new == now else None,
            created=moment,
            deadline=None,
            ended=moment if new == now else None,
            radio=now.radio,
            simulated=self._driver.simulated,
        )
        self._repository.add_change(
            unit, StoredChange(change=change, caller=caller, deadline_seconds=deadline_seconds, tuning=new)
        )
        unit.emit(WifiChanged(change=change))
        unit.after(self._accepted)
        return change

    async def revoke(self, unit: Unit, stored: StoredNetwork, key: str, *, caller: str) -> WifiChange:
        """Queues the end of a key of `stored` into `unit`: out of every revision, and off the radio at once,
        whatever else is under way. It is `pending` until the radio has done so and is never rolled back.

        Again on a revoked key: the revocation that is still open, or nothing to do. Raises
        `wifi.radio_unavailable`.
        """
        if not self._driver.bands:
            raise GatewayError("wifi.radio_unavailable", "This box has no Wi-Fi radio.")
        if all(one.id != key for one in (*stored.applied.keys, *stored.desired.keys)):
            return await self._revoked_already(unit, stored, caller)
        left = tuple(one for one in stored.desired.keys if one.id != key)
        stations = await self._stations()
        impact = await self.impact(stored, msgspec.structs.replace(stored.desired, keys=left), stations)
        if impact.step is Step.KEYS:
            dropped = sum((one.network, one.key) == (stored.id, key) for one in stations)
            impact = msgspec.structs.replace(impact, stations_dropped=dropped)
        change = WifiChange(
            id=new_id(),
            network=stored.id,
            state=ChangeState.PENDING,
            proof="none",
            confirm="none",
            impact=impact,
            from_revision=stored.desired.revision,
            to_revision=stored.desired.revision,
            outage_ms=None,
            reason=None,
            created=self._clock.now(),
            deadline=None,
            ended=None,
            simulated=self._driver.simulated,
        )
        self._repository.take_key(unit, stored.id, key)
        self._repository.add_change(
            unit, StoredChange(change=change, caller=caller, deadline_seconds=0), stored.desired
        )
        unit.emit(WifiChanged(change=change))
        unit.after(self._reconciler.wake)
        return change

    async def _revoked_already(self, unit: Unit, stored: StoredNetwork, caller: str) -> WifiChange:
        for other in await self._repository.open_revocations():
            if other.change.network == stored.id:
                return other.change
        return await self._unchanged(unit, stored, "none", caller, "It was revoked already.")

    async def impact(
        self, stored: StoredNetwork, new: NetworkSettings, stations: tuple[WifiStation, ...] | None = None
    ) -> WifiImpact:
        """What the change from `stored` to `new` would do to `stations` (those that are there now)."""
        networks, counts = await self.present(stations)
        told = self._timetable.told
        if all(network.network != new.network for network in networks):
            networks = (*networks, told(stored.desired))
        impact = self._driver.impact(told(stored.desired), replaced(networks, told(new)), counts)
        changed = stored.desired.different(new)
        if "absent" in changed:
            changed = ("deleted",) if new.absent else ("created",)
        return msgspec.structs.replace(impact, changed=changed)

    async def present(
        self, stations: tuple[WifiStation, ...] | None = None
    ) -> tuple[tuple[NetworkSettings, ...], dict[str, int]]:
        """The networks as a driver is told them now, and how many of the stations (now) each has."""
        here = await self._stations() if stations is None else stations
        counts = Counter(station.network for station in here)
        told = self._timetable.told
        return tuple(told(other.desired) for other in await self._repository.networks()), counts

    async def _stations(self) -> tuple[WifiStation, ...]:
        try:
            return await self._driver.stations()
        except DriverError:
            return ()

    async def page(self, *, cursor: str | None, limit: int) -> tuple[tuple[WifiChange, ...], str | None]:
        """Changes, newest first, and the cursor of the next page."""
        found = await self._repository.changes(before=cursor, limit=limit + 1)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def stored(self, change: str) -> StoredChange:
        """One change. Raises GatewayError `wifi.change_not_found`."""
        stored = await self._repository.change(change)
        if stored is None:
            raise GatewayError(
                "wifi.change_not_found", f"There is no change {change[:40]!r}.", field="change"
            )
        return stored

    async def confirm(self, unit: Unit, change: str, *, caller: str) -> WifiChange:
        """See `WifiService.confirm`."""
        stored = await self.stored(change)
        now = stored.change
        if now.state is ChangeState.ROLLED_BACK or (now.reason is not None and not now.state.ended):
            raise GatewayError("wifi.change_ended", f"The change was rolled back: {now.reason}")
        if now.state is not ChangeState.APPLIED and now.proof == "none":
            raise GatewayError(
                "wifi.change_not_on_air", "The new settings are not on the air yet.", retry_after=1.0
            )
        proof = "client" if caller == stored.caller else now.proof
        if now.state is ChangeState.APPLIED:
            self._repository.prove(unit, change, proof)
            return msgspec.structs.replace(now, proof=proof)
        self._reconciler.hold()
        self._repository.keep(unit, now, proof, self._clock.now())
        unit.after(self._reconciler.wake)
        return msgspec.structs.replace(
            now, proof=proof, state=ChangeState.APPLIED, deadline=None, ended=self._clock.now()
        )

    def turn_back(self, unit: Unit, change: WifiChange) -> WifiChange:
        """Sends an open change back."""
        reason = "It was reverted."
        self._repository.turn_back(unit, change.id, reason)
        unit.after(self._reconciler.wake)
        return msgspec.structs.replace(change, reason=reason)

    async def before(self, change: WifiChange) -> NetworkSettings:
        """What the last applied change of a network replaced. Raises GatewayError `wifi.change_ended`."""
        latest = await self._repository.latest_applied(change.network)
        before = await self._repository.revision(change.network, change.from_revision)
        if change.state is ChangeState.ROLLED_BACK or latest is None or latest.change.id != change.id:
            raise GatewayError("wifi.change_ended", "Only the last applied change can be reverted.")
        if before is None:
            raise GatewayError("wifi.change_ended", "What was before this change is no longer kept.")
        return before

    async def _not_waiting(self, network: str) -> None:
        for stored in await self._repository.open_changes():
            if stored.change.network == network and stored.change.confirm != "none":
                raise _change_open(stored)

    def _not_too_many(self) -> None:
        now = self._clock.monotonic()
        while self._recent and now - self._recent[0] >= _MINUTE:
            self._recent.popleft()
        if len(self._recent) >= self._most:
            wait = _MINUTE - (now - self._recent[0])
            raise GatewayError(
                "wifi.busy",
                f"A radio takes {self._most} changes a minute; try again in {wait:.0f} s.",
                retry_after=wait,
            )

    def _accepted(self) -> None:
        self._recent.append(self._clock.monotonic())
        self._reconciler.wake()

    async def _unchanged(
        self, unit: Unit, stored: StoredNetwork, confirm: Confirm, caller: str, reason: str
    ) -> WifiChange:
        """For what is already wanted: the change on its way there, or one that is applied at once."""
        revision = stored.desired.revision
        for other in await self._repository.open_changes():
            if (other.change.network, other.change.to_revision) == (stored.id, revision):
                return other.change
        now = self._clock.now()
        change = WifiChange(
            id=new_id(),
            network=stored.id,
            state=ChangeState.APPLIED,
            proof="none",
            confirm=confirm,
            impact=WifiImpact(
                step=Step.NONE,
                stations_dropped=0,
                need_new_credentials=False,
                silent_seconds=0.0,
                summary="Nothing on the air changes.",
            ),
            from_revision=revision,
            to_revision=revision,
            outage_ms=0,
            reason=reason,
            created=now,
            deadline=None,
            ended=now,
            simulated=self._driver.simulated,
        )
        self._repository.add_change(
            unit, StoredChange(change=change, caller=caller, deadline_seconds=0), stored.desired
        )
        unit.after(self._reconciler.wake)
        return change


def _change_open(stored: StoredChange) -> GatewayError:
    return GatewayError(
        "wifi.change_open",
        f"The change {stored.change.id} is still under way: confirm or revert it first.",
        retry_after=float(stored.deadline_seconds),
    )
