"""The vectorised analyser against a slow and obvious reading of the same rules."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.dvr.media.analyser import LOCK, PACKET, Analyser, Counts, find_sync
from tests.support.ts import transport_stream


def packet(
    pid: int, counter: int, *, control: int = 1, broken: bool = False, discontinuity: bool = False
) -> bytes:
    """One packet; an adaptation field of one byte where `control` says that there is one."""
    head = bytes([0x47, (0x80 if broken else 0) | pid >> 8, pid & 0xFF, control << 4 | counter])
    field = bytes([1, 0x80 if discontinuity else 0]) if control & 2 else b""
    return (head + field).ljust(PACKET, b"\xff")


def reference(data: bytes) -> Counts:
    """Packet by packet, as ISO/IEC 13818-1 2.4.3 says it."""
    continuity = transport = sync = packets = at = 0
    before: dict[int, tuple[int, bool, bool]] = {}
    locked = True
    while at + PACKET <= len(data):
        if not locked:
            if at + (LOCK - 1) * PACKET >= len(data):
                break
            locked = all(data[at + number * PACKET] == 0x47 for number in range(LOCK))
            at += 0 if locked else 1
            continue
        if data[at] != 0x47:
            sync, locked, at = sync + 1, False, at + 1
            continue
        one = data[at : at + PACKET]
        at += PACKET
        packets += 1
        pid = (one[1] & 0x1F) << 8 | one[2]
        control, counter = one[3] >> 4 & 3, one[3] & 15
        if one[1] & 0x80:
            transport += 1
        elif pid != 0x1FFF and control:
            restart = bool(control & 2 and one[4] > 0 and one[5] & 0x80)
            payload = bool(control & 1)
            same = False
            if pid in before and not restart:
                last, had_payload, was_same = before[pid]
                same = payload and had_payload and counter == last
                risen = counter == (last + 1) & 15 or (same and not was_same)
                right = risen if payload else counter == last
                continuity += not right
            before[pid] = (counter, payload, same)
    return Counts(continuity, transport, sync, packets)


packets = st.builds(
    packet,
    st.sampled_from([0, 17, 256, 257, 0x1FFF]),
    st.integers(0, 3),
    control=st.sampled_from([0, 1, 1, 1, 2, 3]),
    broken=st.sampled_from([False, False, False, True]),
    discontinuity=st.booleans(),
)
junk = st.binary(max_size=40) | st.just(b"\x47" * 200)
streams = st.lists(st.lists(packets, max_size=12).map(b"".join) | junk, max_size=12).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(streams, st.lists(st.integers(1, 2000), max_size=20))
def test_it_finds_what_the_reference_finds_however_the_stream_is_cut(data: bytes, cuts: list[int]) -> None:
    analyser = Analyser()
    found = []
    at = 0
    for size in [*cuts, len(data)]:
        found.append(analyser.feed(data[at : at + size]))
        at += size
    found.append(analyser.finish())
    assert Counts(*map(sum, zip(*found, strict=True))) == reference(data)


def analysed(data: bytes) -> Counts:
    """All that is found in one batch."""
    analyser = Analyser()
    sync = analyser.feed(data).sync
    return analyser.finish()._replace(sync=sync)


def test_a_clean_stream_has_no_faults() -> None:
    stream = transport_stream()
    assert analysed(stream) == Counts(packets=len(stream) // PACKET)


def test_a_lost_packet_is_one_continuity_error() -> None:
    stream = b"".join(packet(256, number & 15) for number in range(100))
    damaged = stream[: 50 * PACKET] + stream[51 * PACKET :]
    assert analysed(damaged) == Counts(continuity=1, packets=99)


def test_a_repeated_packet_is_allowed_once() -> None:
    assert analysed(packet(256, 5) * 2 + packet(256, 6)).continuity == 0
    assert analysed(packet(256, 5) * 3 + packet(256, 6)).continuity == 1


def test_a_cut_packet_is_one_sync_error_and_the_lock_returns() -> None:
    stream = b"".join(packet(256, number & 15) for number in range(100))
    analyser = Analyser()
    counts = analyser.feed(stream[: 50 * PACKET] + stream[50 * PACKET + 7 :])
    assert counts.sync == 1
    assert analyser.locked
    assert analyser.finish().packets == 99


@given(st.binary(max_size=400).filter(lambda data: b"\x47" not in data), st.integers(0, 8))
def test_the_first_boundary_is_found_behind_rubbish(rubbish: bytes, more: int) -> None:
    stream = b"".join(packet(256, number) for number in range(LOCK + more))
    assert find_sync(rubbish + stream) == len(rubbish)
    assert find_sync(rubbish + stream[: (LOCK - 1) * PACKET]) is None
    assert find_sync(rubbish) is None
