"""What upkeep shows: health, logs, the support bundle. Built by the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gatewayd.system.clock import Clock
from gatewayd.upkeep.bundle import Bundles
from gatewayd.upkeep.health import Health, judge
from gatewayd.upkeep.logbook import Logbook
from gatewayd.upkeep.machine import read


@dataclass(frozen=True, slots=True)
class HealthWatch:
    """Reads the machine. `folders` and `sockets` are as `machine.read` takes them; `started` is when the
    daemon did."""

    clock: Clock
    folders: Sequence[tuple[str, Path]]
    sockets: Sequence[tuple[str, Path]]
    started: datetime

    async def look(self) -> Health:
        """The box now."""
        reading = await asyncio.to_thread(read, self.folders, self.sockets)
        return judge(reading, now=self.clock.now(), trusted=self.clock.trusted(), started=self.started)


@dataclass(frozen=True, slots=True)
class Look:
    """The three of them."""

    health: HealthWatch
    logbook: Logbook
    bundles: Bundles
