"""`python -m tests.diagnostics.doctor NETD_SOCKET FOLDER`: the real service, in the box's namespace.

Reads requests, one JSON object a line: `targets` (settings), `thorough`, `stations` ([name, dBm]),
`transitions`, `netd` (another socket), `speed` (the speed test's server). Writes each run as a line of JSON.
`forget` makes it a new day: what the box remembers of its cable is gone; answered by an empty line.
The pressure on the processor is read from FOLDER/pressure: the machine's own is somebody else's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from gatewayd.diagnostics import DiagnosticsService, LiveWorld, ports
from gatewayd.diagnostics.house import EmptyHouse, Load, Station
from gatewayd.diagnostics.loading import load_by
from gatewayd.diagnostics.ports import CarrierLog
from gatewayd.diagnostics.speedtest import LineFacts, SpeedTest
from gatewayd.netd import NetdClient
from gatewayd.settings import DiagnosticsSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock, SystemClock


class _Silent:
    def progress(self, fraction: float, message: str, partial: msgspec.Struct | None = None) -> None:
        """Nobody watches."""


class _House(EmptyHouse):
    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request

    async def stations(self) -> tuple[Station, ...] | None:
        told = self._request.get("stations")
        return None if told is None else tuple(Station(name, signal) for name, signal in told)

    async def transitions(self) -> int | None:
        told = self._request.get("transitions")
        return None if told is None else int(told)


class _World(LiveWorld):
    pressure_file = Path()

    async def pressure(self) -> float | None:
        return ports.pressure(self.pressure_file)


def _load(request: dict[str, Any], clock: Clock, targets: DiagnosticsSettings) -> Load | None:
    if "speed" not in request:
        return None

    async def resolvers() -> tuple[str, ...]:
        return targets.resolvers

    async def line() -> LineFacts:
        return LineFacts(interface="eth0")

    return load_by(SpeedTest(request["speed"], clock, resolvers=resolvers, line=line).run)


async def main(netd: Path, folder: Path) -> None:
    """Serves until its input ends."""
    database = await Database.open(folder / "state.db", "state")
    clock = SystemClock("always")
    loop = asyncio.get_running_loop()
    carriers, watching = CarrierLog(clock), loop.create_task(asyncio.sleep(0))
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        request = json.loads(line)
        if "forget" in request:
            watching.cancel()
            carriers = CarrierLog(clock)
            carriers.look()
            watching = loop.create_task(carriers.run())
            sys.stdout.buffer.write(b"\n")
            sys.stdout.buffer.flush()
            continue
        targets = msgspec.convert(request["targets"], DiagnosticsSettings)
        door = NetdClient(Path(request.get("netd", netd)))
        world = _World(door, state=folder / "disk", carriers=carriers)
        world.pressure_file = folder / "pressure"
        service = DiagnosticsService(
            world=world,
            targets=targets,
            wan="eth0",
            lan=("lan0",),
            database=database,
            clock=clock,
            house=_House(request),
            load=_load(request, clock, targets),
        )
        await service.start()
        run = await service.run(_Silent(), thorough=bool(request.get("thorough")))
        await door.close()
        sys.stdout.buffer.write(msgspec.json.encode(run) + b"\n")
        sys.stdout.buffer.flush()
    watching.cancel()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
