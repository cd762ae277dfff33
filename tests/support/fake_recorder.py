"""A whole fake recorder on a real Unix socket: it keeps what it is told and tells what the test scripts."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gatewayd.dvr.media.messages import (
    Accepted,
    CancelExport,
    ChannelState,
    ChannelStatus,
    Deleted,
    DeleteSegment,
    DesiredChannel,
    Digest,
    Digested,
    DiskLimits,
    DropExports,
    Entry,
    Export,
    Exported,
    ExportProgress,
    Gap,
    GetExport,
    GetStatus,
    Journal,
    JournalGrew,
    ListSegments,
    Locate,
    Located,
    MediaStream,
    Probe,
    Probed,
    RangeDone,
    ReadJournal,
    SegmentClosed,
    SegmentOpened,
    Segments,
    SetDesired,
    Slice,
    SourceFailed,
    Status,
    StoredSegment,
    StreamErrors,
    Thumbnail,
    Thumbnailed,
    Verb,
)
from gatewayd.errors import GatewayError
from gatewayd.system.rpc import Server

PACKET = 188
PICTURE = MediaStream(index=0, type="video", codec="h264", width=320, height=180)


@dataclass
class Stored:
    """A segment whose bytes came evenly between `first` and `last`."""

    channel: str
    first: float
    last: float
    data: bytes

    def at(self, moment: float) -> int:
        """The byte, on a packet's edge, that arrived at `moment`."""
        share = (moment - self.first) / (self.last - self.first)
        packets = len(self.data) // PACKET
        return round(min(1.0, max(0.0, share)) * packets) * PACKET


@dataclass
class FakeRecorder:
    """`async with FakeRecorder(path) as recorder:` listens. All state outlives `stop` and `start`.

    `refuse` maps a verb to the code that it is refused with; `missing` is a gap that has not ended;
    `calls` remembers every verb.
    """

    path: Path
    generation: int = 0
    channels: tuple[DesiredChannel, ...] = ()
    stored: dict[str, Stored] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    live: dict[str, ChannelStatus] = field(default_factory=dict)
    refuse: dict[type, str] = field(default_factory=dict)
    missing: tuple[float, float] | None = None
    calls: list[Verb] = field(default_factory=list)
    free: int = 10**12
    limits: DiskLimits | None = None
    server: Server | None = None

    async def start(self) -> None:
        """Listens (again)."""
        self.server = Server(self.path, Verb, self._handle, uids=frozenset({os.getuid()}))
        await self.server.start()

    async def stop(self) -> None:
        """Dies: the socket is gone, what was stored stays."""
        if self.server is not None:
            await self.server.close()
        self.path.unlink(missing_ok=True)
        self.server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def used(self) -> int:
        """Bytes of all segments; `free` is the disk when it is empty."""
        return sum(len(stored.data) for stored in self.stored.values())

    @property
    def looks(self) -> int:
        """How often the status was asked for."""
        return sum(isinstance(call, GetStatus) for call in self.calls)

    # --- the script

    def write(self, make: Callable[[int], Entry]) -> None:
        """Appends an entry and pushes its number."""
        self.entries.append(make(len(self.entries) + 1))
        if self.server is not None:
            self.server.push(JournalGrew(seq=len(self.entries)))

    def segment(self, segment: str, channel: str, first: float, last: float, data: bytes) -> None:
        """A segment was opened, filled and closed."""
        self.stored[segment] = Stored(channel, first, last, data)
        self.write(lambda seq: SegmentOpened(seq=seq, time=first, channel=channel, segment=segment))
        self.write(
            lambda seq: SegmentClosed(
                seq=seq,
                time=last,
                channel=channel,
                segment=segment,
                first=first,
                last=last,
                bytes=len(data),
                errors=StreamErrors(),
                digest="0",
            )
        )

    def gap(self, channel: str, start: float, stop: float) -> None:
        """Nothing came for a while."""
        self.write(
            lambda seq: Gap(
                seq=seq, time=stop, channel=channel, start=start, stop=stop, reason="dvr.source_ended"
            )
        )

    def fail(self, channel: str, code: str, detail: str, moment: float) -> None:
        """The source could not be read."""
        self.write(lambda seq: SourceFailed(seq=seq, time=moment, channel=channel, code=code, detail=detail))

    def done(self, channel: str, identifier: str, moment: float) -> None:
        """A range has come to its end."""
        self.write(lambda seq: RangeDone(seq=seq, time=moment, channel=channel, range=identifier))

    def flow(
        self, channel: str, received: int, state: ChannelState = "flowing", reason: str | None = None
    ) -> None:
        """What the status says of a channel from now on."""
        self.live[channel] = ChannelStatus(
            id=channel, state=state, bitrate=8e6, received=received, errors=StreamErrors(), reason=reason
        )

    def ranges(self) -> dict[str, tuple[float, float]]:
        """What is wanted, by recording."""
        return {item.id: (item.start, item.stop) for channel in self.channels for item in channel.ranges}

    # --- the verbs

    async def _handle(self, verb: Verb) -> Any:
        self.calls.append(verb)
        if (code := self.refuse.get(type(verb))) is not None:
            raise GatewayError(code, "scripted")
        match verb:
            case SetDesired():
                return self._accept(verb)
            case GetStatus():
                return self._status()
            case ReadJournal():
                page = tuple(self.entries[verb.after : verb.after + verb.limit])
                return Journal(entries=page, last=len(self.entries))
            case ListSegments():
                return self._list(verb)
            case DeleteSegment():
                gone = self.stored.pop(verb.segment, None)
                return Deleted(bytes=len(gone.data) if gone else 0)
            case Thumbnail():
                return Thumbnailed(width=320, height=180, bytes=4711)
            case Export():
                return await self._export(verb)
            case GetExport() | CancelExport():
                return ExportProgress(known=False)
            case DropExports():
                return Deleted(bytes=0)
            case Probe():
                return Probed(format="mpegts", streams=(PICTURE,), decoded_frames=25)
            case Digest():
                data = b"".join(self._bytes(part) for part in verb.slices)
                return Digested(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            case Locate():
                return self._locate(verb)

    def _accept(self, desired: SetDesired) -> Accepted:
        if desired.generation < self.generation:
            raise GatewayError("dvr.stale_generation", str(self.generation))
        self.generation, self.channels = desired.generation, desired.channels
        self.limits = desired.limits
        return Accepted(generation=self.generation)

    def _status(self) -> Status:
        return Status(
            generation=self.generation,
            channels=tuple(self.live.values()),
            free_bytes=self.free - self.used,
            total_bytes=self.free,
            used_bytes=self.used,
            segments=len(self.stored),
            seq=len(self.entries),
            pid=os.getpid(),
            workers=(),
        )

    def _list(self, verb: ListSegments) -> Segments:
        names = sorted(name for name in self.stored if name > verb.after)[: verb.limit]
        found = [(name, self.stored[name]) for name in names]
        return Segments(
            items=tuple(
                StoredSegment(
                    segment=name,
                    channel=stored.channel,
                    first=stored.first,
                    last=stored.last,
                    bytes=len(stored.data),
                    open=False,
                )
                for name, stored in found
            )
        )

    def _bytes(self, part: Slice) -> bytes:
        return self.stored[part.segment].data[part.from_byte : part.to_byte]

    async def _export(self, verb: Export) -> Exported:
        data = b"".join(self._bytes(part) for part in verb.slices)
        file = self.path.with_name(f"{verb.export}.{verb.format}")
        await asyncio.to_thread(file.write_bytes, data)
        return Exported(
            file=str(file),
            bytes=len(data),
            streams=(PICTURE,),
            skipped=("dvb_teletext",) if verb.format == "mp4" else (),
            joints=0,
            expires=time.time() + 86_400,
        )

    def _locate(self, verb: Locate) -> Located:
        found = [
            Slice(segment=name, from_byte=stored.at(verb.start), to_byte=stored.at(verb.stop))
            for name, stored in self.stored.items()
            if stored.channel == verb.channel and stored.first < verb.stop and stored.last > verb.start
        ]
        gaps = () if self.missing is None else (self.missing,)
        return Located(slices=tuple(found), gaps=gaps, errors=StreamErrors())


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10.0) -> None:
    """Waits until `condition` (plain or async) is true; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value if isinstance(value, bool) else await value:
            return
        assert time.monotonic() < end, "it did not become true in time"
        await asyncio.sleep(0.02)
