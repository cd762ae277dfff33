"""What a radio heard, taken out of nl80211's attributes and the elements of beacons. Pure.

A beacon is whatever a neighbour chose to send: an element that is cut short, too short or nonsense is as if
it were not there, and nothing here raises. Element ids and layouts are of IEEE Std 802.11-2020, 9.4.2; the
numbers of attributes of linux/nl80211.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from gatewayd.netd import verbs
from gatewayd.system.genetlink import number, read
from gatewayd.system.nl80211 import channel_of

# NL80211_ATTR_*, NL80211_BSS_*, NL80211_SURVEY_INFO_*
_BSS, _SURVEY_INFO = 47, 84
_BSSID, _FREQUENCY, _CAPABILITY, _ELEMENTS, _SIGNAL_MBM, _SEEN_MS_AGO, _BEACON_ELEMENTS = (
    1,
    2,
    5,
    6,
    7,
    10,
    11,
)
_SURVEY_FREQUENCY, _NOISE, _IN_USE, _ACTIVE, _BUSY = 1, 2, 3, 4, 5
# Element ids
_SSID, _DS_PARAMETERS, _BSS_LOAD, _RSN, _HT_OPERATION, _VHT_OPERATION = 0, 3, 11, 48, 61, 192
_VENDOR, _EXTENSION, _HE_OPERATION = 221, 255, 36
_WPA1 = bytes.fromhex("0050f201")
_PRIVACY = 0x10
_IEEE = bytes.fromhex("000fac")
_SSID_BYTES = 32
# The suites of table 9-151: who may come in, and how.
_SUITES: dict[int, verbs.AirSecurity] = {
    **dict.fromkeys((2, 4, 6, 19, 20), "wpa2"),
    **dict.fromkeys((8, 9, 24, 25), "wpa3"),
    **dict.fromkeys((1, 3, 5, 11, 12, 13, 14, 15, 16, 17, 22, 23), "enterprise"),
    18: "owe",
}


class Elements(msgspec.Struct, frozen=True, kw_only=True):
    """What the elements of one beacon say; `channel` and `width` (MHz) None where they do not."""

    ssid: bytes = b""
    security: frozenset[verbs.AirSecurity] = frozenset({"open"})
    channel: int | None = None
    width: int = 20
    utilisation: float | None = None
    stations: int | None = None


def split(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Id and content of each whole element; an extension's id is 256 more than its own."""
    at = 0
    while at + 2 <= len(raw):
        kind, length = raw[at], raw[at + 1]
        content = raw[at + 2 : at + 2 + length]
        if len(content) < length:
            return
        if kind == _EXTENSION and content:
            yield 256 + content[0], content[1:]
        else:
            yield kind, content
        at += 2 + length


def elements(raw: bytes, *, privacy: bool) -> Elements:
    """The elements of a beacon or probe response; `privacy` is that bit of its capabilities."""
    found: dict[int, bytes] = {}
    wpa1 = False
    for kind, content in split(raw):
        if kind == _VENDOR:
            wpa1 = wpa1 or content[:4] == _WPA1
        else:
            found.setdefault(kind, content)  # of two, the first counts, as for hostapd and the kernel
    utilisation, stations = _load(found.get(_BSS_LOAD, b""))
    return Elements(
        ssid=found.get(_SSID, b"")[:_SSID_BYTES],
        security=_security(found.get(_RSN), wpa1=wpa1, privacy=privacy),
        channel=_channel(found),
        width=_width(found),
        utilisation=utilisation,
        stations=stations,
    )


def _security(rsn: bytes | None, *, wpa1: bool, privacy: bool) -> frozenset[verbs.AirSecurity]:
    kinds: set[verbs.AirSecurity] = set() if rsn is None else set(suites(rsn))
    if wpa1:
        kinds.add("wpa1")
    if not kinds:
        kinds.add("wep" if privacy else "open")
    return frozenset(kinds)


def suites(rsn: bytes) -> frozenset[verbs.AirSecurity]:
    """The ways in that an RSN element (9.4.2.24) offers; `other` for what we do not know or cannot read."""
    # Version, group cipher, then two counted lists of 4 bytes: pairwise ciphers, and what we look for.
    if len(rsn) < 2:
        return frozenset({"other"})
    at = 6
    pairwise = int.from_bytes(rsn[at : at + 2], "little")
    at += 2 + 4 * pairwise
    if len(rsn) < at + 2:
        # Left out altogether, the suite is 802.1X by the standard's default; anything else is a fragment.
        return frozenset({"enterprise" if len(rsn) in (2, 6, at) else "other"})
    count = int.from_bytes(rsn[at : at + 2], "little")
    at += 2
    listed = [rsn[start : start + 4] for start in range(at, min(at + 4 * count, len(rsn)), 4)]
    kinds: set[verbs.AirSecurity] = set()
    for suite in listed:
        known = len(suite) == 4 and suite[:3] == _IEEE
        kinds.add(_SUITES.get(suite[3], "other") if known else "other")
    return frozenset(kinds) or frozenset({"other"})


def _load(element: bytes) -> tuple[float | None, int | None]:
    if len(element) < 3:
        return None, None
    return element[2] / 255, int.from_bytes(element[:2], "little")


def _channel(found: dict[int, bytes]) -> int | None:
    for kind in (_DS_PARAMETERS, _HT_OPERATION):
        if found.get(kind):
            return found[kind][0] or None
    return None


def _width(found: dict[int, bytes]) -> int:
    six = _six_ghz_width(found.get(256 + _HE_OPERATION, b""))
    if six is not None:
        return six
    vht, ht = found.get(_VHT_OPERATION, b""), found.get(_HT_OPERATION, b"")
    if len(vht) >= 3 and vht[0] in (1, 2, 3):
        # 160 MHz is told by the second segment's centre, or by the old values 2 and 3 (table 9-274).
        return (
            160
            if vht[0] != 1 or (vht[2] and (abs(vht[2] - vht[1]) == 8 or abs(vht[2] - vht[1]) > 16))
            else 80
        )
    return 40 if len(ht) >= 2 and ht[1] & 0x3 in (1, 3) else 20


def _six_ghz_width(operation: bytes) -> int | None:
    """The width in an HE Operation element (9.4.2.249) that has the 6 GHz information."""
    if len(operation) < 6:
        return None
    parameters = int.from_bytes(operation[:3], "little")
    at = 6 + (3 if parameters & 1 << 14 else 0) + (1 if parameters & 1 << 15 else 0)
    if not parameters & 1 << 17 or len(operation) < at + 5:
        return None
    return (20, 40, 80, 160)[operation[at + 1] & 0x3]


def bss(attributes: bytes) -> verbs.ScanBss | None:
    """One network out of a NL80211_CMD_GET_SCAN answer; None when it is none. Takes any bytes."""
    told = read(read(attributes).get(_BSS, b""))
    bssid = told.get(_BSSID, b"")
    if len(bssid) != 6:
        return None
    raw = told.get(_ELEMENTS) or told.get(_BEACON_ELEMENTS) or b""
    heard = elements(raw, privacy=bool((number(told.get(_CAPABILITY)) or 0) & _PRIVACY))
    frequency = number(told.get(_FREQUENCY))
    return verbs.ScanBss(
        bssid=bssid.hex(":"),
        ssid=heard.ssid,
        frequency=frequency,
        signal_dbm=_signed(told.get(_SIGNAL_MBM)),
        security=tuple(sorted(heard.security)),
        channel=channel_of(frequency) or heard.channel,
        width=heard.width,
        utilisation=heard.utilisation,
        stations=heard.stations,
        seen_ms=number(told.get(_SEEN_MS_AGO)),
    )


def survey(attributes: bytes) -> verbs.ChannelSurvey | None:
    """One channel out of a NL80211_CMD_GET_SURVEY answer; None when it is none. Takes any bytes."""
    told = read(read(attributes).get(_SURVEY_INFO, b""))
    frequency = number(told.get(_SURVEY_FREQUENCY))
    if frequency is None:
        return None
    noise = told.get(_NOISE, b"")
    return verbs.ChannelSurvey(
        frequency=frequency,
        channel=channel_of(frequency),
        in_use=_IN_USE in told,
        noise_dbm=struct.unpack("b", noise)[0] if len(noise) == 1 else None,
        active_ms=number(told.get(_ACTIVE)),
        busy_ms=number(told.get(_BUSY)),
    )


def _signed(hundredths: bytes | None) -> float | None:
    if hundredths is None or len(hundredths) != 4:
        return None
    return float(struct.unpack("=i", hundredths)[0]) / 100
