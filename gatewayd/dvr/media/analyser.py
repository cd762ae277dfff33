"""What a transport stream is like and what is wrong with it, measured while it passes.

Whole batches are looked at with numpy: one gather of the packets' first words, judged several batches
at a time. The result does not depend on how the stream was cut into batches, the continuity,
transport and sync counts least of all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewayd.dvr.media.clock import Clock
from gatewayd.dvr.media.continuity import FIELD, NULL_PID, PAYLOAD, Continuity, Words
from gatewayd.dvr.media.measures import Measures, merged
from gatewayd.dvr.media.tables import Tables

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
_TAKEN = 3
"""Words that are kept of a packet: the header and as much as holds a PCR."""
_BROKEN = 0x800000  # transport_error_indicator in the header as a big-endian word
_SCRAMBLED = 0xC0  # transport_scrambling_control


class Counts(NamedTuple):
    """Faults of a stretch; `packets` were looked at."""

    continuity: int = 0
    transport: int = 0
    sync: int = 0
    packets: int = 0


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

    Packets with transport_error_indicator are counted and not believed. A lost sync byte is one sync
    error; then LOCK in a row are sought anew. The stream is never changed.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._locked = True
        self._skipped = 0  # bytes since the sync byte that was wrong
        self._gathered: list[Words] = []
        self._count = 0  # packets gathered or judged so far
        self._batches = 0
        self._continuity = Continuity()
        self._clock = Clock()
        self._tables = Tables()
        self._measures = Measures()

    @property
    def locked(self) -> bool:
        """Whether packet boundaries are known."""
        return self._locked

    @property
    def boundary(self) -> int:
        """How many bytes ago the last packet boundary was, if locked (then less than a packet)."""
        return len(self._rest)

    @property
    def astray(self) -> int:
        """Bytes since the last packet boundary that was believed; 0 while they are known."""
        return 0 if self._locked else self._skipped + len(self._rest)

    def feed(self, data: bytes | memoryview) -> Counts:
        """Looks at the next bytes; an incomplete packet waits for its rest. `data` is not kept.

        Lost sync is told at once, the rest with every BATCHES-th batch and by `finish`.
        """
        sync = self._gather(data)
        self._batches += 1
        counts = self.finish() if self._batches >= BATCHES else Counts()
        self._measures.sync_bytes += sync
        return counts._replace(sync=sync)

    def finish(self) -> Counts:
        """Judges what was gathered and not told yet."""
        gathered, self._gathered, self._batches = self._gathered, [], 0
        if not gathered:
            return Counts()
        return self._packets(gathered[0] if len(gathered) == 1 else np.concatenate(gathered, axis=1))

    def take(self) -> Measures:
        """What was measured since the last time, up to the last judgement."""
        taken, self._measures = self._measures, Measures()
        return taken

    def peek(self) -> Measures:
        """The same without taking it."""
        return merged(self._measures)

    def _gather(self, data: bytes | memoryview) -> int:
        """Takes the first words of each packet; returns how often sync was lost."""
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
        self._keep(words, head, data, start)
        self._rest = bytes(data[start + (len(data) - start) // PACKET * PACKET :])
        return 0

    def _keep(self, words: Words, head: bytes, data: bytes | memoryview, start: int) -> None:
        """Keeps the words, and brings the tables their packets."""
        self._gathered.append(words)
        tables, ahead = self._tables, bool(head)
        pids = (words[0] >> 8) & NULL_PID
        first, known = 0, None
        while known is not tables.wanted:  # a PAT may want PMTs that follow in the same batch
            known = tables.wanted
            for index in (np.flatnonzero(known[pids[first:]]) + first).tolist():
                at = start + (index - ahead) * PACKET
                tables.bring(self._count + index, bytes(data[at : at + PACKET]) if at >= start else head)
                if tables.wanted is not known:
                    first = index + 1
                    break
        self._count += words.shape[1]

    def _hunt(self, buffer: bytes) -> int:
        """The slow way through a stretch in which sync bytes are missing."""
        view = memoryview(buffer)
        sync = position = 0
        while True:
            if not self._locked:
                found = find_sync(view[position:])
                if found is None:
                    end = max(position, len(buffer) - _SPAN)
                    self._skipped += end - position
                    position = end
                    break
                self._locked = True
                self._skipped += found
                position += found
                self._measures.sync_losses += self._skipped != PACKET
            words = _words(b"", view, position)
            wrong = (words[0] >> 24) != SYNC
            good = int(wrong.argmax()) if wrong.any() else len(wrong)
            self._keep(words[:, :good], b"", view, position)
            position += good * PACKET
            if good == len(wrong):
                break
            sync += 1
            self._locked = False
            self._skipped = 1
            position += 1
        self._rest = buffer[position:]
        return sync

    def _packets(self, words: Words) -> Counts:
        headers = words[0]
        usable: NDArray[np.intp] | None = None
        transport = 0
        unusable = ((headers & (_BROKEN | FIELD | PAYLOAD)) - np.uint32(PAYLOAD)) > FIELD
        if unusable.any():  # broken, or of the reserved kind that has neither field nor payload
            transport = int(np.count_nonzero(headers & _BROKEN))
            usable = np.flatnonzero(~unusable)
        pids = ((headers >> 8) & NULL_PID).astype(np.uint16)
        if usable is not None:
            pids = pids[usable]
        order = np.argsort(pids, kind="stable")
        null = int(np.count_nonzero(pids == NULL_PID))
        order = order[: len(order) - null]  # they sort last
        if usable is not None:
            order = usable[order]
        continuity, present = 0, set[int]()
        if len(order):
            continuity, present = self._continuity.judge(headers[order], words[1], order)
        found = Measures(packets=len(headers), null=null, continuity=continuity, transport=transport)
        self._measure(words, order, unusable if transport else None, present, found)
        return Counts(continuity, transport, 0, len(headers))

    def _measure(
        self,
        words: Words,
        order: NDArray[np.intp],
        broken: NDArray[np.bool_] | None,
        present: set[int],
        found: Measures,
    ) -> None:
        scrambled = words[0] & _SCRAMBLED
        if scrambled.any():
            found.scrambled = int(np.count_nonzero(scrambled[order]))
        self._clock.judge(words, self._count - words.shape[1], broken, found)
        self._tables.judge(self._clock.rate, present, found)
        self._measures.add(found)


def _words(head: bytes, data: bytes | memoryview, start: int) -> Words:
    """The first words of `head`, if any, and of each whole packet in `data` from `start` on."""
    count = (len(data) - start) // PACKET
    words = np.empty((_TAKEN, count + bool(head)), np.uint32)
    if head:
        words[:, 0] = np.frombuffer(head, ">u4", _TAKEN)
    if count:
        packets = np.frombuffer(data, ">u4", count * _WORDS, start).reshape(count, _WORDS)
        words[:, bool(head) :] = packets[:, :_TAKEN].T
    return words
