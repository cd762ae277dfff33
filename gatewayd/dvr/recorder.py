"""The recorder as the rest of television sees it; `client.py` is the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from gatewayd.dvr.media.cue_messages import Cues
from gatewayd.dvr.media.messages import (
    DesiredChannel,
    Digested,
    DiskLimits,
    Exported,
    ExportFormat,
    ExportProgress,
    Journal,
    Located,
    Probed,
    Slice,
    Status,
    StoredSegment,
    Thumbnailed,
)


class Recorder(Protocol):
    """The process that reads streams and writes segments. All calls raise GatewayError.

    `helper.unavailable` when it is away or does not answer in time.
    """

    async def connect(self) -> None:
        """Connects now."""
        ...

    async def close(self) -> None:
        """Drops the connection; the recorder goes on."""
        ...

    def grew(self) -> AsyncIterator[int]:
        """Journal numbers as the recorder announces them; ends when the connection drops."""
        ...

    async def set_desired(
        self, generation: int, channels: Sequence[DesiredChannel], limits: DiskLimits
    ) -> None:
        """Replaces the whole desired state; it is on the recorder's disk when this returns."""
        ...

    async def status(self) -> Status:
        """The recorder now."""
        ...

    async def journal(self, after: int) -> Journal:
        """The next page of entries beyond `after`, oldest first."""
        ...

    async def locate(self, channel: str, start: float, stop: float) -> Located:
        """Where [start, stop) of a channel lies."""
        ...

    async def digest(self, slices: Sequence[Slice]) -> Digested:
        """SHA-256 over slices in order; takes as long as reading them."""
        ...

    async def probe(self, segment: str) -> Probed:
        """What a decoder finds at the beginning of a segment."""
        ...

    async def thumbnail(self, part: Slice) -> Thumbnailed:
        """Keeps a picture of these bytes beside their segment."""
        ...

    async def cues(self, part: Slice) -> Cues:
        """Where a player can begin in these bytes of a segment."""
        ...

    async def export(self, export: str, slices: Sequence[Slice], shape: ExportFormat) -> Exported:
        """Writes slices as one file; takes as long as that. `export` is a new ULID to ask and cancel by."""
        ...

    async def export_progress(self, export: str) -> ExportProgress:
        """How far an export is."""
        ...

    async def cancel_export(self, export: str) -> None:
        """Ends an export; nothing is left of it."""
        ...

    async def drop_exports(self) -> int:
        """Ends all exports and removes all their files; the bytes that became free."""
        ...

    async def segments(self, after: str = "") -> Sequence[StoredSegment]:
        """A page of what is stored, by name, beyond `after`; empty behind the last."""
        ...

    async def delete(self, segment: str) -> int:
        """Removes a closed segment; the bytes that became free."""
        ...
