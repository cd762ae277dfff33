"""What a radio may be set to."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import InvalidField
from gatewayd.system.nl80211 import PhyChannel, PhyFacts
from gatewayd.wifi.channels import (
    check_channel,
    check_country,
    choose,
    frequency,
    leave_radar,
    settle_channel,
)
from gatewayd.wifi.driver import DriverError
from gatewayd.wifi.model import Band
from gatewayd.wifi.render import AUTO, RadioSettings
from tests.wifi.settings import RADIO


def _five(number: int, *, radar: bool = False, silenced: bool = False, passive: bool = False) -> PhyChannel:
    return PhyChannel(
        band="5",
        number=number,
        frequency=5000 + 5 * number,
        radar=radar,
        silenced=silenced,
        passive=passive,
    )


def _facts(*channels: PhyChannel) -> PhyFacts:
    return PhyFacts(
        channels=channels, most_access_points=8, sae=True, management_protection=True, country="DE"
    )


EUROPE = _facts(
    *(_five(number) for number in (36, 40, 44, 48)), _five(52, radar=True), _five(100, radar=True)
)
FIVE = RadioSettings(
    radio="radio1",
    interface="wlan1",
    address="02:00:00:00:01:00",
    band=Band.GHZ_5,
    channel=AUTO,
    country="DE",
)


def test_frequencies() -> None:
    told = [(Band.GHZ_2_4, 1), (Band.GHZ_2_4, 13), (Band.GHZ_2_4, 14), (Band.GHZ_5, 36), (Band.GHZ_6, 5)]
    assert [frequency(band, channel) for band, channel in told] == [2412, 2472, 2484, 5180, 5975]


@pytest.mark.parametrize("band", [Band.GHZ_5, Band.GHZ_6])
def test_5_and_6_ghz_need_the_country(band: Band) -> None:
    with pytest.raises(InvalidField, match="needs the country"):
        check_country(band, None)
    check_country(band, "DE")
    check_country(Band.GHZ_2_4, None)
    with pytest.raises(InvalidField, match="two capital letters"):
        check_country(band, "de_DE")


def test_a_channel_is_one_of_the_radios_and_allowed() -> None:
    assert check_channel(EUROPE, Band.GHZ_5, 52).radar
    with pytest.raises(InvalidField, match=r"no channel 999 on 5 GHz \(it may use: 36, 40"):
        check_channel(EUROPE, Band.GHZ_5, 999)
    for forbidden in (_five(149, passive=True), _five(149, radar=True, silenced=True)):
        with pytest.raises(InvalidField, match=r"not allowed here and now \(it may use: none"):
            check_channel(_facts(forbidden), Band.GHZ_5, 149)


def test_auto_takes_the_first_or_the_least_busy_never_radar_unasked() -> None:
    assert choose(EUROPE, Band.GHZ_5) == 36
    assert choose(EUROPE, Band.GHZ_5, busy={36: 0.8, 44: 0.1, 52: 0.0}) == 44
    assert choose(EUROPE, Band.GHZ_2_4) is None
    radar = _facts(_five(52, radar=True))
    assert (choose(radar, Band.GHZ_5), choose(radar, Band.GHZ_5, radar=True)) == (None, 52)


@given(
    numbers=st.sets(st.integers(1, 13)),
    busy=st.dictionaries(st.integers(1, 13), st.floats(0, 1)),
)
def test_on_2_4_ghz_auto_does_not_lie_between_the_channels_of_others(
    numbers: set[int], busy: dict[int, float]
) -> None:
    facts = _facts(*(PhyChannel(band="2.4", number=n, frequency=2407 + 5 * n) for n in sorted(numbers)))
    chosen = choose(facts, Band.GHZ_2_4, busy=busy)
    free = numbers & {1, 6, 11}
    assert chosen in (free or numbers) if numbers else chosen is None
    assert chosen == choose(facts, Band.GHZ_2_4, busy=busy)


def test_where_radar_was_seen_it_goes_to_where_none_is_listened_for() -> None:
    silenced = PhyChannel(band="5", number=52, frequency=5260, radar=True, silenced=True)
    there = msgspec.structs.replace(FIVE, channel=52)
    facts = msgspec.structs.replace(EUROPE, channels=(*EUROPE.channels[:4], silenced))
    assert leave_radar(there, facts).channel == 36
    assert leave_radar(there, EUROPE) == there
    assert leave_radar(there, None) == there
    assert leave_radar(there, _facts(silenced)) == there


def test_the_channel_that_runs_is_kept_by_auto_if_it_may() -> None:
    assert settle_channel(FIVE, EUROPE, 44).channel == 44
    assert settle_channel(FIVE, EUROPE, 52).channel == 36
    assert settle_channel(FIVE, EUROPE, None).channel == 36
    assert settle_channel(RADIO, EUROPE, None) == RADIO  # the kernel tells nothing of this band
    assert settle_channel(RADIO, None, None) == RADIO
    with pytest.raises(DriverError, match="allow no channel on 5 GHz"):
        settle_channel(FIVE, _facts(_five(52, radar=True)), None)
