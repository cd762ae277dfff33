"""The words of the recordings' disk: what television may use of it, and what goes when it is short."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from gatewayd.dvr.model import Keep
from gatewayd.events import EventData
from gatewayd.operations import Result

DropReason = Literal["trash", "expired", "space"]
"""Why a recording goes: it was in the trash, its days were over, or its space was needed."""

Padding = Annotated[float, Meta(ge=0, le=7200)]
Percent = Annotated[int, Meta(ge=1, le=100)]
Size = Annotated[int, Meta(ge=1, le=1 << 60)]
Reserve = Annotated[int, Meta(ge=0, le=1 << 60)]
TrashDays = Annotated[int, Meta(ge=1, le=366)]


class DvrStorageSettings(Struct, frozen=True, kw_only=True):
    """What the household decided; sizes in bytes, padding in seconds.

    Television uses at most `quota` bytes, or `quota_percent` of the disk, and leaves `reserve` bytes of the
    disk free in any case. `pad_before`, `pad_after` and `keep` are what a new recording gets that says
    nothing else. The trash is emptied after `trash_days`, or sooner when space is needed.
    """

    quota: Size | None
    quota_percent: Percent | None
    reserve: Reserve
    pad_before: Padding
    pad_after: Padding
    keep: Keep
    trash_days: TrashDays
    revision: int


class ComingDeletion(Struct, frozen=True, kw_only=True):
    """A recording that is to be deleted at that time, unless something changes; why, also in words."""

    recording: str
    title: str
    time: datetime
    bytes: int
    reason: DropReason
    sentence: str


class ExpectedRecording(Struct, frozen=True, kw_only=True):
    """What a recording that runs or waits is expected to take yet; `fits` False: not even by deleting."""

    recording: str
    title: str
    start: datetime
    bytes: int
    fits: bool


class DvrForecast(Struct, frozen=True, kw_only=True):
    """The next `days` days. `full` is when something has to be deleted first, `short` how many bytes will be
    lacking in spite of all deletions. `guessed` channels have no history: their rate is assumed.
    """

    days: int
    expected: int
    full: datetime | None
    short: int
    recordings: tuple[ExpectedRecording, ...]
    deletions: tuple[ComingDeletion, ...]
    guessed: tuple[str, ...]


class DvrStorage(Result, frozen=True, kw_only=True):
    """The recordings' disk, in bytes: `used` by television, `free` and `total` as the recorder last saw the
    disk (None: not known), `limit` what television may use in all, `room` what it may still take now
    without deleting anything, `trash` what emptying the trash would give back.
    """

    used: int
    free: int | None
    total: int | None
    limit: int | None
    room: int | None
    trash: int
    recordings: int
    settings: DvrStorageSettings
    forecast: DvrForecast
    error: str | None = None


class RecordingDropped(EventData, frozen=True, kw_only=True):
    """The box deleted a recording by itself, for good; `bytes` become free."""

    topic: ClassVar[str] = "dvr.recording_dropped"
    leaves_box: ClassVar[bool] = True
    recording: str
    title: str
    channel: str
    reason: DropReason
    bytes: int


class StorageChanged(EventData, frozen=True, kw_only=True):
    """The household changed what television may use, or recordings began or ceased to find no space."""

    topic: ClassVar[str] = "dvr.storage_changed"
    revision: int
    error: str | None = None
