"""The journal: numbered, durable, mended, compacted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gatewayd.dvr.media import journal as journal_module
from gatewayd.dvr.media.journal import Journal
from gatewayd.dvr.media.messages import Gap, RangeDone, SegmentOpened


def done(name: str) -> Callable[[int], RangeDone]:
    """What makes an entry."""
    return lambda seq: RangeDone(seq=seq, time=float(seq), channel="one", range=name)


def gap(start: float) -> Callable[[int], Gap]:
    """A gap of one second."""
    return lambda seq: Gap(seq=seq, time=start, channel="one", start=start, stop=start + 1, reason="x")


def test_entries_are_numbered_read_in_pages_and_survive(tmp_path: Path) -> None:
    told: list[int] = []
    journal = Journal(tmp_path / "j", told.append)
    for number in range(10):
        journal.append(done(str(number)))
    journal.close()
    again = Journal(tmp_path / "j")
    assert told == list(range(1, 11))
    assert again.seq == 10
    assert [entry.seq for entry in again.read(3, 4)] == [4, 5, 6, 7]
    assert [entry.seq for entry in again.read(8, 100)] == [9, 10]
    assert again.read(10, 5) == ()
    assert again.done["one", "9"] == 10.0
    again.close()


@pytest.mark.parametrize("tail", [b'{"type":"RangeDone","seq":3', b"\0" * 100])
def test_a_torn_tail_is_cut_off_and_its_number_used_again(tmp_path: Path, tail: bytes) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(done("a"))
    journal.append(done("b"))
    journal.close()
    with open(tmp_path / "j", "ab") as file:
        file.write(tail)
    again = Journal(tmp_path / "j")
    assert again.seq == 2
    again.append(done("c"))
    assert again.seq == 3
    assert [entry.seq for entry in again.read(0, 10)] == [1, 2, 3]
    again.close()


def test_a_damaged_line_costs_its_entry_and_no_number(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for name in "abc":
        journal.append(done(name))
    journal.close()
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(lines[0] + b"\xff" * 10 + b"\n" + lines[2])
    again = Journal(tmp_path / "j")
    assert [entry.seq for entry in again.read(0, 10)] == [1, 3]
    assert [entry.seq for entry in again.read(2, 10)] == [3]
    again.append(done("d"))
    assert again.seq == 4
    again.close()


def test_compaction_keeps_the_newest_the_numbers_and_the_gaps_of_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "KEEP", 5)
    journal = Journal(tmp_path / "j")
    journal.append(gap(100))
    journal.append(gap(200))
    journal.append(lambda seq: SegmentOpened(seq=seq, time=1, channel="one", segment="s"))
    for number in range(20):
        journal.append(done(str(number)))
    journal.compact(150)
    assert journal.seq == 23
    assert [entry.seq for entry in journal.read(0, 100)] == [19, 20, 21, 22, 23]
    assert [entry.start for entry in journal.gaps["one"]] == [200]
    journal.append(done("next"))
    assert journal.seq == 24
    journal.close()
    again = Journal(tmp_path / "j")
    assert [entry.seq for entry in again.read(22, 100)] == [23, 24]
    assert [entry.start for entry in again.gaps["one"]] == [200]
    again.close()
