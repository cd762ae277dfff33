"""Where channels come from: adding, changing and removing sources; what the household says of channels."""

from __future__ import annotations

import asyncio
import ipaddress
from urllib.parse import urlsplit

import msgspec
import structlog

from gatewayd.dvr import addresses, health, playlist
from gatewayd.dvr.lineup import Lineup, SourceRow, channel_rows
from gatewayd.dvr.media.messages import Source as StreamSource
from gatewayd.dvr.model import TESTCARD, DvrChannel, DvrSource, SourceType
from gatewayd.dvr.naming import name_channels
from gatewayd.dvr.playlist import Entry, Playlist
from gatewayd.dvr.reader import Network, Reader, Reading, device_page
from gatewayd.dvr.source_model import ChannelChanged, SourceChanged
from gatewayd.errors import GatewayError, InvalidField
from gatewayd.operations import Context
from gatewayd.settings import DvrSettings
from gatewayd.system.identity import new_id

log = structlog.get_logger(__name__)

MOST_SOURCES = 64
MOST_CHANNELS = 100_000


class Sources:
    """The rules of sources and channels."""

    def __init__(self, settings: DvrSettings, lineup: Lineup, network: Network) -> None:
        self._settings = settings
        self._lineup = lineup
        self._network = network
        self.reader = Reader(network, allow_loopback=settings.allow_loopback)

    async def add(
        self, context: Context, kind: SourceType, url: str, name: str | None, tuners: int | None = None
    ) -> DvrSource:
        """Queues a new source with its channels; a playlist or a lineup is fetched and read first.

        Raises GatewayError `dvr.forbidden_address`, `dvr.source_exists`, `dvr.too_many`, and what
        `Reader.read` raises; InvalidField names `url`.
        """
        url = addresses.check(url, allow_loopback=self._settings.allow_loopback, streams=kind == "http")
        if kind == "hdhomerun":
            url = device_page(url)
        known = await self._room(url)
        await self._check_host(url)
        reading = await self.reader.read(kind, url)
        if reading is None:
            raise GatewayError("dvr.source_http_status", "The address answers with nothing.", field="url")
        if reading.device is not None and await self._lineup.has_device(reading.device):
            raise GatewayError("dvr.source_exists", "This tuner is a source already.", field="url")
        entries = reading.found.entries
        if sum(source.channels for source in known) + len(entries) > MOST_CHANNELS:
            raise GatewayError("dvr.too_many", f"There are at most {MOST_CHANNELS} channels in all.")
        source = _new(kind, url, name, tuners, reading, context.clock.now().timestamp())
        if kind == "http":
            entries = (Entry(source.name, url),)
        taken = {TESTCARD, *await self._lineup.channel_ids()}
        rows = await asyncio.to_thread(_rows, entries, taken)
        self._lineup.add_source(context.unit, source, rows)
        context.unit.emit(SourceChanged(source=source.id, change="added", added=len(entries)))
        log.info("dvr.source_added", source=source.id, kind=kind, channels=source.channels)
        return health.told(source)

    async def update(
        self, context: Context, source: str, *, name: str | None, tuners: int | None
    ) -> SourceRow:
        """Queues another name, or how many channels it carries at once (0: as the device says).

        Raises GatewayError `dvr.source_not_found`, `dvr.source_built_in`.
        """
        row = await self.stored(source)
        changed = row._replace(
            name=playlist.tidy(name) or row.name,
            own_tuners=row.own_tuners if tuners is None else tuners or None,
        )
        self._lineup.set_source(context.unit, changed)
        context.unit.emit(SourceChanged(source=source, change="updated"))
        return changed

    async def remove(self, context: Context, source: str) -> DvrSource:
        """Queues the removal of a source; finished recordings of its channels stay.

        Raises GatewayError `dvr.source_not_found`, `dvr.source_built_in`, `dvr.source_in_use`.
        """
        row = await self.stored(source)
        if items := await self._lineup.open_recordings(source):
            raise GatewayError(
                "dvr.source_in_use",
                f"{items} recordings of this source run or are scheduled. Delete them first.",
                field="source",
            )
        self._lineup.remove_source(context.unit, source)
        context.unit.emit(SourceChanged(source=source, change="removed", removed=row.channels))
        return health.told(row)

    async def stored(self, source: str) -> SourceRow:
        """A source as stored. Raises GatewayError `dvr.source_not_found`, `dvr.source_built_in`."""
        if source == TESTCARD and self._settings.testcard:
            raise GatewayError(
                "dvr.source_built_in", "The test card is switched off in the settings.", field="source"
            )
        found = await self._lineup.sources(source)
        if not found:
            raise GatewayError("dvr.source_not_found", "There is no such source.", field="source")
        return found[0]

    # --- channels

    async def channels(
        self, after: str, limit: int, *, source: str | None = None, hidden: bool = True
    ) -> list[DvrChannel]:
        """A page of channels by id, the test card among them."""
        page = await self._lineup.channels(after, limit, source=source, hidden=hidden)
        if self._settings.testcard and after < TESTCARD and source in (None, TESTCARD):
            page.append(_TESTCARD_CHANNEL)
            page.sort(key=lambda channel: channel.id)
        return page[:limit]

    async def channel(self, channel: str) -> DvrChannel:
        """One channel. Raises GatewayError `dvr.channel_not_found`."""
        if channel == TESTCARD and self._settings.testcard:
            return _TESTCARD_CHANNEL
        found = await self._lineup.channel(channel)
        if found is None:
            raise GatewayError("dvr.channel_not_found", "There is no such channel.", field="channel")
        return found

    async def present(self, channel: str) -> DvrChannel:
        """A channel that its source still has.

        Raises GatewayError `dvr.channel_not_found`, `dvr.channel_gone`.
        """
        found = await self.channel(channel)
        if found.gone:
            raise GatewayError(
                "dvr.channel_gone", f"{found.name} is no longer in its source's list.", field="channel"
            )
        return found

    async def update_channel(
        self, context: Context, channel: str, *, name: str | None, number: str | None, hidden: bool | None
    ) -> DvrChannel:
        """Queues what the household says of a channel; an empty name or number is the source's again.

        Raises GatewayError `dvr.channel_not_found`, `dvr.source_built_in`.
        """
        found = await self.channel(channel)
        if found.id == TESTCARD and self._settings.testcard:
            raise GatewayError("dvr.source_built_in", "The test card stays as it is.", field="channel")
        if name is not None:
            self._lineup.set_channel(context.unit, channel, own_name=playlist.tidy(name))
        if number is not None:
            self._lineup.set_channel(context.unit, channel, own_number=playlist.tidy(number))
        if hidden is not None:
            self._lineup.set_channel(context.unit, channel, hidden=hidden)
        context.unit.emit(ChannelChanged(channel=channel))
        theirs = (await self._lineup.known(found.source, channel))[0].entry
        return msgspec.structs.replace(
            found,
            name=found.name if name is None else playlist.tidy(name) or theirs.name,
            number=found.number if number is None else playlist.tidy(number) or theirs.number,
            hidden=found.hidden if hidden is None else hidden,
        )

    async def streams(self, channels: set[str]) -> dict[str, StreamSource]:
        """What the recorder opens for each of these channels; one that is gone is left out."""
        streams = {
            channel: StreamSource(
                kind=addresses.stream_kind(url),
                url=url,
                allow_loopback=self._settings.allow_loopback,
                interface=self._settings.multicast_interface,
            )
            for channel, url in (await self._lineup.urls(channels)).items()
        }
        if TESTCARD in channels and self._settings.testcard:
            streams[TESTCARD] = StreamSource(kind="testcard", url="testcard:")
        return streams

    async def _room(self, url: str) -> list[SourceRow]:
        if await self._lineup.has_url(url):
            raise GatewayError("dvr.source_exists", "There is a source with this address.", field="url")
        known = await self._lineup.sources()
        if len(known) >= MOST_SOURCES:
            raise GatewayError("dvr.too_many", f"There are at most {MOST_SOURCES} sources.")
        return known

    async def _check_host(self, url: str) -> None:
        multicast = addresses.stream_kind(url) == "udp"
        if not self._settings.allow_loopback and not multicast:
            host = urlsplit(url).hostname or url
            addresses.check_resolved(await self._network.resolve(host))


def where(kind: SourceType, url: str | None, host: str | None) -> str:
    """The address of a source to be added; a network tuner may be named by its host alone.

    Raises GatewayError `request.missing_field`; InvalidField names `host`.
    """
    if host is None:
        if url is None:
            raise GatewayError("request.missing_field", "The field url is missing.", field="url")
        return url
    if kind != "hdhomerun" or url is not None:
        raise InvalidField("host", "Only a network tuner is named by its host, and then without a url.")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}"
    return f"http://[{address}]" if address.version == 6 else f"http://{address}"


def _new(
    kind: SourceType, url: str, name: str | None, tuners: int | None, reading: Reading, now: float
) -> SourceRow:
    found: Playlist = reading.found
    return SourceRow(
        id=new_id(),
        kind=kind,
        url=url,
        name=playlist.tidy(name) or reading.name or urlsplit(url).hostname or url,
        channels=len(found.entries),
        skipped=found.skipped,
        refreshed=now,
        tried=now,
        tuners=reading.tuners,
        own_tuners=tuners,
        device=reading.device,
        model=reading.model,
        etag=reading.validators.etag,
        modified=reading.validators.modified,
    )


def _rows(entries: tuple[Entry, ...], taken: set[str]) -> list[str]:
    named = name_channels(entries, taken)
    return channel_rows((channel, position, entry) for position, (channel, entry) in enumerate(named))


_TESTCARD_CHANNEL = DvrChannel(id=TESTCARD, source=TESTCARD, name="Test card")
