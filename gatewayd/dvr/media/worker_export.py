"""The export worker: one process for one file. It reads the segments that it is told of and writes into one
descriptor that it was given, no more than the recorder allows; malformed media may abort it.

The job comes as one frame on stdin; on stdout go frames of progress and, last, the outcome.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from gatewayd.dvr.media.jobs import ExportEnded, ExportGoes, ExportJob, ExportNews, Failed
from gatewayd.dvr.media.timeline import Timeline
from gatewayd.dvr.media.worker import MEMORY, NICE, stream_of
from gatewayd.errors import GatewayError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

TELL_SECONDS = 0.5
BLOCK = 1 << 20
LOOK = Fraction(3)
"""Seconds of the stream in which a stream must show up to be part of the file."""
MOST_LOOK = 3000
"""Packets that are held for that at most."""
MATROSKA: dict[str, Any] = {"format": "matroska", "options": {}}
FRAGMENTED: dict[str, Any] = {
    "format": "mp4",
    # delay_moov: what AC-3 needs is known with its first packet only.
    "options": {
        "movflags": "frag_keyframe+delay_moov+default_base_moof",
        "min_frag_duration": "2000000",
    },
}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def confine(most: int) -> None:
    """Lowers what this process may do: memory, the file that it writes, core dumps, priority."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.nice(NICE)


class Concatenated:
    """Spans of files as one that can be sought in. `told` is called with the farthest byte that was read."""

    def __init__(self, spans: tuple[tuple[str, int, int], ...], told: Callable[[int], None]) -> None:
        self._spans = [span for span in spans if span[1] < span[2]]
        self._starts = [0]
        for _, start, stop in self._spans:
            self._starts.append(self._starts[-1] + stop - start)
        self._told = told
        self._at = 0
        self._file: BinaryIO | None = None
        self._open = -1

    def read(self, size: int) -> bytes:
        """At most `size` bytes of one span. Raises OSError when a segment is gone or too short."""
        number = next((n for n, stop in enumerate(self._starts[1:]) if self._at < stop), None)
        if number is None or size <= 0:
            return b""
        path, start, _ = self._spans[number]
        if self._file is None or self._open != number:
            self.close()
            self._file, self._open = open(path, "rb", buffering=0), number  # noqa: SIM115 - closed by close
        within = self._at - self._starts[number]
        self._file.seek(start + within)
        data = self._file.read(min(size, self._starts[number + 1] - self._at))
        if not data:
            raise OSError(errno.ENODATA, f"{os.path.basename(path)} is too short")
        self._at += len(data)
        self._told(self._at)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """As a file's."""
        return self._at

    def close(self) -> None:
        """Closes the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Output:
    """The file: writes everything or raises OSError, and remembers why."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """As a file's."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self.error = self.error or error
            raise
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """As a file's."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)


def copy(source: Concatenated, output: Output) -> ExportEnded:
    """`ts`: the bytes as they came. Raises OSError."""
    while data := source.read(BLOCK):
        output.write(data)
    return ExportEnded(streams=(), skipped=(), joints=0)


def remux(job: ExportJob, source: Concatenated, output: Output) -> ExportEnded:
    """`mkv` and `mp4`: streams copied into another container. Raises av.FFmpegError, ValueError, OSError."""
    import av

    probe = {"probesize": "5000000", "analyzeduration": "5000000", "scan_all_pmts": "1"}
    shape = MATROSKA if job.format == "mkv" else FRAGMENTED
    with av.open(source, "r", format="mpegts", options=probe, buffer_size=BLOCK) as container:
        packets = _Packets(container)
        with av.open(output, "w", buffer_size=BLOCK, **shape) as target:
            lanes: dict[int, Stream] = {}
            filters: dict[int, av.BitStreamFilterContext] = {}
            skipped: list[str] = []
            for stream in packets.streams:
                name = stream.codec_context.codec.canonical_name
                if name in target.supported_codecs:
                    lanes[stream.index] = target.add_stream_from_template(stream, opaque=True)
                    if (
                        name == "aac" and job.format == "mp4"
                    ):  # its muxer does so itself, but not in fragments
                        filters[stream.index] = av.BitStreamFilterContext("aac_adtstoasc", stream)
                else:
                    skipped.append(name)
            if not lanes:
                raise ValueError("it holds no sound and no picture that this format can hold")
            timeline = Timeline()
            for packet in packets:
                lane = lanes.get(packet.stream.index)
                if lane is None or packet.dts is None:
                    continue
                placed = timeline.place(
                    lane.index, packet.dts, packet.pts, packet.duration or 0, Fraction(packet.time_base)
                )
                if placed is not None:
                    packet.dts, packet.pts = placed
                    bitstream = filters.get(packet.stream.index)
                    for ready in (packet,) if bitstream is None else bitstream.filter(packet):
                        ready.stream = lane
                        target.mux_one(ready)
        kept = tuple(stream_of(stream) for stream in packets.streams if stream.index in lanes)
        return ExportEnded(streams=kept, skipped=tuple(skipped), joints=timeline.joints)


class _Packets:
    """A container's packets of sound and picture, from the first key frame on, if there is one.

    `streams` are those that showed up in the first LOOK seconds: a muxer waits in vain for the others.
    """

    def __init__(self, container: InputContainer) -> None:
        wanted = [stream for stream in container.streams if stream.type in ("video", "audio")]
        self._rest = (packet for packet in container.demux(wanted) if packet.dts is not None and packet.size)
        self._head: deque[Packet[Stream]] = deque()
        first: Fraction | None = None
        for packet in self._rest:
            self._head.append(packet)
            moment = (packet.dts or 0) * Fraction(packet.time_base)
            first = moment if first is None else first
            if abs(moment - first) > LOOK or len(self._head) >= MOST_LOOK:
                break
        present = {packet.stream.index for packet in self._head}
        self.streams = [stream for stream in wanted if stream.index in present]
        pictures = {stream.index for stream in self.streams if stream.type == "video"}
        if any(packet.is_keyframe for packet in self._head if packet.stream.index in pictures):
            while not (self._head[0].is_keyframe and self._head[0].stream.index in pictures):
                self._head.popleft()

    def __iter__(self) -> Iterator[Packet[Stream]]:
        while self._head:
            yield self._head.popleft()
        yield from self._rest


def perform(job: ExportJob, tell: Callable[[ExportNews], None]) -> ExportNews:
    """The outcome, a refusal included."""
    import av

    output = Output(job.output)
    source = Concatenated(job.spans, _Teller(tell))
    try:
        return copy(source, output) if job.format == "ts" else remux(job, source, output)
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        if output.error is not None:
            return _disk(output.error)
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, OSError) and not isinstance(error, av.FFmpegError):
            return Failed(code="dvr.segment_not_found", detail=f"A segment cannot be read: {reason}.")
        return Failed(code="dvr.media_unreadable", detail=f"The recording cannot be exported: {reason}.")


def _disk(error: OSError) -> Failed:
    code = "dvr.disk_full" if error.errno in _FULL else "dvr.disk_failed"
    return Failed(code=code, detail=f"The export cannot be written: {error.strerror}.")


class _Teller:
    """Tells progress, not too often."""

    def __init__(self, tell: Callable[[ExportNews], None]) -> None:
        self._tell = tell
        self._last = 0.0
        self._farthest = 0

    def __call__(self, position: int) -> None:
        self._farthest = max(self._farthest, position)
        now = time.monotonic()
        if now - self._last >= TELL_SECONDS:
            self._last = now
            self._tell(ExportGoes(done=self._farthest))


def main(work: Callable[[ExportJob, Callable[[ExportNews], None]], ExportNews] = perform) -> None:
    """The process; its argument is how large the file may become."""
    news = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confine(int(sys.argv[1]))

    def tell(entry: ExportNews) -> None:
        body = msgspec.msgpack.encode(entry)
        news.write(len(body).to_bytes(4, "big") + body)
        news.flush()

    size = int.from_bytes(sys.stdin.buffer.read(4), "big")
    try:
        tell(work(msgspec.msgpack.decode(sys.stdin.buffer.read(size), type=ExportJob), tell))
    except GatewayError as error:
        tell(Failed(code=error.code, detail=error.detail))


if __name__ == "__main__":
    main()
