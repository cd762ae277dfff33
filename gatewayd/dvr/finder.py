"""Network tuners: which there are at home, and what the tuners of one do just now."""

from __future__ import annotations

import asyncio

from gatewayd.dvr import hdhomerun
from gatewayd.dvr.discovery import Found
from gatewayd.dvr.lineup import Lineup
from gatewayd.dvr.model import DvrSource
from gatewayd.dvr.reader import STATUS_SECONDS, Network, Reader
from gatewayd.dvr.source_model import DvrFoundTuner, DvrTuner
from gatewayd.errors import GatewayError

SEARCH_SECONDS = 1.5


class Finder:
    """Asks the home network and the devices in it."""

    def __init__(self, lineup: Lineup, reader: Reader, network: Network) -> None:
        self._lineup = lineup
        self._reader = reader
        self._network = network

    async def discover(self) -> tuple[DvrFoundTuner, ...]:
        """Every network tuner that answers, with its name where its page tells it. Takes about 2 s."""
        found = await self._network.discover(SEARCH_SECONDS)
        sources = {row.device: row.id for row in await self._lineup.sources() if row.device}
        return tuple(await asyncio.gather(*(self._describe(tuner, sources) for tuner in found)))

    async def tuners(self, source: DvrSource) -> tuple[tuple[DvrTuner, ...], str | None]:
        """What the tuners of a source do now, and why that is not known, if it is not."""
        if source.kind != "hdhomerun":
            return (), None
        try:
            told = await self._reader.tuners(source.url)
        except GatewayError as error:
            return (), error.detail
        return tuple(DvrTuner(**tuner._asdict()) for tuner in told), None

    async def _describe(self, found: Found, sources: dict[str, str]) -> DvrFoundTuner:
        try:
            told = await self._reader.describe(found.url, STATUS_SECONDS)
        except GatewayError:
            told = hdhomerun.Device(None, None, None, None, "")
        return DvrFoundTuner(
            device=found.device,
            url=found.url,
            name=told.name,
            model=told.model,
            tuners=told.tuners or found.tuners,
            source=sources.get(found.device),
        )
