"""Canned television: channels and where they come from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from gatewayd.operations import Context, Empty, JobAnswer, JobHandle, Operation, Request, Result
from tests.support.canned import Canned, row


class SourceAdd(Request, frozen=True, kw_only=True):
    kind: str
    url: str | None = None
    host: str | None = None
    name: str | None = None
    tuners: int | None = None


class SourceQuery(Request, frozen=True, kw_only=True):
    source: str
    name: str | None = None
    tuners: int | None = None


class ChannelQuery(Request, frozen=True, kw_only=True):
    limit: int = 200
    cursor: str | None = None
    source: str | None = None
    hidden: bool = True


class ChannelUpdate(Request, frozen=True, kw_only=True):
    channel: str
    name: str | None = None
    number: str | None = None
    hidden: bool | None = None


class CannedChannel(Result, frozen=True, kw_only=True):
    id: str
    name: str
    number: str | None = None
    hidden: bool = False


class CannedSource(Result, frozen=True, kw_only=True):
    id: str
    name: str
    kind: str
    url: str
    channels: int
    skipped: int = 0
    state: str = "ok"
    summary: str = ""
    tuners: int | None = None
    tuners_in_use: int = 0
    model: str | None = None
    refreshed: datetime | None = None
    error: dict[str, Any] | None = None
    tuner_status: tuple[dict[str, Any], ...] = ()
    tuner_error: str | None = None


class CannedRefresh(Result, frozen=True, kw_only=True):
    source: str
    channels: int = 3
    added: int = 1
    removed: int = 0
    renamed: int = 2
    unchanged: bool = False


_SOURCES = (
    CannedSource(
        id="s-1",
        name="Attic",
        kind="hdhomerun",
        url="http://192.0.2.9",
        channels=3,
        tuners=2,
        tuners_in_use=1,
        summary="3 channels, 1 of 2 tuners in use.",
        model="HDHR5-4X",
    ),
    CannedSource(
        id="s-2",
        name="Provider",
        kind="m3u",
        url="http://192.0.2.8/list.m3u",
        channels=900,
        skipped=2,
        state="down",
        summary="It cannot be read: the address answers with 503.",
    ),
)


class CannedSources:
    """Remembers with `ask` what it was asked."""

    def __init__(self, ask: Callable[[str, Request], None]) -> None:
        self._ask = ask

    async def channels(self, request: ChannelQuery, context: Context) -> Canned:
        rows = (("c-1", "1", "News"), ("c-2", "2", "Sport One"), ("c-3", "3", "Sport Two"))
        return Canned(
            items=tuple(
                {"id": id_, "number": number, "name": name, "source": "s", "state": "idle"}
                for id_, number, name in rows
            )
        )

    async def add_source(self, request: SourceAdd, context: Context) -> CannedSource:
        self._ask("dvr.sources.add", request)
        name, url = request.name or "Tuner", request.url or f"http://{request.host}"
        return CannedSource(
            id="s-1", name=name, kind=request.kind, url=url, channels=3, skipped=1, tuners=request.tuners
        )

    async def sources(self, request: Empty, context: Context) -> Canned:
        return Canned(items=tuple(msgspec.to_builtins(source) for source in _SOURCES))

    async def source(self, request: SourceQuery, context: Context) -> CannedSource:
        self._ask("dvr.sources.get", request)
        tuners = ({"name": "tuner0", "channel": "2.1 One", "strength": 88, "quality": 77, "symbols": 100},)
        return msgspec.structs.replace(_SOURCES[0], tuner_status=tuners)

    async def change_source(self, request: SourceQuery, context: Context) -> CannedSource:
        self._ask("dvr.sources.update", request)
        return msgspec.structs.replace(_SOURCES[0], name=request.name or "Attic", tuners=request.tuners)

    async def remove_source(self, request: SourceQuery, context: Context) -> CannedSource:
        self._ask("dvr.sources.remove", request)
        return _SOURCES[1]

    async def refresh_source(self, request: SourceQuery, context: Context) -> JobAnswer:
        self._ask("dvr.sources.refresh", request)

        async def run(job: JobHandle) -> CannedRefresh:
            return CannedRefresh(source=request.source)

        return await context.start_job(run)

    async def discover(self, request: Empty, context: Context) -> Canned:
        found = {"device": "1040ABCD", "url": "http://192.0.2.9", "name": None, "model": "HDHR5-4X"}
        return Canned(items=(found | {"tuners": 4, "source": None},))

    async def change_channel(self, request: ChannelUpdate, context: Context) -> CannedChannel:
        self._ask("dvr.channels.update", request)
        return CannedChannel(
            id=request.channel, name=request.name or "News", number="1", hidden=request.hidden or False
        )

    def operations(self) -> tuple[Operation, ...]:
        """The rows."""
        source = "/dvr/sources/{source}"
        return (
            row("dvr.channels.list", "GET", "/dvr/channels", ChannelQuery, Canned, self.channels),
            row(
                "dvr.channels.update",
                "PATCH",
                "/dvr/channels/{channel}",
                ChannelUpdate,
                CannedChannel,
                self.change_channel,
            ),
            row("dvr.sources.list", "GET", "/dvr/sources", Empty, Canned, self.sources),
            row("dvr.sources.discover", "POST", "/dvr/sources/discover", Empty, Canned, self.discover),
            row("dvr.sources.get", "GET", source, SourceQuery, CannedSource, self.source),
            row("dvr.sources.update", "PATCH", source, SourceQuery, CannedSource, self.change_source),
            row("dvr.sources.remove", "DELETE", source, SourceQuery, CannedSource, self.remove_source),
            row(
                "dvr.sources.refresh",
                "POST",
                f"{source}/refresh",
                SourceQuery,
                JobAnswer,
                self.refresh_source,
                202,
            ),
            row("dvr.sources.add", "POST", "/dvr/sources", SourceAdd, CannedSource, self.add_source, 201),
        )
