"""Deleting segments: all of one or nothing of it, also when it is interrupted or the disk refuses."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gatewayd.dvr.media.catalogue import Catalogue
from gatewayd.dvr.media.index import Header, Record, header_bytes, record_bytes
from gatewayd.dvr.media.journal import Journal
from gatewayd.errors import GatewayError

NAME = "0" * 26


def stored(folder: Path) -> Catalogue:
    """A catalogue of one closed segment of 188 bytes."""
    (folder / f"{NAME}.ts").write_bytes(b"G" * 188)
    head = header_bytes(Header(channel="one", first=1.0))
    (folder / f"{NAME}.idx").write_bytes(head + record_bytes(Record(2.0, 188)))
    return Catalogue(folder, Journal(folder / "journal.jsonl"))


def test_deleted_is_gone(tmp_path: Path) -> None:
    catalogue = stored(tmp_path)
    assert (catalogue.used, len(catalogue)) == (188, 1)
    assert catalogue.delete(NAME) == 188
    assert (catalogue.used, len(catalogue)) == (0, 0)
    assert list(tmp_path.glob("0*")) == []
    assert catalogue.delete(NAME) == 0


def test_what_the_disk_does_not_delete_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = stored(tmp_path)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(GatewayError) as caught:
        catalogue.delete(NAME)
    assert caught.value.code == "dvr.disk_failed"
    assert (catalogue.used, len(catalogue)) == (188, 1)
    monkeypatch.undo()
    assert catalogue.delete(NAME) == 188


def test_an_interrupted_deletion_is_finished_at_the_next_start(tmp_path: Path) -> None:
    stored(tmp_path)
    (tmp_path / f"{NAME}.ts").unlink()
    catalogue = Catalogue(tmp_path, Journal(tmp_path / "journal.jsonl"))
    assert len(catalogue) == 0
    assert list(tmp_path.glob("0*")) == []
