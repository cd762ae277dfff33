"""The real Network: playlists over HTTP(S) through the guarded session, names through the resolver."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import aiohttp

from gatewayd.dvr.sources import Fetched
from gatewayd.errors import GatewayError
from gatewayd.system.fetch import MAX_REDIRECTS, Address, guarded_session, is_refusal

TOTAL_SECONDS = 20.0
RESOLVE_SECONDS = 3.0


class HttpNetwork:
    """Implements `gatewayd.dvr.sources.Network`; every resolved address and redirect is checked."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    async def fetch(self, url: str, most: int) -> Fetched:
        timeout = aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=5)
        try:
            async with (
                guarded_session(self._allow_loopback, timeout=timeout) as session,
                session.get(url, max_redirects=MAX_REDIRECTS) as answer,
            ):
                if answer.status != 200:
                    raise GatewayError(
                        "dvr.source_http_status", f"The address answers with {answer.status}.", field="url"
                    )
                # aiohttp drops a user name and password from the answer's address; relative ones need them
                return Fetched(await _body(answer, most), str(answer.url) if answer.history else url)
        except TimeoutError:
            raise GatewayError(
                "dvr.source_unreachable", f"No whole answer within {TOTAL_SECONDS:g} s.", field="url"
            ) from None
        except aiohttp.ClientError as error:
            if is_refusal(error):
                raise GatewayError(
                    "dvr.forbidden_address",
                    "The address leads to the box itself or to link-local or multicast addresses.",
                    field="url",
                ) from None
            raise GatewayError(
                "dvr.source_unreachable",
                f"The address cannot be fetched ({type(error).__name__}).",
                field="url",
            ) from None

    async def resolve(self, host: str) -> tuple[Address, ...]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            return ()
        return tuple(ipaddress.ip_address(str(where[0]).partition("%")[0]) for *_, where in found)


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The whole body; it is refused as soon as it is too large, whatever Content-Length says."""
    content = bytearray()
    async for piece in answer.content.iter_chunked(65_536):
        content += piece
        if len(content) > most:
            raise GatewayError(
                "dvr.playlist_too_large", f"The playlist is larger than {most} bytes.", field="url"
            )
    return bytes(content)
