"""The recorder as the rest of television sees it; `client.py` is the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from gatewayd.dvr.media.messages import (
    DesiredChannel,
    Digested,
    Journal,
    Located,
    Probed,
    Slice,
    Status,
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

    async def set_desired(self, generation: int, channels: Sequence[DesiredChannel]) -> None:
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

    async def delete(self, segment: str) -> int:
        """Removes a closed segment; the bytes that became free."""
        ...
