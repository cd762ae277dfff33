"""`python -m tests.diagnostics.watch_in_namespace FOLDER TARGETS_JSON SPEED WAN`

The real outage watch in the namespace that it is started in, on a clock that runs SPEED times as fast; prints
every event as a line of JSON, and `ready` after the first round.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC
from pathlib import Path

import msgspec

from gatewayd.diagnostics import LiveWorld
from gatewayd.diagnostics.history import History
from gatewayd.diagnostics.outages import Journal
from gatewayd.diagnostics.watch import OutageWatch
from gatewayd.events import EventData
from gatewayd.netd import NetdClient
from gatewayd.settings import DiagnosticsSettings
from gatewayd.store.database import Database, Unit
from gatewayd.system.clock import SystemClock


class FastClock(SystemClock):
    """The machine's monotonic clock, in a hurry."""

    def __init__(self, speed: float) -> None:
        super().__init__("always")
        self._speed = speed

    def monotonic(self) -> float:
        return super().monotonic() * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


def _print(unit: Unit, data: EventData) -> None:
    told = {"topic": type(data).topic, **msgspec.to_builtins(data)}
    print(msgspec.json.encode(told).decode(), flush=True)


async def main(folder: Path, targets: DiagnosticsSettings, speed: float, wan: str) -> None:
    """Runs until it is killed."""
    clock = FastClock(speed)
    database = await Database.open(folder / "state.db", "state")
    database.on_event(_print)
    door = NetdClient(folder / "nobody.sock")
    watch = OutageWatch(
        world=LiveWorld(door),
        targets=targets,
        wan=wan,
        database=database,
        journal=Journal(database, clock, "boot"),
        history=await History.open(folder, clock),
        clock=clock,
        zone=lambda: UTC,
    )
    await watch.start()
    await watch.round()
    print(msgspec.json.encode({"topic": "ready", **watch.lines}).decode(), flush=True)
    await watch.run()


if __name__ == "__main__":
    asyncio.run(
        main(
            Path(sys.argv[1]),
            msgspec.json.decode(sys.argv[2], type=DiagnosticsSettings),
            float(sys.argv[3]),
            sys.argv[4],
        )
    )
