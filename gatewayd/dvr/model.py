"""Television's words: sources, channels, recordings, and the events that tell of them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from gatewayd.dvr.media.messages import ChannelState, Errors, Stream
from gatewayd.events import EventData
from gatewayd.operations import Result

SourceType = Literal["http", "m3u", "testcard"]
RecordingState = Literal["scheduled", "recording", "done", "partial", "failed", "conflict", "trash"]
Health = Literal["ok", "degraded", "down", "unknown"]

TESTCARD = "testcard"
"""The id of the built-in source and of its only channel."""


class DvrSource(Result, frozen=True, kw_only=True):
    """Where channels come from; `url` without user name and password.

    `skipped` counts entries of a playlist that cannot be recorded.
    """

    id: str
    kind: SourceType
    url: str
    name: str
    channels: int
    skipped: int = 0
    refreshed: datetime | None = None


class DvrFault(Struct, frozen=True, kw_only=True):
    """What was wrong with a stream when it was last tried: a stable code and a sentence."""

    code: str
    detail: str
    time: datetime


class DvrChannel(Result, frozen=True, kw_only=True):
    """Something that can be recorded; `state` and `bitrate` (bit/s) while a connection is wanted."""

    id: str
    source: str
    name: str
    number: str | None = None
    guide_id: str | None = None
    logo: str | None = None
    category: str | None = None
    state: ChannelState = "idle"
    bitrate: float | None = None
    error: DvrFault | None = None


class RecordingGap(Struct, frozen=True, kw_only=True, rename={"start": "from", "stop": "to"}):
    """A gap: nothing was received in this span although it was wanted."""

    start: datetime
    stop: datetime


class Recording(Result, frozen=True, kw_only=True):
    """One item: what is to be kept of a channel, or what was.

    `bytes`, `gaps` and `errors` grow while it records and are exact once it is `done` or `partial`;
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
    errors: Errors = Errors()
    digest: str | None = None
    streams: tuple[Stream, ...] = ()
    reason: str | None = None
    profile: str | None = None
    folder: str | None = None


class DvrStorage(Result, frozen=True, kw_only=True):
    """The recordings' disk: `used` by television, `free` as the recorder last saw it (None: not known)."""

    used: int
    free: int | None
    recordings: int


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
