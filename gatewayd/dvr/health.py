"""How sources are: what reading them gave, and what their channels do just now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from gatewayd.dvr import addresses
from gatewayd.dvr.lineup import Lineup, SourceRow
from gatewayd.dvr.media.messages import ChannelStatus
from gatewayd.dvr.model import TESTCARD, DvrFault, DvrSource, Health

_HOLDS_A_TUNER = ("opening", "flowing", "stalled")
_SILENT = ("retrying", "stalled")


class View(Protocol):
    """What the recorder last said of its channels."""

    channels: dict[str, ChannelStatus]


class Watch:
    """Tells sources as the API shows them."""

    def __init__(self, lineup: Lineup, view: View, *, testcard: bool) -> None:
        self._lineup = lineup
        self._view = view
        self._testcard = testcard

    async def sources(self, source: str | None = None) -> tuple[DvrSource, ...]:
        """The built-in test card, if there is one, then the sources in the order they were added."""
        stored = await self.of(*await self._lineup.sources(source))
        built_in = self._testcard and source in (None, TESTCARD)
        return (TESTCARD_SOURCE, *stored) if built_in else stored

    async def of(self, *rows: SourceRow) -> tuple[DvrSource, ...]:
        """These sources with what the recorder says of their channels."""
        live: dict[str, list[ChannelStatus]] = defaultdict(list)
        statuses = dict(self._view.channels)
        for channel, owner in (await self._lineup.owners(statuses)).items():
            live[owner].append(statuses[channel])
        return tuple(told(row, live[row.id]) for row in rows)


def told(row: SourceRow, live: Sequence[ChannelStatus] = ()) -> DvrSource:
    """A source with its health in one word and one sentence. Pure."""
    used = sum(status.state in _HOLDS_A_TUNER for status in live)
    state, sentence = _health(row, live, used)
    return DvrSource(
        id=row.id,
        kind=row.kind,
        url=addresses.shown(row.url),
        name=row.name,
        channels=row.channels,
        skipped=row.skipped,
        refreshed=_moment(row.refreshed),
        state=state,
        summary=sentence,
        tuners=row.pool,
        tuners_in_use=used,
        device=row.device,
        model=row.model,
        error=_fault(row),
    )


def _health(row: SourceRow, live: Sequence[ChannelStatus], used: int) -> tuple[Health, str]:
    silent = [status for status in live if status.state in _SILENT]
    flowing = [status for status in live if status.state == "flowing"]
    if silent and not flowing:
        return "down", f"Nothing comes from {_names(silent)}; it is tried again and again."
    if row.fault is not None and not flowing:
        return "down", f"It cannot be read: {row.fault[1]}"
    if row.fault is not None:
        return "degraded", f"Channels come in, but its list cannot be read: {row.fault[1]}"
    if silent:
        return "degraded", f"Nothing comes from {_names(silent)}; it is tried again and again."
    channels = f"{row.channels} channel{'' if row.channels == 1 else 's'}"
    if row.kind == "http" and not flowing:
        return "unknown", "It is not read just now."
    if row.pool is None:
        return "ok", f"{channels}, {used} in use." if used else f"{channels}."
    return "ok", f"{channels}, {used} of {row.pool} tuner{'' if row.pool == 1 else 's'} in use."


def _fault(row: SourceRow) -> DvrFault | None:
    if row.fault is None:
        return None
    code, detail = row.fault
    return DvrFault(code=code, detail=detail, time=datetime.fromtimestamp(row.tried or 0.0, UTC))


def _names(channels: Sequence[ChannelStatus]) -> str:
    names = sorted(status.id for status in channels)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


TESTCARD_SOURCE = DvrSource(
    id=TESTCARD,
    kind="testcard",
    url="testcard:",
    name="Test card",
    channels=1,
    state="ok",
    summary="Built in.",
)
