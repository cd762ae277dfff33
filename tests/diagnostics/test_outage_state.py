"""The outage watch's machine: told rounds at given seconds, asked for what it made of them. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.diagnostics.outage_incidents import Happening, Incidents
from gatewayd.diagnostics.outage_model import LINES, Line
from gatewayd.diagnostics.outage_state import LineWatch

Down = Callable[[float], frozenset[Line]]
BOTH: frozenset[Line] = frozenset({"v4", "v6", "dns"})


class Street:
    """A connection that fails as a function of the second, watched by the real machine with its own pace."""

    def __init__(self, *watched: Line) -> None:
        self.lines = {line: LineWatch(line) for line in LINES}
        self.watched = watched or LINES
        self.incidents = Incidents()
        self.at = 1000.0
        self.told: list[tuple[float, Happening]] = []
        self.rounds = 0

    def live(self, seconds: float, down: Down, *, lost: bool = False, took: float = 0.0) -> None:
        """`took`: how long a round lasts while something fails."""
        end = self.at + seconds
        while self.at < end:
            out = down(self.at)
            for line in self.watched:
                self.lines[line].see(self.at, line not in out, "carrier" if lost and line in out else None)
            self.told += [(self.at, one) for one in self.incidents.settle(self.at, self.lines)]
            self.rounds += 1
            self.at += min(line.every(self.at) for line in self.lines.values()) + (took if out else 0.0)

    def said(self, kind: str) -> list[str]:
        return [one.incident.scope for _, one in self.told if one.kind == kind and one.incident.announced]


def out(start: float, seconds: float, lines: frozenset[Line] = BOTH) -> Down:
    return lambda at: lines if start <= at < start + seconds else frozenset()


def test_a_blip_of_six_seconds_is_silent() -> None:
    street = Street()
    street.live(120, lambda at: frozenset())
    street.live(600, out(street.at + 14, 6))
    assert street.told == []


def test_an_outage_of_45_seconds_is_one_alarm_and_one_clear_dated_back() -> None:
    street = Street()
    street.live(60, lambda at: frozenset())
    began = street.at
    street.live(900, out(began, 45), took=2.0)
    assert [(one.kind, one.incident.scope) for _, one in street.told] == [
        ("began", "internet"),
        ("ended", "internet"),
    ]
    (noticed, begin), (_, end) = street.told
    assert begin.incident.start == began
    assert 20 <= noticed - began <= 30
    assert end.incident.end is not None
    assert began + 45 <= end.incident.end <= began + 45 + 7
    assert not end.incident.alerted  # a minute is what people are told of


def test_a_minute_is_worth_an_alert_once() -> None:
    street = Street()
    street.live(60, lambda at: frozenset())
    street.live(2000, out(street.at, 600))
    assert [one.kind for _, one in street.told] == ["began", "alert", "ended"]
    assert 60 <= street.told[1][0] - street.told[0][1].incident.start <= 65


def test_five_minutes_of_flapping_are_one_unstable() -> None:
    for down_for, up_for in ((30.0, 10.0), (40.0, 20.0), (8.0, 8.0), (25.0, 35.0)):
        street = Street()
        street.live(60, lambda at: frozenset())
        began = street.at

        def flaps(at: float, began: float = began, d: float = down_for, u: float = up_for) -> frozenset[Line]:
            return BOTH if at < began + 300 and (at - began) % (d + u) < d else frozenset()

        street.live(300, flaps)
        street.live(3600, lambda at: frozenset())
        assert street.said("began").count("unstable") == 1, (down_for, up_for)
        assert street.said("ended").count("unstable") == 1
        assert len(street.said("began")) == len(street.said("ended"))
        assert len(street.said("began")) <= 3
        assert street.said("alert") == []
        over = next(at for at, one in street.told if one.incident.scope == "unstable" and one.kind == "ended")
        assert over >= began + 250 + 1800


def test_an_outage_of_an_hour_is_told_although_the_line_was_unstable() -> None:
    street = Street()
    street.live(60, lambda at: frozenset())
    began = street.at
    street.live(300, lambda at: BOTH if (at - began) % 40 < 30 else frozenset())
    assert "unstable" in street.said("began")
    street.live(3600, lambda at: BOTH)
    assert street.said("alert")[-1] == "internet"
    street.live(120, lambda at: frozenset())
    assert street.said("ended")[-1] == "internet"


def test_partial_faults_never_say_that_the_internet_is_down() -> None:
    for line in LINES:
        street = Street()
        street.live(60, lambda at: frozenset())
        street.live(600, out(street.at, 300, frozenset({line})))
        assert street.said("began") == [line]
        assert street.said("ended") == [line]


def test_one_family_first_and_then_both_change_the_name() -> None:
    street = Street()
    street.live(60, lambda at: frozenset())
    began = street.at
    both = out(began + 300, 300)
    one = out(began, 1200, frozenset({"v6"}))
    street.live(2400, lambda at: both(at) or one(at))
    assert street.said("began")[:3] == ["v6", "internet", "v6"]
    ended = [one for _, one in street.told if one.kind == "ended"]
    assert ended[0].became == "internet"
    assert ended[0].incident.end == ended[1].incident.start
    last = ended[2].incident
    assert ended[1].incident.end is not None
    assert last.start >= ended[1].incident.end - 10  # the same minute has one name


def test_no_signal_needs_five_seconds_and_a_moment_without_one_is_nothing() -> None:
    street = Street()
    street.live(60, lambda at: frozenset())
    street.live(16, out(street.at, 3), lost=True)
    assert street.told == []
    began = street.at
    street.live(60, out(began, 1e9), lost=True)
    noticed, first = street.told[0]
    assert first.incident.cause == "carrier"
    assert 5 <= noticed - began <= 8


def test_a_line_with_one_family_only_is_down_with_it() -> None:
    street = Street("v4")
    street.live(60, lambda at: frozenset())
    street.live(600, out(street.at, 300))
    assert street.said("began") == street.said("ended") == ["internet"]


def test_names_that_fail_with_the_internet_are_no_outage_of_their_own() -> None:
    street = Street()
    street.live(60, lambda at: frozenset())
    began = street.at
    # Names fail 10 s before the families do, and come back 10 s after them.
    families = out(began + 10, 190, frozenset({"v4", "v6"}))
    names = out(began, 210, frozenset({"dns"}))
    street.live(900, lambda at: families(at) | names(at))
    assert street.said("began") == street.said("ended") == ["internet"]
    assert street.told[0][1].incident.lines == LINES


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(1, 400), st.frozensets(st.sampled_from(LINES)), st.booleans(), st.floats(0, 4)),
        max_size=14,
    )
)
def test_whatever_happens_every_alarm_has_one_clear_and_nothing_overlaps(
    story: list[tuple[float, frozenset[Line], bool, float]],
) -> None:
    street = Street()
    for seconds, down, lost, took in story:
        street.live(seconds, lambda at, down=down: down, lost=lost, took=took)  # type: ignore[misc]
    street.live(4000, lambda at: frozenset())
    assert street.incidents.open == {}
    seen: dict[str, list[Happening]] = {}
    for _, one in street.told:
        seen.setdefault(one.incident.id, []).append(one)
    for happenings in seen.values():
        kinds = [one.kind for one in happenings]
        assert kinds in (["began", "ended"], ["began", "alert", "ended"])
        incident = happenings[0].incident
        assert incident.end is not None
        assert incident.end >= incident.start
    spans = sorted(
        (found[0].incident.start, found[0].incident.end or 0.0)
        for found in seen.values()
        if found[0].incident.scope == "internet"
    )
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
