"""What upkeep looks at: the places, processes and secrets of the whole box. Part of the composition root."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from gatewayd.callers import Caller
from gatewayd.dvr import secrets as dvr_secrets
from gatewayd.operations import Registry
from gatewayd.system.logs import Ring
from gatewayd.trades import Ground
from gatewayd.upkeep.bundle import Bundles
from gatewayd.upkeep.logbook import Logbook, other, own
from gatewayd.upkeep.look import HealthWatch, Look
from gatewayd.upkeep.redact import Redactor
from gatewayd.wifi import secrets as wifi_secrets


def open_look(ground: Ground, registry: Registry, ring: Ring, started: datetime, *, helper: bool) -> Look:
    """Health, logs and support bundles; `helper`: there is a netd."""
    where, database = ground.where, ground.database

    async def known() -> frozenset[str]:
        return await wifi_secrets.known(database) | await dvr_secrets.known(database)

    async def ask(name: str, arguments: dict[str, Any], caller: Caller) -> Any:
        return msgspec.json.decode((await registry.dispatch(name, arguments, caller)).body)

    redactor = Redactor()
    sockets = [("recorder", where.media_socket), *([("netd", where.netd_socket)] if helper else [])]
    readers = {"gatewayd": own(ring), **{name: other(path) for name, path in sockets}}
    bundles = Bundles(ground.clock, ground.settings, where.state / "bundles", redactor, known, ask)
    ground.tasks.supervise("support bundles", bundles.keep)
    return Look(
        health=HealthWatch(
            clock=ground.clock,
            folders=(("state", where.state), ("recordings", where.media)),
            sockets=tuple(sockets),
            started=started,
        ),
        logbook=Logbook(readers, redactor, known),
        bundles=bundles,
    )
