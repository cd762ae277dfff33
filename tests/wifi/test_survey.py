"""The survey: the advice, what it rests on, and the operation from the call to the result."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.errors import GatewayError
from gatewayd.netd import SimulatedNetwork, verbs
from gatewayd.system.clock import SystemClock
from gatewayd.system.nl80211 import PhyChannel, PhyFacts
from gatewayd.wifi.model import Band, WifiRadio
from gatewayd.wifi.survey import (
    Channel,
    Count,
    Findings,
    WifiNeighbour,
    band_of,
    concluded,
    overlap,
    recommend,
    strength,
    use,
)
from gatewayd.wifi.survey_operations import operations
from gatewayd.wifi.surveyor import MADE_UP, NOT_COUNTED, OWN_RADIO, NetdSurveyor, SimulatedSurveyor, Surveyor
from tests.support.core import open_core
from tests.wifi.house import OWNER

EUROPE = tuple(Channel(band=Band.GHZ_2_4, number=number, usable=number <= 13) for number in range(1, 15))
FIVE = tuple(
    Channel(band=Band.GHZ_5, number=number, radar=52 <= number <= 144, usable=number < 149)
    for number in (*range(36, 65, 4), *range(100, 145, 4), *range(149, 166, 4))
)


def at(channel: int, signal: float = -50, *, width: int = 20, own: bool = False) -> WifiNeighbour:
    return WifiNeighbour(
        bssid=f"02:00:00:00:00:{channel:02x}",
        ssid="Next door",
        band=Band.GHZ_2_4 if channel <= 14 else Band.GHZ_5,
        channel=channel,
        width=width,
        signal_dbm=signal,
        security=("wpa2",),
        own=own,
    )


def advised(
    neighbours: list[WifiNeighbour], *, band: Band = Band.GHZ_2_4, current: int | None = None
) -> int | None:
    return recommend(band, EUROPE + FIVE, neighbours, current=current).channel


@pytest.mark.parametrize(
    ("neighbours", "channel"),
    [
        ([], 1),
        ([at(1)], 6),
        ([at(1), at(6)], 11),
        ([at(1), at(6), at(11, -85)], 11),
        ([at(3), at(11, -88)], 11),  # 3 is noise on 1 and on 6
        ([at(1), at(11), at(6, -80)], 6),
        ([at(1), at(6, own=True)], 6),
        ([at(6, width=40)], 1),
    ],
)
def test_2_4_ghz(neighbours: list[WifiNeighbour], channel: int) -> None:
    assert advised(neighbours) == channel


def test_5_ghz_is_without_radar_where_it_can_be() -> None:
    crowded = [at(channel, -40, width=80) for channel in (36, 40, 44, 48)]
    assert advised(crowded, band=Band.GHZ_5) in (36, 40, 44, 48)
    only_radar = tuple(one for one in FIVE if one.radar)
    advice = recommend(Band.GHZ_5, only_radar, [at(52)])
    assert advice.channel is not None
    assert "radar" in advice.reason


def test_a_wide_neighbour_covers_its_block() -> None:
    assert advised([at(36, -50, width=40)], band=Band.GHZ_5) == 44
    assert overlap(Band.GHZ_5, 48, at(36, width=80)) == 1
    assert overlap(Band.GHZ_5, 52, at(36, width=80)) == 0
    assert overlap(Band.GHZ_5, 64, at(36, width=160)) == 1
    assert overlap(Band.GHZ_5, 153, at(149, width=40)) == 1


def test_a_small_gain_is_not_worth_a_move() -> None:
    assert advised([at(6, -92)], current=6) == 6
    assert "Stay" in recommend(Band.GHZ_2_4, EUROPE, [at(6, -92)], current=6).reason
    assert advised([at(6, -40)], current=6) == 1


def test_what_was_counted_weighs() -> None:
    busy = [Count(band=Band.GHZ_2_4, channel=1, utilisation=0.8, noise_dbm=-90)]
    advice = recommend(Band.GHZ_2_4, EUROPE, [], busy, current=1)
    assert advice.channel == 6
    assert "80% of the time" in advice.reason


def test_nothing_allowed_is_said() -> None:
    advice = recommend(Band.GHZ_6, EUROPE, [])
    assert advice.channel is None
    assert "No channel on 6 GHz" in advice.reason


CHANNELS = st.lists(
    st.builds(
        Channel,
        band=st.sampled_from(Band),
        number=st.integers(1, 233),
        usable=st.booleans(),
        radar=st.booleans(),
    ),
    max_size=30,
)
NEIGHBOURS = st.lists(
    st.builds(
        WifiNeighbour,
        bssid=st.just("02:00:00:00:00:01"),
        ssid=st.just("x"),
        band=st.sampled_from(Band),
        channel=st.integers(0, 255),
        width=st.sampled_from([20, 40, 80, 160]),
        signal_dbm=st.none() | st.floats(-120, 0),
        security=st.just(()),
        utilisation=st.none() | st.floats(0, 1),
        own=st.booleans(),
    ),
    max_size=12,
)
COUNTS = st.lists(
    st.builds(
        Count,
        band=st.sampled_from(Band),
        channel=st.integers(1, 233),
        utilisation=st.none() | st.floats(0, 1),
        noise_dbm=st.none(),
    ),
    max_size=6,
)


@given(st.sampled_from(Band), CHANNELS, NEIGHBOURS, COUNTS, st.none() | st.integers(1, 233))
def test_never_a_forbidden_channel(
    band: Band,
    channels: list[Channel],
    neighbours: list[WifiNeighbour],
    counts: list[Count],
    current: int | None,
) -> None:
    advice = recommend(band, channels, neighbours, counts, current=current)
    usable = [one for one in channels if one.band is band and one.usable]
    assert (advice.channel is None) == (not usable)
    if advice.channel is not None:
        chosen = [one for one in usable if one.number == advice.channel]
        assert chosen
        if any(not one.radar for one in usable):
            assert any(not one.radar for one in chosen)
    assert advice.reason.endswith(".")
    backwards = recommend(band, channels[::-1], neighbours[::-1], counts, current=current)
    assert backwards.channel == advice.channel


@given(NEIGHBOURS)
def test_leaving_the_advised_channel_quieter_keeps_the_advice(neighbours: list[WifiNeighbour]) -> None:
    first = recommend(Band.GHZ_2_4, EUROPE, neighbours)
    assert first.channel is not None
    quieter = [one for one in neighbours if overlap(Band.GHZ_2_4, first.channel, one) == 0]
    again = recommend(Band.GHZ_2_4, EUROPE, quieter, current=first.channel)
    assert again.channel == first.channel


@given(NEIGHBOURS, COUNTS)
def test_every_neighbour_is_on_some_channel(neighbours: list[WifiNeighbour], counts: list[Count]) -> None:
    found = use(neighbours, counts, [])
    assert sum(one.networks for one in found) == sum(not one.own for one in neighbours)
    assert [(float(one.band), one.channel) for one in found] == sorted(
        {(float(one.band), one.channel) for one in found}
    )


@given(st.none() | st.floats(-200, 50))
def test_strength_is_bounded(signal: float | None) -> None:
    assert 0.1 <= strength(signal) <= 1


def test_bands() -> None:
    assert [band_of(megahertz) for megahertz in (2437, 5180, 5955, 900, 60480)] == [
        Band.GHZ_2_4,
        Band.GHZ_5,
        Band.GHZ_6,
        None,
        None,
    ]


# --- the surveyor over netd ----------------------------------------------------------------------------


class Air(SimulatedNetwork):
    """netd with this on the air; `refusals` are raised first."""

    def __init__(self, *networks: verbs.ScanBss, refusals: tuple[str, ...] = (), counts: bool = True) -> None:
        super().__init__()
        self.networks = networks
        self.refusals = list(refusals)
        self.counts = counts
        self.asked: list[tuple[str, bool]] = []

    async def scan(
        self, interface: str, *, timeout_ms: int = 15000, while_sending: bool = False
    ) -> verbs.ScanAnswer:
        self.asked.append((interface, while_sending))
        if self.refusals:
            raise GatewayError(self.refusals.pop(0), "not now")
        return verbs.ScanAnswer(networks=self.networks)

    async def survey(self, interface: str) -> verbs.SurveyAnswer:
        if not self.counts:
            raise GatewayError("netd.not_supported", "it does not count")
        return await super().survey(interface)


class Hasty(SystemClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def bss(channel: int, ssid: bytes = b"Next", frequency: int | None = None) -> verbs.ScanBss:
    return verbs.ScanBss(
        bssid=f"02:00:00:00:00:{channel:02x}",
        ssid=ssid,
        frequency=frequency or 2407 + 5 * channel,
        signal_dbm=-60.0,
        security=("wpa2",),
        channel=channel,
    )


async def facts(interface: str) -> PhyFacts | None:
    channels = tuple(
        PhyChannel(band="2.4", number=number, frequency=2407 + 5 * number) for number in range(1, 12)
    )
    return PhyFacts(channels=channels, most_access_points=4, sae=True, management_protection=True)


async def nothing(interface: str) -> PhyFacts | None:
    return None


def surveyor(air: Air, ear: str | None = "ear0") -> NetdSurveyor:
    return NetdSurveyor(air, Hasty("always"), scan_interface=ear, facts=facts)


def quiet(fraction: float, message: str) -> None:
    return


async def test_the_second_radio_listens_when_there_is_one() -> None:
    air = Air(bss(1), bss(6, b"\0\0"), bss(2, frequency=60480))
    found = await surveyor(air).listen(("wlan0",), quiet)
    assert air.asked == [("ear0", False)]
    assert [(one.channel, one.ssid) for one in found.neighbours] == [(1, "Next"), (6, "")]
    assert [(one.channel, one.utilisation) for one in found.counts] == [(6, 0.32)]
    assert len(found.channels) == 11
    assert found.notes == ()
    assert not found.simulated


async def test_a_single_radio_listens_itself_and_says_so() -> None:
    air = Air(bss(1), counts=False, refusals=("netd.busy",))
    found = await surveyor(air, None).listen(("wlan0",), quiet)
    assert air.asked == [("wlan0", True)] * 2  # the first time it was busy
    assert found.notes == (OWN_RADIO, NOT_COUNTED)


async def test_one_deaf_radio_of_two_is_a_note_and_two_are_a_refusal() -> None:
    found = await surveyor(Air(bss(1), refusals=("netd.not_supported",)), None).listen(("a", "b"), quiet)
    assert "One radio could not listen: not now" in found.notes
    with pytest.raises(GatewayError, match=r"netd\.not_supported"):
        await surveyor(Air(refusals=("netd.not_supported",) * 2), None).listen(("a", "b"), quiet)
    with pytest.raises(GatewayError, match=r"wifi\.radio_unavailable"):
        await surveyor(Air(), None).listen((), quiet)


async def test_without_a_list_of_channels_there_is_no_advice() -> None:
    mute = NetdSurveyor(Air(bss(1)), Hasty("always"), scan_interface="ear0", facts=nothing)
    result = concluded(await mute.listen(("wlan0",), quiet), {Band.GHZ_2_4: 1})
    assert result.advice[0].channel is None
    assert any("which channels may be used" in note for note in result.notes)


# --- the operation -------------------------------------------------------------------------------------


async def radios() -> tuple[WifiRadio, ...]:
    return (
        WifiRadio(
            id="radio0",
            interface="wlan0",
            band=Band.GHZ_2_4,
            channel=6,
            country="DE",
            driver="test",
            state="on_air",
        ),
    )


async def run(folder: Path, listener: Surveyor) -> dict[str, Any]:
    async with open_core(folder) as core:
        core.registry.add(operations(radios, listener))
        job = (await core.call("wifi.survey.run", {}, caller=OWNER))["job"]
        async with asyncio.timeout(10):
            while True:
                now = msgspec.to_builtins(await core.jobs.get(job["id"]))
                if now["state"] in ("done", "failed"):
                    return dict(now)
                await asyncio.sleep(0.01)


async def test_the_made_up_street_says_that_it_is(tmp_path: Path) -> None:
    job = await run(tmp_path, SimulatedSurveyor(Hasty("always"), pace=0.0))
    assert job["state"] == "done"
    result = job["result"]
    assert result["simulated"] is True
    assert MADE_UP in result["notes"]
    assert [one["channel"] for one in result["advice"]] == [11]
    assert result["neighbours"][0]["ssid"] == "Birch Cottage"
    assert all(one["bssid"].startswith("02:00:5e") for one in result["neighbours"])
    assert {(one["band"], one["channel"]) for one in result["channels"] if one["current"]} == {("2.4", 6)}


async def test_a_box_that_cannot_listen_says_why(tmp_path: Path) -> None:
    job = await run(tmp_path, surveyor(Air(refusals=("netd.not_supported",)), None))
    assert job["state"] == "failed"
    assert job["error"]["code"] == "netd.not_supported"


def test_findings_without_radios_give_no_advice() -> None:
    assert concluded(Findings(neighbours=()), {}).advice == ()
