"""How far running recordings have come, between two reports of the recorder. In memory only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gatewayd.dvr.media.messages import ChannelStatus, Located, Status, StreamErrors
from gatewayd.dvr.spans import Span


@dataclass
class Running:
    """One recording: what was stored when it was first looked at, plus what its channel received since."""

    channel: str
    bytes: int
    errors: StreamErrors
    gaps: tuple[Span, ...]
    stale: bool = False


@dataclass
class View:
    """What gatewayd last saw of the recorder; `connected` None until the first attempt has ended.

    `trouble` is the code of what ended the last connection: not always the recorder.
    """

    connected: bool | None = None
    trouble: str | None = None
    free: int | None = None
    total: int | None = None
    used: int = 0
    channels: dict[str, ChannelStatus] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)

    def lost(self) -> None:
        """The recorder is away: what it said of recordings is the best that is known, but stale."""
        self.connected = False
        self.channels = {}
        for running in self.running.values():
            running.stale = True

    def begin(self, recording: str, channel: str, located: Located) -> None:
        """Counts on from what is stored of a recording, and missing, until now."""
        stored = sum(part.to_byte - part.from_byte for part in located.slices)
        self.running[recording] = Running(channel, stored, located.errors, located.gaps)

    def is_counted(self, recording: str) -> bool:
        """Whether counting on is enough: it was located on this connection and its bytes are flowing."""
        running = self.running.get(recording)
        if running is None or running.stale:
            return False
        return running.channel in self.channels and self.channels[running.channel].state == "flowing"

    def keep(self, recordings: Iterable[str]) -> None:
        """Forgets all but these."""
        wanted = set(recordings)
        self.running = {item: running for item, running in self.running.items() if item in wanted}

    def measure(self, status: Status) -> None:
        """Takes from a report what it says of the disk, and nothing else."""
        self.free, self.total, self.used = status.free_bytes, status.total_bytes or None, status.used_bytes

    def observe(self, status: Status, growing: Collection[str] = ()) -> None:
        """Takes a report; the `growing` recordings get what their channels received since the last one.

        A counter that went back was opened again and counts from zero.
        """
        for channel in status.channels:
            before = self.channels.get(channel.id)
            if before is None:
                continue
            if before.received > channel.received:
                before = None
            received = channel.received - (before.received if before else 0)
            errors = _since(channel.errors, before.errors if before else StreamErrors())
            for recording, running in self.running.items():
                if running.channel == channel.id and recording in growing:
                    running.bytes += received
                    running.errors = _sum(running.errors, errors)
        self.measure(status)
        self.channels = {channel.id: channel for channel in status.channels}


def _since(now: StreamErrors, before: StreamErrors) -> StreamErrors:
    return StreamErrors(
        continuity=max(0, now.continuity - before.continuity),
        transport=max(0, now.transport - before.transport),
        sync=max(0, now.sync - before.sync),
    )


def _sum(first: StreamErrors, second: StreamErrors) -> StreamErrors:
    return StreamErrors(
        continuity=first.continuity + second.continuity,
        transport=first.transport + second.transport,
        sync=first.sync + second.sync,
    )
