"""Where a player can begin within a segment: what gatewayd asks and what the recorder answers.

As in `messages.py`: times are Unix seconds, positions are bytes.
"""

from __future__ import annotations

from msgspec import Struct


class FindCues(Struct, frozen=True, tag=True, kw_only=True):
    """Random access points in bytes [from_byte, to_byte) of a segment, some seconds apart.

    Answered by Cues; the same question about a closed segment always has the same answer, and of an open one
    the same beginning.
    """

    segment: str
    from_byte: int
    to_byte: int


class Cue(Struct, frozen=True, kw_only=True):
    """A packet from which a decoder can begin: its first byte in the segment, when it came, and its
    presentation time in seconds of the stream's own clock (33 bits of 90 kHz, so it wraps at 95443.7 s)."""

    byte: int
    came: float
    shown: float


class Cues(Struct, frozen=True, kw_only=True):
    """What a player needs to know of a stretch of a segment.

    `first` and `last` are when the segment's first and last bytes came: two segments of one connection touch.
    `end` is the presentation time at which the stretch ends, None when it has no time stamps. `tables` are
    whole packets, PAT then PMT, as they were sent last before the first cue, else the first ones; empty when
    there are none. `video` is the stream type (ISO/IEC 13818-1, table 2-34) of the picture that cues are of,
    None where there is only sound.
    """

    first: float
    last: float
    cues: tuple[Cue, ...]
    end: float | None = None
    tables: bytes = b""
    video: int | None = None
