"""A television service as app.py builds it, around a core; what the tests of this folder share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewayd.dvr.client import RecorderClient
from gatewayd.dvr.fetcher import HttpNetwork
from gatewayd.dvr.operations import operations
from gatewayd.dvr.playback import Anybody, Viewers
from gatewayd.dvr.service import DvrService
from gatewayd.settings import DvrSettings
from gatewayd.system.clock import Clock
from tests.support.core import Core, open_core


@dataclass
class Home:
    """The core, the service, and a short way to call an operation."""

    core: Core
    service: DvrService

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Dispatches `dvr.<name>` and returns the decoded answer."""
        return await self.core.call(f"dvr.{name}", arguments)

    async def state(self, recording: str) -> str:
        """The state of a recording."""
        return str((await self.call("recordings.get", recording=recording))["state"])


@asynccontextmanager
async def open_home(
    folder: Path,
    socket: Path,
    *,
    clock: Clock | None = None,
    allow_loopback: bool = True,
    testcard: bool = True,
    discovery_port: int = 9,
    media: Path | None = None,
    viewers: Viewers | None = None,
) -> AsyncIterator[Home]:
    """A running service that looks for its recorder at `socket`; closed at the end, the recorder is not."""
    settings = DvrSettings(folder=str(folder), allow_loopback=allow_loopback, testcard=testcard)
    async with open_core(folder, clock) as core:
        service = DvrService(
            settings,
            core.database,
            core.clock,
            recorder=RecorderClient(socket),
            network=HttpNetwork(
                allow_loopback=allow_loopback, interfaces=("lo",), discovery_port=discovery_port
            ),
            media=media or folder,
            viewers=viewers or Anybody(),
        )
        core.registry.add(operations(service))
        core.tasks.supervise("dvr.recorder", service.run, first=0.05, most=0.2)
        yield Home(core, service)
