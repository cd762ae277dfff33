"""`python -m tests.diagnostics.tools_in_namespace TOOL REQUEST_JSON`

One tool in the namespace that it is started in; prints `[[progress, message, partial], ..., result]` as JSON,
or `{"code": ...}` for a refusal.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec

from gatewayd import wire
from gatewayd.diagnostics import LiveWorld
from gatewayd.diagnostics.tool_model import LookupStart, PingStart, ProbeStart, TracerouteStart
from gatewayd.diagnostics.tools import live_tools
from gatewayd.errors import GatewayError
from gatewayd.netd.simulated import SimulatedNetwork
from gatewayd.settings import DiagnosticsSettings
from gatewayd.system.clock import SystemClock

REQUESTS: dict[str, Any] = {
    "ping": PingStart,
    "traceroute": TracerouteStart,
    "lookup": LookupStart,
    "probe": ProbeStart,
}


async def nobody(rate: float) -> str | None:
    return None


async def main(tool: str, text: str) -> None:
    """Runs it, prints what it said."""
    door = SimulatedNetwork()
    tools = live_tools(
        LiveWorld(door), DiagnosticsSettings(), None, door, SystemClock("always"), busiest=nobody
    )
    said: list[Any] = []

    def told(fraction: float, message: str, partial: msgspec.Struct | None) -> None:
        said.append([fraction, message, None if partial is None else wire.plain(partial)])

    try:
        result = await getattr(tools, tool)(msgspec.json.decode(text, type=REQUESTS[tool]), told)
        print(msgspec.json.encode([*said, result]).decode())
    except GatewayError as error:
        print(msgspec.json.encode({"code": error.code, "field": error.field}).decode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
