"""What diagnostics is told of the rest of the box: Wi-Fi's devices, television's streams, the line's past;
and what the household is told of outages.

Part of the composition root: features do not know one another.
"""

from __future__ import annotations

import msgspec

from gatewayd.access.alerts import Alerts, Kind
from gatewayd.diagnostics import TvChannel, TvSignal
from gatewayd.diagnostics.house import Station
from gatewayd.diagnostics.outage_model import OutageAlerted, OutageEnded, OutageScope
from gatewayd.diagnostics.speed_watch import Busiest
from gatewayd.diagnostics.watch import OutageWatch
from gatewayd.dvr.service import DvrService
from gatewayd.errors import GatewayError
from gatewayd.events import EventData
from gatewayd.store.database import Unit
from gatewayd.wifi import WifiService


class TelevisionSignal:
    """Television's streams (diagnostics' `Television`)."""

    def __init__(self, dvr: DvrService) -> None:
        self._dvr = dvr

    async def signal(self) -> TvSignal:
        """Now."""
        streams = await self._dvr.streams()
        items = msgspec.convert(streams or (), tuple[TvChannel, ...], from_attributes=True)
        return TvSignal(recorder=streams is not None, items=items)


class OutageAlerts:
    """Outages as alerts of the household's, which are mailed where the installer's settings say so."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def witness(self, unit: Unit, data: EventData) -> None:
        """For `Database.on_event`: an outage of a minute, and its end."""
        if isinstance(data, OutageAlerted):
            self._alerts.raise_(unit, _OUTAGES[data.outage.scope], data.outage.id)
        elif isinstance(data, OutageEnded) and data.outage.alerted and data.became is None:
            self._alerts.raise_(unit, "outage_over", data.outage.id)


_OUTAGES: dict[OutageScope, Kind] = {
    "internet": "outage",
    "v4": "outage_part",
    "v6": "outage_part",
    "dns": "outage_part",
    "unstable": "outage_unstable",
}


class HouseholdView:
    """Diagnostics' `House`. `watch` is there once the line is watched."""

    def __init__(self, wifi: WifiService, dvr: DvrService, busiest: Busiest) -> None:
        self.watch: OutageWatch | None = None
        self._busiest = busiest
        self._wifi = wifi
        self._television = TelevisionSignal(dvr)

    async def stations(self) -> tuple[Station, ...] | None:
        """The devices on Wi-Fi, by their addresses; None while the radio is away or there is none."""
        try:
            return tuple(
                Station(one.mac, one.signal_dbm, idle=one.idle_seconds) for one in await self._wifi.stations()
            )
        except GatewayError:
            return None

    async def television(self) -> TvSignal | None:
        """The streams that are wanted now; None while the recorder is away."""
        found = await self._television.signal()
        return found if found.recorder else None

    async def transitions(self) -> int | None:
        """How often the line came or went in the last 15 minutes; None while nobody watches."""
        if self.watch is None or self.watch.outlook().state == "unknown":
            return None
        return self.watch.transitions()

    async def busiest(self, rate: float) -> str | None:
        """The device that most of `rate` (bit/s) is for; None where that cannot be told."""
        return await self._busiest(rate)
