"""What the technician's tools are asked and what they answer. Times in `ms` are milliseconds.

Every limit stands in the type: what is outside is refused before anything is sent.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gatewayd.operations import Request, Result

Target = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
"""A host name or a literal address."""
Family = Literal["any", "v4", "v6"]
LONGEST_TEXT = 200
"""Characters that are kept of anything that a stranger's server says."""


class PingStart(Request, frozen=True, kw_only=True):
    """`count` questions, `interval` seconds apart, each waited for `timeout` seconds; `size` bytes each."""

    target: Target
    family: Family = "any"
    count: Annotated[int, msgspec.Meta(ge=1, le=300)] = 10
    interval: Annotated[float, msgspec.Meta(ge=0.1, le=5.0)] = 0.5
    size: Annotated[int, msgspec.Meta(ge=16, le=1472)] = 56
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=5.0)] = 2.0


class PingReply(msgspec.Struct, frozen=True, kw_only=True):
    """One question. `ms` None: nothing came in time, or `error` says what came instead."""

    sequence: int
    ms: float | None = None
    ttl: int | None = None
    error: str | None = None


class PingResult(Result, frozen=True, kw_only=True):
    """`loss` is a share (0..1); `jitter_ms` the mean difference between one reply and the next.

    `stamps`: `kernel` when every time is the kernel's own, `mixed` when some hold this process's delays.
    """

    target: str
    address: str
    sent: int
    received: int
    loss: float
    min_ms: float | None = None
    median_ms: float | None = None
    mean_ms: float | None = None
    max_ms: float | None = None
    jitter_ms: float | None = None
    stamps: Literal["kernel", "mixed", "none"] = "none"
    replies: tuple[PingReply, ...] = ()


class TracerouteStart(Request, frozen=True, kw_only=True):
    """`rounds` questions to each hop, up to `hops` hops; `names` looks up who they are."""

    target: Target
    family: Family = "any"
    rounds: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5
    hops: Annotated[int, msgspec.Meta(ge=1, le=40)] = 30
    names: bool = False


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One hop: who answered (none: nobody) and how often. `mean_ms` is over what was answered.

    Loss at a hop that later hops do not share is the router's own thrift with ICMP, not a fault.
    """

    hop: int
    addresses: tuple[str, ...] = ()
    name: str | None = None
    sent: int = 0
    received: int = 0
    loss: float = 0.0
    best_ms: float | None = None
    mean_ms: float | None = None
    worst_ms: float | None = None


class TracerouteResult(Result, frozen=True, kw_only=True):
    """The way to `address`; `reached` says whether it answered itself."""

    target: str
    address: str
    reached: bool
    hops: tuple[Hop, ...] = ()


RecordType = Literal["A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "TXT"]


class LookupStart(Request, frozen=True, kw_only=True):
    """One question to one resolver (a literal address, the box's own when left out); PTR takes an address."""

    name: Target
    type: RecordType = "A"
    resolver: Annotated[str, msgspec.Meta(min_length=2, max_length=64)] | None = None


class LookupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the answer; `data` is its text, cut at 200 characters."""

    name: str
    type: str
    ttl: int
    data: str


class LookupResult(Result, frozen=True, kw_only=True):
    """What each resolver that was asked said. `code` is the answer's (NOERROR, NXDOMAIN, SERVFAIL, ...)."""

    name: str
    type: RecordType
    resolver: str
    outcome: Literal["answered", "timeout", "unreachable", "unreadable"]
    code: str | None = None
    over: Literal["udp", "tcp"] = "udp"
    authentic: bool = False
    ms: float | None = None
    records: tuple[LookupRecord, ...] = ()


class ProbeStart(Request, frozen=True, kw_only=True):
    """Connects (`tcp`), shakes hands (`tls`) or asks for `path` (`http`, `https`)."""

    target: Target
    kind: Literal["tcp", "tls", "http", "https"] = "tcp"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern="^/[!-~]*$")] = "/"
    family: Family = "any"
    timeout: Annotated[float, msgspec.Meta(ge=0.5, le=15.0)] = 5.0


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate that the server showed. `trusted` is what our own authorities say of it."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: str
    not_after: str
    sha256: str
    trusted: bool
    reason: str | None = None


class ProbeStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step: its time, and what went wrong when it did not succeed (the last one then)."""

    step: Literal["resolve", "connect", "tls", "http"]
    ok: bool
    ms: float
    detail: str = ""


class ProbeResult(Result, frozen=True, kw_only=True):
    """How far it came. What a server says is cut at 200 characters; bodies are not kept, only their size."""

    target: str
    kind: Literal["tcp", "tls", "http", "https"]
    port: int
    ok: bool
    steps: tuple[ProbeStep, ...]
    address: str | None = None
    tls_version: str | None = None
    cipher: str | None = None
    certificate: Certificate | None = None
    status: int | None = None
    location: str | None = None
    server: str | None = None
    body_bytes: int | None = None
