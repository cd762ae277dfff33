"""The recorder: takes the desired state, keeps channels recording towards it, answers gatewayd's calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from gatewayd.dvr.media.catalogue import Catalogue, Stored
from gatewayd.dvr.media.cue_messages import Cues, FindCues
from gatewayd.dvr.media.disk import Disk
from gatewayd.dvr.media.export import WORKER, Exports
from gatewayd.dvr.media.jobs import ThumbnailJob
from gatewayd.dvr.media.journal import Journal
from gatewayd.dvr.media.messages import (
    Accepted,
    CancelExport,
    Deleted,
    DeleteSegment,
    DesiredChannel,
    Digest,
    DropExports,
    Export,
    GetExport,
    GetStatus,
    JournalGrew,
    ListSegments,
    Locate,
    Located,
    Probe,
    ReadJournal,
    Segments,
    SetDesired,
    Slice,
    SourceKind,
    Status,
    StoredSegment,
    Thumbnail,
    Thumbnailed,
    Verb,
)
from gatewayd.dvr.media.messages import (
    Journal as JournalPage,
)
from gatewayd.dvr.media.room import Room
from gatewayd.dvr.media.workers import WarmWorker
from gatewayd.errors import GatewayError
from gatewayd.system.files import write_atomically
from gatewayd.system.log_reading import ReadLogs, answering
from gatewayd.system.logs import Ring
from gatewayd.system.rpc import Server
from gatewayd.tasks import Tasks

if TYPE_CHECKING:
    from gatewayd.dvr.media.channel import Channel
    from gatewayd.dvr.media.engine import Beat, Engine
    from gatewayd.dvr.media.ingest import Ingest
    from gatewayd.dvr.media.pump import Pump
    from gatewayd.dvr.media.testcard import TestCardEngine

log = structlog.get_logger(__name__)

RESERVE = 64 * 1024 * 1024
"""Bytes of the file system that recordings never take, so that journals and settings can be written."""
_PUSH_SECONDS = 0.05
RETRY_SECONDS = 5.0
PROBE_SECONDS, DIGEST_SECONDS = 20.0, 600.0
THUMBNAIL_WIDTH = 480


class Recorder:
    """One folder, one process. `start`, then `wait` or `idle`, then `close`."""

    def __init__(
        self,
        socket: Path,
        folder: Path,
        *,
        uids: frozenset[int],
        reserve: int = RESERVE,
        export_worker: str = WORKER,
        ring: Ring | None = None,
    ) -> None:
        self._folder = folder
        self._reserve = reserve
        self._tasks = Tasks()
        self._disk = Disk()
        self._worker = WarmWorker()
        self._channels: dict[str, tuple[Channel, asyncio.Task[Any]]] = {}
        self._desired = SetDesired(generation=0, channels=())
        self._applying = asyncio.Lock()
        self._card: TestCardEngine | None = None
        self._engines: dict[SourceKind, Engine] = {}
        self._beat: Beat
        self._ingest: Ingest | None = None
        self._pump: Pump
        answer = answering(self._handle, ring or Ring())
        self._server = Server(socket, Verb | ReadLogs, answer, uids=uids)
        self._push: asyncio.TimerHandle | None = None
        self._folder_fd = -1
        self._journal: Journal
        self._catalogue: Catalogue
        self._room: Room
        self._exports: Exports
        self._export_worker = export_worker

    # --- life

    async def start(self, sock: Any = None) -> None:
        """Takes up what an earlier process left, goes on with it, and listens."""
        loop = asyncio.get_running_loop()
        self._folder_fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        await asyncio.to_thread(self._recall, lambda seq: _soon(loop, self._grew))
        self._exports = Exports(self._folder, self._room, worker=self._export_worker)
        await asyncio.to_thread(self._exports.prepare)
        self._tasks.supervise("exports", self._exports.keep)
        self._apply(resumed=True)
        self._tasks.supervise("journal", self._retry_journal)
        await self._server.start(sock)

    async def close(self) -> None:
        """Stops recording, closes the segments, ends the workers."""
        await self._server.close()
        await self._tasks.close()
        if self._card is not None:
            await self._card.close()
        if self._ingest is not None:
            await self._ingest.close()
        await self._worker.close()
        await self._disk.close()
        if self._push is not None:
            self._push.cancel()
        self._journal.close()
        os.close(self._folder_fd)

    async def _retry_journal(self) -> None:
        """Entries that a full disk did not take are written when it has room again."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            if self._journal.waiting:
                await asyncio.to_thread(self._journal.retry)

    @property
    def idle(self) -> bool:
        """Nobody is connected and no range is left to record."""
        return not self._server.clients and not any(channel.busy for channel, _ in self._channels.values())

    def _recall(self, grew: Callable[[int], None]) -> None:
        self._journal = Journal(self._folder / "journal.jsonl", grew)
        self._catalogue = Catalogue(self._folder, self._journal)
        self._room = Room(self._folder_fd, self._catalogue, self._reserve)
        self._journal.compact(self._catalogue.oldest())
        try:
            self._desired = msgspec.json.decode(self._desired_path.read_bytes(), type=SetDesired)
        except FileNotFoundError:
            pass
        except msgspec.MsgspecError as error:
            log.error("media.desired_unreadable", reason=str(error))

    @property
    def _desired_path(self) -> Path:
        return self._folder / "desired.json"

    # --- the desired state

    def _apply(self, *, resumed: bool = False) -> None:
        self._room.limit(self._desired.limits)
        wanted = {channel.id: channel for channel in self._desired.channels}
        for identifier, (channel, task) in tuple(self._channels.items()):
            if identifier not in wanted:
                channel.update(msgspec.structs.replace(channel.desired, ranges=()))
                task.cancel()
                del self._channels[identifier]
        for identifier, desired in wanted.items():
            if identifier in self._channels:
                self._channels[identifier][0].update(desired)
            else:
                self._begin(desired, resumed)

    def _begin(self, desired: DesiredChannel, resumed: bool) -> None:
        # numpy and aiohttp come in with the first channel: an idle recorder is half as large without.
        from gatewayd.dvr.media.channel import Channel
        from gatewayd.dvr.media.segments import Shelf

        self._engine(desired.source.kind)  # imported now, not when a programme begins
        shelf = Shelf(self._catalogue, self._journal, self._disk, self._room, self._pump)
        channel = Channel(desired, shelf, self._engine, resumed=resumed)
        task = self._tasks.supervise(f"channel {desired.id}", channel.run)
        self._channels[desired.id] = (channel, task)

    def _engine(self, kind: SourceKind) -> Engine:
        if not self._engines:
            from gatewayd.dvr.media.engine import BEAT, Beat
            from gatewayd.dvr.media.http import HttpEngine
            from gatewayd.dvr.media.ingest import Ingest
            from gatewayd.dvr.media.pump import Pump
            from gatewayd.dvr.media.testcard import TestCardEngine
            from gatewayd.dvr.media.udp import UdpEngine
            from gatewayd.dvr.media.web import WebEngine

            beat = Beat()
            self._pump = Pump(BEAT, self._disk)
            self._card = TestCardEngine(beat, self._folder / "testcard.sock")
            web = WebEngine(HttpEngine(beat), lambda: self._engine("hls"))
            self._engines = {"http": web, "udp": UdpEngine(beat), "testcard": self._card}
            self._ingest = Ingest(beat)
            self._beat = beat
        if kind not in self._engines:
            assert self._ingest is not None
            from gatewayd.dvr.media.hls import HlsEngine
            from gatewayd.dvr.media.rtsp import RtspEngine

            self._engines["hls"] = HlsEngine(self._beat, self._ingest)
            self._engines["rtsp"] = RtspEngine(self._beat, self._ingest)
        return self._engines[kind]

    # --- calls

    async def _handle(self, verb: Verb) -> Any:
        match verb:
            case SetDesired():
                return await self._set_desired(verb)
            case GetStatus():
                return await self._status()
            case ReadJournal():
                limit = min(max(verb.limit, 1), 1000)
                entries = await asyncio.to_thread(self._journal.read, verb.after, limit)
                return JournalPage(entries=entries, last=self._journal.seq)
            case Locate():
                return await self._locate(verb)
            case ListSegments():
                page = self._catalogue.page(verb.after, min(max(verb.limit, 1), 5000))
                return Segments(items=tuple(stored_segment(stored) for stored in page))
            case DeleteSegment():
                return Deleted(bytes=await asyncio.to_thread(self._catalogue.delete, verb.segment))
            case Probe():
                path = self._catalogue.present(verb.segment)
                return await self._worker.probe(path, PROBE_SECONDS)
            case Digest():
                return await self._worker.digest(self._spans(verb.slices), DIGEST_SECONDS)
            case Thumbnail():
                return await self._thumbnail(verb.slice)
            case FindCues():
                return await self._cues(verb)
            case Export():
                return await self._exports.run(verb.export, self._spans(verb.slices), verb.format)
            case GetExport():
                return self._exports.progress(verb.export)
            case CancelExport():
                await self._exports.cancel(verb.export)
                return self._exports.progress(verb.export)
            case DropExports():
                return Deleted(bytes=await self._exports.drop())

    async def _cues(self, verb: FindCues) -> Cues:
        from gatewayd.dvr.media import cues

        path, index = self._catalogue.present(verb.segment), self._catalogue.index(verb.segment)
        try:
            return await asyncio.to_thread(cues.find, path, index, verb.from_byte, verb.to_byte)
        except (OSError, ValueError):
            detail = f"The segment {verb.segment} cannot be read."
            raise GatewayError("dvr.segment_not_found", detail) from None

    def _spans(self, slices: tuple[Slice, ...]) -> tuple[tuple[str, int, int], ...]:
        return tuple((str(self._catalogue.present(s.segment)), s.from_byte, s.to_byte) for s in slices)

    async def _thumbnail(self, part: Slice) -> Thumbnailed:
        path = self._catalogue.present(part.segment)
        job = ThumbnailJob(path=str(path), start=part.from_byte, stop=part.to_byte, width=THUMBNAIL_WIDTH)
        made = await self._worker.thumbnail(job, PROBE_SECONDS)
        file = self._catalogue.thumbnail(part.segment)
        await asyncio.to_thread(write_atomically, file, made.jpeg, mode=0o640)
        return Thumbnailed(width=made.width, height=made.height, bytes=len(made.jpeg))

    async def _set_desired(self, verb: SetDesired) -> Accepted:
        async with self._applying:
            if verb.generation < self._desired.generation:
                detail = f"Generation {verb.generation} is older than {self._desired.generation}."
                raise GatewayError("dvr.stale_generation", detail)
            content = msgspec.json.encode(verb)
            await asyncio.to_thread(write_atomically, self._desired_path, content, mode=0o600)
            self._desired = verb
            self._apply()
        return Accepted(generation=verb.generation)

    async def _status(self) -> Status:
        space = await asyncio.to_thread(self._room.space)
        return Status(
            generation=self._desired.generation,
            channels=tuple(channel.status() for channel, _ in self._channels.values()),
            free_bytes=space.free,
            total_bytes=space.total,
            used_bytes=self._catalogue.used,
            segments=len(self._catalogue),
            seq=self._journal.seq,
            pid=os.getpid(),
            workers=(
                *self._worker.pids,
                *(self._ingest.pids if self._ingest is not None else ()),
                *self._exports.pids,
            ),
        )

    async def _locate(self, verb: Locate) -> Located:
        missing = now = None
        await self._disk.ask(lambda: None)  # what was received is in the index
        if verb.channel in self._channels:
            channel, _ = self._channels[verb.channel]
            missing, now = channel.missing(), channel.measured()
        return await asyncio.to_thread(
            self._catalogue.locate, verb.channel, verb.start, verb.stop, missing, now
        )

    # --- pushes

    def _grew(self) -> None:
        if self._push is None:
            self._push = asyncio.get_running_loop().call_later(_PUSH_SECONDS, self._tell)

    def _tell(self) -> None:
        self._push = None
        self._server.push(JournalGrew(seq=self._journal.seq))


def stored_segment(stored: Stored) -> StoredSegment:
    """What the catalogue knows of a segment, as gatewayd is told."""
    return StoredSegment(
        segment=stored.segment,
        channel=stored.channel,
        first=stored.first,
        last=stored.last,
        bytes=stored.size,
        open=stored.open,
    )


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(callback)
