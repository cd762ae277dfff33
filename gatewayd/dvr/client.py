"""The real recorder, over its Unix socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from gatewayd.dvr.media.cue_messages import Cues, FindCues
from gatewayd.dvr.media.messages import (
    Accepted,
    CancelExport,
    Deleted,
    DeleteSegment,
    DesiredChannel,
    Digest,
    Digested,
    DiskLimits,
    DropExports,
    Export,
    Exported,
    ExportFormat,
    ExportProgress,
    GetExport,
    GetStatus,
    Journal,
    JournalGrew,
    ListSegments,
    Locate,
    Located,
    Probe,
    Probed,
    ReadJournal,
    Segments,
    SetDesired,
    Slice,
    Status,
    StoredSegment,
    Thumbnail,
    Thumbnailed,
)
from gatewayd.system.rpc import Client

PROBE_SECONDS = 60.0
EXPORT_SECONDS = 24 * 3600.0
"""The recorder itself ends an export whose worker says nothing; this is for a recorder that hangs."""
SLOWEST_DISK = 5_000_000
"""Bytes per second that reading a recording back takes at worst, by which a digest's time is bounded."""


class RecorderClient:
    """Implements `gatewayd.dvr.recorder.Recorder` on the socket at `path`."""

    def __init__(self, path: Path) -> None:
        self._rpc = Client(path)

    async def connect(self) -> None:
        await self._rpc.connect()

    async def close(self) -> None:
        await self._rpc.close()

    async def grew(self) -> AsyncIterator[int]:
        async for push in self._rpc.pushes(JournalGrew):
            yield push.seq

    async def set_desired(
        self, generation: int, channels: Sequence[DesiredChannel], limits: DiskLimits
    ) -> None:
        await self._rpc.call(
            SetDesired(generation=generation, channels=tuple(channels), limits=limits), Accepted
        )

    async def status(self) -> Status:
        return await self._rpc.call(GetStatus(), Status)

    async def journal(self, after: int) -> Journal:
        return await self._rpc.call(ReadJournal(after=after), Journal)

    async def locate(self, channel: str, start: float, stop: float) -> Located:
        return await self._rpc.call(Locate(channel=channel, start=start, stop=stop), Located)

    async def digest(self, slices: Sequence[Slice]) -> Digested:
        size = sum(part.to_byte - part.from_byte for part in slices)
        return await self._rpc.call(
            Digest(slices=tuple(slices)), Digested, timeout=PROBE_SECONDS + size / SLOWEST_DISK
        )

    async def probe(self, segment: str) -> Probed:
        return await self._rpc.call(Probe(segment=segment), Probed, timeout=PROBE_SECONDS)

    async def thumbnail(self, part: Slice) -> Thumbnailed:
        return await self._rpc.call(Thumbnail(slice=part), Thumbnailed, timeout=PROBE_SECONDS)

    async def cues(self, part: Slice) -> Cues:
        verb = FindCues(segment=part.segment, from_byte=part.from_byte, to_byte=part.to_byte)
        return await self._rpc.call(verb, Cues, timeout=PROBE_SECONDS)

    async def export(self, export: str, slices: Sequence[Slice], shape: ExportFormat) -> Exported:
        verb = Export(export=export, slices=tuple(slices), format=shape)
        return await self._rpc.call(verb, Exported, timeout=EXPORT_SECONDS)

    async def export_progress(self, export: str) -> ExportProgress:
        return await self._rpc.call(GetExport(export=export), ExportProgress)

    async def cancel_export(self, export: str) -> None:
        await self._rpc.call(CancelExport(export=export), ExportProgress, timeout=PROBE_SECONDS)

    async def drop_exports(self) -> int:
        return (await self._rpc.call(DropExports(), Deleted, timeout=PROBE_SECONDS)).bytes

    async def segments(self, after: str = "") -> Sequence[StoredSegment]:
        return (await self._rpc.call(ListSegments(after=after), Segments)).items

    async def delete(self, segment: str) -> int:
        return (await self._rpc.call(DeleteSegment(segment=segment), Deleted)).bytes
