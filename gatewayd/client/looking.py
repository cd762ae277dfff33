"""Looking for boxes in the home network. What is found is a hint: only pinning says who it is."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

SERVICE = "_gatewayd._tcp.local."


class Found(NamedTuple):
    """A box that announces itself. `state` is `unclaimed`, `ready` or `safe_mode`."""

    id: str
    model: str
    api: str
    state: str
    addresses: tuple[str, ...]
    port: int

    @property
    def url(self) -> str:
        """Where to begin; the first address, an IPv6 one in brackets."""
        address = self.addresses[0]
        host = f"[{address}]" if ":" in address else address
        return f"https://{host}" if self.port == 443 else f"https://{host}:{self.port}"


async def discover(seconds: float = 3.0, *, interfaces: list[str] | None = None) -> list[Found]:
    """The boxes that announce themselves within so many seconds, by id.

    `interfaces` are own addresses to ask from; left out: all. Raises OSError without a network.
    """
    names: set[str] = set()

    def noted(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if state_change is ServiceStateChange.Removed:
            names.discard(name)
        else:
            names.add(name)

    asking = AsyncZeroconf() if interfaces is None else AsyncZeroconf(interfaces=interfaces)
    try:
        browser = AsyncServiceBrowser(asking.zeroconf, SERVICE, handlers=[noted])
        await asyncio.sleep(seconds)
        found = [await _resolve(asking, name) for name in sorted(names)]
        await browser.async_cancel()
    finally:
        await asking.async_close()
    return [each for each in found if each is not None]


async def _resolve(asking: AsyncZeroconf, name: str) -> Found | None:
    info = AsyncServiceInfo(SERVICE, name)
    if not await info.async_request(asking.zeroconf, 2000) or not info.port:
        return None
    told = {
        key.decode("utf-8", "replace"): (value or b"").decode("utf-8", "replace")
        for key, value in info.properties.items()
    }
    addresses = tuple(info.parsed_scoped_addresses())
    if not addresses:
        return None
    return Found(
        id=told.get("id", ""),
        model=told.get("model", ""),
        api=told.get("api", ""),
        state=told.get("state", ""),
        addresses=addresses,
        port=info.port,
    )
