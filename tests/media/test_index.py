"""The index beside a segment: what it finds, and how it is mended after a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.media.index import (
    Header,
    Index,
    Record,
    header_bytes,
    locate,
    mend,
    read_index,
    record_bytes,
)
from gatewayd.dvr.media.messages import Slice

RECORDS = [Record(10.25, 100), Record(10.5, 200, 1, 2, 3), Record(10.75, 300), Record(11.0, 400, 4)]


def write(folder: Path, records: list[Record], size: int, *, torn: bytes = b"") -> tuple[Path, Path]:
    """A segment of `size` bytes with an index."""
    data, index = folder / "s.ts", folder / "s.idx"
    data.write_bytes(b"\x47" * size)
    header = header_bytes(Header(channel="one", first=10.0))
    index.write_bytes(header + b"".join(map(record_bytes, records)) + torn)
    return data, index


def test_what_was_written_is_read(tmp_path: Path) -> None:
    _, index = write(tmp_path, RECORDS, 400, torn=b"\0" * 20)
    found = read_index(index)
    assert found == Index(Header(channel="one", first=10.0), RECORDS)
    assert (found.last, found.size, found.errors.continuity, found.errors.sync) == (11.0, 400, 5, 3)


@pytest.mark.parametrize("content", [b"", b"GWDX1\0", b"GWDX1\0\xff\xff", b"x" * 50, b"GWDX1\0\x01\0\xc1"])
def test_what_is_no_index_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.idx").write_bytes(content)
    with pytest.raises(ValueError):
        read_index(tmp_path / "s.idx")


def test_bytes_without_a_record_get_one_and_none_is_cut(tmp_path: Path) -> None:
    data, index = write(tmp_path, RECORDS, 477, torn=b"\0" * 5)
    os.utime(data, (11.25, 11.25))
    mended = mend(data, index)
    assert mended.records == [*RECORDS, Record(11.25, 477)]
    assert read_index(index) == mended
    assert data.stat().st_size == 477


def test_records_of_bytes_that_never_reached_the_disk_are_dropped(tmp_path: Path) -> None:
    data, index = write(tmp_path, RECORDS, 250)
    os.utime(data, (10.625, 10.625))
    mended = mend(data, index)
    assert mended.records == [*RECORDS[:2], Record(10.625, 250)]


def test_a_span_is_found_to_the_batch_and_never_too_small() -> None:
    index = Index(Header(channel="one", first=10.0), RECORDS)
    assert locate("s", index, 0, 100)[0] == Slice(segment="s", from_byte=0, to_byte=400)
    assert locate("s", index, 10.3, 10.6)[0] == Slice(segment="s", from_byte=100, to_byte=300)
    assert locate("s", index, 10.5, 10.75)[0] == Slice(segment="s", from_byte=200, to_byte=300)
    assert locate("s", index, 11.0, 12.0) == (None, [])
    assert locate("s", index, 9.0, 10.0) == (None, [])
    assert sum(record.continuity for record in locate("s", index, 10.3, 10.6)[1]) == 1


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=20),
    st.integers(-5, 30),
    st.integers(0, 30),
)
def test_every_byte_that_came_in_the_span_is_in_the_slice(sizes: list[int], start: int, length: int) -> None:
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    records = [Record(float(number + 1), end) for number, end in enumerate(ends)]
    found, _ = locate("s", Index(Header(channel="c", first=0.0), records), start, start + length)
    covered = range(found.from_byte, found.to_byte) if found else range(0)
    for number, end in enumerate(ends):  # these bytes came in (number, number + 1]
        if number < start + length and number + 1 > start:
            assert set(range(end - sizes[number], end)) <= set(covered)
