"""What a recording costs: paced 8 Mbit/s recordings by the recorder, and by its peers in the same run.

`python -m bench.recording [--streams 1,8,32] [--seconds S] [--peers ffmpeg,aiohttp]`. One server process
(not counted) sends the same 1080p25 transport stream to each connection, a piece every 10 ms. CPU time is
what the kernel's scheduler counted for all threads and children in the same window; memory is PSS.
The recorder runs as it ships: index, analysis, checksum and fdatasync on; what it stored is compared
with what was sent. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.processes import Cost, measure, pss_megabytes
from bench.television import BITRATE, clip, serving
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

CLIP_SECONDS = 20
WARM_UP = 4.0
PROBING = 6.0
"""ffmpeg looks at 5 s of a stream before it copies."""
MOST_RATIO = 0.3
MOST_CPU = 6.0
MOST_FURTHER = 2.0


class Ours(NamedTuple):
    """PSS when idle and with one recording, and the cost of all."""

    idle: float
    one: float
    cost: Cost


@contextmanager
def running(*commands: list[str]) -> Iterator[list[int]]:
    """Processes that are ended afterwards."""
    children = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands
    ]
    try:
        yield [child.pid for child in children]
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(20)


async def recorder(folder: Path, url: str, streams: int, seconds: float, stream: bytes) -> Ours:
    """The recorder, as one process for all streams; its files are checked."""
    control = folder / "control.sock"
    command = [sys.executable, "-m", "gatewayd.dvr.media", "--socket", str(control), "--folder", str(folder)]
    client = Client(control)
    with running(command) as pids:
        while not control.exists():
            await asyncio.sleep(0.05)
        await client.call(GetStatus(), Status)
        idle = pss_megabytes(pids)
        now = time.time()
        span = Range(id="r", start=now, stop=now + 2 * WARM_UP + seconds + 10)
        source = Source(kind="http", url=url, allow_loopback=True)
        channels = tuple(
            DesiredChannel(id=f"c{number}", source=source, ranges=(span,)) for number in range(streams)
        )
        await client.call(SetDesired(generation=1, channels=channels[:1]), Accepted)
        await asyncio.sleep(WARM_UP)
        one = pss_megabytes(pids)
        await client.call(SetDesired(generation=2, channels=channels), Accepted)
        await asyncio.sleep(WARM_UP)
        cost = await asyncio.to_thread(measure, lambda: pids, streams, seconds)
        for channel in channels:
            located = await client.call(Locate(channel=channel.id, start=now, stop=now + 1e6), Located)
            check(folder, located, stream, seconds)
        await client.close()
    return Ours(idle, one, cost)


def check(folder: Path, located: Located, stream: bytes, seconds: float) -> None:
    """Fails unless what was stored is what was sent: the clip, over and over."""
    size = position = 0
    for piece in located.slices:
        data = (folder / f"{piece.segment}.ts").read_bytes()
        size += len(data)
        at = 0
        while at < len(data):
            expected = stream[position : position + len(data) - at]
            if data[at : at + len(expected)] != expected:
                raise SystemExit(f"{piece.segment}: the stored bytes are not what was sent")
            at += len(expected)
            position = (position + len(expected)) % len(stream)
    if size < seconds * BITRATE / 8:
        raise SystemExit(f"only {size} bytes were stored in {seconds:g} s")


def ffmpeg(folder: Path, url: str, streams: int, seconds: float) -> Cost:
    """`ffmpeg -c copy`, one process a stream."""
    copy = ["ffmpeg", "-nostdin", "-v", "fatal", "-i", url, "-map", "0", "-c", "copy", "-f", "mpegts"]
    with running(*([*copy, str(folder / f"{number}.ts")] for number in range(streams))) as pids:
        time.sleep(PROBING)
        return measure(lambda: pids, streams, seconds)


def aiohttp(folder: Path, url: str, streams: int, seconds: float) -> Cost:
    """A plain copy, one process for all."""
    with running([sys.executable, "-m", "bench.copying", url, str(streams), str(folder)]) as pids:
        time.sleep(PROBING)
        return measure(lambda: pids, streams, seconds)


PEERS = {"ffmpeg": ffmpeg, "aiohttp": aiohttp}


def compare(streams: int, peers: list[str], seconds: float, stream: bytes, url: str) -> list[str]:
    """One table; the targets that were missed."""
    costs = {}
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as folder:
        ours = asyncio.run(recorder(Path(folder), url, streams, seconds, stream))
    for peer in peers:
        with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as folder:
            costs[peer] = PEERS[peer](Path(folder), url, streams, seconds)
    further = (ours.cost.pss - ours.one) / max(1, streams - 1)
    print(f"\n{streams} x 8 Mbit/s            CPU-s/stream-hour   PSS MB   PSS MB/stream")
    print(f"recorder                {ours.cost.cpu:17.2f} {ours.cost.pss:8.1f} {further:15.2f} (further)")
    for peer, cost in costs.items():
        ratio = ours.cost.cpu / cost.cpu
        print(f"{peer:<23} {cost.cpu:17.2f} {cost.pss:8.1f} {cost.pss / streams:15.2f}   ratio {ratio:.2f}")
    missed = []
    if ours.cost.cpu > MOST_CPU:
        missed.append(f"{streams}: CPU {ours.cost.cpu:.2f} > {MOST_CPU:g}")
    if "ffmpeg" in costs and ours.cost.cpu > MOST_RATIO * costs["ffmpeg"].cpu:
        missed.append(f"{streams}: ratio to ffmpeg {ours.cost.cpu / costs['ffmpeg'].cpu:.2f} > {MOST_RATIO}")
    if streams > 1 and further > MOST_FURTHER:
        missed.append(f"{streams}: {further:.2f} MB for each further recording > {MOST_FURTHER:g}")
    print(f"idle {ours.idle:.1f} MB, one recording {ours.one:.1f} MB", flush=True)
    return missed


def main() -> int:
    """Prints the tables; 0 when the targets held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", default="1,8,32")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--peers", default=",".join(PEERS))
    options = parser.parse_args()
    peers = [peer for peer in options.peers.split(",") if peer]
    if "ffmpeg" in peers and shutil.which("ffmpeg") is None:
        raise SystemExit("ffmpeg is missing: apt-get install --no-install-recommends ffmpeg")
    if shutil.which("tvheadend") is None:
        print("Tvheadend is not on PATH: not measured.")
    else:
        print("Tvheadend is here, but this bench cannot drive it yet: not measured.")
    stream = clip(CLIP_SECONDS)
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as folder:
        path = Path(folder) / "clip.ts"
        path.write_bytes(stream)
        with serving(path) as url:
            for streams in options.streams.split(","):
                missed += compare(int(streams), peers, options.seconds, stream, url)
    print("\n".join(["TARGET MISSED", *missed]) if missed else "targets held")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
