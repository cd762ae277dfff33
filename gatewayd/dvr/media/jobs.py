"""What the recorder asks of a worker process: one frame each way per job, over its stdin and stdout."""

from __future__ import annotations

import msgspec

from gatewayd.dvr.media.messages import Digested, Probed


class ProbeJob(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Look at the first `limit` bytes of the file `path`; answered by Probed."""

    path: str
    limit: int


class DigestJob(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """SHA-256 over (path, from byte, to byte), in order; answered by Digested."""

    spans: tuple[tuple[str, int, int], ...]


class Failed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The job ended with a GatewayError."""

    code: str
    detail: str


class ProbeEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A ProbeJob's result."""

    result: Probed


class DigestEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A DigestJob's result."""

    result: Digested


Job = ProbeJob | DigestJob
Outcome = ProbeEnded | DigestEnded | Failed
MAX_FRAME = 1 << 20
