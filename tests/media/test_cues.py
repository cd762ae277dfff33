"""Cues: where a player can begin in a stored segment, found without reading all of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.dvr.media.cues import FARTHEST, SPACING, Packets, entries, find, find_programme
from gatewayd.dvr.media.index import PACKET, Header, Record, header_bytes, record_bytes
from tests.support.ts import broadcast, transport_stream

BEGAN = 1000.0


def segment(folder: Path, data: bytes, seconds: float, *, batch: float = 0.25) -> tuple[Path, Path]:
    """A segment whose bytes came evenly within `seconds`, a batch at a time."""
    (folder / "a.ts").write_bytes(data)
    count = max(1, round(seconds / batch))
    records = [
        record_bytes(Record(BEGAN + (number + 1) * batch, len(data) * (number + 1) // count))
        for number in range(count)
    ]
    (folder / "a.idx").write_bytes(header_bytes(Header(channel="one", first=BEGAN)) + b"".join(records))
    return folder / "a.ts", folder / "a.idx"


def test_a_decoder_can_begin_at_each(tmp_path: Path) -> None:
    data = transport_stream(20)
    found = find(*segment(tmp_path, data, 20.0), 0, len(data))
    assert (found.first, found.last, found.video) == (BEGAN, BEGAN + 20.0, 0x1B)
    steps = [after.shown - one.shown for one, after in zip(found.cues, found.cues[1:], strict=False)]
    assert len(found.cues) == 5
    assert all(SPACING - 0.3 < step < SPACING + 1.5 for step in steps)
    assert found.end is not None
    assert abs(found.end - found.cues[0].shown - 20.0) < 0.1
    for cue in found.cues:
        with av.open(io.BytesIO(found.tables + data[cue.byte :]), "r", format="mpegts") as container:
            packet = next(container.demux(container.streams.video[0]))
            assert packet.is_keyframe
            assert packet.pts is not None
            assert abs(float(packet.pts * packet.time_base) - cue.shown) < 0.001
            assert next(container.decode(video=0)).width == 320


def test_only_a_little_of_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = transport_stream(20) * 3
    files = segment(tmp_path, data, 60.0)
    read = 0
    real = Packets.runs

    def counted(self: Packets, start: int) -> Iterator[tuple[int, bytes]]:
        nonlocal read
        for position, run in real(self, start):
            read += len(run)
            yield position, run

    monkeypatch.setattr(Packets, "runs", counted)
    assert len(find(*files, 0, len(data)).cues) == 15
    assert read < len(data) * 0.3


def test_bytes_that_came_in_bursts_have_cues_as_well(tmp_path: Path) -> None:
    """A source that sends a minute at once: its clock tells, not its coming."""
    data = transport_stream(30)
    for seconds, batch in ((1.0, 1.0), (12.0, 4.0)):
        found = find(*segment(tmp_path, data, seconds, batch=batch), 0, len(data))
        steps = [after.shown - one.shown for one, after in zip(found.cues, found.cues[1:], strict=False)]
        assert max(steps) <= FARTHEST
        assert found.end is not None
        assert found.end - found.cues[-1].shown <= FARTHEST


@pytest.mark.parametrize(("codec", "kind"), [("mpeg2video", 0x02), ("libx265", 0x24), ("", None)])
def test_other_pictures_and_none(tmp_path: Path, codec: str, kind: int | None) -> None:
    data = broadcast(codec)
    found = find(*segment(tmp_path, data, 6.0), 0, len(data))
    assert found.video == kind
    assert len(found.cues) >= 2


def test_a_stretch_of_a_segment(tmp_path: Path) -> None:
    """What was asked for, and not a byte beside it."""
    data = transport_stream(20)
    files = segment(tmp_path, data, 20.0)
    begin, end = len(data) // 4 // PACKET * PACKET, len(data) // 2 // PACKET * PACKET
    found = find(*files, begin, end)
    assert found.cues
    assert all(begin <= cue.byte < end for cue in found.cues)


def test_lost_bytes_cost_a_cue_at_most(tmp_path: Path) -> None:
    data = transport_stream(20)
    torn = data[: 300 * PACKET] + data[300 * PACKET + 77 :]
    found = find(*segment(tmp_path, torn, 20.0), 0, len(torn))
    assert len(found.cues) == 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=400)), max_size=4), st.integers(0, 300))
def test_units_are_those_among_all_packets(spoilt: list[tuple[int, bytes]], start: int) -> None:
    """The quick way finds what the slow way does."""
    import tempfile

    data = bytearray(transport_stream(2)[: 400 * PACKET])
    for place, noise in spoilt:
        data[place * PACKET + 5 : place * PACKET + 5] = noise
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        packets = Packets(file.fileno(), len(data))
        every = list(packets.after(start * PACKET))
        for pid in (0, 0x100, 0x101, 0x1000):
            units = [
                (position, packet)
                for position, packet in every
                if (packet[1] & 0x1F) << 8 | packet[2] == pid and packet[1] & 0xC0 == 0x40
            ]
            assert list(packets.units(start * PACKET, pid)) == units
        assert all(data[position : position + PACKET] == packet for position, packet in every)
        assert all(packet[0] == 0x47 for _, packet in every)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.integers(0, 400), st.integers(0, 187))
def test_noise_is_survived(noise: bytes, where: int, shift: int) -> None:
    """Whatever is in the file, the search ends and tells of packets only."""
    import tempfile

    good = transport_stream(2)[: 400 * PACKET]
    data = good[: where * PACKET + shift] + noise + good[where * PACKET :]
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        found = find(*segment(Path(folder), data, 4.0), 0, len(data))
        assert all(data[cue.byte] == 0x47 for cue in found.cues)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=PACKET - 4, max_size=PACKET - 4), max_size=6), st.binary(max_size=8))
def test_hostile_packets_are_survived(bodies: list[bytes], heads: bytes) -> None:
    packets = [
        (number, b"\x47" + bytes([0x40, heads[number % len(heads)] if heads else 0, 0x30]) + body)
        for number, body in enumerate(bodies)
    ]
    programme = find_programme(iter(packets))
    if programme is not None:
        list(entries(iter(packets), programme))
