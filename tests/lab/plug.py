"""Radios that are plugged in and pulled out while something runs."""

import asyncio
import errno
import itertools

from gatewayd.system.genetlink import Family, attribute
from tests.lab.radio import Radio, fresh, software_phys

# linux/drivers/net/wireless/mac80211_hwsim.h
_NEW_RADIO, _DELETE_RADIO = 4, 5
_RADIO_NAME, _NO_INTERFACE = 17, 18
_FIRST = 90


def plug(like: Radio | None = None) -> Radio:
    """One more software radio, in the initial namespace, as when somebody plugs one in; `unplug` it.

    `like` one that was unplugged: it gets that one's names.
    """
    # The lab's own radios may be out of sight, in namespaces.
    free = (f"spare{number}" for number in itertools.count(_FIRST))  # "phy" is the kernel's to number
    phy = next(name for name in free if name not in software_phys()) if like is None else like.phy
    _hwsim(_NEW_RADIO, phy, attribute(_NO_INTERFACE, b""))
    return fresh(phy)


def unplug(radio: Radio) -> None:
    """A radio that `plug` made is gone from the kernel at once, whatever it is doing; or was already."""
    try:
        _hwsim(_DELETE_RADIO, radio.phy)
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise


def _hwsim(command: int, phy: str, more: bytes = b"") -> None:
    """A command of mac80211_hwsim's own generic netlink family, with the radio's name. Raises OSError."""

    async def order() -> None:
        async with Family("MAC80211_HWSIM") as family:
            await family.ask(command, attribute(_RADIO_NAME, phy.encode() + b"\0") + more)

    asyncio.run(order())
