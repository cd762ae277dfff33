"""Networks for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from gatewayd.system.secret import Secret
from gatewayd.wifi.model import Band, NetworkSettings, Security
from gatewayd.wifi.render import RadioSettings

RADIO = RadioSettings(
    radio="radio0",
    interface="wlan0",
    address="02:00:00:00:00:00",
    band=Band.GHZ_2_4,
    channel=6,
    driver="mac80211_hwsim",
)
HOME = NetworkSettings(
    network="home",
    role="home",
    revision=1,
    ssid="Maple Street",
    security=Security.WPA2,
    passphrase=Secret("correct horse"),
    bands=(Band.GHZ_2_4,),
)
GUEST = msgspec.structs.replace(
    HOME, network="guest", role="guest", ssid="Guests", passphrase=Secret("guest password")
)


def home(**changes: Any) -> NetworkSettings:
    """The network `home` with these fields different."""
    if isinstance(changes.get("passphrase"), str):
        changes["passphrase"] = Secret(changes["passphrase"])
    return msgspec.structs.replace(HOME, **changes)
