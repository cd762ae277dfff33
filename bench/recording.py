"""What a recording costs: 8 paced 8 Mbit/s recordings by the recorder, then by `ffmpeg -c copy`.

`python -m bench.recording [--streams N] [--seconds S]`. One server process (not counted) sends the same
1080p25 transport stream to each connection, a piece every 10 ms. CPU time is what the kernel's
scheduler counted for all threads and children in the same window; memory is PSS. The recorder runs
as it ships: index, analysis, checksum and fdatasync on. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gatewayd.dvr.media.messages import (
    Accepted,
    DesiredChannel,
    GetStatus,
    Locate,
    Located,
    Range,
    SetDesired,
    Source,
    Status,
)
from gatewayd.system.rpc import Client

BITRATE = 8_000_000
TICK = 0.01
WARM_UP = 4.0
MOST_RATIO = 0.3
MOST_CPU = 6.0
PORT_LINE = "port "


class Cost(NamedTuple):
    """CPU-seconds per stream-hour, and PSS in MB of all processes together."""

    cpu: float
    pss: float


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
    """The paced server: every connection gets the clip from its beginning, in real time, over and over."""
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


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Time on a CPU of all threads of these processes so far (schedstat, nanoseconds)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def pss_megabytes(pids: list[int]) -> float:
    """Proportional memory of these processes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def measure(roots: Callable[[], list[int]], streams: int, seconds: float) -> Cost:
    """Watches processes that already record."""
    pids = [pid for root in roots() for pid in family(root)]
    before, began = cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    used, passed = cpu_seconds(pids) - before, time.monotonic() - began
    return Cost(used / passed / streams * 3600, pss_megabytes(pids))


async def ours(
    folder: Path, url: str, streams: int, seconds: float, stream: bytes
) -> tuple[float, float, Cost]:
    """The recorder's PSS when idle and with one recording, and its cost with all; its files are checked."""
    control = folder / "control.sock"
    command = [
        sys.executable,
        "-m",
        "gatewayd.dvr.media",
        "--socket",
        str(control),
        "--folder",
        str(folder / "media"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    client = Client(control)
    try:
        while not control.exists():
            await asyncio.sleep(0.05)
        await client.call(GetStatus(), Status)
        idle = pss_megabytes([process.pid])
        now = time.time()
        span = Range(id="r", start=now, stop=now + 2 * WARM_UP + seconds + 2)
        source = Source(kind="http", url=url, allow_loopback=True)
        channels = tuple(
            DesiredChannel(id=f"c{number}", source=source, ranges=(span,)) for number in range(streams)
        )
        await client.call(SetDesired(generation=1, channels=channels[:1]), Accepted)
        await asyncio.sleep(WARM_UP)
        one = pss_megabytes([process.pid])
        await client.call(SetDesired(generation=2, channels=channels), Accepted)
        await asyncio.sleep(WARM_UP)
        cost = await asyncio.to_thread(measure, lambda: [process.pid], streams, seconds)
        for channel in channels:
            located = await client.call(Locate(channel=channel.id, start=now, stop=now + 1e6), Located)
            stored = b"".join(
                (folder / "media" / f"{piece.segment}.ts").read_bytes() for piece in located.slices
            )
            looped = stream * (len(stored) // len(stream) + 1)
            if stored != looped[: len(stored)] or len(stored) < seconds * BITRATE / 8:
                raise SystemExit(f"{channel.id}: the stored bytes are not what was sent")
    finally:
        await client.close()
        process.terminate()
        process.wait(20)
    return idle, one, cost


def theirs(folder: Path, url: str, streams: int, seconds: float) -> Cost:
    """ffmpeg's cost, one process a stream."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise SystemExit("ffmpeg is missing: apt-get install --no-install-recommends ffmpeg")
    children = [
        subprocess.Popen(
            [program, "-nostdin", "-v", "fatal", "-i", url, "-map", "0", "-c", "copy", "-f", "mpegts",
             str(folder / f"{number}.ts")],
            stdin=subprocess.DEVNULL,
        )
        for number in range(streams)
    ]  # fmt: skip
    try:
        time.sleep(WARM_UP + 2)  # ffmpeg looks at 5 s of stream before it copies
        return measure(lambda: [child.pid for child in children], streams, seconds)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(20)


def main() -> int:
    """Prints the table; 0 when both targets held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return 0
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as name:
        folder = Path(name)
        stream = clip(int(options.seconds + 2 * WARM_UP) + 4)
        (folder / "clip.ts").write_bytes(stream)
        command = [sys.executable, "-m", "bench.recording", "--serve", str(folder / "clip.ts")]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            port = server.stdout.readline().removeprefix(PORT_LINE).strip()
            url = f"http://127.0.0.1:{port}/clip.ts"
            idle, one, recorder = asyncio.run(ours(folder, url, options.streams, options.seconds, stream))
            peer = theirs(folder, url, options.streams, options.seconds)
        finally:
            server.terminate()
            server.wait()
    return report(options.streams, idle, one, recorder, peer)


def report(streams: int, idle: float, one: float, recorder: Cost, peer: Cost) -> int:
    """The table and the verdict."""
    ratio = recorder.cpu / peer.cpu
    more = (recorder.pss - one) / max(1, streams - 1)
    print(f"{streams} recordings of 8 Mbit/s   CPU-s/stream-hour   PSS MB   PSS MB/further stream")
    print(f"gatewayd-media, idle       {'-':>17} {idle:8.1f}               -")
    print(f"gatewayd-media, one        {'-':>17} {one:8.1f}               -")
    print(f"gatewayd-media, recording  {recorder.cpu:17.2f} {recorder.pss:8.1f} {more:15.1f}")
    print(f"ffmpeg -c copy             {peer.cpu:17.2f} {peer.pss:8.1f} {peer.pss / streams:15.1f}")
    print(f"CPU ratio {ratio:.2f} (target {MOST_RATIO}), CPU {recorder.cpu:.2f} (target {MOST_CPU:g})")
    held = ratio <= MOST_RATIO and recorder.cpu <= MOST_CPU
    print("targets held" if held else "TARGET MISSED")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
