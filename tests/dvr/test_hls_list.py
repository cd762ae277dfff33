"""HLS playlists from cues: durations, joints between connections, what is still growing."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.hls_list import CLOCK_WRAP, TARGET, at, fragments, render
from gatewayd.dvr.media.cue_messages import Cue, Cues
from gatewayd.dvr.media.messages import Slice

SIZE = 1000


def stretch(
    first: float, cues: list[tuple[int, float]], last: float, end: float, *, clock: float = 0.0
) -> Cues:
    """Cues at (byte, seconds since 0), on a clock that showed `clock` then."""
    return Cues(
        first=first,
        last=last,
        cues=tuple(Cue(byte=byte, came=came, shown=(came + clock) % CLOCK_WRAP) for byte, came in cues),
        end=(end + clock) % CLOCK_WRAP,
        tables=b"t",
        video=0x1B,
    )


def slices(count: int) -> list[Slice]:
    return [Slice(segment=str(number), from_byte=0, to_byte=SIZE) for number in range(count)]


def test_fragments_go_on_over_the_joint_of_two_segments() -> None:
    found = [
        stretch(0.0, [(100, 1.0), (500, 5.0)], 10.0, 10.0),
        stretch(10.0, [(200, 11.0)], 15.0, 15.0),
    ]
    made = fragments(slices(2), found, whole=True)
    assert [(one.start, one.stop, one.seconds, one.anew) for one in made] == [
        (100, 500, 4.0, False),
        (500, 1200, 6.0, False),
        (1200, 2000, 4.0, False),
    ]
    assert [one.slice for one in made] == [0, 0, 1]


def test_a_gap_is_a_discontinuity_and_what_cannot_be_decoded_is_left_out() -> None:
    found = [
        stretch(0.0, [(0, 0.0), (500, 5.0)], 10.0, 10.0),
        stretch(30.0, [(300, 31.0)], 40.0, 40.0),
    ]
    made = fragments(slices(2), found, whole=True)
    assert [(one.start, one.stop, one.anew) for one in made] == [
        (0, 500, False),
        (500, 1000, False),
        (1300, 2000, True),
    ]
    assert made[1].seconds == 5.0
    assert render(made, whole=True).count("#EXT-X-DISCONTINUITY\n") == 1


def test_while_it_grows_the_last_stretch_waits() -> None:
    found = [stretch(0.0, [(0, 0.0), (500, 4.0)], 6.0, 6.0)]
    made = fragments(slices(1), found, whole=False)
    assert [(one.start, one.stop) for one in made] == [(0, 500)]
    text = render(made, whole=False)
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    assert "ENDLIST" not in text


def test_the_clock_wraps_and_leaps() -> None:
    wraps = stretch(0.0, [(0, 0.0), (500, 4.0)], 8.0, 8.0, clock=CLOCK_WRAP - 2.0)
    (first, second) = fragments(slices(1), [wraps], whole=True)
    assert abs(first.seconds - 4.0) < 1e-6
    assert abs(second.seconds - 4.0) < 1e-6
    assert not second.anew
    leap = Cues(
        first=0.0,
        last=8.0,
        cues=(Cue(byte=0, came=0.0, shown=100.0), Cue(byte=500, came=4.0, shown=9000.0)),
        end=9004.0,
    )
    (first, second) = fragments(slices(1), [leap], whole=True)
    assert (first.seconds, second.anew) == (4.0, True)


def test_nothing_to_decode_is_an_empty_playlist() -> None:
    empty = Cues(first=0.0, last=5.0, cues=())
    assert fragments(slices(1), [empty], whole=True) == ()
    assert render((), whole=True).splitlines()[-1] == "#EXT-X-ENDLIST"
    assert at((), 5.0) is None


@given(
    st.lists(st.tuples(st.lists(st.integers(1, 90), max_size=5), st.booleans()), min_size=1, max_size=6),
    st.floats(0, CLOCK_WRAP),
    st.booleans(),
)
def test_what_was_told_once_stays(shape: list[tuple[list[int], bool]], clock: float, whole: bool) -> None:
    """However a recording grows, its playlist only gets longer; fragments never overlap."""
    found: list[Cues] = []
    now = 0.0
    for places, gap in shape:
        now += 20.0 if gap else 0.0
        cues = [(place * 10, now + place / 10) for place in sorted(set(places))]
        found.append(stretch(now, cues, now + 10.0, now + 10.0, clock=clock))
        now += 10.0
    before: tuple[object, ...] = ()
    for count in range(1, len(found) + 1):
        made = fragments(slices(count), found[:count], whole=False)
        assert made[: len(before)] == before
        before = made
    made = fragments(slices(len(found)), found, whole=whole)
    assert made[: len(before)] == before
    assert all(one.start < one.stop and one.seconds > 0 for one in made)
    assert all(one.stop <= after.start for one, after in pairwise(made))
    if made and all(one.seconds < TARGET for one in made):
        assert f"#EXT-X-TARGETDURATION:{TARGET}\n" in render(made, whole=whole)
        assert at(made, made[-1].shown) == made[-1]
