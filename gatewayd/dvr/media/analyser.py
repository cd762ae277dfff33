"""What is wrong with a transport stream, counted while it passes (ISO/IEC 13818-1; ETSI TR 101 290, 1.1-2.1).

Whole batches are looked at with numpy: one gather of the headers and one stable sort by PID show which
packets do not simply follow the one before them; only those are judged one by one. The result
does not depend on how the stream was cut into batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PACKET = 188
SYNC = 0x47
LOCK = 5
"""Sync bytes in a row that make a lock: TR 101 290 suggests five correct ones."""
SEARCH = 64 * 1024
"""Bytes within which a new source must show that it is a transport stream."""

BATCHES = 8
"""Batches that are judged together: calls cost more than packets."""

_SPAN = (LOCK - 1) * PACKET
_WORDS = PACKET // 4
_NULL_PID = 0x1FFF
# Fields of the header as a big-endian word.
_BROKEN = 0x800000  # transport_error_indicator
_FIELD, _PAYLOAD, _COUNTER = 0x20, 0x10, 0x0F  # adaptation_field_control, continuity_counter
_FOLLOWS = np.uint32(_NULL_PID << 8 | _PAYLOAD | _COUNTER)

_DISCONTINUITY = 0x800000  # in the second word, behind adaptation_field_length

Words = NDArray[np.uint32]


class Counts(NamedTuple):
    """Faults of a stretch; `packets` were looked at."""

    continuity: int = 0
    transport: int = 0
    sync: int = 0
    packets: int = 0


class _Seen(NamedTuple):
    """The last packet of a PID: its payload flag and counter; whether it repeated the one before it."""

    word: int
    repeat: bool


def find_sync(data: bytes | bytearray | memoryview) -> int | None:
    """The first offset at which LOCK packets in a row begin with the sync byte, or None."""
    if len(data) <= _SPAN:
        return None
    marks = np.frombuffer(data, np.uint8) == SYNC
    starts = marks[: len(marks) - _SPAN].copy()
    for number in range(1, LOCK):
        shift = number * PACKET
        starts &= marks[shift : len(marks) - _SPAN + shift]
    at = int(starts.argmax())
    return at if starts[at] else None


class Analyser:
    """Follows one stream from a packet boundary on. `feed` what comes; it returns what it found.

    Per PID, null packets excluded: the continuity counter must rise by one with each packet that has a
    payload, except one repetition of a packet and after a discontinuity_indicator, and stay with
    one that has none. Packets with transport_error_indicator are counted and not believed.
    A lost sync byte is one sync error; then LOCK in a row are sought anew. The stream is never changed.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._locked = True
        self._seen: dict[int, _Seen] = {}
        self._gathered: list[Words] = []
        self._batches = 0

    @property
    def locked(self) -> bool:
        """Whether packet boundaries are known."""
        return self._locked

    @property
    def boundary(self) -> int:
        """How many bytes ago the last packet boundary was, if locked (then less than a packet)."""
        return len(self._rest)

    def feed(self, data: bytes) -> Counts:
        """Looks at the next bytes; an incomplete packet waits for its rest.

        Lost sync is told at once, the rest with every BATCHES-th batch and by `finish`.
        """
        sync = self._gather(data)
        self._batches += 1
        counts = self.finish() if self._batches >= BATCHES else Counts()
        return counts._replace(sync=sync)

    def finish(self) -> Counts:
        """Judges what was gathered and not told yet."""
        gathered, self._gathered, self._batches = self._gathered, [], 0
        if not gathered:
            return Counts()
        return self._packets(gathered[0] if len(gathered) == 1 else np.concatenate(gathered, axis=1))

    def _gather(self, data: bytes) -> int:
        """Takes the first two words of each packet; returns how often sync was lost."""
        if not self._locked:
            return self._hunt(self._rest + data)
        head = b""
        if self._rest:  # the packet that the last batch ended in is put together, the bulk is not copied
            head = self._rest + data[: PACKET - len(self._rest)]
            if len(head) < PACKET:
                self._rest = head
                return 0
        start = len(head) - len(self._rest)
        words = _words(head, data, start)
        if not ((words[0] >> 24) == SYNC).all():
            return self._hunt(self._rest + data)
        self._gathered.append(words)
        self._rest = data[start + (len(data) - start) // PACKET * PACKET :]
        return 0

    def _hunt(self, buffer: bytes) -> int:
        """The slow way through a stretch in which sync bytes are missing."""
        view = memoryview(buffer)
        sync = position = 0
        while True:
            if not self._locked:
                found = find_sync(view[position:])
                if found is None:
                    position = max(position, len(buffer) - _SPAN)
                    break
                self._locked = True
                position += found
            words = _words(b"", view, position)
            wrong = (words[0] >> 24) != SYNC
            good = int(wrong.argmax()) if wrong.any() else len(wrong)
            self._gathered.append(words[:, :good])
            position += good * PACKET
            if good == len(wrong):
                break
            sync += 1
            self._locked = False
            position += 1
        self._rest = buffer[position:]
        return sync

    def _packets(self, words: Words) -> Counts:
        headers = words[0]
        usable: NDArray[np.intp] | None = None
        transport = 0
        unusable = ((headers & (_BROKEN | _FIELD | _PAYLOAD)) - np.uint32(_PAYLOAD)) > _FIELD
        if unusable.any():  # broken, or of the reserved kind that has neither field nor payload
            transport = int(np.count_nonzero(headers & _BROKEN))
            usable = np.flatnonzero(~unusable)
        pids = ((headers >> 8) & _NULL_PID).astype(np.uint16)
        if usable is not None:
            pids = pids[usable]
        order = np.argsort(pids, kind="stable")
        order = order[: len(order) - int(np.count_nonzero(pids == _NULL_PID))]  # they sort last
        if usable is not None:
            order = usable[order]
        continuity = self._continuity(headers[order], words[1], order) if len(order) else 0
        return Counts(continuity, transport, 0, len(headers))

    def _continuity(self, headers: Words, fields: Words, order: NDArray[np.intp]) -> int:
        words = headers & _FOLLOWS
        expected = (words & ~np.uint32(_COUNTER)) | ((words + np.uint32(1)) & np.uint32(_COUNTER))
        odd = np.empty(len(words), np.bool_)
        odd[0] = True
        odd[1:] = (expected[:-1] != words[1:]) | ((words[1:] & _PAYLOAD) == 0)
        at = np.flatnonzero(odd)
        errors, pid, seen, last = 0, -1, None, 0
        for index, header, field, before in zip(
            at.tolist(), headers[at].tolist(), fields[order[at]].tolist(), words[at - 1].tolist(), strict=True
        ):
            behind = seen if seen is not None and last == index - 1 else _Seen(before & 0x1F, False)
            if header >> 8 & _NULL_PID != pid:
                if pid >= 0:
                    self._seen[pid] = behind
                pid = header >> 8 & _NULL_PID
                earlier = self._seen.get(pid)
            else:
                earlier = behind
            restart = bool(header & _FIELD and field >> 24 and field & _DISCONTINUITY)
            right, seen = _judge(header & 0x1F, earlier, restart)
            errors += not right
            last = index
        tail = int(words[-1]) & 0x1F
        self._seen[pid] = seen if seen is not None and last == len(words) - 1 else _Seen(tail, False)
        return errors


def _judge(word: int, earlier: _Seen | None, restart: bool) -> tuple[bool, _Seen]:
    """Whether a packet may follow an earlier one of its PID (ISO/IEC 13818-1, 2.4.3.3)."""
    if earlier is None or restart:
        return True, _Seen(word, False)
    if not word & _PAYLOAD:
        return (word ^ earlier.word) & _COUNTER == 0, _Seen(word, False)
    repeat = word == earlier.word
    risen = (earlier.word + 1 ^ word) & _COUNTER == 0
    return risen or (repeat and not earlier.repeat), _Seen(word, repeat)


def _words(head: bytes, data: bytes | memoryview, start: int) -> Words:
    """The first and second word of `head`, if any, and of each whole packet in `data` from `start` on."""
    count = (len(data) - start) // PACKET
    words = np.empty((2, count + bool(head)), np.uint32)
    if head:
        words[:, 0] = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")
    if count:
        packets = np.frombuffer(data, ">u4", count * _WORDS, start).reshape(count, _WORDS)
        words[:, bool(head) :] = packets[:, :2].T
    return words
