"""A journal whose disk takes nothing for a while: entries are late, in order, and none is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gatewayd.dvr.media.journal import Journal
from gatewayd.dvr.media.messages import RangeDone


def test_entries_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[int] = []
    journal = Journal(tmp_path / "journal.jsonl", grown.append)

    def done(name: str) -> Any:
        return lambda seq: RangeDone(seq=seq, time=float(seq), channel="one", range=name)

    journal.append(done("a"))
    write = os.write
    full = OSError(errno.ENOSPC, "No space left on device")

    def torn(file: int, data: bytes) -> int:
        write(file, data[:7])
        raise full

    monkeypatch.setattr(os, "write", torn)
    journal.append(done("b"))
    journal.append(done("c"))
    assert (journal.seq, journal.waiting, grown) == (1, 2, [1])
    assert not journal.retry()
    monkeypatch.undo()
    assert journal.retry()
    assert (journal.seq, journal.waiting, grown) == (3, 0, [1, 3])
    journal.close()
    again = Journal(tmp_path / "journal.jsonl")
    entries = [entry for entry in again.read(0, 10) if isinstance(entry, RangeDone)]
    assert [(entry.seq, entry.range) for entry in entries] == [(1, "a"), (2, "b"), (3, "c")]
    again.close()
