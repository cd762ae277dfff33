"""What gatewayd and the recorder say to one another (`gatewayd.system.rpc` carries it).

gatewayd owns the ranges and sends the whole desired state with a rising `generation`; the recorder
persists it, records on while gatewayd is dead, and replays its journal to the next one. Times are Unix
seconds (UTC, float); positions and sizes are bytes; `seq` numbers the recorder's journal from 1.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ChannelState = Literal["idle", "opening", "flowing", "stalled", "retrying"]
SourceKind = Literal["http", "testcard"]


class Source(Struct, frozen=True, kw_only=True):
    """Where a channel's stream comes from; `url` is `http(s)://...` or `testcard:`."""

    kind: SourceKind
    url: str
    allow_loopback: bool = False


class Range(Struct, frozen=True, kw_only=True):
    """A span of time to be kept, half open; `id` is the recording's."""

    id: str
    start: float
    stop: float


class DesiredChannel(Struct, frozen=True, kw_only=True):
    """One connection, however many ranges it serves."""

    id: str
    source: Source
    ranges: tuple[Range, ...]


# --- calls: gatewayd -> recorder


class SetDesired(Struct, frozen=True, tag=True, kw_only=True):
    """Replaces the whole desired state; an older generation than the persisted one is refused."""

    generation: int
    channels: tuple[DesiredChannel, ...]


class GetStatus(Struct, frozen=True, tag=True):
    """Answered by Status."""


class ReadJournal(Struct, frozen=True, tag=True, kw_only=True):
    """Entries with seq > `after`, oldest first, at most `limit` (1-1000); answered by Journal."""

    after: int
    limit: int = 500


class DeleteSegment(Struct, frozen=True, tag=True, kw_only=True):
    """Removes one closed segment and its index; one that is gone already is fine."""

    segment: str


class Probe(Struct, frozen=True, tag=True, kw_only=True):
    """A PyAV worker looks at the first 2 MB of a stored segment; answered by Probed."""

    segment: str


class Digest(Struct, frozen=True, tag=True, kw_only=True):
    """SHA-256 over the bytes of these slices in order, computed in a worker; answered by Digested."""

    slices: tuple[Slice, ...]


class Slice(Struct, frozen=True, kw_only=True):
    """Bytes [from_byte, to_byte) of one segment."""

    segment: str
    from_byte: int
    to_byte: int


class Locate(Struct, frozen=True, tag=True, kw_only=True):
    """Where the time span [start, stop) of a channel lies in the stored segments; answered by Located."""

    channel: str
    start: float
    stop: float


Verb = SetDesired | GetStatus | ReadJournal | DeleteSegment | Probe | Digest | Locate


# --- answers


class Accepted(Struct, frozen=True, kw_only=True):
    """The desired state is on disk."""

    generation: int


class Errors(Struct, frozen=True, kw_only=True):
    """Counted faults of a stretch of stream (TR 101 290: 1.4 continuity, 2.1 transport, 1.1/1.2 sync)."""

    continuity: int = 0
    transport: int = 0
    sync: int = 0


class ChannelStatus(Struct, frozen=True, kw_only=True):
    """One channel now; `bitrate` in bit/s over the last seconds, `received` bytes since it was opened."""

    id: str
    state: ChannelState
    bitrate: float
    received: int
    errors: Errors
    reason: str | None = None


class Status(Struct, frozen=True, kw_only=True):
    """The recorder now; `free_bytes` of the file system that holds the segments, `seq` the journal's last."""

    generation: int
    channels: tuple[ChannelStatus, ...]
    free_bytes: int
    seq: int
    pid: int
    workers: tuple[int, ...]


class SegmentOpened(Struct, frozen=True, tag=True, kw_only=True):
    """A new segment file begins; its bytes are in `<folder>/<segment>.ts`."""

    seq: int
    time: float
    channel: str
    segment: str


class SegmentClosed(Struct, frozen=True, tag=True, kw_only=True):
    """A segment is whole; `digest` is its cheap checksum, the times are of its first and last bytes."""

    seq: int
    time: float
    channel: str
    segment: str
    first: float
    last: float
    bytes: int
    errors: Errors
    digest: str


class Gap(Struct, frozen=True, tag=True, kw_only=True):
    """Nothing was stored of this channel between these times although a range wanted it."""

    seq: int
    time: float
    channel: str
    start: float
    stop: float
    reason: str


class SourceFailed(Struct, frozen=True, tag=True, kw_only=True):
    """An attempt to open or read a source failed (a stable dotted code and a sentence)."""

    seq: int
    time: float
    channel: str
    code: str
    detail: str


class RangeDone(Struct, frozen=True, tag=True, kw_only=True):
    """A range's stop time has come and all its bytes are on disk."""

    seq: int
    time: float
    channel: str
    range: str


Entry = SegmentOpened | SegmentClosed | Gap | SourceFailed | RangeDone


class Journal(Struct, frozen=True, kw_only=True):
    """A page of the journal; `last` is the seq of the newest entry there is."""

    entries: tuple[Entry, ...]
    last: int


class Deleted(Struct, frozen=True, kw_only=True):
    """How many bytes were freed."""

    bytes: int


class Stream(Struct, frozen=True, kw_only=True):
    """One elementary stream as PyAV names it; `width`/`height` of video, `channels` of audio."""

    index: int
    type: str
    codec: str
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    language: str | None = None


class Probed(Struct, frozen=True, kw_only=True):
    """What a worker found; `decoded_frames` of the first video stream (0: it could not be decoded)."""

    format: str
    streams: tuple[Stream, ...]
    decoded_frames: int


class Digested(Struct, frozen=True, kw_only=True):
    """Hexadecimal SHA-256 and the number of bytes that it covers."""

    sha256: str
    bytes: int


class Located(Struct, frozen=True, kw_only=True):
    """Slices in time order, the gaps between them as (from, to), and the faults counted within."""

    slices: tuple[Slice, ...]
    gaps: tuple[tuple[float, float], ...]
    errors: Errors


class JournalGrew(Struct, frozen=True, kw_only=True):
    """The recorder's only push: there are entries up to `seq`."""

    seq: int
