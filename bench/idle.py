"""What an idle box costs: memory of each process, CPU, and the time from exec to READY.

`python -m bench.idle [--starts N] [--seconds S]`. The whole daemon with its helper processes (netd and the
recorder), a simulated radio, nothing asked of it. The peer beside it is a bare Python that imports
the same libraries: what no Python daemon on these libraries can be below. Memory is PSS
(/proc/PID/smaps_rollup); READY is the datagram that systemd would get (sd_notify(3)). Exit status 1 when a
target is missed.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.ports import free_port

MOST_TOGETHER = 150.0
MOST_CONTROL = 80.0
MOST_READY = 1.5
MOST_CPU = 0.005
CONFIG = """
[api]
advertise = false
[wifi]
driver = "simulated"
[dvr]
folder = "media"
"""
BARE = {
    "gatewayd": "aiohttp.web, aiosqlite, msgspec, structlog, cryptography.x509, zeroconf.asyncio, psutil,"
    " pyroute2",
    "gatewayd.netd": "asyncio, msgspec, structlog, pyroute2",
    "gatewayd.dvr.media": "aiohttp, msgspec, structlog, numpy",
}


def pss(pid: int) -> float:
    """A process's proportional share of memory in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no PSS of {pid}")


@contextmanager
def daemon(folder: Path) -> Iterator[tuple[psutil.Process, float]]:
    """A started daemon and its seconds from exec to READY."""
    (folder / "c.toml").write_text(CONFIG)
    notify = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(notify))
        ear.settimeout(60)
        began = time.monotonic()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gatewayd", "--config", str(folder / "c.toml")),
                *("--state-dir", str(folder), "--port", str(free_port()), "--log-level", "error"),
            ],
            env=os.environ | {"NOTIFY_SOCKET": str(notify)},
        )
        try:
            while ear.recv(4096) != b"READY=1":
                pass
            yield psutil.Process(process.pid), time.monotonic() - began
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def name_of(process: psutil.Process) -> str:
    """`gatewayd.netd` and the like."""
    words = process.cmdline()
    return words[words.index("-m") + 1] if "-m" in words else words[0]


def bare(imports: str) -> float:
    """PSS of a Python that only imports these, in MB."""
    code = f"import {imports}, time; print(flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        return pss(child.pid)
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def main() -> int:
    """Prints the tables; 0 when all targets held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    starts = []
    for number in range(options.starts):
        with tempfile.TemporaryDirectory(prefix="gwb-") as name, daemon(Path(name)) as (process, ready):
            starts.append(ready)
            if number < options.starts - 1:
                continue
            time.sleep(5)  # helpers are up, first writes are done
            family = [process, *process.children(recursive=True)]
            before = sum(sum(one.cpu_times()[:2]) for one in family)
            time.sleep(options.seconds)
            cpu = (sum(sum(one.cpu_times()[:2]) for one in family) - before) / options.seconds
            memory = {name_of(one): pss(one.pid) for one in family}
    return report(starts, cpu, memory)


def report(starts: list[float], cpu: float, memory: dict[str, float]) -> int:
    """The tables and the verdict."""
    print(f"{'idle process':<22}{'PSS MB':>8}{'bare imports':>14}{'ratio':>7}")
    for name, used in memory.items():
        floor = bare(BARE[name]) if name in BARE else float("nan")
        print(f"{name:<22}{used:>8.1f}{floor:>14.1f}{used / floor:>7.2f}")
    together, control = sum(memory.values()), memory["gatewayd"]
    ready = statistics.median(starts)
    print(f"together {together:.1f} MB (target {MOST_TOGETHER:g})")
    print(f"control plane {control:.1f} MB (target {MOST_CONTROL:g})")
    print(
        f"READY after {ready:.2f} s, median of {len(starts)} (target {MOST_READY:g}); worst {max(starts):.2f}"
    )
    print(f"idle CPU {cpu:.2%} of a core (target {MOST_CPU:.1%})")
    held = together <= MOST_TOGETHER and control <= MOST_CONTROL and ready <= MOST_READY and cpu <= MOST_CPU
    print("targets held" if held else "TARGET MISSED")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
