"""Reading a source: a playlist, a network tuner's lineup, or an address that is its own only channel."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import NamedTuple, Protocol
from urllib.parse import urljoin, urlsplit, urlunsplit

from gatewayd.dvr import addresses, hdhomerun, playlist
from gatewayd.dvr.discovery import Found
from gatewayd.dvr.model import SourceType
from gatewayd.dvr.playlist import Entry, Playlist
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.system.fetch import Address

STATUS_SECONDS = 3.0


class Validators(NamedTuple):
    """What a server gave to ask later whether something has changed (RFC 9110, 8.8)."""

    etag: str | None = None
    modified: str | None = None


class Fetched(NamedTuple):
    """A body (None: it has not changed) and the address that it came from in the end."""

    content: bytes | None
    url: str
    validators: Validators = Validators()


class Reading(NamedTuple):
    """What a source says of itself; `url` is where the source itself is."""

    url: str
    found: Playlist
    validators: Validators = Validators()
    name: str | None = None
    tuners: int | None = None
    device: str | None = None
    model: str | None = None


class Network(Protocol):
    """What sources need of the network; `fetcher.py` is the real one."""

    async def fetch(
        self, url: str, most: int, validators: Validators = ..., *, seconds: float = ...
    ) -> Fetched:
        """The body, at most `most` bytes, within `seconds`.

        Raises GatewayError `dvr.source_unreachable`, `dvr.source_http_status`, `dvr.playlist_too_large`
        and `dvr.forbidden_address`.
        """
        ...

    async def resolve(self, host: str) -> tuple[Address, ...]:
        """What a name resolves to now; nothing when it cannot be told in time."""
        ...

    async def discover(self, seconds: float, device: str | None = None) -> tuple[Found, ...]:
        """Network tuners that answer within `seconds`; with `device` only until that one has."""
        ...


class Reader:
    """Reads sources of every kind."""

    def __init__(self, network: Network, *, allow_loopback: bool) -> None:
        self._network = network
        self._allow_loopback = allow_loopback

    async def read(
        self,
        kind: SourceType,
        url: str,
        validators: Validators = Validators(),  # noqa: B008 - immutable
    ) -> Reading | None:
        """What the source says now; None when it has not changed since `validators` were given.

        Raises what Network, `playlist.parse` and `hdhomerun` raise; InvalidField names `url`.
        """
        if kind == "m3u":
            return await self._playlist(url, validators)
        if kind == "hdhomerun":
            return await self._tuner(url, validators)
        name = urlsplit(url).hostname or url
        return Reading(url, Playlist((Entry(name, url),), 0))

    async def tuners(self, url: str) -> tuple[hdhomerun.Tuner, ...]:
        """What a network tuner's tuners do now. Raises what Network raises and `dvr.not_a_tuner`."""
        fetched = await self._network.fetch(
            urljoin(url, "/status.json"), hdhomerun.MOST_BYTES, seconds=STATUS_SECONDS
        )
        return hdhomerun.tuners(fetched.content or b"")

    async def describe(self, url: str, seconds: float) -> hdhomerun.Device:
        """What a network tuner says of itself. Raises what Network raises and `dvr.not_a_tuner`."""
        fetched = await self._network.fetch(
            urljoin(url, "/discover.json"), hdhomerun.MOST_BYTES, seconds=seconds
        )
        return hdhomerun.discovered(fetched.content or b"", url)

    async def _playlist(self, url: str, validators: Validators) -> Reading | None:
        fetched = await self._network.fetch(url, playlist.MOST_BYTES, validators)
        if fetched.content is None:
            return None
        try:
            found = await asyncio.to_thread(playlist.parse, fetched.content, fetched.url, self._usable)
        except ValueError as error:
            raise InvalidField("url", f"The playlist cannot be read: {error}.") from None
        return Reading(url, found, fetched.validators)

    async def _tuner(self, url: str, validators: Validators) -> Reading | None:
        base = device_page(url)
        device = await self.describe(base, 5.0)
        fetched = await self._network.fetch(device.lineup, hdhomerun.MOST_BYTES, validators)
        if fetched.content is None:
            return None
        found = await asyncio.to_thread(hdhomerun.channels, fetched.content, fetched.url, self._usable)
        return Reading(
            base,
            found,
            fetched.validators,
            name=device.name,
            tuners=device.tuners,
            device=device.device,
            model=device.model,
        )

    @property
    def _usable(self) -> partial[bool]:
        return partial(addresses.usable, allow_loopback=self._allow_loopback)


def device_page(url: str) -> str:
    """The root of the host that an address names: where a network tuner's pages are."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


async def find_again(network: Network, device: str, seconds: float) -> str:
    """Where a network tuner is now. Raises GatewayError `dvr.source_unreachable`."""
    for found in await network.discover(seconds, device):
        if found.device == device:
            return found.url
    raise GatewayError(
        "dvr.source_unreachable", f"The tuner {device} does not answer in the home network.", field="url"
    )
