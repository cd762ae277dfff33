"""What a speed test found. Rates are bit/s, times in `ms` milliseconds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from gatewayd.operations import Request, Result

Way = Literal["down", "up"]
Confidence = Literal["high", "medium", "low"]
Limit = Literal["cpu", "softirq", "lag", "reading", "sending"]
"""What of the box itself held the test back: its processor, the kernel's packet work, the lateness of the
event loop, data that waited to be read, a send buffer that was empty."""


class SpeedtestStart(Request, frozen=True, kw_only=True):
    """`even_if_busy` measures also beside other traffic. `max_bytes` bounds each direction."""

    directions: Annotated[tuple[Way, ...], msgspec.Meta(min_length=1, max_length=2)] = ("down", "up")
    even_if_busy: bool = False
    max_bytes: Annotated[int, msgspec.Meta(ge=1_000_000, le=4_000_000_000)] = 2_000_000_000


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """`ms` is the median TCP handshake. `rpm`: round trips a minute, after the IETF's responsiveness draft,
    from handshakes and small requests on connections of their own beside the load."""

    ms: float
    p95_ms: float
    rpm: int
    probes: int


class DirectionResult(msgspec.Struct, frozen=True, kw_only=True):
    """One direction. `rate` counts IP packets, as plans do; `goodput` what a download is left with; `line`
    everything that passed the interface meanwhile, others' traffic too (None where it cannot be told).

    Where the box itself was the limit, `limited` says by what and the three rates are withheld.
    """

    way: Way
    rate: float | None
    goodput: float | None
    line: float | None
    confidence: Confidence
    seconds: float
    bytes: int
    streams: int
    retransmits: int
    congestion: str
    latency: Latency | None = None
    limited: tuple[Limit, ...] = ()


class BusyLine(msgspec.Struct, frozen=True, kw_only=True):
    """What passed the line before the test. `by`: the busiest device's name, or the interface's."""

    down: float
    up: float
    by: str


class SpeedtestResult(Result, frozen=True, kw_only=True):
    """`state`: `done`; `busy`: deferred, somebody else uses the line; `device_limited`: the box could not
    keep up in at least one direction, and that one is withheld. `sentence` says it for people."""

    state: Literal["done", "busy", "device_limited"]
    sentence: str
    started: datetime
    server: str
    interface: str | None = None
    idle: Latency | None = None
    down: DirectionResult | None = None
    up: DirectionResult | None = None
    busy: BusyLine | None = None


class SpeedProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What a running test shows: the rate of this moment, and the directions that are done."""

    stage: Literal["listening", "idle", "down", "up"]
    rate: float | None = None
    streams: int = 0
    ms: float | None = None
    down: DirectionResult | None = None
