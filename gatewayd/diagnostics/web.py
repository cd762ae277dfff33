"""One GET for the 204 probe: no redirect followed, no proxy, no cookie, names resolved by our own means."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gatewayd.diagnostics.lookup import resolve
from gatewayd.diagnostics.world import HttpAnswer

if TYPE_CHECKING:
    import aiohttp

_MOST_BODY = 4096
_LOOKUP = 1.5


async def get(url: str, resolvers: Sequence[str], seconds: float) -> HttpAnswer:
    """GETs `url` within `seconds`. The system's resolver is not used: it would wait in a thread that
    cannot be stopped, and it is not what the probe was told to ask."""
    import aiohttp

    started = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            parts = urlsplit(url)
            host = parts.hostname or ""
            address = await _address(host, resolvers)
            if address is None:
                return HttpAnswer(failure="unresolved")
            async with aiohttp.ClientSession(connector=_connector(host, address), trust_env=False) as session:
                return await _fetch(session, url, started)
    except TimeoutError:
        return HttpAnswer(failure="timeout")
    except (aiohttp.ClientError, OSError, ValueError):
        return HttpAnswer(failure="unreachable")


async def _fetch(session: aiohttp.ClientSession, url: str, started: float) -> HttpAnswer:
    async with session.get(url, allow_redirects=False) as response:
        body = await response.content.read(_MOST_BODY)
        return HttpAnswer(
            status=response.status,
            location=response.headers.get("Location"),
            body=body,
            ms=round((time.monotonic() - started) * 1000, 3),
        )


async def _address(host: str, resolvers: Sequence[str]) -> str | None:
    """The first address that any resolver has for the host; the host itself when it is one."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    asked = [asyncio.create_task(resolve(one, host, seconds=_LOOKUP, tries=2)) for one in resolvers]
    try:
        for answered in asyncio.as_completed(asked):
            if addresses := (await answered).addresses:
                return addresses[0]
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return None


def _connector(host: str, address: str) -> aiohttp.TCPConnector:
    import socket

    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Pinned(AbstractResolver):
        """Knows one name."""

        async def resolve(
            self, name: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            if name != host:
                raise OSError(None, f"no address for {name}")
            kind = socket.AF_INET6 if ":" in address else socket.AF_INET
            found: ResolveResult = {
                "hostname": name,
                "host": address,
                "port": port,
                "family": kind,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            return [found]

        async def close(self) -> None:
            pass

    return aiohttp.TCPConnector(resolver=Pinned(), use_dns_cache=False, force_close=True)
