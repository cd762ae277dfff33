"""What the kernel says that a radio can do and may do, and who is on it. Needs no privilege.

Numbers are of linux/nl80211.h. Of two sources (the driver's ability, the country's rules) the kernel has
already made one answer: a channel that is disabled is so for whichever reason.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Literal

import msgspec

from gatewayd.system.genetlink import Family, attribute, each, number, read, u32

_GET_WIPHY, _GET_STATION, _GET_REGULATION = 1, 17, 31
_COUNTRY = 33
_MAC, _STATION_INFO = 6, 21
_INACTIVE_TIME = 1  # NL80211_STA_INFO_INACTIVE_TIME, in milliseconds
_RX_BYTES, _TX_BYTES, _SIGNAL, _CONNECTED_TIME, _FLAGS, _RX_BYTES_64, _TX_BYTES_64 = 2, 3, 7, 16, 17, 23, 24
_AUTHORIZED = 1 << 1  # NL80211_STA_FLAG_AUTHORIZED, in both words of nl80211_sta_flag_update
_IFINDEX, _BANDS, _SUPPORTED_MODES, _CIPHERS = 3, 22, 32, 57
_COMBINATIONS, _FEATURES, _SPLIT_DUMP = 120, 143, 174
_BAND_FREQUENCIES, _HT, _VHT = 1, 4, 8
_FREQUENCY, _DISABLED, _NO_IR, _RADAR, _MAX_POWER, _DFS_STATE = 1, 2, 3, 5, 6, 7
_NO_40_BELOW, _NO_40_ABOVE, _NO_80 = 9, 10, 11
_HT_40 = 1 << 1  # IEEE Std 802.11-2020, 9.4.2.55.2: supported channel width set
_DFS_UNAVAILABLE = 1
_COMBINATION_LIMITS, _LIMIT_MOST, _LIMIT_MODES = 1, 1, 2
_ACCESS_POINT = 3  # NL80211_IFTYPE_AP
_SAE = 1 << 5  # NL80211_FEATURE_SAE
_CMAC = 0x000FAC06  # the cipher that protects management frames
_BANDS_BY_NUMBER: dict[int, Literal["2.4", "5", "6"]] = {0: "2.4", 1: "5", 3: "6"}
_SECONDS = 5.0


class PhyChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of a radio. `radar`: an access point listens for radar before and while it sends (DFS).

    `disabled`: not to be used here and now. `passive`: to listen on only. `silenced`: radar was seen, and
    may send for half an hour. `power_dbm` is the most that is allowed, `widths` (MHz) what the radio can.
    """

    band: Literal["2.4", "5", "6"]
    number: int
    frequency: int
    disabled: bool = False
    passive: bool = False
    radar: bool = False
    silenced: bool = False
    power_dbm: float | None = None
    widths: tuple[int, ...] = (20,)

    @property
    def usable(self) -> bool:
        """Whether an access point may be put on it now."""
        return not (self.disabled or self.passive or self.silenced)


class PhyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a radio can do. `most_access_points` is 0 when the driver cannot be one.

    `sae` and `management_protection` are the driver's word for WPA3. `country`: whose rules the channels
    are told by; None while they are the world's, which forbid most of 5 GHz.
    """

    channels: tuple[PhyChannel, ...]
    most_access_points: int
    sae: bool
    management_protection: bool
    country: str | None = None


class PhyStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station of an access point. `authorized`: its handshake is finished. Bytes are
    counted by the access point: `rx` is what it received. `idle_seconds`: since anything came from it."""

    mac: str
    authorized: bool
    signal_dbm: int | None
    rx_bytes: int
    tx_bytes: int
    connected_seconds: int
    idle_seconds: float | None = None


async def stations(interface: str) -> tuple[PhyStation, ...]:
    """The stations of an access point's interface. Raises OSError."""
    index = await asyncio.to_thread(socket.if_nametoindex, interface)
    async with asyncio.timeout(_SECONDS), Family("nl80211") as kernel:
        answers = await kernel.ask(_GET_STATION, u32(_IFINDEX, index), dump=True)
    return tuple(one for answer in answers if (one := station(answer.attributes)) is not None)


def station(attributes: bytes) -> PhyStation | None:
    """One station of a dump; None when it is none. Pure; takes any bytes."""
    outer = read(attributes)
    mac = outer.get(_MAC, b"")
    if len(mac) != 6:
        return None
    told = read(outer.get(_STATION_INFO, b""))
    signal, flags = told.get(_SIGNAL, b""), told.get(_FLAGS, b"")
    idle = number(told.get(_INACTIVE_TIME))
    return PhyStation(
        mac=mac.hex(":"),
        authorized=len(flags) == 8 and bool((number(flags[4:]) or 0) & _AUTHORIZED),
        signal_dbm=int.from_bytes(signal, signed=True) if len(signal) == 1 else None,
        rx_bytes=number(told.get(_RX_BYTES_64)) or number(told.get(_RX_BYTES)) or 0,
        tx_bytes=number(told.get(_TX_BYTES_64)) or number(told.get(_TX_BYTES)) or 0,
        connected_seconds=number(told.get(_CONNECTED_TIME)) or 0,
        idle_seconds=None if idle is None else idle / 1000,
    )


async def facts(interface: str) -> PhyFacts | None:
    """The facts of the radio behind an interface; None when it has none or the kernel does not tell."""
    try:
        index = await asyncio.to_thread(socket.if_nametoindex, interface)
        async with asyncio.timeout(_SECONDS), Family("nl80211") as kernel:
            wanted = u32(_IFINDEX, index) + attribute(_SPLIT_DUMP, b"")
            answers = await kernel.ask(_GET_WIPHY, wanted, dump=True)
            rules = await kernel.ask(_GET_REGULATION)
    except OSError:  # TimeoutError is one
        return None
    found = phy([answer.attributes for answer in answers])
    return msgspec.structs.replace(found, country=country(b"".join(one.attributes for one in rules)))


def country(attributes: bytes) -> str | None:
    """The country (ISO 3166-1) whose rules are in force; None for the world's. Pure; takes any bytes."""
    name = read(attributes).get(_COUNTRY, b"").rstrip(b"\0").decode("ascii", "replace")
    return name if len(name) == 2 and name.isalpha() and name.isupper() else None


def phy(parts: list[bytes]) -> PhyFacts:
    """The facts out of a split dump, which tells each thing in one of its parts. Pure; takes any bytes."""
    channels: dict[int, PhyChannel] = {}
    wide = _wide_bands(parts)
    modes: set[int] = set()
    most, features, ciphers = 0, 0, b""
    for part in parts:
        for kind, value in each(part):
            if kind == _BANDS:
                channels |= {one.frequency: one for one in _channels(value, wide)}
            elif kind == _SUPPORTED_MODES:
                modes |= {mode for mode, _ in each(value)}
            elif kind == _COMBINATIONS:
                most = max(most, _most_access_points(value))
            elif kind == _FEATURES:
                features = number(value) or 0
            elif kind == _CIPHERS:
                ciphers = value
    suites = {number(ciphers[at : at + 4]) for at in range(0, len(ciphers), 4)}
    return PhyFacts(
        channels=tuple(channels[frequency] for frequency in sorted(channels)),
        most_access_points=max(most, 1) if _ACCESS_POINT in modes else 0,
        sae=bool(features & _SAE),
        management_protection=_CMAC in suites,
    )


def _wide_bands(parts: list[bytes]) -> dict[int, tuple[bool, bool]]:
    """Which bands' radios can send 40 and 80 MHz wide: told in other parts than their channels."""
    found: dict[int, tuple[bool, bool]] = {}
    for part in parts:
        for index, told in each(read(part).get(_BANDS, b"")):
            can_40, can_80 = found.get(index, (False, False))
            can = read(told)
            found[index] = can_40 or bool((number(can.get(_HT)) or 0) & _HT_40), can_80 or _VHT in can
    return found


def _channels(bands: bytes, wide: dict[int, tuple[bool, bool]]) -> list[PhyChannel]:
    found = []
    for index, told in each(bands):
        band = _BANDS_BY_NUMBER.get(index)
        if band is None:
            continue
        for _, frequency in each(read(told).get(_BAND_FREQUENCIES, b"")):
            one = read(frequency)
            megahertz = number(one.get(_FREQUENCY))
            channel = channel_of(megahertz)
            if megahertz is None or channel is None:
                continue
            power = number(one.get(_MAX_POWER))
            found.append(
                PhyChannel(
                    band=band,
                    number=channel,
                    frequency=megahertz,
                    disabled=_DISABLED in one,
                    passive=_NO_IR in one,
                    radar=_RADAR in one,
                    silenced=number(one.get(_DFS_STATE)) == _DFS_UNAVAILABLE,
                    power_dbm=None if power is None else power / 100,
                    widths=_widths(one, *wide.get(index, (False, False))),
                )
            )
    return found


def _widths(channel: dict[int, bytes], can_40: bool, can_80: bool) -> tuple[int, ...]:
    found = [20]
    if can_40 and not (_NO_40_BELOW in channel and _NO_40_ABOVE in channel):
        found.append(40)
        if can_80 and _NO_80 not in channel:
            found.append(80)
    return tuple(found)


def _most_access_points(combinations: bytes) -> int:
    most = 0
    for _, combination in each(combinations):
        for _, limit in each(read(combination).get(_COMBINATION_LIMITS, b"")):
            told = read(limit)
            if _ACCESS_POINT in read(told.get(_LIMIT_MODES, b"")):
                most = max(most, number(told.get(_LIMIT_MOST)) or 0)
    return most


def channel_of(frequency: int | None) -> int | None:
    """The channel of a centre frequency in MHz (IEEE Std 802.11-2020, annex E); None in no band of ours."""
    if frequency is None:
        return None
    if frequency in (2484, 5935):
        return 14 if frequency == 2484 else 2
    for first, last, base in ((2412, 2472, 2407), (5160, 5885, 5000), (5955, 7115, 5950)):
        if first <= frequency <= last and (frequency - base) % 5 == 0:
            return (frequency - base) // 5
    return None
