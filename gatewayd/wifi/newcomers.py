"""Who joined a network since a change was made on it: a device that never left proves nothing."""

from __future__ import annotations

from gatewayd.wifi.driver import Driver, DriverError, RadioEvent
from gatewayd.wifi.model import Step, WifiStation


class Newcomers:
    """Remembers who was on a network before its last change, and for how long."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._before: dict[str, dict[str, int]] = {}

    async def look(self, network: str) -> None:
        """Whoever is there now is there with the old settings. Call it before they are changed."""
        try:
            stations = await self._driver.stations()
        except DriverError:
            stations = ()
        self._before[network] = {one.mac: one.connected_seconds for one in stations if one.network == network}

    def applied(self, step: Step) -> None:
        """After these two steps nobody is there who was there before."""
        if step in (Step.RELOAD, Step.RESTART):
            for before in self._before.values():
                before.clear()

    def hear(self, event: RadioEvent) -> None:
        """A device that comes, or comes back, is new."""
        if event.kind in ("joined", "left") and event.network is not None and event.mac is not None:
            self._before.get(event.network, {}).pop(event.mac, None)

    def knows(self, network: str) -> bool:
        """Whether `look` was called for it since the daemon began."""
        return network in self._before

    async def any(self, network: str | None) -> bool:
        """Whether a device is there that finished its handshake since then; None: on any network."""
        try:
            stations = await self._driver.stations()
        except DriverError:
            return False
        return any(self._is_new(one) for one in stations if network in (None, one.network))

    def _is_new(self, station: WifiStation) -> bool:
        before = self._before.get(station.network, {}).get(station.mac)
        return before is None or station.connected_seconds < before
