"""An export worker without the guard: a time stamp that leaps and falls back reaches the MP4 muxer.

FFmpeg's muxer then fails an assertion and aborts the process (seen with PyAV 18.1 and 19).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import av

from gatewayd.dvr.media.jobs import ExportJob, ExportNews, Failed
from gatewayd.dvr.media.worker_export import Concatenated, Output, main

LEAP = 1 << 32


def careless(job: ExportJob, tell: Callable[[ExportNews], None]) -> ExportNews:
    """One packet of each stream comes from far in the future."""
    source, output = Concatenated(job.spans, lambda done: None), Output(job.output)
    options = {"movflags": "frag_every_frame+empty_moov"}
    with (
        av.open(source, "r", format="mpegts") as container,
        av.open(output, "w", format="mp4", options=options) as target,
    ):
        lanes = {s.index: target.add_stream_from_template(s, opaque=True) for s in container.streams}
        plain = {
            s.index: av.BitStreamFilterContext("aac_adtstoasc", s)
            for s in container.streams
            if s.type == "audio"
        }
        for number, packet in enumerate(container.demux()):
            if packet.dts is None or packet.pts is None:
                continue
            if number in (40, 41):
                packet.dts += LEAP
                packet.pts += LEAP
            lane, bitstream = lanes[packet.stream.index], plain.get(packet.stream.index)
            for ready in (packet,) if bitstream is None else bitstream.filter(packet):
                ready.stream = lane
                with contextlib.suppress(av.FFmpegError):
                    target.mux_one(ready)
    return Failed(code="dvr.media_unreadable", detail="The muxer bore with it.")


if __name__ == "__main__":
    main(careless)
