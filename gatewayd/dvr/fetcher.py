"""The real Network: playlists and lineups over HTTP(S) through the guarded session, names, tuners."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import aiohttp

from gatewayd.dvr import discovery, hdhomerun
from gatewayd.dvr.discovery import Found
from gatewayd.dvr.reader import Fetched, Validators
from gatewayd.errors import GatewayError
from gatewayd.system.fetch import MAX_REDIRECTS, Address, guarded_session, is_refusal

TOTAL_SECONDS = 20.0
RESOLVE_SECONDS = 3.0
LONGEST_VALIDATOR = 512


class HttpNetwork:
    """Implements `gatewayd.dvr.reader.Network`; every resolved address and redirect is checked.

    Tuners are looked for on `interfaces`, or on all that can broadcast.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool,
        interfaces: tuple[str, ...] = (),
        discovery_port: int = hdhomerun.PORT,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._interfaces = interfaces
        self._discovery_port = discovery_port

    async def fetch(
        self,
        url: str,
        most: int,
        validators: Validators = Validators(),  # noqa: B008 - immutable
        *,
        seconds: float = TOTAL_SECONDS,
    ) -> Fetched:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(5.0, seconds))
        try:
            async with (
                guarded_session(self._allow_loopback, timeout=timeout) as session,
                session.get(url, max_redirects=MAX_REDIRECTS, headers=_conditions(validators)) as answer,
            ):
                if answer.status == 304 and any(validators):
                    return Fetched(None, url, validators)
                if answer.status != 200:
                    raise GatewayError(
                        "dvr.source_http_status", f"The address answers with {answer.status}.", field="url"
                    )
                # aiohttp drops a user name and password from the answer's address; relative ones need them
                came_from = str(answer.url) if answer.history else url
                return Fetched(await _body(answer, most), came_from, _validators(answer))
        except TimeoutError:
            raise GatewayError(
                "dvr.source_unreachable", f"No whole answer within {seconds:g} s.", field="url"
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

    async def discover(self, seconds: float, device: str | None = None) -> tuple[Found, ...]:
        return await discovery.discover(
            seconds,
            device=device,
            interfaces=self._interfaces,
            allow_loopback=self._allow_loopback,
            port=self._discovery_port,
        )


def _conditions(validators: Validators) -> dict[str, str]:
    headers = {"If-None-Match": validators.etag, "If-Modified-Since": validators.modified}
    return {name: value for name, value in headers.items() if value is not None}


def _validators(answer: aiohttp.ClientResponse) -> Validators:
    told = (answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
    return Validators(*(value if value and len(value) <= LONGEST_VALIDATOR else None for value in told))


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The whole body; it is refused as soon as it is too large, whatever Content-Length says."""
    content = bytearray()
    async for piece in answer.content.iter_chunked(65_536):
        content += piece
        if len(content) > most:
            raise GatewayError(
                "dvr.playlist_too_large", f"The answer is larger than {most} bytes.", field="url"
            )
    return bytes(content)
