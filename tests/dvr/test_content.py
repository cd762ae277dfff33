"""A recording's bytes in one row, whole and in ranges."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.dvr.content import Piece, between, blocks, pieces, size
from gatewayd.dvr.media.index import PACKET, whole_packets
from gatewayd.dvr.media.messages import Slice
from gatewayd.errors import GatewayError

DATA = bytes(range(256))
edges = st.tuples(st.integers(0, 256), st.integers(0, 256)).map(lambda pair: tuple(sorted(pair)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(edges, max_size=5), edges, st.integers(1, 300))
def test_ranges_are_those_of_the_whole(
    tmp_path: Path, found: list[tuple[int, int]], wanted: tuple[int, int], most: int
) -> None:
    (tmp_path / "one.ts").write_bytes(DATA)
    slices = [Slice(segment="one", from_byte=first, to_byte=last) for first, last in found]
    parts = pieces(slices, tmp_path)
    whole = b"".join(DATA[first:last] for first, last in found)
    assert size(parts) == len(whole)
    assert b"".join(blocks(parts, most)) == whole
    assert b"".join(blocks(between(parts, *wanted), most)) == whole[slice(*wanted)]
    assert all(len(data) <= most for data in blocks(parts, most))


def test_what_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "one.ts").write_bytes(DATA)
    for part in (Piece(tmp_path / "one.ts", 0, 257), Piece(tmp_path / "two.ts", 0, 1)):
        with pytest.raises(GatewayError) as caught:
            list(blocks([part]))
        assert caught.value.code == "dvr.segment_not_found"


@given(st.integers(0, 40), st.integers(0, 5000), st.integers(0, 5000))
def test_a_slice_has_whole_packets(packets: int, first: int, last: int) -> None:
    size = packets * PACKET + 7  # the connection broke within a packet
    first, last = sorted((min(first, size), min(last, size)))
    found = whole_packets(Slice(segment="one", from_byte=first, to_byte=last), size)
    assert found.from_byte % PACKET == 0
    assert found.to_byte % PACKET == 0 or found.to_byte == size
    assert found.from_byte <= first <= last <= found.to_byte <= size
    assert first - found.from_byte < PACKET
    assert found.to_byte - last < PACKET
