"""The rules of Wi-Fi: what may be asked, what is promised. The reconciler keeps the promises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from gatewayd.errors import GatewayError, InvalidField
from gatewayd.events import Bus
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import Clock
from gatewayd.tasks import Tasks
from gatewayd.wifi import roles, rules
from gatewayd.wifi.changes import NOTHING_DIFFERS, Changes
from gatewayd.wifi.deadlines import Deadlines
from gatewayd.wifi.driver import Driver, DriverError
from gatewayd.wifi.model import (
    OLD_KEY,
    Band,
    Confirm,
    NetworkSettings,
    Security,
    WifiChange,
    WifiImpact,
    WifiNetwork,
    WifiRadio,
    WifiStation,
)
from gatewayd.wifi.old_passwords import OldPasswords
from gatewayd.wifi.radio_changes import RadioChanges
from gatewayd.wifi.reconciler import Reconciler
from gatewayd.wifi.repository import Repository, StoredNetwork
from gatewayd.wifi.roles import HOME
from gatewayd.wifi.schedule import check_schedule
from gatewayd.wifi.timetable import Timetable
from gatewayd.wifi.view import View
from gatewayd.wifi.witness import Witness

_UTC = ZoneInfo("UTC")
END_LEAST, END_MOST = 60.0, 366 * 86_400.0
"""Limits, in seconds, of how long a network may be wanted for."""
_PATCHABLE = ("ssid", "security", "passphrase", "bands", "hidden", "isolated", "enabled", "schedule")


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
        zone: Callable[[], ZoneInfo] | None = None,
        bridges: Mapping[str, str] | None = None,
    ) -> None:
        """`first_ssid` names the network `home` that is made, with a random password, at the first start.

        `zone` tells what schedules are written in (default UTC); `bridges` names, by role, the bridge
        that stations are put on.
        """
        rules.check_ssid(first_ssid)
        self.driver = driver
        self.database = database
        self.clock = clock
        self._tasks = tasks
        self._first_ssid = first_ssid
        self._running: tuple[asyncio.Task[Any], ...] = ()
        self._repository = Repository(database, simulated=driver.simulated)
        self.deadlines = Deadlines(database, clock)
        self.witness = Witness(driver=driver, database=database, bus=bus, clock=clock)
        self._timetable = Timetable(clock, self.deadlines, zone or (lambda: _UTC), bridges)
        self._reconciler = Reconciler(
            driver=driver,
            repository=self._repository,
            database=database,
            bus=bus,
            clock=clock,
            timetable=self._timetable,
            heard=self.witness.hear,
        )
        self._changes = Changes(
            driver=driver,
            repository=self._repository,
            reconciler=self._reconciler,
            timetable=self._timetable,
            clock=clock,
            most_per_minute=max_changes_per_minute,
        )
        self.old_passwords = OldPasswords(
            database=database,
            repository=self._repository,
            deadlines=self.deadlines,
            witness=self.witness,
            clock=clock,
        )
        self._view = View(
            repository=self._repository,
            reconciler=self._reconciler,
            timetable=self._timetable,
            deadlines=self.deadlines,
            simulated=driver.simulated,
        )

        self.radio_changes = RadioChanges(driver, self._repository, self._changes)

    @property
    def simulated(self) -> bool:
        """Whether no real radio is behind this."""
        return self.driver.simulated

    async def start(self) -> None:
        """Makes the first network if there is none, and starts driving the radios in the background."""
        if not await self._repository.networks():
            async with self.database.unit() as unit:
                self._repository.add_network(
                    unit, roles.first_network(self._first_ssid, self.driver.bands or (Band.GHZ_2_4,))
                )
        await self.deadlines.load()
        self._running = (
            self._tasks.supervise("wifi.events", self._reconciler.listen),
            self._tasks.supervise("wifi.reconciler", self._reconciler.run),
            self._tasks.supervise("wifi.witness", self.witness.run),
            self._tasks.supervise("wifi.deadlines", self.deadlines.keep),
            self._tasks.supervise("wifi.old_passwords", self.old_passwords.keep),
        )

    def look_again(self) -> None:
        """The clock or the zone was set: what is scheduled may be due."""
        self._reconciler.wake()

    async def close(self) -> None:
        """Stops driving the radios and lets go of them; they go on sending."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.deadlines.write()
        await self.driver.close()

    async def health(self) -> tuple[Literal["ok", "degraded", "down"], str]:
        """How Wi-Fi is, and a sentence, for the box's status."""
        return await self._view.health()

    # --- networks ------------------------------------------------------------------------------------

    async def networks(self) -> tuple[WifiNetwork, ...]:
        """All networks, as they are wanted."""
        changing = await self._view.changing()
        found = await self._repository.networks()
        return tuple(self._view.network(stored, changing) for stored in found if not stored.desired.absent)

    async def network(self, network: str) -> WifiNetwork:
        """One network. Raises GatewayError `wifi.network_not_found`."""
        return self._view.network(await self.stored(network), await self._view.changing())

    async def reveal(self, network: str) -> NetworkSettings:
        """The wanted settings with their passphrase. Raises `wifi.network_not_found`."""
        return (await self.stored(network)).desired

    async def preview(self, network: str, patch: Mapping[str, Any]) -> tuple[WifiImpact, tuple[str, ...]]:
        """What `update` with this patch would do, and its dangers; raises what it would raise but
        `wifi.busy`, `wifi.change_open` and `wifi.risk_not_accepted`."""
        stored = await self.stored(network)
        new = await self._merged(stored, patch)
        return await self._changes.impact(stored, new), rules.risks(stored.desired, new)

    async def create(
        self,
        unit: Unit,
        role: str,
        fields: Mapping[str, Any],
        *,
        caller: str,
        identifier: str | None = None,
        seconds: float | None = None,
        accept_risk: bool = False,
        confirm: Confirm = "none",
        deadline_seconds: int = 300,
    ) -> tuple[WifiNetwork, WifiChange]:
        """Queues a new network into `unit`, as a change from nothing: when it fails, there is none.

        What `fields` leave out is the role's: a name beside the household's, a random password, WPA2,
        isolation but at home. `seconds`: how long it is wanted. Hold the lock `wifi`. Raises
        `wifi.network_exists`, `wifi.too_many_networks`, `wifi.risk_not_accepted`, and what `update` raises.
        """
        networks = await self._repository.networks()
        taken = {stored.id: stored for stored in networks if not stored.desired.absent}
        if identifier is not None:
            rules.check_id(identifier)
            if identifier in taken:
                raise GatewayError(
                    "wifi.network_exists", f"There is a network {identifier!r} already.", field="id"
                )
        home = next((stored.desired for stored in networks if stored.id == HOME), networks[0].desired)
        new = roles.new_network(role, home, dict(fields))
        name = identifier or roles.free_id(role if role != HOME else roles.slug(new.ssid) or role, taken)
        new = msgspec.structs.replace(new, network=name)
        await self._check(new)
        rules.accept(rules.risks(None, new), accept_risk)
        stored = next((one for one in networks if one.id == name), None)
        if stored is None:
            stored = self._repository.add_absent(unit, new)
        new = msgspec.structs.replace(new, revision=stored.newest + 1)
        change = await self._changes.queue(
            unit, stored, new, caller=caller, confirm=confirm, deadline_seconds=deadline_seconds
        )
        self._set_end(unit, new, seconds)
        shown = self._view.network(msgspec.structs.replace(stored, desired=new), {name})
        if seconds is not None:
            shown = msgspec.structs.replace(shown, expires=self.deadlines.after(seconds), off=None)
        return shown, change

    async def update(
        self,
        unit: Unit,
        network: str,
        patch: Mapping[str, Any],
        *,
        caller: str,
        confirm: Confirm = "none",
        deadline_seconds: int = 300,
        if_revision: int | None = None,
        seconds: float | None = None,
        endless: bool = False,
        accept_risk: bool = False,
    ) -> WifiChange:
        """Queues the change into `unit`: the wanted revision and a pending change commit together.

        `patch` holds the fields of NetworkSettings that shall be different; `seconds` is how long from
        now the network is wanted, `endless` that it no longer ends. Hold the lock `wifi`. Raises
        GatewayError `wifi.network_not_found`, `wifi.radio_unavailable` (the box has none), `wifi.busy`,
        `wifi.change_open`, `wifi.keys_unsupported`, `wifi.risk_not_accepted`, `wifi.too_many_networks`,
        `revision.lost_race` and InvalidField.
        """
        stored = await self.stored(network, if_revision)
        new = await self._merged(stored, patch)
        rules.accept(rules.risks(stored.desired, new), accept_risk)
        ends = seconds is not None or endless
        change = await self._changes.queue(
            unit,
            stored,
            new,
            caller=caller,
            confirm=confirm,
            deadline_seconds=deadline_seconds,
            unchanged="Only the time until which it is wanted was changed." if ends else NOTHING_DIFFERS,
        )
        if ends:
            self._set_end(unit, new, seconds)
        return change

    async def delete(
        self, unit: Unit, network: str, *, caller: str, if_revision: int | None = None
    ) -> WifiChange:
        """Queues the end of a network into `unit`; its passwords and keys are forgotten with it.

        Raises what `update` raises, and `wifi.network_needed` for `home`.
        """
        stored = await self.stored(network, if_revision)
        if network == HOME:
            raise GatewayError(
                "wifi.network_needed", "The home network cannot be deleted; it can be switched off."
            )
        absent = msgspec.structs.replace(
            stored.desired,
            revision=stored.newest + 1,
            absent=True,
            enabled=False,
            security=Security.OPEN,
            passphrase=None,
            keys=(),
        )
        return await self._changes.queue(unit, stored, absent, caller=caller)

    async def revoke(self, unit: Unit, network: str, key: str, *, caller: str) -> WifiChange:
        """Queues the end of a device key, or of an old password, into `unit`: it waits for no other change
        and is never rolled back (docs/decisions/0011-revocation.md). Hold the lock `wifi`.

        Raises `wifi.network_not_found` and `wifi.radio_unavailable`.
        """
        return await self._changes.revoke(unit, await self.stored(network), key, caller=caller)

    # --- changes -------------------------------------------------------------------------------------

    async def changes(self, *, cursor: str | None, limit: int) -> tuple[tuple[WifiChange, ...], str | None]:
        """Changes, newest first, and the cursor of the next page."""
        return await self._changes.page(cursor=cursor, limit=limit)

    async def change(self, change: str) -> WifiChange:
        """One change. Raises GatewayError `wifi.change_not_found`."""
        return (await self._changes.stored(change)).change

    async def confirm(self, unit: Unit, change: str, *, caller: str) -> WifiChange:
        """Keeps a change that is on the air. Only who asked for it proves by this that he is back (`client`).

        Again on an applied change: the same answer. Raises `wifi.change_not_found`,
        `wifi.change_not_on_air` (too early) and `wifi.change_ended` (it was rolled back).
        """
        return await self._changes.confirm(unit, change, caller=caller)

    async def revert(self, unit: Unit, change: str, *, caller: str, accept_risk: bool = False) -> WifiChange:
        """Sends an open change back, or makes a new change back to before the last applied one.

        A network that the change made is deleted; a revoked key does not come back. What is dangerous in what
        was before has to be accepted. Raises `wifi.change_not_found`, `wifi.change_ended` (rolled back,
        not the last one, a revocation), and what `update` raises.
        """
        now = await self.change(change)
        if now.from_revision == now.to_revision:
            raise GatewayError(
                "wifi.change_ended", "Nothing leads back from this one: a revoked password stays revoked."
            )
        if not now.state.ended:
            return self._changes.turn_back(unit, now)
        before = await self._changes.before(now)
        if before.absent:
            return await self.delete(unit, now.network, caller=caller)
        patch = {name: getattr(before, name) for name in _PATCHABLE}
        kept = {key.id for key in before.keys}
        current = (await self.stored(now.network)).desired.keys
        patch["keys"] = tuple(key for key in current if key.id in kept)
        return await self.update(unit, now.network, patch, caller=caller, accept_risk=accept_risk)

    # --- what the radios tell ------------------------------------------------------------------------

    async def stations(self) -> tuple[WifiStation, ...]:
        """Devices that are connected now. Raises GatewayError `wifi.radio_unavailable`."""
        try:
            return await self.driver.stations()
        except DriverError as error:
            raise GatewayError("wifi.radio_unavailable", str(error)) from error

    async def known_stations(self) -> tuple[WifiStation, ...]:
        """The same; none while the radio does not answer."""
        try:
            return await self.driver.stations()
        except DriverError:
            return ()

    async def radios(self) -> tuple[WifiRadio, ...]:
        """The radios as they are now."""
        return await self.driver.radios()

    # --- for the parts of Wi-Fi ----------------------------------------------------------------------

    async def stored(self, network: str, if_revision: int | None = None) -> StoredNetwork:
        """A network that shall be there. Raises `wifi.network_not_found`, and `revision.lost_race` when it is
        wanted at another revision than `if_revision`."""
        for stored in await self._repository.networks():
            if stored.id == network and not stored.desired.absent:
                rules.check_revision(stored.desired, if_revision)
                return stored
        raise GatewayError(
            "wifi.network_not_found", f"There is no network {network[:40]!r}.", field="network"
        )

    # --- inside --------------------------------------------------------------------------------------

    async def _merged(self, stored: StoredNetwork, patch: Mapping[str, Any]) -> NetworkSettings:
        changed = dict(patch)
        security = changed.get("security", stored.desired.security)
        if not security.has_passphrase:
            changed.setdefault("passphrase", None)
        new = msgspec.structs.replace(stored.desired, **changed, revision=stored.newest + 1)
        if self.deadlines.due(stored.id, "rotation"):
            ended = tuple(key for key in stored.desired.keys if key.id == OLD_KEY)
            new = msgspec.structs.replace(new, keys=tuple(key for key in new.keys if key not in ended))
        await self._check(new)
        return new

    async def _check(self, new: NetworkSettings) -> None:
        rules.check_network(new, self.driver.bands or new.bands)
        check_schedule(new.schedule)
        wanted = [stored.desired for stored in await self._repository.networks()]
        rules.check_room(new, wanted, await self.driver.radios())

    def _set_end(self, unit: Unit, network: NetworkSettings, seconds: float | None) -> None:
        if seconds is None:
            self.deadlines.clear(unit, network.network, "expiry")
            return
        if network.network == HOME:
            raise InvalidField("for_seconds", "The home network does not end.")
        if not END_LEAST <= seconds <= END_MOST:
            raise InvalidField(
                "for_seconds",
                f"A network may be wanted for {END_LEAST:.0f} to {END_MOST:.0f} seconds; "
                f"this is {seconds:.0f}.",
            )
        self.deadlines.set(unit, network.network, "expiry", seconds)
