"""`python -m tests.diagnostics.speed_in_namespace URL INTERFACE REQUEST_JSON [starved] [plan=N] [by=NAME]`

One speed test by the real engine in the namespace that it is started in; prints the result as JSON. `starved`
leaves it,
once data flows, what an endless loop on its only core leaves to an idle task.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import msgspec

from gatewayd.diagnostics.speed_model import SpeedProgress, SpeedtestStart
from gatewayd.diagnostics.speedtest import LineFacts, SpeedTest
from gatewayd.system.clock import SystemClock


@contextlib.contextmanager
def one_core_and_a_hog() -> Iterator[None]:
    """This process and an endless loop share one core, and this one yields."""
    core = {min(os.sched_getaffinity(0))}
    os.sched_setaffinity(0, core)
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        yield
    finally:
        hog.kill()
        hog.wait()


async def main(url: str, interface: str, wanted: SpeedtestStart, options: Sequence[str]) -> None:
    """Runs it, prints it."""
    values = dict(option.split("=", 1) for option in options if "=" in option)
    plan = float(values["plan"]) if "plan" in values else None

    async def resolvers() -> Sequence[str]:
        return ()

    async def line() -> LineFacts:
        return LineFacts(interface, plan, plan)

    async def busiest(rate: float) -> str | None:
        return values.get("by")

    test = SpeedTest(url, SystemClock("always"), resolvers=resolvers, line=line, busiest=busiest, listen=1.0)

    with contextlib.ExitStack() as stack:
        starved = "starved" not in options

        def told(fraction: float, message: str, so_far: SpeedProgress) -> None:
            nonlocal starved
            print(f"{fraction:4.2f} {message} {so_far.streams}", file=sys.stderr, flush=True)
            if not starved and so_far.stage == "down":
                stack.enter_context(one_core_and_a_hog())
                starved = True

        result = await test.run(wanted, told)
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], sys.argv[2], msgspec.json.decode(sys.argv[3], type=SpeedtestStart), sys.argv[4:])
    )
