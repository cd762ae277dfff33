"""Wi-Fi: what networks the household wants, and radios that send them, proven, or the ones before.

`WifiService` holds the rules, `operations` the rows of the table; a driver (`hostapd`, `simulated`) is
built by whoever builds the service.
"""

from gatewayd.wifi.service import WifiService

__all__ = ["WifiService"]
