"""What measuring a line costs: processor seconds per gigabyte down, beside iperf3 and a plain aiohttp client.

`python -m bench.speed`. Three namespaces: box, a provider who forwards and shapes, a far end with the
project's server and iperf3's. Rounds alternate; the figure is the median. Ours and aiohttp's processor time
is of the measurement alone, without Python's start; iperf3's of its whole process, whose start costs nothing.
Needs root and iperf3. Exit status 1 when a target is missed: at most iperf3's seconds, and both directions
within 2 %.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

from gatewayd.diagnostics.speed_engine import Direction
from gatewayd.diagnostics.speed_model import Way
from gatewayd.diagnostics.speed_streams import Server
from gatewayd.diagnostics.speed_watch import counters
from tests.diagnostics.line import FAR, PORT, ROOT, ShapedLine

MEGABITS = 800
ROUNDS = 3
SECONDS = 6
WITHIN = 0.02
IPERF_PORT = 5201
Cost = tuple[float, float]
"""Processor seconds, bytes."""


def _used() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


async def _ours(way: Way) -> None:
    """One direction in this process, in the namespace that it is in; prints what it cost and found."""
    path = "/large" if way == "down" else "/upload"
    server = Server(FAR, PORT, FAR, path)
    direction = Direction(
        way,
        server,
        Server(FAR, PORT, FAR, "/small"),
        interface="eth0",
        look=counters,
        most_bytes=4_000_000_000,
    )
    before = _used()
    found = await direction.measure()
    print(json.dumps([_used() - before, found.bytes, found.rate, found.limited]))


async def _plain() -> None:
    """What anybody would write first: four aiohttp responses, read and thrown away."""
    import aiohttp

    async def read(session: aiohttp.ClientSession) -> int:
        got = 0
        try:
            async with asyncio.timeout(SECONDS), session.get(f"http://{FAR}:{PORT}/large") as answer:
                async for piece in answer.content.iter_any():
                    got += len(piece)
        except TimeoutError:
            pass
        return got

    async with aiohttp.ClientSession() as session:
        before = _used()
        got = await asyncio.gather(*(read(session) for _ in range(4)))
        print(json.dumps([_used() - before, sum(got)]))


def _iperf(line: ShapedLine) -> Cost:
    child = line.box.popen(
        "iperf3", "-c", FAR, "-p", str(IPERF_PORT), "-R", "-P", "4", "-t", str(SECONDS), "-J",
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    text = child.stdout.read()
    _, _, used = os.wait4(child.pid, 0)
    child.returncode = 0  # waited for already
    return used.ru_utime + used.ru_stime, json.loads(text)["end"]["sum_received"]["bytes"]


def main() -> int:
    """Measures, prints, judges."""
    if shutil.which("iperf3") is None:
        print("iperf3 is not installed: apt-get install iperf3")
        return 1
    costs: dict[str, list[float]] = {"gatewayd": [], "iperf3": [], "aiohttp": []}
    off: list[float] = []
    with ShapedLine() as line:
        line.shape(MEGABITS)
        line.serve()
        line.far.popen("iperf3", "-s", "-p", str(IPERF_PORT), stdout=subprocess.DEVNULL, cwd=ROOT)
        time.sleep(1)
        for number in range(ROUNDS):
            for way in ("down", "up"):
                used, moved, rate, limited = json.loads(line.run("bench.speed", way))
                what = f"{moved / 1e9:.2f} GB, {used:.2f} CPU-s, {rate} bit/s {limited or ''}"
                print(f"round {number + 1} gatewayd {way:4} {what}", flush=True)
                if way == "down":
                    costs["gatewayd"].append(used / moved * 1e9)
                off.append(abs((rate or 0.0) / (MEGABITS * 1e6) - 1))
            used, moved = _iperf(line)
            costs["iperf3"].append(used / moved * 1e9)
            used, moved = json.loads(line.run("bench.speed", "plain"))
            costs["aiohttp"].append(used / moved * 1e9)
    found = {name: statistics.median(values) for name, values in costs.items()}
    print(f"\nCPU-s per GB down at {MEGABITS} Mbit/s, median of {ROUNDS}")
    for name, value in found.items():
        print(f"  {name:10} {value:6.3f}   {value / found['iperf3']:5.2f} x iperf3")
    print(f"Farthest from the shaped rate: {max(off):.2%}")
    held = found["gatewayd"] <= found["iperf3"] and max(off) <= WITHIN
    print("targets held" if held else "TARGET MISSED")
    return 0 if held else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["plain"]:
        asyncio.run(_plain())
    elif len(sys.argv) > 1:
        asyncio.run(_ours("down" if sys.argv[1] == "down" else "up"))
    else:
        sys.exit(main())
