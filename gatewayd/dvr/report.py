"""What is told of the recordings' disk: `dvr.storage.get`, warnings of new recordings, alerts."""

from __future__ import annotations

from typing import NamedTuple

from gatewayd.dvr.forecast import DAYS, Coming, Timed
from gatewayd.dvr.journal import JournalStore
from gatewayd.dvr.keeper import Keeper, Outlook
from gatewayd.dvr.library import Library, moment
from gatewayd.dvr.model import Recording
from gatewayd.dvr.progress import View
from gatewayd.dvr.recordings import begins, ends
from gatewayd.dvr.retention import DAY, freed, plan
from gatewayd.dvr.storage_model import ComingDeletion, DvrForecast, DvrStorage, ExpectedRecording
from gatewayd.system.clock import Clock

FRESH = 60.0
SOON = DAY
"""Seconds before a deletion at which it becomes an alert."""


class DiskAlert(NamedTuple):
    """Something about the disk that somebody should know."""

    code: str
    sentence: str


class Report:
    """Reads only."""

    def __init__(
        self, clock: Clock, library: Library, journal: JournalStore, keeper: Keeper, view: View
    ) -> None:
        self._clock = clock
        self._library = library
        self._journal = journal
        self._keeper = keeper
        self._view = view
        self._seen: tuple[float, Outlook] | None = None

    def forget(self) -> None:
        """Something has changed: the next alert looks anew."""
        self._seen = None

    async def storage(self) -> DvrStorage:
        """The disk now and in the next DAYS."""
        outlook = await self._keeper.outlook()
        counts = await self._library.count()
        known = self._view.total is not None
        trashed = [item for item in outlook.stock.items if item.trashed is not None]
        only_trash = plan(
            [item if item in trashed else item._replace(locked=True) for item in outlook.stock.items],
            outlook.stock.sizes,
            1 << 62,
            self._clock.now().timestamp(),
            outlook.stock.wanted,
        )
        return DvrStorage(
            used=self._view.used if known else await self._journal.used(),
            free=self._view.free,
            total=self._view.total,
            limit=outlook.limit,
            room=outlook.room,
            trash=freed(only_trash),
            recordings=sum(counts.values()),
            settings=outlook.settings,
            forecast=_forecast(outlook),
            error=self._keeper.error,
        )

    async def warning(self, recording: Recording) -> str | None:
        """What is to be said about the space that a new or changed recording will need."""
        if recording.state not in ("scheduled", "recording"):
            return None
        own = Coming(
            id=recording.id,
            title=recording.title,
            channel=recording.channel,
            begins=begins(recording).timestamp(),
            ends=ends(recording).timestamp(),
            stop=recording.stop.timestamp(),
            keep=recording.keep,
            locked=recording.locked,
        )
        told = (await self._keeper.outlook([own])).forecast
        for expected in told.recordings:
            if expected.coming.id == recording.id and not expected.fits:
                return (
                    f"This needs about {size(expected.bytes)}, and {size(told.short)} of what is planned "
                    "will find no space: nothing more may be deleted."
                )
        return None

    async def alerts(self) -> tuple[DiskAlert, ...]:
        """What `status.get` tells."""
        found = []
        error = self._keeper.error
        if error == "dvr.disk_full":
            found.append(DiskAlert(error, "Recordings pause: there is no space left for them."))
        elif error == "dvr.disk_failed":
            found.append(DiskAlert(error, "Recordings pause: their disk takes no data."))
        told = (await self._recent()).forecast
        until = self._clock.now().timestamp() + SOON
        soon = [timed for timed in told.deletions if timed.time <= until and timed.drop.reason != "trash"]
        if soon:
            titles = ", ".join(timed.drop.item.title for timed in soon[:3])
            more = f" and {len(soon) - 3} more" if len(soon) > 3 else ""
            found.append(
                DiskAlert(
                    "dvr.space_short",
                    f"Within a day, {titles}{more} will be deleted to make room. Lock what shall stay.",
                )
            )
        if told.short:
            unlucky = sum(not expected.fits for expected in told.recordings)
            found.append(
                DiskAlert(
                    "dvr.will_not_fit",
                    f"{unlucky} of the coming recordings will not fit: {size(told.short)} are lacking.",
                )
            )
        return tuple(found)

    async def _recent(self) -> Outlook:
        """An outlook that is at most FRESH old: the status is asked for again and again."""
        now = self._clock.monotonic()
        if self._seen is None or now - self._seen[0] > FRESH:
            self._seen = (now, await self._keeper.outlook())
        return self._seen[1]


def size(number: int) -> str:
    """Bytes as people say them: `3.2 GB`."""
    for unit, one in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if number >= one:
            return f"{number / one:.1f} {unit}"
    return f"{-(-number // 1000)} kB"


def _forecast(outlook: Outlook) -> DvrForecast:
    told = outlook.forecast
    channels = {item.channel for item in outlook.coming}
    return DvrForecast(
        days=DAYS,
        expected=told.expected,
        full=None if told.full is None else moment(told.full),
        short=told.short,
        recordings=tuple(
            ExpectedRecording(
                recording=expected.coming.id,
                title=expected.coming.title,
                start=moment(expected.coming.begins),
                bytes=expected.bytes,
                fits=expected.fits,
            )
            for expected in told.recordings
        ),
        deletions=tuple(map(_deletion, told.deletions)),
        guessed=tuple(sorted(channels - outlook.rates.keys())),
    )


def _deletion(timed: Timed) -> ComingDeletion:
    item, reason, frees = timed.drop
    sentences = {
        "trash": f"{item.title} is in the trash.",
        "expired": f"{item.title} was to be kept for {item.keep.removeprefix('days:')} days; they are over.",
        "space": f"{item.title} is the oldest that may go when space is needed.",
    }
    return ComingDeletion(
        recording=item.id,
        title=item.title,
        time=moment(timed.time),
        bytes=frees,
        reason=reason,
        sentence=sentences[reason],
    )
