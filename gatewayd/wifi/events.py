"""What Wi-Fi tells the rest of the daemon and its callers."""

from __future__ import annotations

from datetime import datetime
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


class WifiNewStation(EventData, frozen=True, kw_only=True):
    """A device joined a network on which it was never seen before. `key` is the password that it used, where
    the radio tells."""

    topic: ClassVar[str] = "wifi.new_station"
    network: str
    mac: str
    key: str | None = None
    simulated: bool = False


class WifiWrongPassword(EventData, frozen=True, kw_only=True):
    """A device tried to join with a wrong password; `times` in all, told at most once a minute."""

    topic: ClassVar[str] = "wifi.wrong_password"
    network: str
    mac: str
    times: int
    last: datetime
    simulated: bool = False


class WifiSwitched(EventData, frozen=True, kw_only=True):
    """A network went on or off by itself: by its schedule, or because its time was up."""

    topic: ClassVar[str] = "wifi.switched"
    network: str
    on: bool
    simulated: bool = False
