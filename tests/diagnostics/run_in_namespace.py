"""`python -m tests.diagnostics.run_in_namespace NETD_SOCKET FOLDER TARGETS_JSON [WAN]`

One diagnosis by the real service in the namespace that it is started in; prints the run as JSON.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from gatewayd.diagnostics import DiagnosticsService, LiveWorld
from gatewayd.netd import NetdClient
from gatewayd.settings import DiagnosticsSettings
from gatewayd.store.database import Database
from gatewayd.system.clock import SystemClock


class _Silent:
    def progress(self, fraction: float, message: str, partial: msgspec.Struct | None = None) -> None:
        """Nobody watches."""


async def main(socket: Path, folder: Path, targets: DiagnosticsSettings, wan: str | None) -> None:
    """Runs, stores, prints."""
    database = await Database.open(folder / "state.db", "state")
    door = NetdClient(socket)
    try:
        service = DiagnosticsService(
            world=LiveWorld(door),
            targets=targets,
            wan=wan,
            database=database,
            clock=SystemClock("always"),
        )
        run = await service.run(_Silent())
        assert await service.get(run.id) == run
        print(msgspec.json.encode(run).decode())
    finally:
        await door.close()
        await database.close()


if __name__ == "__main__":
    asyncio.run(
        main(
            Path(sys.argv[1]),
            Path(sys.argv[2]),
            msgspec.json.decode(sys.argv[3], type=DiagnosticsSettings),
            sys.argv[4] if len(sys.argv) > 4 else None,
        )
    )
