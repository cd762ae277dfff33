"""The scored matrix: every fault on a street of its own time, and what the diagnosis made of it.

    python -m tests.diagnostics.matrix [--streets N] [--record FOLDER] [WORDS ...]

runs the cases whose name holds one of the words (all without), and prints the table.
"""

from __future__ import annotations

import argparse
import queue
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec

from gatewayd.diagnostics.model import DiagnosticsRun
from gatewayd.diagnostics.remedies import REMEDIES, Side
from gatewayd.diagnostics.words import Verdict
from tests.diagnostics.fault import Case
from tests.diagnostics.faults import CASES
from tests.diagnostics.street import Doctor, Street
from tests.support.netd import netd_process

OFFLINE, QUALITY, HEALTHY = 15.0, 45.0, 5.0
"""Seconds to a verdict."""
MOST = 3
_HOME: frozenset[Side] = frozenset({"home", "box"})
_AWAY: frozenset[Side] = frozenset({"provider", "service"})


class Row(NamedTuple):
    """What came of a case; `fault` is what is wrong with the diagnosis besides its verdict."""

    case: Case
    run: DiagnosticsRun
    score: int
    fault: str

    @property
    def in_time(self) -> bool:
        """Within what is promised for its kind."""
        seconds = self.run.diagnosis.seconds
        if self.case.name.startswith("healthy"):
            return seconds <= HEALTHY
        return seconds <= (QUALITY if self.run.diagnosis.layer in ("quality", "none") else OFFLINE)


def score(expected: Verdict, found: Verdict) -> int:
    """3 for the very code, 1 for the right layer, 0 for a wrong one, -2 for accusing the wrong side."""
    if expected == found:
        return MOST
    want, got = REMEDIES[expected], REMEDIES[found]
    if (want.side in _HOME and got.side in _AWAY) or (want.side in _AWAY and got.side in _HOME):
        return -2
    if want.side == "nobody" and got.side != "nobody":
        return -2  # somebody is accused of nothing
    return 1 if want.layer == got.layer else 0


def examine(case: Case, run: DiagnosticsRun) -> Row:
    """The row of a finished run."""
    found = run.diagnosis
    faults = []
    if case.note is not None and not any(case.note in note for note in found.notes):
        faults.append(f"no note of {case.note}")
    seen = [one.verdict for one in found.also_seen]
    if case.also is not None and case.also not in seen:
        faults.append(f"{case.also} not seen")
    faults += [f"also {one}" for one in seen if one not in (case.also, case.verdict)]
    return Row(case, run, score(case.verdict, found.verdict), ", ".join(faults))


def play(cases: Sequence[Case], *, streets: int = 1, record: Path | None = None) -> list[Row]:
    """Runs the cases, on so many streets side by side. The rows are in the order of the cases."""
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)
    rows: dict[str, Row] = {}
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            _walk(number, waiting, rows, record)
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, streets + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [rows[case.name] for case in cases]


def _walk(number: int, waiting: queue.SimpleQueue[Case], rows: dict[str, Row], record: Path | None) -> None:
    with ExitStack() as stack:
        street = stack.enter_context(Street(number))
        netd = street.folder / "netd.sock"
        stack.enter_context(netd_process(netd, inside=street.box))
        doctor = stack.enter_context(Doctor(street, netd))
        doctor.diagnose()  # what a healthy line looks like
        while True:
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                return
            doctor.forget()
            with case.inject(street):
                text = doctor.diagnose(**case.request)
            if record is not None:
                (record / f"{case.name.replace(' ', '-')}.json").write_bytes(
                    msgspec.json.format(text, indent=1)
                )
            row = examine(case, msgspec.json.decode(text, type=DiagnosticsRun))
            rows[case.name] = row
            print(f"{len(rows):3} {case.name}: {row.run.diagnosis.verdict}", flush=True)
            street.healed()


def table(rows: Iterable[Row]) -> str:
    """The matrix as text, with its sum."""
    rows = list(rows)
    lines = [f"{'fault':26} {'expected':18} {'verdict':18} {'sure':7} {'seconds':>7} {'score':>5}"]
    for row in rows:
        found = row.run.diagnosis
        late = "" if row.in_time else "  LATE"
        lines.append(
            f"{row.case.name:26} {row.case.verdict:18} {found.verdict:18} {found.confidence:7}"
            f" {found.seconds:7.2f} {row.score:5}{late}  {row.fault}".rstrip()
        )
    points = sum(row.score for row in rows)
    wrong = sum(row.score < 0 for row in rows)
    share = points / (MOST * len(rows)) if rows else 0.0
    lines.append(f"{points} of {MOST * len(rows)} points ({share:.1%}), {wrong} wrong accusations")
    return "\n".join(lines)


def main() -> int:
    """Plays and prints; the exit status is 1 when a verdict was not exact."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--streets", type=int, default=2)
    parser.add_argument("--netem", action="store_true", help="this kernel has sch_netem")
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    chosen = [
        case
        for case in CASES
        if (options.netem or not case.netem)
        and (not options.words or any(word.lower() in case.name.lower() for word in options.words))
    ]
    started = time.monotonic()
    rows = play(chosen, streets=options.streets, record=options.record)
    print(table(rows))
    print(f"{time.monotonic() - started:.0f} s")
    return 0 if all(row.score == MOST for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
