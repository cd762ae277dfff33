"""Drives the radios to what is wanted, one change at a time, and back when that does not work.

A change goes `pending -> applying -> proving -> applied`, or ends `rolled_back` with the last good
revisions on the air and proven. The database says where it is; nothing here is lost with the process:
what an earlier process left open is rolled back before anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import structlog

from gatewayd.events import Bus
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock
from gatewayd.wifi.channels import RADAR_SECONDS
from gatewayd.wifi.driver import Driver, DriverError, ListensForRadar, Networks, NotOnAir, OnAir, RadioEvent
from gatewayd.wifi.events import WifiChanged, WifiStationJoined, WifiStationLeft
from gatewayd.wifi.model import ChangeState, Step, WifiChange
from gatewayd.wifi.newcomers import Newcomers
from gatewayd.wifi.repository import Repository, StoredChange
from gatewayd.wifi.sending import Sending, replaced
from gatewayd.wifi.timetable import Timetable

log = structlog.get_logger(__name__)
ON_AIR_SECONDS = 30.0
RETURN_SECONDS = 15.0
HOLD_SECONDS = 5.0
_PROOF_PAUSE = 0.2
_STATION_PAUSE = 1.0


class Reconciler:
    """The only one that tells the driver what to send."""

    def __init__(
        self,
        *,
        driver: Driver,
        repository: Repository,
        database: Database,
        bus: Bus,
        clock: Clock,
        timetable: Timetable,
        heard: Callable[[RadioEvent], None],
    ) -> None:
        """`timetable` says which networks are on now; `heard` is given what the radios tell of devices."""
        self.down: str | None = "The radio has not been started yet."
        """Why the networks are not on the air as they should be; None when they are."""
        self._driver = driver
        self._repository = repository
        self._database = database
        self._bus = bus
        self._clock = clock
        self._timetable = timetable
        self._sending = Sending(
            driver=driver, repository=repository, database=database, bus=bus, clock=clock, timetable=timetable
        )
        self._pass_on = heard
        self._newcomers = Newcomers(driver)
        self._wake = asyncio.Event()
        self._lost: str | None = None
        self._resumed = False
        self._hold_until = 0.0

    def wake(self) -> None:
        """Something is to be done: a new change, a word on the one under way."""
        self._wake.set()

    def hold(self) -> None:
        """A confirmation is being written: the deadline waits for it."""
        self._hold_until = self._clock.monotonic() + HOLD_SECONDS

    async def listen(self) -> None:
        """Passes on what the radios tell. Runs for ever."""
        async for event in self._driver.events():
            self._heard(event)

    async def run(self) -> None:
        """Resolves what was left open, then carries out changes. Runs for ever; raises DriverError when the
        last good revisions cannot be brought on the air: start it again after a pause."""
        try:
            await self._resume()
            while True:
                self._wake.clear()
                await self._sending.keep_up()
                changes = await self._repository.open_changes()
                if changes:
                    await self._carry_out(changes[0])
                elif self._lost is not None:
                    await self._restore()
                else:
                    await self._raise_proofs()
                    await self._follow_timetable()
        except DriverError as error:
            self.down = str(error)
            raise

    def _heard(self, event: RadioEvent) -> None:
        simulated = self._driver.simulated
        self._newcomers.hear(event)
        if event.kind == "lost":
            self._lost = event.reason
            log.warning("wifi.radio_lost", reason=event.reason)
        elif event.kind == "wrong_password":
            self._pass_on(event)
            return
        elif event.network is not None and event.mac is not None:
            self._pass_on(event)
            kind = WifiStationJoined if event.kind == "joined" else WifiStationLeft
            self._bus.publish(kind(network=event.network, mac=event.mac, simulated=simulated))
        self._wake.set()

    # --- beginning and falling silent ----------------------------------------------------------------

    async def _resume(self) -> None:
        self._sending.under_way = None
        await self._driver.start()
        interrupted = [
            stored.change
            for stored in await self._repository.open_changes()
            if not self._resumed or stored.change.state is not ChangeState.PENDING
        ]
        self._resumed = True
        started = self._clock.monotonic()
        await self._bring_up(await self._sending.good())
        for change in interrupted:
            touched = change.state is not ChangeState.PENDING
            await self._finish_back(
                change, "The daemon was restarted in mid-change.", self._since(started) if touched else 0
            )

    async def _restore(self) -> None:
        good = await self._sending.good()
        with contextlib.suppress(NotOnAir):
            await self._prove_all(good)
            self._lost = None
            return
        self.down = self._lost
        # It runs what it should and yet is silent, or has ended: only a restart helps.
        await self._bring_up(good, least=Step.RESTART)
        log.info("wifi.radio_restored")

    async def _bring_up(self, networks: Networks, *, least: Step = Step.NONE) -> int:
        """The last good revisions on the air, proven; by a restart if the lighter way does not prove.

        Returns for how many milliseconds the radio was silent.
        """
        started = self._clock.monotonic()
        self._lost = None
        self._sending.networks = None
        try:
            await self._tune()
            applied = await self._driver.apply(networks, least=least)
            self._sending.networks = networks
            await self._wait_on_air(networks, RETURN_SECONDS)
            silent = applied.silent_ms
        except DriverError as error:
            log.warning("wifi.restart_needed", reason=str(error))
            networks = await self._sending.good()
            await self._driver.apply(networks, least=Step.RESTART)
            self._sending.networks = networks
            await self._wait_on_air(networks, ON_AIR_SECONDS)
            silent = None
        self.down = None
        return self._since(started) if silent is None else silent

    async def _follow_timetable(self) -> None:
        """Switches what a schedule or an end has made due; then waits for that or for a word."""
        good = await self._sending.good()
        if self._sending.networks is not None and good != self._sending.networks:
            before = self._sending.networks
            await self._bring_up(good)
            self._sending.tell_switched(before, good)
            return
        wanted = tuple(stored.applied for stored in await self._repository.networks())
        await self._wait(self._timetable.pause(wanted))

    # --- one change ----------------------------------------------------------------------------------

    async def _carry_out(self, stored: StoredChange) -> None:
        change = stored.change
        good = await self._sending.good()
        target = await self._target(stored, good)
        if target is None:
            return
        if not await self._move(change, ChangeState.APPLYING):
            await self._finish_back(change, "It was reverted.", 0)
            return
        try:
            await self._tune(stored)
            await self._driver.check(target)
        except DriverError as error:
            await self._tune()
            await self._finish_back(change, str(error), 0)
            return
        touched = tuple(one for one in target if change.radio or one.network == change.network)
        self._lost, self._sending.networks = None, None
        for network in touched:
            await self._newcomers.look(network.network)
        started = self._clock.monotonic()
        try:
            applied = await self._driver.apply(target)
            self._newcomers.applied(applied.step)
            self._sending.networks, self._sending.under_way = target, change
            log.info("wifi.change_applied", change=change.id, step=applied.step)
            await self._move(change, ChangeState.PROVING)
            on_air = await self._wait_on_air(touched, ON_AIR_SECONDS, change)
        except DriverError as error:
            await self._go_back(change, str(error), started)
            return
        outage = self._since(started) if applied.silent_ms is None else applied.silent_ms
        async with self._database.unit() as unit:
            self._repository.measure(unit, change.id, outage)
        await self._conclude(stored, on_air, outage)
        self._sending.under_way = None

    async def _tune(self, stored: StoredChange | None = None) -> None:
        """Tells the driver how its radios are set: as is known to be good, and with this change."""
        tunings = await self._repository.tunings()
        if stored is not None and stored.tuning is not None:
            tunings[stored.tuning.radio] = stored.tuning
        self._driver.tune(tunings)

    async def _target(self, stored: StoredChange, good: Networks) -> Networks | None:
        """All networks with this change in place; None when it was built on something that is gone."""
        change = stored.change
        if change.radio is not None:
            return good
        new = await self._repository.revision(change.network, change.to_revision)
        old = next(network for network in good if network.network == change.network)
        if new is None or old.revision != change.from_revision:
            await self._finish_back(change, "It was built on a change that was rolled back.", 0)
            return None
        return replaced(good, self._timetable.told(new))

    async def _conclude(self, stored: StoredChange, on_air: OnAir, outage: int) -> None:
        change = stored.change
        if change.confirm == "none":
            async with self._database.unit() as unit:
                self._repository.keep(unit, change, "on_air", self._clock.now(), on_air.note)
        else:
            await self._wait_confirmed(stored)
        now = await self._current(change)
        if now.state is not ChangeState.APPLIED:
            # Between here and there the new settings were on the air: no outage.
            returned = self._clock.monotonic() - outage / 1000
            await self._go_back(now, now.reason or "It was not confirmed.", returned)
            return
        self._bus.publish(WifiChanged(change=now))

    async def _wait_confirmed(self, stored: StoredChange) -> None:
        """Returns when the change is applied, or has a reason to go back."""
        change = stored.change
        seconds = stored.deadline_seconds
        deadline = self._clock.monotonic() + seconds
        async with self._database.unit() as unit:
            self._repository.prove(unit, change.id, "on_air")
            self._repository.move(
                unit, change.id, ChangeState.PROVING, deadline=self._clock.now() + timedelta(seconds=seconds)
            )
        await self._tell(change)
        while True:
            self._wake.clear()
            now = await self._current(change)
            if now.state is ChangeState.APPLIED or now.reason is not None:
                return
            try:
                await self._sending.keep_up()
            except DriverError as error:
                await self._turn_back(now, str(error))
                return
            if now.proof == "on_air" and await self._newcomers.any(change.network or None):
                await self._met_station(now)
                continue
            if self._lost is not None:
                await self._turn_back(now, f"The radio fell silent: {self._lost}.")
                return
            left = max(deadline, self._hold_until) - self._clock.monotonic()
            if left <= 0:
                what = "No device joined" if change.confirm == "station" else "Nobody confirmed it"
                await self._turn_back(now, f"{what} within {seconds} s.")
                return
            await self._wait(min(left, _STATION_PAUSE))

    async def _met_station(self, change: WifiChange) -> None:
        async with self._database.unit() as unit:
            if change.confirm == "station":
                self._repository.keep(unit, change, "station", self._clock.now())
            else:
                self._repository.prove(unit, change.id, "station")
        if change.confirm != "station":
            await self._tell(change)

    async def _turn_back(self, change: WifiChange, reason: str) -> None:
        async with self._database.unit() as unit:
            self._repository.turn_back(unit, change.id, reason)

    async def _go_back(self, change: WifiChange, reason: str, started: float) -> None:
        log.warning("wifi.change_goes_back", change=change.id, reason=reason)
        self._sending.under_way = None
        await self._turn_back(change, reason)
        before = self._since(started)
        try:
            silent = await self._bring_up(await self._sending.good())
        except DriverError:
            # The radio is not there at all: the change has ended, and what was before waits for the radio.
            await self._finish_back(change, reason, self._since(started))
            raise
        await self._finish_back(change, reason, before + silent)

    async def _finish_back(self, change: WifiChange, reason: str, outage_ms: int) -> None:
        async with self._database.unit() as unit:
            self._repository.give_up(unit, change, reason, self._clock.now(), outage_ms)
        await self._tell(change)

    # --- proof ---------------------------------------------------------------------------------------

    async def _wait_on_air(
        self, networks: Networks, seconds: float, change: WifiChange | None = None
    ) -> OnAir:
        deadline = self._clock.monotonic() + seconds
        names = {network.network for network in networks}
        while True:
            await self._sending.keep_up()
            try:
                return await self._prove_all(
                    tuple(one for one in self._sending.networks or () if one.network in names)
                )
            except NotOnAir as error:
                if self._lost is not None:
                    raise NotOnAir(f"The radio fell silent: {self._lost}.") from error
                if change is not None and (told := (await self._current(change)).reason) is not None:
                    raise NotOnAir(told) from error  # it was sent back meanwhile
                radar = RADAR_SECONDS if isinstance(error, ListensForRadar) else 0.0
                if self._clock.monotonic() >= deadline + radar:
                    raise NotOnAir(f"Not on the air within {seconds:.0f} s: {error}") from error
            await self._clock.sleep(_PROOF_PAUSE)

    async def _prove_all(self, networks: Networks) -> OnAir:
        proof = OnAir()
        for network in networks:
            proof = await self._driver.prove(network)
        return proof

    async def _raise_proofs(self) -> None:
        """A change that counts as applied on the radio's word alone gets better proof when a device joins."""
        for stored in await self._repository.networks():
            latest = await self._repository.latest_applied(stored.id)
            if latest is None or latest.change.proof != "on_air":
                continue
            # After a restart nobody remembers who was there; only other credentials tell them apart.
            told_apart = self._newcomers.knows(stored.id) or latest.change.impact.need_new_credentials
            if not told_apart or not await self._newcomers.any(stored.id):
                continue
            async with self._database.unit() as unit:
                self._repository.prove(unit, latest.change.id, "station")
            await self._tell(latest.change)

    # --- small things --------------------------------------------------------------------------------

    async def _move(self, change: WifiChange, state: ChangeState) -> bool:
        async with self._database.unit() as unit:
            self._repository.move(unit, change.id, state)
        return (await self._tell(change)).state is state

    async def _tell(self, change: WifiChange) -> WifiChange:
        now = await self._current(change)
        self._bus.publish(WifiChanged(change=now))
        return now

    async def _current(self, change: WifiChange) -> WifiChange:
        stored = await self._repository.change(change.id)
        return change if stored is None else stored.change

    def _since(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)

    async def _wait(self, seconds: float) -> None:
        """Until woken, at most this long on the injected clock."""
        waits: tuple[Coroutine[Any, Any, Any], ...] = (self._wake.wait(), self._clock.sleep(seconds))
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
