"""Channels, widths, countries and radar: what a radio may be set to. Pure, over the radio's facts.

Numbers of channels and their frequencies: IEEE Std 802.11-2020, 17.3.8.4.2 and annex E. That 5 GHz and 6 GHz
need a country, and that nobody goes to a radar channel without being told to, are this house's rules.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

import msgspec

from gatewayd.errors import InvalidField
from gatewayd.system.nl80211 import PhyChannel, PhyFacts
from gatewayd.wifi.driver import DriverError
from gatewayd.wifi.model import Band, WifiChannel
from gatewayd.wifi.render import AUTO, RadioSettings

RADAR_SECONDS = 60.0
"""So long a channel with radar duty is listened to before the first beacon (ETSI EN 301 893)."""
WIDTHS = (20, 40, 80)
_FREE_OF_OVERLAP = (1, 6, 11)
_LAST_OF_2_4 = 14
# Where the kernel does not tell what the radio may do: channels that most countries allow.
_DEFAULT_CHANNELS = {Band.GHZ_2_4: 6, Band.GHZ_5: 36, Band.GHZ_6: 5}


def frequency(band: Band, channel: int) -> int:
    """The centre frequency in MHz of a channel."""
    if band is Band.GHZ_2_4:
        return 2484 if channel == _LAST_OF_2_4 else 2407 + 5 * channel
    return (5000 if band is Band.GHZ_5 else 5950) + 5 * channel


def wifi_channel(one: PhyChannel) -> WifiChannel:
    """A channel as callers see it."""
    return WifiChannel(
        band=Band(one.band),
        number=one.number,
        frequency=one.frequency,
        allowed=one.usable,
        radar=one.radar,
        widths=one.widths,
    )


def check_country(band: Band, country: str | None) -> None:
    """Raises InvalidField unless the country is known where the band needs it."""
    if country is not None and not re.fullmatch(r"[A-Z]{2}", country):
        raise InvalidField("country", "The country is two capital letters (ISO 3166-1).")
    if band is not Band.GHZ_2_4 and country is None:
        raise InvalidField("country", f"{band} GHz needs the country: its rules decide what may be sent.")


def check_channel(facts: PhyFacts, band: Band, number: int) -> PhyChannel:
    """The channel, if the radio may be set to it. Raises InvalidField, which says what is possible."""
    known = [one for one in facts.channels if one.band == band]
    allowed = ", ".join(str(one.number) for one in known if one.usable) or "none"
    found = next((one for one in known if one.number == number), None)
    if found is None:
        raise InvalidField(
            "channel", f"This radio has no channel {number} on {band} GHz (it may use: {allowed})."
        )
    if not found.usable:
        raise InvalidField(
            "channel", f"Channel {number} on {band} GHz is not allowed here and now (it may use: {allowed})."
        )
    return found


def choose(
    facts: PhyFacts, band: Band, *, busy: Mapping[int, float] | None = None, radar: bool = False
) -> int | None:
    """The channel for `auto`, without measuring on our own: the least busy of `busy`, else the first.

    `busy` has the share of time (0 to 1) that a survey found each channel taken; those it does not name come
    last. On 2.4 GHz only 1, 6 and 11, which do not overlap, where they are allowed. Radar channels only when
    `radar` is True and nothing else is there. None when the radio may not send on this band.
    """
    allowed = [one for one in facts.channels if one.band == band and one.usable]
    free = [one for one in allowed if not one.radar]
    candidates = free or (allowed if radar else [])
    if band is Band.GHZ_2_4:
        candidates = [one for one in candidates if one.number in _FREE_OF_OVERLAP] or candidates
    if not candidates:
        return None
    measured = busy or {}
    return min(candidates, key=lambda one: (measured.get(one.number, 2.0), one.number)).number


def check_width(facts: PhyFacts, band: Band, number: int, width: int) -> None:
    """Raises InvalidField unless the radio can send so wide (MHz) on this channel (`AUTO`: on some)."""
    if width not in WIDTHS:
        raise InvalidField("width", f"A width is one of 20, 40 or 80 MHz; this is {width}.")
    there = [one for one in facts.channels if one.band == band and number in (AUTO, one.number)]
    if there and not any(width in one.widths for one in there):
        widest = max(max(one.widths) for one in there)
        where = f"on {band} GHz" if number == AUTO else f"with channel {number}"
        raise InvalidField("width", f"This radio sends at most {widest} MHz wide {where}; this is {width}.")


def knows_rules(facts: PhyFacts | None, country: str | None) -> bool:
    """Whether the facts are told by the rules that will be in force: hostapd brings its country along."""
    return facts is not None and (country is None or facts.country == country)


def leave_radar(settings: RadioSettings, facts: PhyFacts | None) -> RadioSettings:
    """Off a channel where radar was seen and nobody may send for half an hour, to one without that duty if
    there is one. What was wished for is tried again later."""
    here = (settings.band, settings.channel, True)
    if facts is None or not any((one.band, one.number, one.silenced) == here for one in facts.channels):
        return settings
    channel = choose(facts, settings.band)
    return settings if channel is None else msgspec.structs.replace(settings, channel=channel)


def settle_channel(settings: RadioSettings, facts: PhyFacts | None, running: int | None) -> RadioSettings:
    """The settings with a channel that the radio may be on.

    For `AUTO` the one that it is on (`running`), if it may, else the first. Raises DriverError when the
    radio or the country's rules forbid the channel that is wanted.
    """
    unknown = facts is None or not any(one.band == settings.band for one in facts.channels)
    if facts is None or unknown or not knows_rules(facts, settings.country):
        fallback = running or _DEFAULT_CHANNELS[settings.band]
        return msgspec.structs.replace(settings, channel=settings.channel or fallback)
    try:
        if settings.channel != AUTO:
            check_channel(facts, settings.band, settings.channel)
            return settings
        with contextlib.suppress(InvalidField):
            if running is not None and not check_channel(facts, settings.band, running).radar:
                return msgspec.structs.replace(settings, channel=running)
    except InvalidField as error:
        raise DriverError(error.detail) from error
    chosen = choose(facts, settings.band)
    if chosen is None:
        raise DriverError(f"The country's rules allow no channel on {settings.band} GHz.")
    return msgspec.structs.replace(settings, channel=chosen)
