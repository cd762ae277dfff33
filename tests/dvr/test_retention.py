"""What goes when space is needed: in the right order, never too much, never what must stay."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.retention import DAY, RANKS, Held, freed, order, plan

NOW = 1_000 * DAY
NAMES = "abcdefgh"
SIZES = {name: 10 ** (number % 3) * (number + 1) for number, name in enumerate(NAMES)}


def held(identifier: str = "one", **changes: object) -> Held:
    plain = Held(identifier, identifier, "ch", NOW - DAY, "until_space", False, None, frozenset("a"))
    return plain._replace(**changes)  # type: ignore[arg-type]


items = st.lists(
    st.builds(
        Held,
        id=st.integers(0, 10**6).map(str),
        title=st.just("t"),
        channel=st.just("ch"),
        stop=st.integers(0, 1000).map(lambda days: days * DAY),
        keep=st.sampled_from(["until_space", "forever", "days:1", "days:400", "days:2000"]),
        locked=st.booleans(),
        trashed=st.none() | st.integers(0, 1000).map(lambda days: days * DAY),
        segments=st.frozensets(st.sampled_from(NAMES), max_size=5),
        watched=st.booleans(),
    ),
    max_size=9,
    unique_by=lambda item: item.id,
)
wanted = st.frozensets(st.sampled_from(NAMES), max_size=2)


def stored(left: list[Held], wanted: frozenset[str]) -> int:
    """The bytes that these items and what is wanted keep on the disk."""
    return sum(SIZES[name] for name in wanted.union(*(item.segments for item in left)))


@given(items, st.integers(-5, 2000), wanted)
def test_it_frees_what_it_says_and_nothing_in_it_is_needless(
    found: list[Held], need: int, wanted: frozenset[str]
) -> None:
    drops = plan(found, SIZES, need, NOW, wanted)
    gone = [drop.item for drop in drops]
    left = [item for item in found if item not in gone]
    before = stored(found, wanted)
    assert before - stored(left, wanted) == freed(drops)
    assert all(not item.locked and item.reason(NOW) is not None for item in gone)
    possible = before - stored([item for item in found if item.reason(NOW) is None], wanted)
    assert freed(drops) >= min(need, possible)
    for item in gone:
        assert before - stored([*left, item], wanted) < min(need, possible)


@given(items)
def test_the_trash_goes_first_then_what_has_expired_then_the_oldest(found: list[Held]) -> None:
    rows = order(found, NOW)
    assert {item.id for _, item in rows} == {item.id for item in found if item.reason(NOW)}
    for (first, one), (second, other) in pairwise(rows):
        assert RANKS.index(first) <= RANKS.index(second)
        if first == second == "trash" and one.watched == other.watched:
            assert (one.trashed or 0) <= (other.trashed or 0)
        elif first == second and one.watched == other.watched:
            assert one.stop <= other.stop


def test_what_must_stay() -> None:
    kept = [
        held(locked=True),
        held(locked=True, trashed=NOW),
        held(keep="forever"),
        held(keep="days:2"),
    ]
    for item in kept:
        assert plan([item], SIZES, 10**9, NOW) == ()
    assert plan([held(keep="days:1")], SIZES, 1, NOW)[0].reason == "expired"


def test_two_that_overlapped_free_their_bytes_together() -> None:
    old, other, third = held("1", stop=1.0), held("2", stop=2.0), held("3", stop=3.0, segments=frozenset("c"))
    assert [drop.frees for drop in plan([old, other], SIZES, 1, NOW)] == [0, SIZES["a"]]
    locked = held("2", stop=2.0, locked=True)
    drops = plan([old, locked, third], SIZES, 1, NOW)
    assert [drop.item.id for drop in drops] == ["3"], "what frees nothing is spared"


def test_bytes_that_a_running_recording_needs_are_not_free() -> None:
    assert plan([held()], SIZES, 1, NOW, frozenset("a")) == ()
