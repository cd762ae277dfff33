"""A worker process: the place where PyAV may crash. Frames of jobs on stdin, of outcomes on stdout.

It reads files that the recorder names, writes none, and ends with its input. Malformed media may
abort it; the recorder starts another.
"""

from __future__ import annotations

import hashlib
import io
import os
import resource
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from gatewayd.dvr.media.jobs import (
    DigestEnded,
    DigestJob,
    Failed,
    Job,
    Outcome,
    ProbeEnded,
    ProbeJob,
    ThumbnailEnded,
    ThumbnailJob,
)
from gatewayd.dvr.media.messages import Digested, MediaStream, Probed
from gatewayd.errors import GatewayError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MEMORY = 1 << 30
NICE = 10
DECODE_FRAMES = 25
THUMBNAIL_BYTES = 12 * 1024 * 1024
"""In which a key frame is looked for: some seconds of the fastest broadcast."""


def confine() -> None:
    """Lowers what this process may do: memory, files written (none), core dumps, priority."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.nice(NICE)


def probe(job: ProbeJob) -> Probed:
    """Demuxes and decodes the beginning of a stored stream. Raises GatewayError `dvr.media_unreadable`."""
    import av  # a worker that only hashes never loads it

    try:
        with open(job.path, "rb") as file:
            head = io.BytesIO(file.read(job.limit))
        with av.open(head, "r", format="mpegts") as container:
            streams = tuple(stream_of(stream) for stream in container.streams)
            name = container.format.name
            return Probed(format=name, streams=streams, decoded_frames=_decoded(container))
    except (av.FFmpegError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GatewayError("dvr.media_unreadable", f"The recording cannot be decoded: {reason}.") from error
    except OSError as error:
        raise GatewayError("dvr.segment_not_found", f"The segment cannot be read: {error}.") from error


def digest(job: DigestJob) -> Digested:
    """SHA-256 over spans of files. Raises GatewayError `dvr.segment_not_found`."""
    state, size = hashlib.sha256(), 0
    for path, start, stop in job.spans:
        try:
            with open(path, "rb") as file:
                file.seek(start)
                left = stop - start
                while left > 0 and (piece := file.read(min(left, 1 << 20))):
                    state.update(piece)
                    left -= len(piece)
        except (OSError, ValueError) as error:
            raise GatewayError("dvr.segment_not_found", f"The segment cannot be read: {error}.") from error
        if left > 0:
            raise GatewayError("dvr.segment_not_found", f"The segment ends {left} bytes too early.")
        size += max(0, stop - start)
    return Digested(sha256=state.hexdigest(), bytes=size)


def thumbnail(job: ThumbnailJob) -> ThumbnailEnded:
    """The first key frame that can be decoded, as a JPEG. Raises GatewayError `dvr.media_unreadable`."""
    import av

    try:
        with open(job.path, "rb") as file:
            file.seek(job.start)
            head = io.BytesIO(file.read(max(0, min(job.stop - job.start, THUMBNAIL_BYTES))))
        with av.open(head, "r", format="mpegts") as container:
            video = container.streams.video[0]
            video.thread_count = 1
            video.codec_context.skip_frame = "NONKEY"
            for frame in _frames(container, video):
                return _jpeg(frame, job.width)
    except (av.FFmpegError, ValueError, IndexError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GatewayError("dvr.media_unreadable", f"No picture can be decoded: {reason}.") from error
    except OSError as error:
        raise GatewayError("dvr.segment_not_found", f"The segment cannot be read: {error}.") from error
    raise GatewayError("dvr.media_unreadable", "There is no key frame in these bytes.")


def _frames(container: InputContainer, video: VideoStream) -> Iterator[VideoFrame]:
    import av

    for packet in container.demux(video):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue  # a recording may begin between key frames


def _jpeg(frame: VideoFrame, width: int) -> ThumbnailEnded:
    """At most `width` wide, with square pixels."""
    import av

    shape = frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
    wide = frame.width * float(shape or 1)
    width = max(16, min(width, round(wide)) // 2 * 2)
    height = max(16, round(frame.height * width / wide) // 2 * 2)
    small = frame.reformat(width=width, height=height, format="yuvj420p")
    small.pts = 0
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": "4", "qmax": "4"}
    packets = [*encoder.encode(small), *encoder.encode(None)]
    return ThumbnailEnded(jpeg=b"".join(bytes(packet) for packet in packets), width=width, height=height)


def stream_of(stream: object) -> MediaStream:
    codec = getattr(stream, "codec_context", None)
    kind = str(getattr(stream, "type", "unknown"))
    return MediaStream(
        index=int(getattr(stream, "index", 0)),
        type=kind,
        codec=str(getattr(codec, "name", "unknown")),
        width=getattr(codec, "width", None) or None if kind == "video" else None,
        height=getattr(codec, "height", None) or None if kind == "video" else None,
        channels=getattr(codec, "channels", None) or None if kind == "audio" else None,
        language=getattr(stream, "language", None),
    )


def _decoded(container: object) -> int:
    import av
    from av.container import InputContainer

    assert isinstance(container, InputContainer)
    if not container.streams.video:
        return 0
    video = container.streams.video[0]
    video.thread_count = 1
    count = 0
    for packet in container.demux(video):
        try:
            count += len(packet.decode())
        except av.FFmpegError:
            continue  # a recording may begin between key frames
        if count >= DECODE_FRAMES:
            break
    return count


def perform(job: Job) -> Outcome:
    """One job's outcome, a refusal included."""
    try:
        if isinstance(job, ProbeJob):
            return ProbeEnded(result=probe(job))
        if isinstance(job, ThumbnailJob):
            return thumbnail(job)
        return DigestEnded(result=digest(job))
    except GatewayError as error:
        return Failed(code=error.code, detail=error.detail)


def serve(jobs: BinaryIO, outcomes: BinaryIO) -> None:
    """Answers jobs until the input ends."""
    decoder = msgspec.msgpack.Decoder(Job)
    while len(head := jobs.read(4)) == 4:
        body = msgspec.msgpack.encode(perform(decoder.decode(jobs.read(int.from_bytes(head, "big")))))
        outcomes.write(len(body).to_bytes(4, "big") + body)
        outcomes.flush()


def main() -> None:
    """The process. Whatever libraries print to stdout goes to stderr: stdout carries frames."""
    outcomes = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confine()
    serve(sys.stdin.buffer, outcomes)


if __name__ == "__main__":
    main()
