"""The ingest worker: remuxes what is no transport stream into one, in a child of its own for each source.

It loads PyAV once and forks, so that a further source costs little memory and a muxer that aborts ends
one source. Orders come over the socket that is its standard input, with the file descriptors to work on;
a child ends when the recorder closes the stream that it writes.
"""

from __future__ import annotations

import os
import queue
import resource
import select
import signal
import socket
import threading
from collections.abc import Iterator
from fractions import Fraction

import av
import msgspec
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from gatewayd.dvr.media.jobs import IngestJob
from gatewayd.dvr.media.timeline import Timeline

MEMORY = 1 << 30
NICE = 5
MOST_FDS = 8
MOST_ORDER = 64 * 1024
_PROBE = {"probesize": "1000000", "analyzeduration": "2000000"}
_RTP_PROBE = {"probesize": "500000", "analyzeduration": "1000000"}
_WAITING = 256
"""Packets of one input that may wait for those of another."""
_PATIENCE = 2.0
"""Seconds for which one input waits for another that says nothing."""


def confine() -> None:
    """Lowers what this process and its children may do: memory, files (none), core dumps, priority."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.nice(NICE)


class Packets:
    """RTP packets for FFmpeg's SDP reader: the description, its end, then one packet for each read."""

    def __init__(self, sdp: bytes, packets: socket.socket) -> None:
        self._beginning = [sdp, b""]
        self._packets = packets

    def read(self, size: int) -> bytes:
        """PyAV's file protocol; b"" at the end."""
        if self._beginning:
            return self._beginning.pop(0)
        return self._packets.recv(size)


class Bytes:
    """A stream that cannot be sought in, whatever PyAV would like."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int) -> bytes:
        """PyAV's file protocol; b"" at the end."""
        return os.read(self._fd, size)


def open_input(job: IngestJob, number: int, fd: int) -> InputContainer:
    """One input. Raises av.FFmpegError, ValueError."""
    kind = job.formats[number]
    if kind == "sdp":
        options = {"sdp_flags": "custom_io", "protocol_whitelist": "none"} | _RTP_PROBE
        packets = Packets(job.sdp, socket.socket(fileno=fd))
        return av.open(packets, "r", format="sdp", options=options, buffer_size=1 << 16)
    # The format is told, never guessed: a guess could be one that opens addresses of its own.
    return av.open(Bytes(fd), "r", format=kind, options={"protocol_whitelist": "none"} | _PROBE)


def packets_of(container: InputContainer, number: int) -> Iterator[tuple[int, int, Packet[Stream]]]:
    """(input, stream, packet) of sound and picture that can be placed in time."""
    streams = [stream for stream in container.streams if stream.type in ("video", "audio")]
    for packet in container.demux(streams):
        if packet.dts is not None and packet.size and packet.time_base is not None:
            yield number, packet.stream.index, packet


def merged(containers: list[InputContainer]) -> Iterator[tuple[int, int, Packet[Stream]]]:
    """The packets of all inputs, by time; an input that is silent is waited for only a while."""
    if len(containers) == 1:
        yield from packets_of(containers[0], 0)
        return
    lanes: list[queue.Queue[tuple[int, int, Packet[Stream]] | None]] = [
        queue.Queue(_WAITING) for _ in containers
    ]

    def fill(number: int) -> None:
        try:
            for entry in packets_of(containers[number], number):
                lanes[number].put(entry)
        except (av.FFmpegError, OSError, ValueError):
            pass
        finally:
            lanes[number].put(None)

    for number in range(len(containers)):
        threading.Thread(target=fill, args=(number,), daemon=True).start()
    heads: dict[int, tuple[int, int, Packet[Stream]] | None] = {}
    while True:
        for number, lane in enumerate(lanes):
            if number not in heads:
                try:
                    heads[number] = lane.get(timeout=_PATIENCE)
                except queue.Empty:
                    continue
        ready = [entry for entry in heads.values() if entry is not None]
        if not ready and len(heads) == len(lanes):
            return
        if ready:
            first = min(ready, key=lambda entry: _moment(entry[2]))
            del heads[first[0]]
            yield first


def _moment(packet: Packet[Stream]) -> Fraction:
    assert packet.dts is not None
    assert packet.time_base is not None
    return packet.dts * packet.time_base


def remux(job: IngestJob, output: int, inputs: list[int]) -> None:
    """Until the inputs end. Raises av.FFmpegError, ValueError."""
    containers = [open_input(job, number, fd) for number, fd in enumerate(inputs)]
    options = {"flush_packets": "1", "mpegts_flags": "resend_headers", "pat_period": "0.2"}
    with av.open(f"pipe:{output}", "w", format="mpegts", options=options) as target:
        streams = {}
        for number, container in enumerate(containers):
            for stream in container.streams:
                if stream.type in ("video", "audio"):
                    streams[number, stream.index] = target.add_stream_from_template(stream, opaque=True)
        if not streams:
            raise ValueError("no sound and no picture")
        timeline = Timeline()
        lanes = {key: lane for lane, key in enumerate(streams)}
        for number, index, packet in merged(containers):
            key = (number, index)
            if key not in streams or packet.dts is None or packet.time_base is None:
                continue
            placed = timeline.place(
                lanes[key], packet.dts, packet.pts, packet.duration or 0, Fraction(packet.time_base)
            )
            if placed is None:
                continue
            packet.dts, packet.pts = placed
            packet.stream = streams[key]
            target.mux_one(packet)


def serve(job: IngestJob, output: int, report: int, inputs: list[int]) -> None:
    """A child's life; what went wrong is the only thing that it writes to `report`."""
    # Its own descriptor: PyAV closes the other, and the recorder shall see the end after the report.
    threading.Thread(target=_end_with, args=(os.dup(output),), daemon=True).start()
    try:
        remux(job, output, inputs)
        reason = b"-"
    except (av.FFmpegError, ValueError, MemoryError, OSError) as error:
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).encode()[:500]
    os.write(report, reason)


def _end_with(output: int) -> None:
    """Ends the process when nobody reads `output` any more, even while PyAV waits for its input."""
    poll = select.poll()
    poll.register(output, 0)
    poll.poll()
    os._exit(0)


def main() -> None:
    """The process: one fork for each order, until the recorder closes the socket."""
    confine()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    control = socket.socket(fileno=0)
    decoder = msgspec.msgpack.Decoder(IngestJob)
    while True:
        order, fds, _, _ = socket.recv_fds(control, MOST_ORDER, MOST_FDS)
        if not order:
            return
        if os.fork() == 0:
            control.close()
            output, report, *inputs = fds
            serve(decoder.decode(order), output, report, inputs)
            os._exit(0)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main()
