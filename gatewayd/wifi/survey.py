"""The neighbourhood on the air, and which channel to take. Pure.

The model of 2.4 GHz: channels are 5 MHz apart and 20 MHz wide, so only 1, 6 and 11 leave one another alone.
A network elsewhere is worse than one on the same channel: with that one the radio takes turns, the other
one is noise. On 5 GHz neighbours are as wide as their channel block (IEEE Std 802.11-2020, annex E), and a
channel without radar detection is preferred: no minute of silence before it sends, and none after radar.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from gatewayd.wifi.model import Band

WITHOUT_OVERLAP = (1, 6, 11)
_PREFERRED_6 = range(5, 234, 16)  # where devices look for 6 GHz networks (preferred scanning channels)
_QUIETEST_DBM, _LOUDEST_DBM = -95.0, -45.0
_WORTH_MOVING = 0.25
_WIDE = 20
_SLOT = 4  # channel numbers in 20 MHz


class Channel(Struct, frozen=True, kw_only=True):
    """A channel that a radio of ours knows. `usable` False: the country, or radar, forbids it now."""

    band: Band
    number: int
    usable: bool = True
    radar: bool = False


class WifiNeighbour(Struct, frozen=True, kw_only=True):
    """A network that was heard. `ssid` is empty when it is hidden; `width` in MHz.

    `security` is every way in that it offers: `open`, `owe`, `wpa2`, `wpa3`, `enterprise`, `wep`, `wpa1`,
    `other`. `utilisation` (0 to 1) and `stations` are the neighbour's own word, where it tells. `own`: it
    is this box's.
    """

    bssid: str
    ssid: str
    band: Band
    channel: int
    width: int
    signal_dbm: float | None
    security: tuple[str, ...]
    utilisation: float | None = None
    stations: int | None = None
    own: bool = False


class WifiChannelUse(Struct, frozen=True, kw_only=True):
    """A channel, the networks on it, and how busy it was while a radio of ours listened.

    `utilisation` (0 to 1) and `noise_dbm` are None where the radio does not count them.
    """

    band: Band
    channel: int
    networks: int
    strongest_dbm: float | None
    utilisation: float | None
    noise_dbm: int | None
    current: bool = False


class WifiChannelAdvice(Struct, frozen=True, kw_only=True):
    """The channel to take on a band, with the reason in a sentence. `channel` None: none may be used.

    `current` is the one that the radio is on, None while it is silent.
    """

    band: Band
    channel: int | None
    current: int | None
    reason: str


class WifiSurvey(Struct, frozen=True, kw_only=True):
    """What a survey found: neighbours (strongest first), channels, and one piece of advice for each band.

    `notes` say what the survey could not see or did to the radio.
    """

    neighbours: tuple[WifiNeighbour, ...]
    channels: tuple[WifiChannelUse, ...]
    advice: tuple[WifiChannelAdvice, ...]
    notes: tuple[str, ...] = ()
    simulated: bool = False


class Count(Struct, frozen=True, kw_only=True):
    """What a radio counted on a channel: the share of time that it was busy, and the noise."""

    band: Band
    channel: int
    utilisation: float | None
    noise_dbm: int | None


def band_of(frequency: int) -> Band | None:
    """The band of a frequency in MHz."""
    for first, last, band in (
        (2400, 2500, Band.GHZ_2_4),
        (5150, 5925, Band.GHZ_5),
        (5926, 7125, Band.GHZ_6),
    ):
        if first <= frequency <= last:
            return band
    return None


def use(
    neighbours: Sequence[WifiNeighbour], counts: Iterable[Count], current: Iterable[tuple[Band, int]]
) -> tuple[WifiChannelUse, ...]:
    """Every channel that somebody is on or that a radio counted, by band and number."""
    counted = {(count.band, count.channel): count for count in counts}
    ours = set(current)
    others = [neighbour for neighbour in neighbours if not neighbour.own]
    where = {(one.band, one.channel) for one in others} | set(counted) | ours
    found = []
    for band, channel in sorted(where, key=lambda place: (float(place[0]), place[1])):
        signals = [one.signal_dbm for one in others if (one.band, one.channel) == (band, channel)]
        count = counted.get((band, channel))
        found.append(
            WifiChannelUse(
                band=band,
                channel=channel,
                networks=len(signals),
                strongest_dbm=max((signal for signal in signals if signal is not None), default=None),
                utilisation=None if count is None else count.utilisation,
                noise_dbm=None if count is None else count.noise_dbm,
                current=(band, channel) in ours,
            )
        )
    return tuple(found)


def recommend(
    band: Band,
    channels: Iterable[Channel],
    neighbours: Sequence[WifiNeighbour],
    counts: Iterable[Count] = (),
    *,
    current: int | None = None,
) -> WifiChannelAdvice:
    """The channel where the least is heard, of those that may be used; a small gain is not worth a move.

    A channel with radar detection only where no other may be used. Own networks do not count.
    """
    choice, without_radar = _candidates(band, channels)
    if not choice:
        reason = f"No channel on {band} GHz may be used here with these settings of the country."
        return WifiChannelAdvice(band=band, channel=None, current=current, reason=reason)
    others = [one for one in neighbours if one.band is band and not one.own]
    busy = {count.channel: count.utilisation for count in counts if count.band is band}
    scores = {channel: _score(band, channel, others, busy.get(channel)) for channel in choice}
    best = min(choice, key=lambda channel: (round(scores[channel], 6), channel))
    if current in scores and scores[current] - scores[best] < _WORTH_MOVING:
        best = current
    reason = _reason(band, best, current, others, busy)
    if not without_radar:
        reason += (
            " It needs radar detection, as every channel that may be used here does: a minute of silence."
        )
    return WifiChannelAdvice(band=band, channel=best, current=current, reason=reason)


def _candidates(band: Band, channels: Iterable[Channel]) -> tuple[list[int], bool]:
    """The channels to choose from, and whether they are free of radar detection."""
    usable = [one for one in channels if one.band is band and one.usable]
    without = [one for one in usable if not one.radar]
    numbers = sorted({one.number for one in without or usable})
    preferred: Sequence[int] = ()
    if band is Band.GHZ_2_4:
        preferred = WITHOUT_OVERLAP
    elif band is Band.GHZ_6:
        preferred = _PREFERRED_6
    return [number for number in numbers if number in preferred] or numbers, bool(without)


def _score(band: Band, channel: int, others: Iterable[WifiNeighbour], busy: float | None) -> float:
    """How bad a channel is: each neighbour by overlap, strength and load, and what was counted there."""
    score = 2 * busy if busy is not None else 0.0
    for one in others:
        shared = overlap(band, channel, one)
        if shared > 0:
            noise = 1.25 if shared < 1 else 1.0
            load = 1.0 if one.utilisation is None else 0.5 + one.utilisation
            score += shared * noise * strength(one.signal_dbm) * load
    return score


def strength(signal_dbm: float | None) -> float:
    """From 0.1 (hardly heard) to 1 (in the same room); unknown is in the middle."""
    if signal_dbm is None:
        return 0.5
    return min(1.0, max(0.1, (signal_dbm - _QUIETEST_DBM) / (_LOUDEST_DBM - _QUIETEST_DBM)))


def overlap(band: Band, channel: int, neighbour: WifiNeighbour) -> float:
    """The share (0 to 1) of a 20 MHz channel that a neighbour's signal covers."""
    low, high = span(band, neighbour.channel, neighbour.width)
    centre = channel * 5.0
    shared = min(centre + _WIDE / 2, high) - max(centre - _WIDE / 2, low)
    return min(1.0, max(0.0, shared / _WIDE))


def span(band: Band, channel: int, width: int) -> tuple[float, float]:
    """From where to where a network sends, in MHz above the band's beginning."""
    centre = channel * 5.0
    if width <= _WIDE:
        return centre - _WIDE / 2, centre + _WIDE / 2
    if band is Band.GHZ_2_4:  # which side its second half is on is not told: both are counted
        return centre - width + _WIDE / 2, centre + width - _WIDE / 2
    first = 1 if band is Band.GHZ_6 else 36 if channel < 100 else 100 if channel < 149 else 149
    slots = width // _WIDE
    block = (channel - first) // _SLOT // slots * slots * _SLOT + first
    return block * 5.0 - _WIDE / 2, (block + (slots - 1) * _SLOT) * 5.0 + _WIDE / 2


def _reason(
    band: Band,
    best: int,
    current: int | None,
    others: Sequence[WifiNeighbour],
    busy: dict[int, float | None],
) -> str:
    if best == current:
        return f"Stay on channel {best}: {_heard(band, best, others, busy)}, and no other is much quieter."
    there = f"On channel {best}, {_heard(band, best, others, busy)}"
    if current is None:
        return f"{there}: the quietest of those that may be used."
    return f"{there}; on channel {current}, where the radio is now, {_heard(band, current, others, busy)}."


def _heard(band: Band, channel: int, others: Sequence[WifiNeighbour], busy: dict[int, float | None]) -> str:
    near = [one for one in others if overlap(band, channel, one) > 0]
    signals = [one.signal_dbm for one in near if one.signal_dbm is not None]
    if not near:
        told = "no other network is heard"
    else:
        count = "one other network is" if len(near) == 1 else f"{len(near)} other networks are"
        loudest = f" (the strongest at {max(signals):.0f} dBm)" if signals else ""
        told = f"{count} heard{loudest}"
    share = busy.get(channel)
    return told if share is None else f"{told} and the air is busy {share:.0%} of the time"


class Findings(Struct, frozen=True, kw_only=True):
    """What a surveyor brings home: networks, counts, and the channels that the radios may use."""

    neighbours: tuple[WifiNeighbour, ...]
    counts: tuple[Count, ...] = ()
    channels: tuple[Channel, ...] = ()
    notes: tuple[str, ...] = ()
    simulated: bool = False


def concluded(findings: Findings, current: dict[Band, int | None]) -> WifiSurvey:
    """The survey's result; `current` has the bands of our radios and the channels that they are on."""
    places = [(band, channel) for band, channel in current.items() if channel is not None]
    neighbours = sorted(
        findings.neighbours,
        key=lambda one: (-(one.signal_dbm if one.signal_dbm is not None else -200), one.bssid),
    )
    return WifiSurvey(
        neighbours=tuple(neighbours),
        channels=use(neighbours, findings.counts, places),
        advice=tuple(
            recommend(band, findings.channels, neighbours, findings.counts, current=channel)
            for band, channel in sorted(current.items(), key=lambda place: float(place[0]))
        ),
        notes=findings.notes,
        simulated=findings.simulated,
    )
