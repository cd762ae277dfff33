"""What gatewayd and the recorder say to one another (`gatewayd.system.rpc` carries it).

gatewayd owns the ranges and sends the whole desired state with a rising `generation`; the recorder
persists it, records on while gatewayd is dead, and replays its journal to the next one. Times are Unix
seconds (UTC, float); positions and sizes are bytes; `seq` numbers the recorder's journal from 1.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from gatewayd.dvr.media.cue_messages import FindCues
from gatewayd.dvr.media.measures import Measures

BITRATE_SECONDS = 10.0
"""How long each entry of a bitrate history is."""

ChannelState = Literal["idle", "opening", "flowing", "stalled", "retrying"]
ExportFormat = Literal["ts", "mkv", "mp4"]
SourceKind = Literal["http", "hls", "rtsp", "udp", "testcard"]


class Source(Struct, frozen=True, kw_only=True):
    """Where a channel's stream comes from.

    `url` is `http(s)://`, `rtsp://`, `udp://`, `rtp://` or `testcard:`. `interface` names the one on which
    multicast groups are joined; None: as the routes say.
    """

    kind: SourceKind
    url: str
    allow_loopback: bool = False
    interface: str | None = None


class Range(Struct, frozen=True, kw_only=True):
    """A span of time to be kept, half open; `id` is the recording's.

    `prompt`: its source is opened at `start`, not a little before: until then another has the tuner.
    """

    id: str
    start: float
    stop: float
    prompt: bool = False


class DesiredChannel(Struct, frozen=True, kw_only=True):
    """One connection, however many ranges it serves."""

    id: str
    source: Source
    ranges: tuple[Range, ...]


class DiskLimits(Struct, frozen=True, kw_only=True):
    """Bytes of the disk that recordings leave free, and how many they may take in all (None: no limit)."""

    reserve: int
    quota: int | None = None


# --- calls: gatewayd -> recorder


class SetDesired(Struct, frozen=True, tag=True, kw_only=True):
    """Replaces the whole desired state; an older generation than the persisted one is refused."""

    generation: int
    channels: tuple[DesiredChannel, ...]
    limits: DiskLimits | None = None


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


class Thumbnail(Struct, frozen=True, tag=True, kw_only=True):
    """Keeps the first key frame in these bytes of a segment as a JPEG beside it (`<segment>.jpg`).

    Answered by Thumbnailed; `dvr.media_unreadable` when there is none.
    """

    slice: Slice


class Export(Struct, frozen=True, tag=True, kw_only=True):
    """Writes these slices as one file into the folder of exports; answered by Exported when it is whole.

    `export` is a ULID, by which `GetExport` and `CancelExport` name it meanwhile. It ends with the
    connection of who asked.
    """

    export: str
    slices: tuple[Slice, ...]
    format: ExportFormat


class GetExport(Struct, frozen=True, tag=True, kw_only=True):
    """Answered by ExportProgress."""

    export: str


class CancelExport(Struct, frozen=True, tag=True, kw_only=True):
    """Ends an export and removes what there is of its file; one that is not under way is fine."""

    export: str


class DropExports(Struct, frozen=True, tag=True, kw_only=True):
    """Ends every export and removes every file of exports; answered by Deleted."""


class Slice(Struct, frozen=True, kw_only=True):
    """Bytes [from_byte, to_byte) of one segment."""

    segment: str
    from_byte: int
    to_byte: int


class ListSegments(Struct, frozen=True, tag=True, kw_only=True):
    """At most `limit` (1-5000) stored segments by name, on from `after`; answered by Segments."""

    after: str = ""
    limit: int = 5000


class Locate(Struct, frozen=True, tag=True, kw_only=True):
    """Where the time span [start, stop) of a channel lies in the stored segments; answered by Located."""

    channel: str
    start: float
    stop: float


Verb = (
    SetDesired
    | GetStatus
    | ReadJournal
    | DeleteSegment
    | Probe
    | Digest
    | Thumbnail
    | FindCues
    | Export
    | GetExport
    | CancelExport
    | DropExports
    | ListSegments
    | Locate
)


# --- answers


class Accepted(Struct, frozen=True, kw_only=True):
    """The desired state is on disk."""

    generation: int


class StreamErrors(Struct, frozen=True, kw_only=True):
    """Counted faults of a stretch of stream (TR 101 290: 1.4 continuity, 2.1 transport, 1.1/1.2 sync)."""

    continuity: int = 0
    transport: int = 0
    sync: int = 0


class ChannelStatus(Struct, frozen=True, kw_only=True):
    """One channel now; `bitrate` in bit/s over the last seconds, `received` bytes since it was opened.

    `measures` are of its open segment and the one before it on the same connection: a minute or two.
    """

    id: str
    state: ChannelState
    bitrate: float
    received: int
    errors: StreamErrors
    reason: str | None = None
    measures: Measures | None = None


class Status(Struct, frozen=True, kw_only=True):
    """The recorder now; `free_bytes` and `total_bytes` of the file system that holds the segments,
    `used_bytes` of all segments, how many `segments` there are, `seq` the journal's last.
    """

    generation: int
    channels: tuple[ChannelStatus, ...]
    free_bytes: int
    seq: int
    pid: int
    workers: tuple[int, ...]
    total_bytes: int = 0
    used_bytes: int = 0
    segments: int = 0


class SegmentOpened(Struct, frozen=True, tag=True, kw_only=True):
    """A new segment file begins; its bytes are in `<folder>/<segment>.ts`."""

    seq: int
    time: float
    channel: str
    segment: str


class SegmentClosed(Struct, frozen=True, tag=True, kw_only=True):
    """A segment is whole; `digest` is its cheap checksum, the times are of its first and last bytes.

    It is empty, and the segment shorter than what was received, when the disk lost some of it.
    """

    seq: int
    time: float
    channel: str
    segment: str
    first: float
    last: float
    bytes: int
    errors: StreamErrors
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


class StoredSegment(Struct, frozen=True, kw_only=True):
    """A segment as it lies in the recorder's folder; what is told of an `open` one goes on changing."""

    segment: str
    channel: str
    first: float
    last: float
    bytes: int
    open: bool


class Segments(Struct, frozen=True, kw_only=True):
    """A page of stored segments; an empty one is behind the last."""

    items: tuple[StoredSegment, ...]


class Deleted(Struct, frozen=True, kw_only=True):
    """How many bytes were freed."""

    bytes: int


class MediaStream(Struct, frozen=True, kw_only=True):
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
    streams: tuple[MediaStream, ...]
    decoded_frames: int


class Digested(Struct, frozen=True, kw_only=True):
    """Hexadecimal SHA-256 and the number of bytes that it covers."""

    sha256: str
    bytes: int


class Thumbnailed(Struct, frozen=True, kw_only=True):
    """The picture's size in pixels and bytes."""

    width: int
    height: int
    bytes: int


class Exported(Struct, frozen=True, kw_only=True):
    """A file that is whole: its path, and until when (Unix time) it is kept.

    `streams` are those it holds, `skipped` the codecs of those that its format cannot hold; `joints` counts
    where the source's clock leapt and was joined. `ts` files are the bytes as they came: both are empty.
    """

    file: str
    bytes: int
    streams: tuple[MediaStream, ...]
    skipped: tuple[str, ...]
    joints: int
    expires: float


class ExportProgress(Struct, frozen=True, kw_only=True):
    """How many bytes of the recording an export is through with; `known` False: there is none such."""

    known: bool
    done: int = 0
    total: int = 0


class Located(Struct, frozen=True, kw_only=True):
    """Slices in time order, the gaps between them as (from, to), and the faults counted within.

    `measures` are of the whole segments that the slices are in, None when none of them has any;
    `bitrates` are (from, bit/s) of stretches of BITRATE_SECONDS or what the span has of them.
    """

    slices: tuple[Slice, ...]
    gaps: tuple[tuple[float, float], ...]
    errors: StreamErrors
    measures: Measures | None = None
    bitrates: tuple[tuple[float, float], ...] = ()


class JournalGrew(Struct, frozen=True, kw_only=True):
    """The recorder's only push: there are entries up to `seq`."""

    seq: int
