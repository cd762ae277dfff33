"""What is told of sources beyond `DvrSource`: events, tuners, what a refresh changed, what was found."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from gatewayd.dvr.model import DvrSource
from gatewayd.events import EventData
from gatewayd.operations import Result


class SourceChanged(EventData, frozen=True, kw_only=True):
    """A source was added, changed by the household, read anew, could not be read, or is gone.

    `added`, `removed` and `renamed` count channels.
    """

    topic: ClassVar[str] = "dvr.source_changed"
    source: str
    change: Literal["added", "updated", "refreshed", "failed", "removed"]
    added: int = 0
    removed: int = 0
    renamed: int = 0


class ChannelChanged(EventData, frozen=True, kw_only=True):
    """The household renamed, renumbered, hid or showed a channel."""

    topic: ClassVar[str] = "dvr.channel_changed"
    channel: str


class SourceRefreshed(Result, frozen=True, kw_only=True):
    """What reading a source anew changed, in channels; `unchanged` when the server said so."""

    source: str
    channels: int
    added: int = 0
    removed: int = 0
    renamed: int = 0
    skipped: int = 0
    unchanged: bool = False


class DvrTuner(Struct, frozen=True, kw_only=True):
    """One tuner of a network tuner just now; `channel` None when it is free. Signal in percent."""

    name: str
    channel: str | None = None
    strength: int | None = None
    quality: int | None = None
    symbols: int | None = None


class DvrSourceDetail(DvrSource, frozen=True, kw_only=True):
    """A source, and its tuners as the device tells of them; `tuner_error` says why it does not."""

    tuner_status: tuple[DvrTuner, ...] = ()
    tuner_error: str | None = None


class DvrFoundTuner(Result, frozen=True, kw_only=True):
    """A network tuner that answered; `source` is its id when it has been added."""

    device: str
    url: str
    name: str | None = None
    model: str | None = None
    tuners: int | None = None
    source: str | None = None
