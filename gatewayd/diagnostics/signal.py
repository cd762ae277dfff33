"""What television's streams look like now: `diagnostics.signal.get`.

Diagnostics knows nothing of recorders: whoever can tell of streams fulfils `Television`.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from gatewayd.operations import Context, Operation, Request, Result, Scope


class TvIndicator(Struct, frozen=True, kw_only=True):
    """One indicator of TR 101 290; `count` is None where it was not measured, `note` says why."""

    number: str
    name: str
    priority: int
    count: int | None
    note: str | None = None


class TvQuality(Struct, frozen=True, kw_only=True):
    """The last minute or two of a stream: a grade, a sentence, and the numbers behind them.

    `seconds` are of the stream's own clock, `scrambled` is a share from 0 to 1.
    """

    grade: Literal["good", "fair", "poor", "unknown"]
    sentence: str
    seconds: float
    scrambled: float
    pcr_interval_average_ms: float | None
    pcr_interval_most_ms: float | None
    pcr_jitter_most_us: float | None
    pat_interval_most_ms: float | None
    pmt_interval_most_ms: float | None
    pat_changes: int
    pmt_changes: int
    indicators: tuple[TvIndicator, ...]


class TvChannel(Struct, frozen=True, kw_only=True):
    """A channel that is wanted now; `bitrate` in bit/s, `reason` the code of why nothing comes, `source` the
    kind of what it comes from, None when that is not told."""

    channel: str
    name: str
    state: Literal["idle", "opening", "flowing", "stalled", "retrying"]
    bitrate: float
    reason: str | None = None
    quality: TvQuality | None = None
    source: Literal["http", "multicast", "tuner"] | None = None


class TvSignal(Result, frozen=True, kw_only=True):
    """All channels that are wanted now; none while nothing records."""

    recorder: bool
    items: tuple[TvChannel, ...]


class Television(Protocol):
    """Who can tell of streams."""

    async def signal(self) -> TvSignal:
        """Now; `recorder` False when the one that reads them is away."""
        ...


class TvSignalQuery(Request, frozen=True, kw_only=True):
    """Takes no arguments."""


def signal_operations(television: Television) -> tuple[Operation, ...]:
    """`diagnostics.signal.get`."""

    async def get(request: TvSignalQuery, context: Context) -> TvSignal:
        return await television.signal()

    return (
        Operation(
            name="diagnostics.signal.get",
            summary="What the streams of television look like now",
            request=TvSignalQuery,
            result=TvSignal,
            scope=Scope.DIAGNOSTICS_READ,
            method="GET",
            path="/diagnostics/tv",
            handler=get,
        ),
    )
