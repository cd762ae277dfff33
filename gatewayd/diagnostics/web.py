"""One GET for the 204 probe: no redirect followed, no proxy, no cookie, names resolved by our own means."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from gatewayd.diagnostics.lookup import resolve
from gatewayd.diagnostics.results import DnsAnswer
from gatewayd.diagnostics.world import Download, HttpAnswer

if TYPE_CHECKING:
    import aiohttp

_MOST_BODY = 4096
_LOOKUP = 1.5


async def get(url: str, resolvers: Sequence[str], seconds: float, *, accept: str | None = None) -> HttpAnswer:
    """GETs `url` within `seconds`. The system's resolver is not used: it would wait in a thread that
    cannot be stopped, and it is not what the probe was told to ask."""
    import aiohttp

    started = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            parts = urlsplit(url)
            host = parts.hostname or ""
            address = await address_of(host, resolvers)
            if address is None:
                return HttpAnswer(failure="unresolved")
            async with aiohttp.ClientSession(connector=pinned(host, address), trust_env=False) as session:
                return await _fetch(session, url, started, accept)
    except TimeoutError:
        return HttpAnswer(failure="timeout")
    except (aiohttp.ClientError, OSError, ValueError):
        return HttpAnswer(failure="unreachable")


async def download(url: str, resolvers: Sequence[str], seconds: float, most: int) -> Download:
    """GETs `url`, reads up to `most` bytes within `seconds`, and keeps none."""
    import aiohttp

    size, whole, status = 0, False, None
    started = time.monotonic()
    connected = False

    async def noticed(*_: object) -> None:
        nonlocal connected
        connected = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(noticed)
    try:
        async with asyncio.timeout(seconds):
            host = urlsplit(url).hostname or ""
            address = await address_of(host, resolvers)
            if address is None:
                return Download()
            async with (
                aiohttp.ClientSession(
                    connector=pinned(host, address), trust_env=False, trace_configs=[trace]
                ) as session,
                session.get(url, allow_redirects=False) as response,
            ):
                status = response.status
                async for chunk in response.content.iter_any():
                    size += len(chunk)
                    if size >= most:
                        break
                whole = status == 200
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        pass
    return Download(size, whole, connected, status is not None, status, time.monotonic() - started)


async def _fetch(session: aiohttp.ClientSession, url: str, started: float, accept: str | None) -> HttpAnswer:
    headers = None if accept is None else {"Accept": accept}
    async with session.get(url, allow_redirects=False, headers=headers) as response:
        body = await response.content.read(_MOST_BODY)
        return HttpAnswer(
            status=response.status,
            location=response.headers.get("Location"),
            body=body,
            ms=round((time.monotonic() - started) * 1000, 3),
        )


async def address_of(host: str, resolvers: Sequence[str]) -> str | None:
    """An address that any resolver has for the host and that a route leads to, IPv4 first; the host itself
    when it is an address."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    four = await _first(host, resolvers, "A")
    if four is not None and _has_route(four):
        return four
    return await _first(host, resolvers, "AAAA") or four


async def _first(host: str, resolvers: Sequence[str], kind: Literal["A", "AAAA"]) -> str | None:
    async def ask(resolver: str) -> DnsAnswer:
        return await resolve(resolver, host, seconds=_LOOKUP, tries=2, kind=kind)

    asked = [asyncio.create_task(ask(one)) for one in resolvers]
    try:
        for answered in asyncio.as_completed(asked):
            if addresses := (await answered).addresses:
                return addresses[0]
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return None


def _has_route(address: str) -> bool:
    """Whether the kernel knows a way; nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((address, 9))
    except OSError:
        return False
    return True


def pinned(host: str, address: str) -> aiohttp.TCPConnector:
    """Connects to `address` and nowhere else, as `host`: what a name means was found out before."""
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
