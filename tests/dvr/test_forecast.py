"""What the coming recordings take, and what has to go for them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.forecast import AHEAD, GUESS, HORIZON, Coming, Stock, bytes_until, forecast
from gatewayd.dvr.retention import DAY, Held

NOW = 1_000 * DAY
HOUR = 3600.0
RATES = {"one": 1000.0, "two": 500.0}


def coming(identifier: str, begins: float, seconds: float, channel: str = "one", **more: object) -> Coming:
    plain = Coming(
        identifier, identifier, channel, NOW + begins, NOW + begins + seconds, NOW + begins + seconds
    )
    return plain._replace(**more)  # type: ignore[arg-type]


def held(identifier: str, days_ago: float, size: int, **more: object) -> tuple[Held, dict[str, int]]:
    plain = Held(
        identifier,
        identifier,
        "one",
        NOW - days_ago * DAY,
        "until_space",
        False,
        None,
        frozenset({identifier}),
    )
    return plain._replace(**more), {identifier: size}  # type: ignore[arg-type]


def stock(room: int | None, *items: tuple[Held, dict[str, int]]) -> Stock:
    sizes = {name: size for _, own in items for name, size in own.items()}
    return Stock(tuple(item for item, _ in items), sizes, frozenset(), room, 30 * DAY)


def test_bytes_are_those_of_the_channel_once() -> None:
    items = [coming("a", 0, HOUR), coming("b", HOUR / 2, HOUR), coming("c", 0, HOUR, "two")]
    found = forecast(items, RATES, stock(None), NOW)
    assert found.expected == 1.5 * HOUR * 1000 + HOUR * 500
    assert bytes_until(items, RATES, NOW, NOW + DAY) == found.expected
    assert [(row.coming.id, row.bytes) for row in found.recordings] == [
        ("a", 3_600_000),
        ("c", 1_800_000),
        ("b", 3_600_000),
    ]
    assert (found.full, found.short, found.deletions) == (None, 0, [])
    unknown = forecast([coming("a", 0, HOUR, "new")], RATES, stock(None), NOW)
    assert unknown.expected == HOUR * GUESS


def test_it_says_when_it_is_full_and_what_goes_then() -> None:
    old, newer = held("old", 9, 2_000_000), held("newer", 3, 5_000_000)
    items = [coming("a", DAY, HOUR), coming("b", 2 * DAY, HOUR)]
    found = forecast(items, RATES, stock(4_600_000, newer, old), NOW)
    # the first takes 3.6 of 4.6 MB; the second lacks 2.6 MB after 1000 s
    assert found.full == NOW + 2 * DAY + 1000 - AHEAD
    assert [(timed.drop.item.id, timed.drop.reason, timed.drop.frees) for timed in found.deletions] == [
        ("newer", "space", 5_000_000)
    ], "the older one alone is too small, and with the newer one it is needless"
    assert found.short == 0
    assert all(row.fits for row in found.recordings)


def test_what_does_not_fit_is_told() -> None:
    locked = held("locked", 9, 10**9, locked=True)
    items = [coming("a", DAY, HOUR, keep="forever"), coming("b", 2 * DAY, HOUR)]
    found = forecast(items, RATES, stock(4_000_000, locked), NOW)
    assert [(row.coming.id, row.fits) for row in found.recordings] == [("a", True), ("b", False)]
    assert (found.short, found.deletions) == (3_200_000, [])


def test_what_is_recorded_first_goes_first_later() -> None:
    items = [coming(f"item{day}", day * DAY, HOUR) for day in range(10)]
    found = forecast(items, RATES, stock(4 * 3_600_000), NOW)
    assert [timed.drop.item.id for timed in found.deletions] == [f"item{day}" for day in range(6)]
    assert found.short == 0
    assert [timed.time for timed in found.deletions] == sorted(timed.time for timed in found.deletions)


def test_the_trash_is_emptied_in_time() -> None:
    item = held("gone", 40, 7, trashed=NOW - 20 * DAY)
    late = held("late", 40, 7, trashed=NOW - 1 * DAY)
    found = forecast([], RATES, stock(None, item, late), NOW)
    assert [(timed.drop.item.id, timed.time) for timed in found.deletions] == [("gone", NOW + 10 * DAY)]


plans = st.lists(
    st.builds(
        lambda number, begins, hours, channel, keep, locked: Coming(
            str(number),
            "t",
            channel,
            NOW + begins * HOUR,
            NOW + (begins + hours) * HOUR,
            NOW + (begins + hours) * HOUR,
            keep,
            locked,
        ),
        st.integers(0, 10**6),
        st.integers(-5, 500),
        st.integers(1, 5),
        st.sampled_from(["one", "two", "new"]),
        st.sampled_from(["until_space", "forever", "days:3"]),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda item: item.id,
)


@given(plans, st.integers(-(10**7), 10**8))
def test_it_adds_up(items: list[Coming], room: int) -> None:
    found = forecast(items, RATES, stock(room), NOW)
    taken = [item for item in items if item.begins < NOW + HORIZON]
    assert found.expected == sum(
        bytes_until([item for item in taken if item.channel == name], RATES, NOW, NOW + 600 * HOUR)
        for name in ("one", "two", "new")
    )
    freed = sum(timed.drop.frees for timed in found.deletions)
    if found.recordings:
        assert found.expected - found.short <= room + freed
    assert (found.short > 0) == any(not row.fits for row in found.recordings)
    assert not {timed.drop.item.id for timed in found.deletions} & {item.id for item in items if item.locked}
