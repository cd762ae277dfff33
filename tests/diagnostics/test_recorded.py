"""What the lab's probes found, recorded once, gives the same verdict for ever.

`python -m tests.diagnostics.test_recorded FOLDER` makes `recorded.jsonl` anew from what
`python -m tests.diagnostics.matrix --record FOLDER` wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from gatewayd.diagnostics.model import DiagnosticsRun
from gatewayd.diagnostics.results import AnyResult
from gatewayd.diagnostics.verdict import judge
from gatewayd.diagnostics.words import Confidence, Verdict
from tests.diagnostics.faults import CASES

FILE = Path(__file__).with_name("recorded.jsonl")


class Recorded(msgspec.Struct):
    """One fault: the verdict, its confidence, what else was seen, and the results that it was made of."""

    name: str
    verdict: Verdict
    confidence: Confidence
    also: tuple[Verdict, ...]
    results: tuple[AnyResult, ...]


RECORDED = [msgspec.json.decode(line, type=Recorded) for line in FILE.read_bytes().splitlines()]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one.name.replace(" ", "-"))
def test_recorded_results_replay_to_the_same_verdict(recorded: Recorded) -> None:
    found = judge(recorded.results)
    also = tuple(one.verdict for one in found.also_seen)
    assert (found.verdict, found.confidence, also) == (recorded.verdict, recorded.confidence, recorded.also)


def test_the_recorded_verdicts_are_those_that_the_faults_deserve() -> None:
    deserved = {case.name: case.verdict for case in CASES}
    assert {one.name for one in RECORDED} <= set(deserved)
    assert [one.name for one in RECORDED if one.verdict != deserved[one.name]] == []
    assert len(RECORDED) >= 50


def record(folder: Path) -> None:
    """Makes the file anew."""
    lines = []
    for case in CASES:
        source = folder / f"{case.name.replace(' ', '-')}.json"
        if not source.exists():
            print(f"{case.name}: not recorded")
            continue
        run = msgspec.json.decode(source.read_bytes(), type=DiagnosticsRun)
        found = run.diagnosis
        also = tuple(one.verdict for one in found.also_seen)
        one = Recorded(case.name, found.verdict, found.confidence, also, run.results)
        lines.append(msgspec.json.encode(one))
    FILE.write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
