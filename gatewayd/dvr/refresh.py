"""Reading sources anew: when asked, once a day, and sooner after a failure. Channels keep their ids."""

from __future__ import annotations

import asyncio
import zlib

import structlog

from gatewayd.dvr.lineup import Known, Lineup, SourceRow, channel_rows
from gatewayd.dvr.matching import Matched, match
from gatewayd.dvr.model import TESTCARD
from gatewayd.dvr.naming import name_channels
from gatewayd.dvr.playlist import Entry
from gatewayd.dvr.reader import Network, Reader, Reading, Validators, find_again
from gatewayd.dvr.source_model import SourceChanged, SourceRefreshed
from gatewayd.errors import GatewayError
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)

DAY = 86_400.0
JITTER = 0.1
"""Of a day: not every box asks its provider in the same minute."""
RETRY = 900.0
LOOK = 3600.0
SEARCH_SECONDS = 2.0
_MOVED = ("dvr.source_unreachable", "dvr.not_a_tuner", "dvr.source_http_status")


class Refresher:
    """Reads one source at a time; supervise `run` for the daily round."""

    def __init__(
        self, database: Database, clock: Clock, lineup: Lineup, reader: Reader, network: Network
    ) -> None:
        self._database = database
        self._clock = clock
        self._lineup = lineup
        self._reader = reader
        self._network = network
        self._one = asyncio.Lock()

    async def run(self) -> None:
        """For ever: each source about once a day; after a failure sooner, then less and less often."""
        while True:
            await self._clock.sleep(await self.look())

    async def look(self) -> float:
        """Reads what is due; how many seconds until the next look."""
        now = self._clock.now().timestamp()
        for row in await self._periodic():
            if due(row) <= now:
                try:
                    await self.refresh(row.id)
                except GatewayError as error:
                    log.warning("dvr.source_not_refreshed", source=row.id, code=error.code)
        nearest = min((due(row) for row in await self._periodic()), default=now + LOOK)
        return min(LOOK, max(1.0, nearest - now))

    async def _periodic(self) -> list[SourceRow]:
        return [row for row in await self._lineup.sources() if row.kind != "http"]

    async def refresh(self, source: str) -> SourceRefreshed:
        """Reads a source and takes over what it says.

        Raises GatewayError `dvr.source_not_found` and what `Reader.read` raises; the failure is kept
        with the source, its channels stay.
        """
        async with self._one:
            rows = await self._lineup.sources(source)
            if not rows:
                raise GatewayError("dvr.source_not_found", "There is no such source.", field="source")
            try:
                reading = await self._read(rows[0])
            except GatewayError as error:
                await self._failed(rows[0], error)
                raise
            return await self._take(rows[0], reading)

    async def _read(self, row: SourceRow) -> Reading | None:
        validators = Validators(row.etag, row.modified)
        if row.device is None:
            return await self._reader.read(row.kind, row.url, validators)
        try:
            reading = await self._reader.read(row.kind, row.url, validators)
            if reading is None or reading.device in (None, row.device):
                return reading
            moved = GatewayError("dvr.not_a_tuner", "Another device answers at this address.", field="url")
        except GatewayError as error:
            if error.code not in _MOVED:
                raise
            moved = error
        try:  # a router gave it another address
            url = await find_again(self._network, row.device, SEARCH_SECONDS)
        except GatewayError:
            raise moved from None
        log.info("dvr.tuner_moved", source=row.id, device=row.device)
        return await self._reader.read(row.kind, url)

    async def _failed(self, row: SourceRow, error: GatewayError) -> None:
        told = row._replace(
            tried=self._clock.now().timestamp(),
            failures=row.failures + 1,
            fault=(error.code, error.detail),
        )
        async with self._database.unit() as unit:
            self._lineup.set_source(unit, told)
            unit.emit(SourceChanged(source=row.id, change="failed"))

    async def _take(self, row: SourceRow, reading: Reading | None) -> SourceRefreshed:
        now = self._clock.now().timestamp()
        fresh = row._replace(tried=now, refreshed=now, failures=0, fault=None)
        if reading is None or row.kind == "http":
            async with self._database.unit() as unit:
                self._lineup.set_source(unit, fresh)
            return SourceRefreshed(source=row.id, channels=row.channels, unchanged=True)
        known = await self._lineup.known(row.id)
        taken = {TESTCARD, *await self._lineup.channel_ids()}
        change = await asyncio.to_thread(_compare, known, reading.found.entries, taken)
        fresh = fresh._replace(
            url=reading.url,
            skipped=reading.found.skipped,
            tuners=reading.tuners,
            device=reading.device or row.device,
            model=reading.model,
            etag=reading.validators.etag,
            modified=reading.validators.modified,
        )
        matched = change.matched
        async with self._database.unit() as unit:
            self._lineup.set_source(unit, fresh)
            self._lineup.drop_channels(unit, row.id, matched.gone)
            self._lineup.set_channels(unit, row.id, change.rows)
            unit.emit(
                SourceChanged(
                    source=row.id,
                    change="refreshed",
                    added=len(matched.added),
                    removed=len(matched.gone),
                    renamed=change.renamed,
                )
            )
        return SourceRefreshed(
            source=row.id,
            channels=len(reading.found.entries),
            added=len(matched.added),
            removed=len(matched.gone),
            renamed=change.renamed,
            skipped=reading.found.skipped,
        )


class _Change:
    """What a refresh has to write."""

    def __init__(self, matched: Matched, rows: list[str], renamed: int) -> None:
        self.matched = matched
        self.rows = rows
        self.renamed = renamed


def _compare(known: list[Known], entries: tuple[Entry, ...], taken: set[str]) -> _Change:
    """Runs in a thread: there may be tens of thousands."""
    matched = match(known, entries)
    before = {channel.id: channel for channel in known}
    named = name_channels([entries[position] for position in matched.added], taken)
    rows = [
        (channel, position, entries[position])
        for position, channel in matched.kept
        if before[channel] != Known(channel, entries[position], position)
    ]
    renamed = sum(before[channel].entry.name != entry.name for channel, _, entry in rows)
    rows += [
        (channel, position, entry) for position, (channel, entry) in zip(matched.added, named, strict=True)
    ]
    return _Change(matched, channel_rows(rows), renamed)


def due(row: SourceRow) -> float:
    """When a source is to be read next (Unix seconds): a day after the last time, give or take JITTER."""
    if row.tried is None:
        return 0.0
    if row.failures:
        return row.tried + min(DAY, RETRY * 2.0 ** (min(row.failures, 10) - 1))
    share = zlib.crc32(f"{row.id}{row.tried}".encode()) / 0xFFFFFFFF
    return row.tried + DAY * (1 - JITTER + 2 * JITTER * share)
