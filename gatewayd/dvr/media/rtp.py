"""Transport streams in datagrams: plain, or behind an RTP header (RFC 3550, RFC 2250). Pure."""

from __future__ import annotations

from dataclasses import dataclass

PACKET = 188
SYNC = 0x47
WINDOW = 64
"""Packets that wait for one that is missing, before it is given up."""
RESTART = 1000
"""A sequence number this far from the expected one is another sender, not a late packet."""
_FIXED = 12  # bytes of an RTP header without contributing sources


@dataclass
class Counts:
    """What became of datagrams; `lost`, `late` and `doubled` can be told with RTP only."""

    taken: int = 0
    malformed: int = 0
    lost: int = 0
    late: int = 0
    doubled: int = 0


class Depacketiser:
    """Gives the bytes of datagrams in the order of their sequence numbers.

    `put` datagrams, `take` what is ready, and `settle` at every beat: what has waited behind a gap since
    the beat before is given then, and the gap is counted as lost.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self._ready: list[bytes] = []
        self._held: dict[int, bytes] = {}
        self._expected: int | None = None
        self._source: bytes | None = None
        self._waited: frozenset[int] = frozenset()

    @property
    def expected(self) -> int | None:
        """The sequence number that comes next when nothing is out of order; None when that is not so."""
        return None if self._held else self._expected

    def skip(self, count: int) -> None:
        """`count` datagrams in order were taken elsewhere."""
        if self._expected is not None:
            self._expected = (self._expected + count) & 0xFFFF
        self.counts.taken += count

    def put(self, datagram: bytes) -> None:
        """Sorts one datagram in; what is no transport stream is counted and dropped."""
        if datagram[:1] == b"\x47":
            if len(datagram) % PACKET:
                self.counts.malformed += 1
                return
            self.counts.taken += 1
            self._ready.append(datagram)
            return
        payload = payload_of(datagram)
        if payload is None:
            self.counts.malformed += 1
            return
        self._sort(int.from_bytes(datagram[2:4], "big"), datagram[8:12], payload)

    def take(self) -> bytes:
        """The bytes that are ready, whole packets."""
        ready, self._ready = self._ready, []
        return ready[0] if len(ready) == 1 else b"".join(ready)

    def settle(self) -> None:
        """A beat has passed."""
        while not self._waited.isdisjoint(self._held):
            self._give_up()
        self._waited = frozenset(self._held)

    def _sort(self, sequence: int, source: bytes, payload: bytes) -> None:
        if self._expected is None or source != self._source:
            self._begin(sequence, source)
        ahead = (sequence - (self._expected or 0)) & 0xFFFF
        if RESTART < ahead < 0x10000 - RESTART:
            self._begin(sequence, source)
            ahead = 0
        if ahead >= 0x8000:
            self.counts.late += 1
        elif ahead == 0:
            self._pass(payload)
            self._drain()
        elif sequence in self._held:
            self.counts.doubled += 1
        else:
            self._held[sequence] = payload
            if len(self._held) > WINDOW:
                self._give_up()

    def _begin(self, sequence: int, source: bytes) -> None:
        while self._held:
            self._give_up()
        self._expected, self._source = sequence, source

    def _pass(self, payload: bytes) -> None:
        assert self._expected is not None
        self.counts.taken += 1
        self._ready.append(payload)
        self._expected = (self._expected + 1) & 0xFFFF

    def _drain(self) -> None:
        while self._held and self._expected in self._held:
            self._pass(self._held.pop(self._expected))

    def _give_up(self) -> None:
        """Goes on behind the gap."""
        expected = self._expected or 0
        gap = min((sequence - expected) & 0xFFFF for sequence in self._held)
        self.counts.lost += gap
        self._expected = (expected + gap) & 0xFFFF
        self._drain()


def payload_of(datagram: bytes) -> bytes | None:
    """The transport stream packets of an RTP packet; None for anything else."""
    if len(datagram) < _FIXED + PACKET or datagram[0] >> 6 != 2:
        return None
    start = _FIXED + 4 * (datagram[0] & 0x0F)
    stop = len(datagram)
    if datagram[0] & 0x10:  # extension: 16 bit profile, 16 bit length in words
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    if datagram[0] & 0x20:  # padding: its last byte says how much
        stop -= datagram[-1]
    payload = datagram[start:stop]
    return payload if payload[:1] == b"\x47" and len(payload) % PACKET == 0 else None
