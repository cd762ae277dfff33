"""Where channels come from: adding, listing and removing sources."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog

from gatewayd.dvr import addresses, playlist
from gatewayd.dvr.library import Library, channel_rows
from gatewayd.dvr.media.messages import Source as StreamSource
from gatewayd.dvr.model import TESTCARD, DvrChannel, DvrSource, SourceType
from gatewayd.dvr.playlist import Entry, Playlist
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context
from gatewayd.settings import DvrSettings
from gatewayd.system.fetch import Address
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)

MOST_SOURCES = 64
MOST_CHANNELS = 100_000
LONGEST_ID = 48

_NOT_IN_ID = re.compile(r"[^a-z0-9]+")


class Fetched(NamedTuple):
    """A body and the address that it came from in the end."""

    content: bytes
    url: str


class Network(Protocol):
    """What sources need of the network; `fetcher.py` is the real one."""

    async def fetch(self, url: str, most: int) -> Fetched:
        """The body, at most `most` bytes.

        Raises GatewayError `dvr.source_unreachable`, `dvr.source_http_status`, `dvr.playlist_too_large`
        and `dvr.forbidden_address`.
        """
        ...

    async def resolve(self, host: str) -> tuple[Address, ...]:
        """What a name resolves to now; nothing when it cannot be told in time."""
        ...


class Sources:
    """The rules of sources and channels."""

    def __init__(self, settings: DvrSettings, library: Library, network: Network) -> None:
        self._settings = settings
        self._library = library
        self._network = network

    async def all(self) -> tuple[DvrSource, ...]:
        """The built-in test card, if settings have it, then the sources in the order they were added."""
        stored = await self._library.sources()
        built_in = (_TESTCARD_SOURCE,) if self._settings.testcard else ()
        return (*built_in, *map(shown, stored))

    async def add(self, context: Context, kind: SourceType, url: str, name: str | None) -> DvrSource:
        """Queues a new source with its channels; a playlist is fetched and read first.

        Raises GatewayError `dvr.forbidden_address`, `dvr.source_exists`, `dvr.too_many`, and what
        Network and `playlist.parse` raise; InvalidField names `url`.
        """
        url = addresses.check(url, allow_loopback=self._settings.allow_loopback)
        if await self._library.has_url(url):
            raise GatewayError("dvr.source_exists", "There is a source with this address.", field="url")
        known = await self._library.sources()
        if len(known) >= MOST_SOURCES:
            raise GatewayError("dvr.too_many", f"There are at most {MOST_SOURCES} sources.")
        host = urlsplit(url).hostname or url
        if not self._settings.allow_loopback:
            addresses.check_resolved(await self._network.resolve(host))
        name = playlist.tidy(name) or host
        found = await self._playlist(url) if kind == "m3u" else Playlist((Entry(name, url),), 0)
        if sum(source.channels for source in known) + len(found.entries) > MOST_CHANNELS:
            raise GatewayError("dvr.too_many", f"There are at most {MOST_CHANNELS} channels in all.")
        source = DvrSource(
            id=new_id(),
            kind=kind,
            url=url,
            name=name,
            channels=len(found.entries),
            skipped=found.skipped,
            refreshed=context.clock.now(),
        )
        taken = {TESTCARD, *await self._library.channel_ids()}
        rows = await asyncio.to_thread(lambda: channel_rows(name_channels(found.entries, taken)))
        self._library.add_source(context.unit, source, rows)
        log.info("dvr.source_added", source=source.id, kind=kind, channels=source.channels)
        return shown(source)

    async def remove(self, context: Context, source: str) -> DvrSource:
        """Queues the removal of a source; finished recordings of its channels stay.

        Raises GatewayError `dvr.source_not_found`, `dvr.source_built_in`, `dvr.source_in_use`.
        """
        if source == TESTCARD and self._settings.testcard:
            raise GatewayError(
                "dvr.source_built_in", "The test card is switched off in the settings.", field="source"
            )
        found = await self._library.sources(source)
        if not found:
            raise GatewayError("dvr.source_not_found", "There is no such source.", field="source")
        if items := await self._library.open_items(source):
            raise GatewayError(
                "dvr.source_in_use",
                f"{len(items)} recordings of this source run or are scheduled. Delete them first.",
                field="source",
            )
        self._library.remove_source(context.unit, source)
        return shown(found[0])

    async def channels(self, after: str, limit: int) -> list[DvrChannel]:
        """A page of channels by id, the test card among them."""
        page = await self._library.channels(after, limit)
        if self._settings.testcard and after < TESTCARD:
            page.append(_TESTCARD_CHANNEL)
            page.sort(key=lambda channel: channel.id)
        return page[:limit]

    async def channel(self, channel: str) -> DvrChannel:
        """One channel. Raises GatewayError `dvr.channel_not_found`."""
        if channel == TESTCARD and self._settings.testcard:
            return _TESTCARD_CHANNEL
        found = await self._library.channel(channel)
        if found is None:
            raise GatewayError("dvr.channel_not_found", "There is no such channel.", field="channel")
        return found

    async def streams(self, channels: set[str]) -> dict[str, StreamSource]:
        """What the recorder opens for each of these channels; one that is gone is left out."""
        allow = self._settings.allow_loopback
        streams = {
            channel: StreamSource(kind="http", url=url, allow_loopback=allow)
            for channel, url in (await self._library.urls(channels)).items()
        }
        if TESTCARD in channels and self._settings.testcard:
            streams[TESTCARD] = StreamSource(kind="testcard", url="testcard:")
        return streams

    async def _playlist(self, url: str) -> Playlist:
        fetched = await self._network.fetch(url, playlist.MOST_BYTES)
        usable = partial(_recordable, allow_loopback=self._settings.allow_loopback)
        try:
            return await asyncio.to_thread(playlist.parse, fetched.content, fetched.url, usable)
        except ValueError as error:
            raise InvalidField("url", f"The playlist cannot be read: {error}.") from None


def shown(source: DvrSource) -> DvrSource:
    """The source as the API tells it."""
    return msgspec.structs.replace(source, url=addresses.shown(source.url))


def name_channels(entries: Sequence[Entry], taken: set[str]) -> list[tuple[str, Entry]]:
    """Gives each entry a readable id (`bbc-one`, `bbc-one-2`) that is not `taken`; adds them to it."""
    named: list[tuple[str, Entry]] = []
    next_number: dict[str, int] = {}
    for entry in entries:
        stem = _NOT_IN_ID.sub("-", entry.name.lower()).strip("-")[:LONGEST_ID].strip("-") or "channel"
        identifier = stem
        while identifier in taken:
            next_number[stem] = next_number.get(stem, 1) + 1
            identifier = f"{stem}-{next_number[stem]}"
        taken.add(identifier)
        named.append((identifier, entry))
    return named


def _recordable(url: str, *, allow_loopback: bool) -> bool:
    """HTTP, and no HLS manifest: the recorder copies transport streams."""
    return addresses.usable(url, allow_loopback=allow_loopback) and not urlsplit(url).path.endswith(".m3u8")


_TESTCARD_SOURCE = DvrSource(id=TESTCARD, kind="testcard", url="testcard:", name="Test card", channels=1)
_TESTCARD_CHANNEL = DvrChannel(id=TESTCARD, source=TESTCARD, name="Test card")
