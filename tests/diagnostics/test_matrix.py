"""The fault lab: every fault is injected, and the diagnosis is scored. `make test-netem` prints the table."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gatewayd.diagnostics.remedies import REMEDIES
from gatewayd.diagnostics.verdict import judge
from tests.diagnostics.fault import Case
from tests.diagnostics.faults import CASES
from tests.diagnostics.matrix import MOST, Row, play, score, table

SHARE = 0.95
"""Of the points, at least."""


def check(rows: Sequence[Row], capsys: pytest.CaptureFixture[str]) -> None:
    """What is promised of the whole."""
    with capsys.disabled():
        print(f"\n{table(rows)}")
    assert all(row.score >= 0 for row in rows), "the wrong side is accused"
    calm = [row for row in rows if REMEDIES[row.case.verdict].side == "nobody"]
    assert all(row.score == MOST for row in calm), "a false alarm"
    assert sum(row.score for row in rows) >= SHARE * MOST * len(rows)
    assert all(row.in_time for row in rows)
    assert not [row.fault for row in rows if row.fault]
    for row in rows:
        found = row.run.diagnosis
        assert judge(row.run.results, seconds=found.seconds) == found, row.case.name
        # A machine busy with other tests makes the box less sure, and it says so.
        assert found.confidence != "low" or any("busy" in note for note in found.notes), found


@pytest.mark.netns
@pytest.mark.timeout(240)
def test_the_most_telling_faults(capsys: pytest.CaptureFixture[str]) -> None:
    check(play([case for case in CASES if case.ci], streets=2), capsys)


@pytest.mark.netns
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_whatever_needs_no_netem(capsys: pytest.CaptureFixture[str]) -> None:
    check(play([case for case in CASES if not case.netem], streets=2), capsys)


@pytest.mark.netem
@pytest.mark.timeout(400)
def test_what_needs_netem(capsys: pytest.CaptureFixture[str]) -> None:
    check(play([case for case in CASES if case.netem]), capsys)


def test_the_score() -> None:
    assert score("DNS_TIMEOUT", "DNS_TIMEOUT") == 3
    assert score("DNS_TIMEOUT", "DNS_SERVFAIL") == 1
    assert score("GW_NO_ARP", "DNS_SERVFAIL") == 0
    assert score("LINK_DOWN", "ISP_UPSTREAM_DOWN") == -2
    assert score("ISP_UPSTREAM_DOWN", "ROUTE_MISSING") == -2
    assert score("OK", "LOSS_WAN") == -2


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 48
    assert all(isinstance(case, Case) for case in CASES)
