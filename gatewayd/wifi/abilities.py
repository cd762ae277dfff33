"""What is known to work on a radio, by its kernel driver and by hostapd's version: the planner's table.

Known means: seen on the air (hostapd 2.10 on mac80211, kernel 6.1), or read in hostapd's source where the
row says so. Whatever is not known is not tried: the next heavier step is taken.
"""

from __future__ import annotations

import re

from msgspec import Struct

Version = tuple[int, int]
SIMULATED = "simulated"


class Abilities(Struct, frozen=True, kw_only=True):
    """Which steps are sure.

    `keys`: RELOAD_WPA_PSK. `edit`: SET with UPDATE_BEACON and, for SAE, an emptied `sae_password`.
    `reload_bss`: SET with RELOAD_BSS. `swap`: REMOVE and ADD of a network that is not the radio's first.
    `csa`: CHAN_SWITCH. `reload`: SIGHUP. `most_networks`: more than these were not seen to work at once.
    """

    keys: bool = False
    edit: bool = False
    reload_bss: bool = False
    swap: bool = False
    csa: bool = False
    reload: bool = False
    most_networks: int = 8
    note: str | None = None


RESTART_ONLY = Abilities()

# 2.10: each was seen on the air with a second network's station that noticed nothing.
_2_10 = Abilities(keys=True, edit=True, swap=True, csa=True, reload=True)
# 2.11: RELOAD_BSS was added and takes what was SET for this network alone (hostapd's source; not on the air).
_2_11 = Abilities(keys=True, reload_bss=True, reload=True)

# Drivers whose access point is mac80211's: beacons, stations and keys are the same code for all of them.
_MAC80211 = re.compile(
    r"mac80211_hwsim|ath9k\w*|ath1[0-2]k\w*|carl9170|mt76\w*|mt79\w*|rt2\w+|rtw8[89]\w*|rtl8xxxu|rsi_\w+"
)
# Raspberry Pi's onboard chips: the firmware is the access point, and takes only management elements anew.
_PI = Abilities(
    most_networks=1,
    note="This radio carries one network and about 8 devices, and WPA3 does not work reliably on it.",
)
_FIRMWARE_RADIOS = {"brcmfmac": _PI, "brcmfmac_sdio": _PI}


def abilities(driver: str, version: Version | None) -> Abilities:
    """What is sure for this kernel driver and hostapd's version; None: nobody knows the version."""
    if driver in _FIRMWARE_RADIOS:
        return _FIRMWARE_RADIOS[driver]
    if driver == SIMULATED:
        return _2_10
    if version is None or version < (2, 10) or _MAC80211.fullmatch(driver) is None:
        return RESTART_ONLY
    return _2_10 if version == (2, 10) else _2_11


def read_version(text: str) -> Version | None:
    """The version in what `hostapd -v` prints (`hostapd v2.10`, `hostapd v2.11-devel`)."""
    match = re.search(r"hostapd v(\d+)\.(\d+)", text)
    return None if match is None else (int(match[1]), int(match[2]))
