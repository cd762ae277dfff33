"""What is measured of a stream, against a slow reading of the same rules and on streams of known faults."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.dvr.media.analyser import LOCK, Analyser
from gatewayd.dvr.media.clock import HERTZ, WRAP
from gatewayd.dvr.media.measures import Measures, merged
from tests.media.packets import PACKET, packet, pat, pcr_packet, pmt
from tests.support.ts import transport_stream

COUNTED = (
    "packets",
    "null",
    "scrambled",
    "sync_bytes",
    "sync_losses",
    "transport",
    "pcr",
    "pcr_late",
    "pcr_jumps",
)
PMT, VIDEO, AUDIO = 0x1000, 0x100, 0x101


def measured(data: bytes, cuts: list[int] | None = None) -> Measures:
    """All that is measured, however the data is cut."""
    analyser = Analyser()
    at = 0
    for size in [*(cuts or []), len(data)]:
        analyser.feed(memoryview(data)[at : at + size])
        at += size
    analyser.finish()
    return analyser.take()


def whole_packets(data: bytes, found: Measures) -> Iterator[bytes]:
    """The packets that can be told apart; counts lost sync."""
    at, lost = 0, -1
    while at + PACKET <= len(data):
        if lost >= 0:
            if at + (LOCK - 1) * PACKET >= len(data):
                return
            if any(data[at + number * PACKET] != 0x47 for number in range(LOCK)):
                at += 1
                continue
            found.sync_losses += at - lost != PACKET
            lost = -1
        if data[at] != 0x47:
            found.sync_bytes += 1
            lost, at = at, at + 1
            continue
        yield data[at : at + PACKET]
        at += PACKET


def reference(data: bytes) -> Measures:
    """Packet by packet."""
    found = Measures()
    clocks: dict[int, int] = {}
    for one in whole_packets(data, found):
        found.packets += 1
        pid, control = (one[1] & 0x1F) << 8 | one[2], one[3] >> 4 & 3
        if one[1] & 0x80:
            found.transport += 1
            continue
        if not control:
            continue
        found.null += pid == 0x1FFF
        found.scrambled += pid != 0x1FFF and one[3] & 0xC0 != 0
        if control & 2 and one[4] >= 7 and one[5] & 0x10:
            found.pcr += 1
            field = int.from_bytes(one[6:12], "big")
            ticks = (field >> 15) * 300 + (field & 0x1FF)
            if pid in clocks and not one[5] & 0x80:
                step = (ticks - clocks[pid]) % WRAP
                found.pcr_late += 0.040 * HERTZ < step < WRAP / 2
                found.pcr_jumps += step > 0.1 * HERTZ
            clocks[pid] = ticks
    return found


_packets = st.one_of(
    st.builds(
        packet,
        st.sampled_from([17, VIDEO, 0x1FFF]),
        st.integers(0, 15),
        scrambled=st.booleans(),
        broken=st.sampled_from([False, False, True]),
    ),
    st.builds(
        pcr_packet,
        st.sampled_from([VIDEO, AUDIO]),
        st.just(0),
        st.sampled_from([0, HERTZ // 30, HERTZ // 20, HERTZ // 10, HERTZ // 9, WRAP - 1, WRAP // 2]),
        restart=st.sampled_from([False, False, True]),
        broken=st.sampled_from([False, False, False, True]),
    ),
    st.builds(pat, st.integers(0, 15), st.just([PMT]), st.integers(0, 3), right=st.booleans()),
    st.builds(pmt, st.just(PMT), st.integers(0, 15), st.just([VIDEO, AUDIO]), st.integers(0, 3)),
)
_junk = st.binary(max_size=40) | st.just(b"\x47" * 190) | st.just(b"\0" * PACKET)
_streams = st.lists(st.lists(_packets, max_size=12).map(b"".join) | _junk, max_size=12).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(_streams, st.lists(st.integers(1, 3000), max_size=20))
def test_it_measures_what_the_reference_measures(data: bytes, cuts: list[int]) -> None:
    found, expected = measured(data, cuts), reference(data)
    assert {name: getattr(found, name) for name in COUNTED} == {
        name: getattr(expected, name) for name in COUNTED
    }


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 60_000), max_size=30))
def test_cutting_changes_no_count(cuts: list[int]) -> None:
    stream = transport_stream(2)
    whole, cut = msgspec.structs.asdict(measured(stream)), msgspec.structs.asdict(measured(stream, cuts))
    extremes = {name for name, value in whole.items() if isinstance(value, float)}
    assert {k: v for k, v in cut.items() if k not in extremes} == {
        k: v for k, v in whole.items() if k not in extremes
    }
    assert cut["seconds"] == pytest.approx(whole["seconds"])
    assert cut["pat_interval_most"] == pytest.approx(whole["pat_interval_most"], rel=0.05)


def test_a_clean_stream_is_clean_and_its_intervals_are_the_muxers() -> None:
    found = measured(transport_stream())
    assert found.seconds == pytest.approx(10, abs=0.1)
    assert 0.02 < found.pcr_interval_most <= 0.040
    assert found.pat_interval_most == pytest.approx(0.1, abs=0.02)
    assert found.pmt_interval_most == pytest.approx(0.1, abs=0.02)
    assert found.pat == pytest.approx(100, abs=10)
    assert found.pmt == found.pat
    assert found.pcr_jitter_most < 1e-6
    faults = (
        found.sync_bytes,
        found.continuity,
        found.crc,
        found.pat_errors,
        found.pmt_errors,
        found.pcr_jumps,
    )
    assert faults == (0,) * 6
    assert found.missing_pids == found.cat_errors == found.pat_changes == found.pmt_changes == 0


def programme(seconds: int, *, rate: int = 1000) -> list[bytes]:
    """One packet a millisecond: PAT and PMT every 100 ms, a PCR every 20 ms, else video, and 1 % null."""
    made, counters = [], {0: 0, PMT: 0, VIDEO: 0, AUDIO: 0}
    for number in range(seconds * rate):
        place = number % 100
        pid = {0: 0, 1: PMT, 51: AUDIO}.get(place, VIDEO)
        if place == 99:
            made.append(packet(0x1FFF, 0))
            continue
        if place % 20 == 10:
            last = (counters[VIDEO] - 1) & 15
            made.append(pcr_packet(VIDEO, last, number * HERTZ // rate))
            continue
        counter = counters[pid]
        counters[pid] += 1
        made.append(
            pat(counter, [PMT])
            if pid == 0
            else pmt(PMT, counter, [VIDEO, AUDIO])
            if pid == PMT
            else packet(pid, counter)
        )
    return made


def pid_of(one: bytes) -> int:
    return (one[1] & 0x1F) << 8 | one[2]


def test_the_programme_that_the_next_tests_spoil_is_clean() -> None:
    found = measured(b"".join(programme(10)))
    assert (found.pat, found.pmt, found.continuity, found.pcr_off) == (100, 100, 0, 0)
    assert found.pat_errors == found.pmt_errors == found.missing_pids == found.pcr_late == 0
    assert found.pat_interval_most == pytest.approx(0.1)


def test_a_second_without_pat_a_sound_that_goes_and_a_late_clock_are_found() -> None:
    clean = programme(16)
    spoilt = [
        one
        for number, one in enumerate(clean)
        if not (pid_of(one) == 0 and 3000 <= number < 4000)
        and not (pid_of(one) == AUDIO and number >= 7000)
        and not (one[3] & 0x20 and 5000 <= number < 5070)
    ]
    found = measured(b"".join(spoilt), [40_000] * 80)
    assert found.pat_errors >= 1
    assert found.pat_interval_most == pytest.approx(1.1, abs=0.1)
    assert found.pmt_errors == 0
    assert found.missing_pids == 1
    assert found.pcr_late == 1
    assert found.pcr_interval_most == pytest.approx(0.08, abs=0.021)


def test_changed_broken_and_scrambled_tables_are_found() -> None:
    stream = programme(2)
    stream[500] = pat(stream[500][3], [PMT], version=1)
    stream[501] = pmt(PMT, stream[501][3], [VIDEO, AUDIO], version=1)
    stream[800] = pat(stream[800][3], [PMT], version=2, right=False)
    stream[900] = stream[900][:3] + bytes([stream[900][3] | 0x80]) + stream[900][4:]
    stream[1010] = packet(VIDEO, 0, scrambled=True)
    found = measured(b"".join(stream))
    assert (found.crc, found.pat_changes, found.pmt_changes) == (1, 2, 2)  # there and back again
    assert found.pat_errors == 1
    assert found.scrambled == 2
    assert found.cat_errors == 1


def test_jitter_is_what_a_clock_was_moved_by() -> None:
    stream = programme(4)
    stream[2010] = pcr_packet(VIDEO, stream[2010][3], 2010 * HERTZ // 1000 + 270)  # 10 us
    found = measured(b"".join(stream), [20_000] * 30)
    assert found.pcr_jitter_most == pytest.approx(10e-6, rel=0.3)
    assert found.pcr_off >= 1


def test_measures_add_up() -> None:
    first, second = Measures(packets=3, pat_interval_most=0.2), Measures(packets=4, pat_interval_most=0.1)
    assert merged(first, second) == Measures(packets=7, pat_interval_most=0.2)
