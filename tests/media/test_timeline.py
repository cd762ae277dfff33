"""Time stamps for muxers: whatever comes in, what goes out rises and never leaps."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.dvr.media.timeline import LEAP, Timeline

TICK = Fraction(1, 90_000)
stamps = st.integers(-(1 << 40), 1 << 40)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), stamps, st.none() | stamps, st.integers(-5, 1 << 40)), max_size=80)
)
def test_out_comes_only_what_a_muxer_survives(packets: list[tuple[int, int, int | None, int]]) -> None:
    timeline = Timeline()
    last: dict[int, int] = {}
    newest = Fraction(0)
    for stream, dts, pts, duration in packets:
        placed = timeline.place(stream, dts, pts, duration, TICK)
        if placed is None:
            continue
        assert placed[0] >= 0
        assert placed[0] > last.get(stream, -1)
        assert 0 <= (placed[1] - placed[0]) * TICK <= LEAP
        assert placed[0] * TICK - newest <= LEAP + 1
        last[stream] = placed[0]
        newest = max(newest, placed[0] * TICK)


@settings(deadline=None)
@given(st.integers(-(1 << 33), 1 << 33), st.integers(1, 50))
def test_a_plain_stream_only_begins_at_zero(start: int, length: int) -> None:
    timeline = Timeline()
    for number in range(length):
        dts = start + number * 3600
        assert timeline.place(0, dts, dts + 7200, 3600, TICK) == (number * 3600, number * 3600 + 7200)
    assert timeline.joints == 0


@settings(deadline=None)
@given(st.integers(-(1 << 33), 1 << 33).filter(lambda jump: not -3 * 45_000 <= jump <= LEAP * 90_000))
def test_a_new_clock_is_joined_for_sound_and_picture_alike(jump: int) -> None:
    timeline = Timeline()
    out: dict[int, list[int]] = {0: [], 1: []}
    for number in range(100):
        for stream in (0, 1):
            # The sound comes a little behind: after the leap there are still packets of before.
            at = number - 5 * stream
            dts = at * 3600 + (jump if at >= 50 else 0)
            placed = timeline.place(stream, dts, dts, 3600, TICK)
            if placed is not None:
                out[stream].append(placed[0])
    assert timeline.joints == 1
    assert len(out[0]) >= 98
    assert len(out[1]) >= 93
    assert abs(out[0][-1] - out[1][-1] - 5 * 3600) <= 1


def test_a_stray_packet_is_dropped_and_a_short_pause_stays() -> None:
    timeline = Timeline()
    assert timeline.place(0, 1000, 1000, 3600, TICK) == (0, 0)
    assert timeline.place(0, 900, 900, 3600, TICK) is None
    assert timeline.place(0, 1000 + 5 * 90_000, None, 3600, TICK) == (450_000, 450_000)
    assert timeline.joints == 0
