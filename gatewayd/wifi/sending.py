"""What the radios were told to send, and what may not wait for the change that is under way."""

from __future__ import annotations

import structlog

from gatewayd.events import Bus
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock
from gatewayd.wifi.driver import Driver, DriverError, Networks
from gatewayd.wifi.events import WifiChanged, WifiSwitched
from gatewayd.wifi.model import NetworkSettings, Step, WifiChange
from gatewayd.wifi.repository import Repository
from gatewayd.wifi.timetable import Timetable

log = structlog.get_logger(__name__)


class Sending:
    """The reconciler's memory of what it told the driver.

    `networks`: the last that it was told, None while nobody is sure. `under_way`: the change that is on the
    air and not yet proven or confirmed.
    """

    def __init__(
        self,
        *,
        driver: Driver,
        repository: Repository,
        database: Database,
        bus: Bus,
        clock: Clock,
        timetable: Timetable,
    ) -> None:
        self.networks: Networks | None = None
        self.under_way: WifiChange | None = None
        self._driver = driver
        self._repository = repository
        self._database = database
        self._bus = bus
        self._clock = clock
        self._timetable = timetable

    async def good(self) -> Networks:
        """The last good revisions as the timetable has them now."""
        networks = await self._repository.networks()
        return tuple(self._timetable.told(stored.applied) for stored in networks)

    async def keep_up(self) -> None:
        """A revoked key is taken off the radio at once, if need be by a restart; with a change under way,
        schedules and ends are followed too. Raises DriverError; then the revocation stays open."""
        revoked = await self._repository.open_revocations()
        if not revoked and self.under_way is None:
            return
        wanted = await self.good()
        if self.under_way is not None:
            new = await self._repository.revision(self.under_way.network, self.under_way.to_revision)
            wanted = wanted if new is None else replaced(wanted, self._timetable.told(new))
        if not revoked and wanted == self.networks:
            return
        started = self._clock.monotonic()
        before, self.networks = self.networks, None
        try:
            applied = await self._driver.apply(wanted)
        except DriverError as error:
            if not revoked:
                raise
            log.warning("wifi.restart_needed", reason=str(error))
            applied = await self._driver.apply(wanted, least=Step.RESTART)
        self.networks = wanted
        self.tell_switched(before or (), wanted)
        if not revoked:
            return
        silent = applied.silent_ms
        if silent is None:
            silent = round((self._clock.monotonic() - started) * 1000)
        async with self._database.unit() as unit:
            for stored in revoked:
                self._repository.revoked(unit, stored.change, self._clock.now(), silent)
        for stored in revoked:
            log.info("wifi.key_revoked", change=stored.change.id, step=applied.step)
            now = await self._repository.change(stored.change.id)
            if now is not None:
                self._bus.publish(WifiChanged(change=now.change))

    def tell_switched(self, before: Networks, now: Networks) -> None:
        """Says of each network that it went on or off."""
        was = {network.network: network.enabled for network in before}
        for network in now:
            if was.get(network.network, network.enabled) != network.enabled:
                log.info("wifi.network_switched", network=network.network, on=network.enabled)
                self._bus.publish(
                    WifiSwitched(
                        network=network.network, on=network.enabled, simulated=self._driver.simulated
                    )
                )


def replaced(networks: Networks, new: NetworkSettings) -> Networks:
    """The same networks with this one in place of its namesake."""
    return tuple(new if network.network == new.network else network for network in networks)
