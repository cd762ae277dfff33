"""A controller's desk at a real broker, with a box behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from gatewayd.portal.controller import Controller
from gatewayd.portal.mqtt_client import Broker
from tests.portal.broker import Mosquitto
from tests.support.daemon import Daemon, until

DESK = "self::desk"
DESK_TOPIC = "usp/controller/desk"
Call = Callable[[str, str, Any], Awaitable[Any]]


def choice(port: int, **more: Any) -> dict[str, Any]:
    """A configuration with one controller, the desk, without TLS and quick to come back."""
    return {
        "enabled": True,
        "mqtt": {"host": "127.0.0.1", "port": port, "tls": False, "retry": 1, "retry_most": 1},
        "controllers": [{"endpoint_id": DESK, "topic": DESK_TOPIC}],
        **more,
    }


def desk(port: int, box: str, *, name: str = "desk") -> Controller:
    """The desk, or somebody else there."""
    broker = Broker(host="127.0.0.1", port=port, tls=None, client_id=name, endpoint=f"self::{name}")
    return Controller(broker, topic=f"usp/controller/{name}", agent=box, agent_topic=f"usp/agent/{box}")


async def configure(daemon: Daemon, broker: Mosquitto) -> str:
    """Connects a running box to the broker and lets everything out; its endpoint id."""
    status, answer = await daemon.call("PATCH", "/portal", choice(broker.port))
    assert status == 200, answer
    share = dict.fromkeys(("service", "alerts", "diagnostics", "network", "devices", "viewing"), True)
    status, told = await daemon.call("PATCH", "/privacy/settings", {"share": share})
    assert status == 200, told
    await linked(daemon)
    return str(answer["endpoint_id"])


async def linked(daemon: Daemon) -> None:
    """Returns when the link is up."""

    async def up() -> bool | None:
        links = (await daemon.get("/portal"))["links"]
        return bool(links and all(link["state"] == "up" for link in links)) or None

    await until(up)


@asynccontextmanager
async def at_desk(port: int, box: str) -> AsyncIterator[Controller]:
    """The desk at work."""
    async with desk(port, box) as controller:
        yield controller


def text(value: Any) -> str:
    """For messages of failed tests."""
    return json.dumps(value, default=str)[:500]


async def settle(seconds: float = 0.2) -> None:
    """Time for something that is not to happen."""
    await asyncio.sleep(seconds)
