"""What Wi-Fi tells the rest of the daemon and its callers."""

from __future__ import annotations

from typing import ClassVar

from gatewayd.events import EventData
from gatewayd.wifi.model import WifiChange


class WifiChanged(EventData, frozen=True, kw_only=True):
    """A change has a new state or a better proof."""

    topic: ClassVar[str] = "wifi.changed"
    change: WifiChange


class WifiStationJoined(EventData, frozen=True, kw_only=True):
    """A device finished its handshake."""

    topic: ClassVar[str] = "wifi.station_joined"
    network: str
    mac: str
    simulated: bool = False


class WifiStationLeft(EventData, frozen=True, kw_only=True):
    """A device has gone."""

    topic: ClassVar[str] = "wifi.station_left"
    network: str
    mac: str
    simulated: bool = False
