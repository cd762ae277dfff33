"""What the recorder asks of a worker process: one frame each way per job, over its stdin and stdout."""

from __future__ import annotations

import msgspec

from gatewayd.dvr.media.messages import Digested, ExportFormat, MediaStream, Probed


class ProbeJob(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Look at the first `limit` bytes of the file `path`; answered by Probed."""

    path: str
    limit: int


class DigestJob(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """SHA-256 over (path, from byte, to byte), in order; answered by Digested."""

    spans: tuple[tuple[str, int, int], ...]


class ThumbnailJob(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The first key frame in bytes [start, stop) of `path`, at most `width` wide.

    Answered by ThumbnailEnded.
    """

    path: str
    start: int
    stop: int
    width: int


class ExportJob(msgspec.Struct, frozen=True, kw_only=True):
    """Write (path, from byte, to byte), in order, as one file of `format` into the descriptor `output`."""

    spans: tuple[tuple[str, int, int], ...]
    format: ExportFormat
    output: int


class IngestJob(msgspec.Struct, frozen=True, kw_only=True):
    """Remux inputs into one transport stream until they end.

    `formats` are FFmpeg's names, one for each input; `sdp` describes the RTP packets of the input that is
    `sdp`. The file descriptors that come along are the output, a report, and the inputs in order; what is
    written to the report when all is over is the reason, `-` for none.
    """

    formats: tuple[str, ...]
    sdp: bytes = b""


class Failed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The job ended with a GatewayError."""

    code: str
    detail: str


class ProbeEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A ProbeJob's result."""

    result: Probed


class DigestEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A DigestJob's result."""

    result: Digested


class ThumbnailEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A ThumbnailJob's result."""

    jpeg: bytes
    width: int
    height: int


class ExportGoes(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """An ExportJob has read so many bytes; the outcome follows later."""

    done: int


class ExportEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """An ExportJob's result, as Exported tells it."""

    streams: tuple[MediaStream, ...]
    skipped: tuple[str, ...]
    joints: int


Job = ProbeJob | DigestJob | ThumbnailJob
Outcome = ProbeEnded | DigestEnded | ThumbnailEnded | Failed
ExportNews = ExportGoes | ExportEnded | Failed
MAX_FRAME = 1 << 20
