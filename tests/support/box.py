"""A box for the command line: the real API on real sockets, real access and jobs, canned trades."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewayd.access import AccessService, AuditLog, ScopeAuthoriser, ensure_box_id
from gatewayd.access import operations as access_operations
from gatewayd.api import ApiServer, BoxTls
from gatewayd.api.sockets import open_tcp, open_unix
from gatewayd.box.operations import job_operations
from gatewayd.ledger import Ledger
from gatewayd.operations import (
    Locks,
    Registry,
)
from tests.support.core import Core, open_core
from tests.support.trades import CannedInfo, Noted, Trades

__all__ = ["FakeBox", "Noted", "open_box"]


@dataclass
class FakeBox:
    """A running box; `close` and `serve` are what a restart of the daemon looks like from outside."""

    socket: Path
    tls: BoxTls
    core: Core
    registry: Registry
    access: AccessService
    trades: Trades
    port: int = 0

    @property
    def url(self) -> str:
        """Its address over TLS."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def pin(self) -> str:
        """Its fingerprint."""
        return self.tls.spki_sha256()

    async def serve(self) -> None:
        """Listens on the Unix socket and on 127.0.0.1 with TLS."""

        async def info() -> Any:
            return CannedInfo(id=self.access.box_id)

        core = self.core
        self._server = ApiServer(registry=self.registry, bus=core.bus, authenticator=self.access, box=info)
        await self._server.start(
            tls=self.tls.context, https=[open_tcp(self.port, "127.0.0.1")], local=[open_unix(self.socket)]
        )
        self.port = self._server.port

    async def close(self) -> None:
        """Stops listening and ends all connections."""
        await self._server.close()
        await asyncio.sleep(0.01)  # TLS connections end a turn of the loop after they were closed


@asynccontextmanager
async def open_box(folder: Path) -> AsyncIterator[FakeBox]:
    """A box on `folder/api.sock` and on 127.0.0.1 with TLS."""
    async with open_core(folder) as core:
        box_id = await ensure_box_id(core.database)
        tls = BoxTls(folder / "tls", core.clock, box=box_id)
        await tls.load()
        access = AccessService(
            database=core.database,
            clock=core.clock,
            box_id=box_id,
            fingerprint=tls.spki_sha256(),
            host=lambda: "127.0.0.1:8443",
            boot="boot",
        )
        await access.load()
        trades = Trades(core, box_id)
        audit = AuditLog(core.database, core.clock)
        registry = Registry(
            database=core.database,
            clock=core.clock,
            jobs=core.jobs,
            locks=Locks(),
            ledger=Ledger(core.database, core.clock, b"test"),
            authoriser=ScopeAuthoriser(),
            auditor=audit,
        )
        registry.add(trades.operations())
        registry.add(job_operations(core.jobs, registry))
        registry.add(access_operations(access, audit))
        box = FakeBox(
            socket=folder / "api.sock", tls=tls, core=core, registry=registry, access=access, trades=trades
        )
        await box.serve()
        try:
            yield box
        finally:
            trades.hold.set()
            await box.close()
