"""What recordings may still take: the smaller of the disk's and the quota's share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatewayd.dvr.media import room
from gatewayd.dvr.media.catalogue import Catalogue, Stored
from gatewayd.dvr.media.journal import Journal
from gatewayd.dvr.media.messages import DiskLimits
from gatewayd.dvr.media.room import Room, Space

NAME = "0" * 26


def test_the_smaller_share_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FRESH", 0.0)
    monkeypatch.setattr(Room, "space", lambda self: Space(free=1000, total=5000))
    journal = Journal(tmp_path / "journal.jsonl")
    catalogue = Catalogue(tmp_path, journal)
    catalogue.put(Stored(NAME, "one", 0.0, 1.0, 250, True))
    catalogue.put(Stored(NAME, "one", 0.0, 2.0, 300, False))
    assert catalogue.used == 300
    place = Room(-1, catalogue, reserve=100)
    assert place.left() == 900
    place.limit(DiskLimits(reserve=400))
    assert place.left() == 600
    place.limit(DiskLimits(reserve=400, quota=500))
    assert place.left() == 200
    place.limit(DiskLimits(reserve=1200, quota=500))
    assert place.left() == -200
    catalogue.delete(NAME)
    place.limit(DiskLimits(reserve=0, quota=500))
    assert place.left() == 500
    journal.close()


def test_it_looks_at_the_real_disk(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    journal = Journal(tmp_path / "journal.jsonl")
    place = Room(folder, Catalogue(tmp_path, journal), reserve=0)
    assert 0 < place.left() <= place.space().total
    journal.close()
    os.close(folder)
