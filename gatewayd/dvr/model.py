"""Television's words: sources, channels, recordings, and the events that tell of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from gatewayd.dvr.addresses import StreamOrigin
from gatewayd.dvr.media.messages import ChannelState, MediaStream, StreamErrors
from gatewayd.dvr.quality import StreamQuality
from gatewayd.events import EventData
from gatewayd.operations import Result

SourceType = Literal["http", "m3u", "hdhomerun", "testcard"]
RecordingState = Literal["scheduled", "recording", "done", "partial", "failed", "conflict", "trash"]
Health = Literal["ok", "degraded", "down", "unknown"]
Keep = Annotated[str, Meta(pattern="^(until_space|forever|days:[1-9][0-9]{0,3})$")]
"""How long a recording stays: until its space is needed, for ever, or so many days after it was made."""

TESTCARD = "testcard"
"""The id of the built-in source and of its only channel."""


class DvrFault(Struct, frozen=True, kw_only=True):
    """What was wrong with a stream when it was last tried: a stable code and a sentence."""

    code: str
    detail: str
    time: datetime


class DvrSource(Result, frozen=True, kw_only=True):
    """Where channels come from; `url` without user name and password.

    `skipped` counts entries that cannot be recorded. `tuners` is how many channels it carries at once
    (None: nobody said), `tuners_in_use` how many of them the box uses now. `refreshed` is when it was last
    read, `error` why it could not be read since. `device` and `model` are those of a network tuner.
    """

    id: str
    kind: SourceType
    url: str
    name: str
    channels: int
    skipped: int = 0
    refreshed: datetime | None = None
    state: Health = "unknown"
    summary: str = ""
    tuners: int | None = None
    tuners_in_use: int = 0
    device: str | None = None
    model: str | None = None
    error: DvrFault | None = None


class DvrChannel(Result, frozen=True, kw_only=True):
    """Something that can be recorded; `state` and `bitrate` (bit/s) while a connection is wanted.

    `gone`: its source has it no more; what was recorded of it stays.
    """

    id: str
    source: str
    name: str
    number: str | None = None
    guide_id: str | None = None
    logo: str | None = None
    category: str | None = None
    hidden: bool = False
    gone: bool = False
    state: ChannelState = "idle"
    bitrate: float | None = None
    error: DvrFault | None = None


class DvrStream(Struct, frozen=True, kw_only=True):
    """A channel that is wanted now and what its stream was like in the last minute or two.

    `source` is the kind of what it comes from; None for the test card, which comes from the box itself.
    """

    channel: str
    name: str
    state: ChannelState
    bitrate: float
    reason: str | None = None
    quality: StreamQuality | None = None
    source: StreamOrigin | None = None


class RecordingGap(Struct, frozen=True, kw_only=True, rename={"start": "from", "stop": "to"}):
    """A gap: nothing was received in this span although it was wanted."""

    start: datetime
    stop: datetime


class RecordingSpan(Struct, frozen=True, kw_only=True, rename={"start": "from", "stop": "to"}):
    """From the first moment that is kept to the last, padding included."""

    start: datetime
    stop: datetime


class Recording(Result, frozen=True, kw_only=True):
    """One item: what is to be kept of a channel, or what was.

    `start` and `stop` are what was wanted, `padded` what is recorded for it; only what is missing of the
    wanted span makes it `partial`. `keep` says how long (`until_space`, `forever`, `days:7`), `locked` that
    nobody deletes it, `trashed` since when it waits in the trash. `revision` rises with what people change;
    `warning` is told once, by the operation that gives a reason for it.

    `bytes`, `gaps` and `errors` grow while it records and are exact once it is `done` or `partial`;
    `quality` is what its stream was like (of the whole minutes in which it lies);
    `digest` is the SHA-256 of its bytes; `streams` are what a decoder found in them. `reason` says why
    it is not whole. `profile` and `folder` are None until the library has them.
    """

    id: str
    title: str
    channel: str
    start: datetime
    stop: datetime
    state: RecordingState
    bytes: int = 0
    gaps: tuple[RecordingGap, ...] = ()
    errors: StreamErrors = StreamErrors()
    digest: str | None = None
    streams: tuple[MediaStream, ...] = ()
    reason: str | None = None
    quality: StreamQuality | None = None
    profile: str | None = None
    folder: str | None = None
    pad_before: float = 0.0
    pad_after: float = 0.0
    padded: RecordingSpan | None = None
    keep: Keep = "until_space"
    locked: bool = False
    trashed: datetime | None = None
    revision: int = 1
    warning: str | None = None


class DvrSummary(Result, frozen=True, kw_only=True):
    """Television in one word and one sentence; counts of items that run and that wait."""

    state: Health
    summary: str
    recording: int = 0
    scheduled: int = 0


class RecordingChanged(EventData, frozen=True, kw_only=True):
    """An item was made, began, ended, or (`state` None) is gone."""

    topic: ClassVar[str] = "dvr.recording_changed"
    recording: str
    channel: str
    state: RecordingState | None


class SourceFailed(EventData, frozen=True, kw_only=True):
    """A channel's stream could not be opened or read; the recorder goes on trying."""

    topic: ClassVar[str] = "dvr.source_failed"
    channel: str
    code: str
    detail: str
