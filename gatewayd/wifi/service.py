"""The rules of Wi-Fi: what may be asked, what is promised. The reconciler keeps the promises."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gatewayd.errors import GatewayError
from gatewayd.events import Bus
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.system.identity import new_id
from gatewayd.tasks import Tasks
from gatewayd.wifi import rules
from gatewayd.wifi.driver import Driver, DriverError
from gatewayd.wifi.events import WifiChanged
from gatewayd.wifi.keys import suggest_passphrase
from gatewayd.wifi.model import (
    Band,
    ChangeState,
    Confirm,
    NetworkSettings,
    Security,
    Step,
    WifiChange,
    WifiImpact,
    WifiNetwork,
    WifiRadio,
    WifiStation,
)
from gatewayd.wifi.planner import Plan, impact
from gatewayd.wifi.reconciler import Reconciler, replaced
from gatewayd.wifi.repository import Repository, StoredChange, StoredNetwork

_MINUTE = 60.0
HOME = "home"


class WifiService:
    """Networks, changes, stations and radios. `start` it; its tasks belong to the `tasks` it is given."""

    def __init__(
        self,
        *,
        driver: Driver,
        database: Database,
        bus: Bus,
        clock: Clock,
        tasks: Tasks,
        first_ssid: str,
        max_changes_per_minute: int = 6,
    ) -> None:
        """`first_ssid` names the network `home` that is made, with a random password, at the first start."""
        rules.check_ssid(first_ssid)
        self._driver = driver
        self._database = database
        self._clock = clock
        self._tasks = tasks
        self._first_ssid = first_ssid
        self._most = max_changes_per_minute
        self._recent: deque[float] = deque()
        self._running: tuple[asyncio.Task[Any], ...] = ()
        self._repository = Repository(database, simulated=driver.simulated)
        self._reconciler = Reconciler(
            driver=driver, repository=self._repository, database=database, bus=bus, clock=clock
        )

    @property
    def simulated(self) -> bool:
        """Whether no real radio is behind this."""
        return self._driver.simulated

    async def start(self) -> None:
        """Makes the first network if there is none, and starts driving the radios in the background."""
        if not await self._repository.networks():
            async with self._database.unit() as unit:
                self._repository.add_network(unit, self._first_network())
        self._running = (
            self._tasks.supervise("wifi.events", self._reconciler.listen),
            self._tasks.supervise("wifi.reconciler", self._reconciler.run),
        )

    async def close(self) -> None:
        """Stops driving the radios and lets go of them; they go on sending."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._driver.close()

    async def health(self) -> tuple[Literal["ok", "degraded", "down"], str]:
        """How Wi-Fi is, and a sentence, for the box's status."""
        if self._reconciler.down is not None:
            return "down", self._reconciler.down
        if await self._repository.open_changes():
            return "degraded", "A change of the Wi-Fi is under way."
        simulated = " on a simulated radio" if self.simulated else ""
        return "ok", f"All networks are on the air{simulated}."

    # --- networks ------------------------------------------------------------------------------------

    async def networks(self) -> tuple[WifiNetwork, ...]:
        """All networks, as they are wanted."""
        changing = {stored.change.network for stored in await self._repository.open_changes()}
        return tuple(self._shown(stored, changing) for stored in await self._repository.networks())

    async def network(self, network: str) -> WifiNetwork:
        """One network. Raises GatewayError `wifi.network_not_found`."""
        await self._stored(network)
        return next(shown for shown in await self.networks() if shown.id == network)

    async def reveal(self, network: str) -> NetworkSettings:
        """The wanted settings with their passphrase. Raises `wifi.network_not_found`."""
        return (await self._stored(network)).desired

    async def preview(self, network: str, patch: Mapping[str, Any]) -> WifiImpact:
        """What `update` with this patch would do; raises what it would raise but `wifi.busy`."""
        stored = await self._stored(network)
        return await self._impact(stored, self._merged(stored, patch))

    async def update(
        self,
        unit: Unit,
        network: str,
        patch: Mapping[str, Any],
        *,
        caller: str,
        confirm: Confirm = "none",
        deadline_seconds: int = 300,
    ) -> WifiChange:
        """Queues the change into `unit`: the wanted revision and a pending change commit together.

        `patch` holds the fields of NetworkSettings that shall be different. Hold the lock `wifi`. Raises
        GatewayError `wifi.network_not_found`, `wifi.radio_unavailable` (the box has none), `wifi.busy`,
        `wifi.change_open` and InvalidField.
        """
        if not self._driver.bands:
            raise GatewayError("wifi.radio_unavailable", "This box has no Wi-Fi radio.")
        rules.check_deadline(confirm, deadline_seconds)
        stored = await self._stored(network)
        new = self._merged(stored, patch)
        if new.same_as(stored.desired):
            return await self._unchanged(unit, stored, confirm, caller)
        await self._not_waiting(network)
        self._not_too_many()
        change = WifiChange(
            id=new_id(),
            network=network,
            state=ChangeState.PENDING,
            proof="none",
            confirm=confirm,
            impact=await self._impact(stored, new),
            from_revision=stored.desired.revision,
            to_revision=new.revision,
            outage_ms=None,
            reason=None,
            created=self._clock.now(),
            deadline=None,
            ended=None,
            simulated=self.simulated,
        )
        self._repository.add_change(
            unit, StoredChange(change=change, caller=caller, deadline_seconds=deadline_seconds), new
        )
        unit.emit(WifiChanged(change=change))
        unit.after(self._accepted)
        return change

    # --- changes -------------------------------------------------------------------------------------

    async def changes(self, *, cursor: str | None, limit: int) -> tuple[tuple[WifiChange, ...], str | None]:
        """Changes, newest first, and the cursor of the next page."""
        found = await self._repository.changes(before=cursor, limit=limit + 1)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def change(self, change: str) -> WifiChange:
        """One change. Raises GatewayError `wifi.change_not_found`."""
        return (await self._stored_change(change)).change

    async def confirm(self, unit: Unit, change: str, *, caller: str) -> WifiChange:
        """Keeps a change that is on the air. Only who asked for it proves by this that he is back (`client`).

        Again on an applied change: the same answer. Raises `wifi.change_not_found`,
        `wifi.change_not_on_air` (too early) and `wifi.change_ended` (it was rolled back).
        """
        stored = await self._stored_change(change)
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

    async def revert(self, unit: Unit, change: str, *, caller: str) -> WifiChange:
        """Sends an open change back, or makes a new change back to before the last applied one.

        Raises `wifi.change_not_found`, `wifi.change_ended` (rolled back, or not the last one), and what
        `update` raises.
        """
        stored = await self._stored_change(change)
        now = stored.change
        if not now.state.ended:
            reason = "It was reverted."
            self._repository.turn_back(unit, change, reason)
            unit.after(self._reconciler.wake)
            return msgspec.structs.replace(now, reason=reason)
        latest = await self._repository.latest_applied(now.network)
        before = await self._repository.revision(now.network, now.from_revision)
        if now.state is ChangeState.ROLLED_BACK or latest is None or latest.change.id != change:
            raise GatewayError("wifi.change_ended", "Only the last applied change can be reverted.")
        if before is None:
            raise GatewayError("wifi.change_ended", "What was before this change is no longer kept.")
        patch = {name: getattr(before, name) for name in _PATCHABLE}
        return await self.update(unit, now.network, patch, caller=caller)

    # --- what the radios tell ------------------------------------------------------------------------

    async def stations(self) -> tuple[WifiStation, ...]:
        """Devices that are connected now. Raises GatewayError `wifi.radio_unavailable`."""
        try:
            return await self._driver.stations()
        except DriverError as error:
            raise GatewayError("wifi.radio_unavailable", str(error)) from error

    async def radios(self) -> tuple[WifiRadio, ...]:
        """The radios as they are now."""
        return await self._driver.radios()

    # --- inside --------------------------------------------------------------------------------------

    def _first_network(self) -> NetworkSettings:
        return NetworkSettings(
            network=HOME,
            role=HOME,
            revision=1,
            ssid=self._first_ssid,
            # WPA2 alone: not every radio carries WPA3 reliably, and every device knows this one.
            security=Security.WPA2,
            passphrase=suggest_passphrase(),
            bands=self._driver.bands or (Band.GHZ_2_4,),
        )

    def _merged(self, stored: StoredNetwork, patch: Mapping[str, Any]) -> NetworkSettings:
        changed = dict(patch)
        security = changed.get("security", stored.desired.security)
        if not security.has_passphrase:
            changed.setdefault("passphrase", None)
        new = msgspec.structs.replace(stored.desired, **changed, revision=stored.newest + 1)
        rules.check_network(new, self._driver.bands or new.bands)
        return new

    async def _impact(self, stored: StoredNetwork, new: NetworkSettings) -> WifiImpact:
        counts: dict[str, int] = {}
        try:
            for station in await self._driver.stations():
                counts[station.network] = counts.get(station.network, 0) + 1
        except DriverError:
            counts = {}
        networks = tuple(other.desired for other in await self._repository.networks())
        return self._driver.impact(stored.desired, replaced(networks, new), counts)

    async def _not_waiting(self, network: str) -> None:
        for stored in await self._repository.open_changes():
            if stored.change.network == network and stored.change.confirm != "none":
                raise GatewayError(
                    "wifi.change_open",
                    f"The change {stored.change.id} waits for its confirmation: confirm or revert it first.",
                    retry_after=float(stored.deadline_seconds),
                )

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
        self, unit: Unit, stored: StoredNetwork, confirm: Confirm, caller: str
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
            impact=impact(Plan(step=Step.NONE), stored.desired, stored.desired, {}),
            from_revision=revision,
            to_revision=revision,
            outage_ms=0,
            reason="Nothing differs from what is already wanted.",
            created=now,
            deadline=None,
            ended=now,
            simulated=self.simulated,
        )
        self._repository.add_change(
            unit, StoredChange(change=change, caller=caller, deadline_seconds=0), stored.desired
        )
        return change

    async def _stored(self, network: str) -> StoredNetwork:
        for stored in await self._repository.networks():
            if stored.id == network:
                return stored
        raise GatewayError(
            "wifi.network_not_found", f"There is no network {network[:40]!r}.", field="network"
        )

    async def _stored_change(self, change: str) -> StoredChange:
        stored = await self._repository.change(change)
        if stored is None:
            raise GatewayError(
                "wifi.change_not_found", f"There is no change {change[:40]!r}.", field="change"
            )
        return stored

    def _shown(self, stored: StoredNetwork, changing: set[str]) -> WifiNetwork:
        wanted = stored.desired
        state: Literal["on_air", "changing", "off", "down"] = "on_air"
        if stored.id in changing:
            state = "changing"
        elif not wanted.enabled:
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
            simulated=self.simulated,
        )


_PATCHABLE = ("ssid", "security", "passphrase", "bands", "hidden", "isolated", "enabled")
