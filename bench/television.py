"""A channel for the bench: a full 1080p25 transport stream at 8 Mbit/s and a server that paces it.

`python -m bench.television FILE` serves it; the first line it prints is `port N`.
"""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BITRATE = 8_000_000
TICK = 0.01
PORT_LINE = "port "


def clip(seconds: int) -> bytes:
    """1080p25 H.264 and AAC at a constant 8 Mbit/s that are really full: moving bars and noise."""
    import av
    import numpy as np

    target = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 160, (1080 + 64, 1920 + 512), np.uint8)
    with av.open(target, "w", format="mpegts", options={"muxrate": str(BITRATE)}) as container:
        rate = {"minrate": "7000000", "maxrate": "7000000", "bufsize": "3500000", "nal-hrd": "cbr"}
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": "25", "b": "7000000", **rate}
        video = container.add_stream("libx264", rate=25, options=options)
        video.width, video.height, video.pix_fmt = 1920, 1080, "yuv420p"
        audio = container.add_stream("aac", rate=48000)
        samples = 0
        picture = np.full((1620, 1920), 128, np.uint8)
        for number in range(seconds * 25):
            shift = number * 4 % 512
            picture[:1080] = noise[:1080, shift : shift + 1920]
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
            while samples < (number + 1) * 1920:
                sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
                sound.sample_rate, sound.pts = 48000, samples
                container.mux(audio.encode(sound))
                samples += 1024
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return target.getvalue()


async def serve(path: Path) -> None:
    """Every connection gets the clip from its beginning, in real time, over and over."""
    stream = path.read_bytes()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n")
        began, position = time.monotonic(), 0
        try:
            while True:
                target = int((time.monotonic() - began) * BITRATE / 8)
                while position < target:
                    at = position % len(stream)
                    piece = stream[at : at + target - position]
                    writer.write(piece)
                    position += len(piece)
                await writer.drain()
                await asyncio.sleep(TICK)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(f"{PORT_LINE}{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """The server as a process of its own, which nobody counts; yields the channel's address."""
    command = [sys.executable, "-m", "bench.television", str(path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().removeprefix(PORT_LINE).strip()
        yield f"http://127.0.0.1:{port}/clip.ts"
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
