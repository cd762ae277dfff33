"""Which of the wanted networks are on the air now: schedules, ends, and where their stations belong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from gatewayd.system.clock import Clock
from gatewayd.wifi.deadlines import Deadlines
from gatewayd.wifi.model import OLD_KEY, NetworkSettings
from gatewayd.wifi.schedule import is_on, next_switch

Off = Literal["disabled", "schedule", "expired"]
MOST_PAUSE = 60.0
"""Seconds after which the clock is looked at again: somebody may have set it."""


class Timetable:
    """From what the household wants to what a driver is told now."""

    def __init__(
        self,
        clock: Clock,
        deadlines: Deadlines,
        zone: Callable[[], ZoneInfo],
        bridges: Mapping[str, str] | None = None,
    ) -> None:
        """`zone` tells what schedules are written in; `bridges` names, by role, the bridge that the stations
        of a network are put on."""
        self._clock = clock
        self._deadlines = deadlines
        self._zone = zone
        self._bridges = bridges or {}

    def off(self, network: NetworkSettings) -> Off | None:
        """Why the network is not on the air now; None when it shall be.

        While the clock cannot be believed no schedule switches anything off.
        """
        if not network.enabled:
            return "disabled"
        if self._deadlines.due(network.network, "expiry"):
            return "expired"
        if self._clock.trusted() and not is_on(network.schedule, self._clock.now(), self._zone()):
            return "schedule"
        return None

    def told(self, network: NetworkSettings) -> NetworkSettings:
        """What the driver is told of it now."""
        keys = tuple(
            key
            for key in network.keys
            if not (key.revoked or (key.id == OLD_KEY and self._deadlines.due(network.network, "rotation")))
        )
        return msgspec.structs.replace(
            network,
            enabled=self.off(network) is None,
            keys=keys,
            schedule=(),
            bridge=self._bridges.get(network.role, network.bridge),
        )

    def pause(self, networks: tuple[NetworkSettings, ...]) -> float:
        """Seconds until something may switch, at most a minute."""
        waits = [MOST_PAUSE]
        for network in networks:
            ends = (
                self._deadlines.remaining(network.network, "expiry"),
                self._deadlines.remaining(network.network, "rotation"),
            )
            waits += [left for left in ends if left]
            if network.enabled and network.schedule and self._clock.trusted():
                now = self._clock.now()
                switch = next_switch(network.schedule, now, self._zone())
                if switch is not None:
                    waits.append((switch - now).total_seconds())
        return min(waits)
