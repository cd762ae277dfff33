"""Keeps room on the recordings' disk: empties the trash in time, deletes what may go when space is short,
and tells beforehand what it will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from gatewayd.dvr.forecast import AHEAD, Coming, Forecast, Stock, bytes_until, forecast
from gatewayd.dvr.media.messages import DiskLimits
from gatewayd.dvr.progress import View
from gatewayd.dvr.retention import DAY, Drop, Held, freed, plan
from gatewayd.dvr.stock import StockRows
from gatewayd.dvr.storage import Storage, limit_of, room_of
from gatewayd.dvr.storage_model import DvrStorageSettings, StorageChanged
from gatewayd.store.database import Database
from gatewayd.system.clock import Clock

log = structlog.get_logger(__name__)

FAULTS = ("dvr.disk_full", "dvr.disk_failed")


class Outlook(NamedTuple):
    """The disk now and in the time to come; `room` and `limit` as in DvrStorage."""

    settings: DvrStorageSettings
    limit: int | None
    room: int | None
    stock: Stock
    rates: dict[str, float]
    coming: tuple[Coming, ...]
    forecast: Forecast


class Keeper:
    """`tidy` is run by the reconciler, behind each look at the recorder; `view` is what it last saw."""

    def __init__(self, database: Database, clock: Clock, storage: Storage, view: View) -> None:
        self._database = database
        self._clock = clock
        self._storage = storage
        self._rows = StockRows(database)
        self._view = view
        self._error: str | None = None

    @property
    def error(self) -> str | None:
        """Why recordings find no space now: `dvr.disk_full`, `dvr.disk_failed`; None when they do."""
        reasons = {channel.reason for channel in self._view.channels.values()}
        return next((fault for fault in FAULTS if fault in reasons), None)

    async def limits(self) -> DiskLimits:
        """What the recorder has to keep to, also while nobody can tell it anything."""
        settings = await self._storage.settings()
        return DiskLimits(reserve=settings.reserve, quota=limit_of(settings, self._view.total))

    async def tidy(self) -> bool:
        """One pass. Whether segments have become free to be removed."""
        settings = await self._storage.settings()
        await self._tell_error(settings)
        now = self._clock.now().timestamp()
        changed = self._clock.trusted() and await self._empty_trash(settings, now)
        return await self._make_room(settings, now) or changed

    async def outlook(self, extra: Sequence[Coming] = ()) -> Outlook:
        """What is stored, what is coming, with `extra` instead of what has the same id, and what follows."""
        settings = await self._storage.settings()
        goods = await self._rows.goods()
        named = {item.id for item in extra}
        coming = [*(item for item in await self._rows.coming() if item.id not in named), *extra]
        rates = await self._rows.rates()
        room = await self._room(settings)
        stock = Stock(goods.items, goods.sizes, goods.wanted, room, settings.trash_days * DAY)
        now = self._clock.now().timestamp()
        # In a thread: with a thousand recordings it takes most of a second.
        told = await asyncio.to_thread(forecast, coming, rates, stock, now)
        return Outlook(
            settings=settings,
            limit=limit_of(settings, self._view.total),
            room=room,
            stock=stock,
            rates=rates,
            coming=tuple(coming),
            forecast=told,
        )

    async def _room(self, settings: DvrStorageSettings) -> int | None:
        """What may still be written once everything that nobody needs any more is removed."""
        if self._view.free is None:
            return None
        pending = await self._rows.pending()
        limit = limit_of(settings, self._view.total)
        return room_of(limit, settings.reserve, max(0, self._view.used - pending), self._view.free + pending)

    async def _empty_trash(self, settings: DvrStorageSettings, now: float) -> bool:
        expired, waited = await self._rows.overdue(now, settings.trash_days * DAY)
        if not expired and not waited:
            return False
        goods = await self._rows.goods()
        items = {item.id: item for item in goods.items}
        drops = _one_by_one([items[name] for name in waited if name in items], goods.items, goods.sizes)
        async with self._database.unit() as unit:
            self._rows.expire(unit, [items[name] for name in expired], now)
            self._rows.drop(unit, drops)
            self._rows.forget(unit, [name for name in waited if name not in items])
        log.info("dvr.trash_emptied", recordings=len(waited), expired=len(expired))
        return bool(waited)

    async def _make_room(self, settings: DvrStorageSettings, now: float) -> bool:
        """Deletes for what is recorded in the next AHEAD; not while the disk takes no orders anyway."""
        room = await self._room(settings)
        if room is None or self.error == "dvr.disk_failed":
            return False
        need = bytes_until(await self._rows.coming(), await self._rows.rates(), now, now + AHEAD) - room
        if need <= 0:
            return False
        goods = await self._rows.goods()
        drops = plan(goods.items, goods.sizes, need, now, goods.wanted)
        if not drops:
            return False
        async with self._database.unit() as unit:
            self._rows.drop(unit, drops)
        for drop in drops:
            log.info("dvr.recording_dropped", recording=drop.item.id, reason=drop.reason, bytes=drop.frees)
        return freed(drops) > 0

    async def _tell_error(self, settings: DvrStorageSettings) -> None:
        error = self.error
        if error == self._error or not self._view.connected:
            return
        self._error = error
        log.warning("dvr.storage_error", code=error) if error else log.info("dvr.storage_recovered")
        async with self._database.unit() as unit:
            unit.emit(StorageChanged(revision=settings.revision, error=error))


def _one_by_one(gone: Sequence[Held], items: Sequence[Held], sizes: dict[str, int]) -> list[Drop]:
    """Deletions from the trash, each with what it frees once those before it are gone."""
    left = list(items)
    drops = []
    for item in gone:
        left.remove(item)
        others: frozenset[str] = frozenset().union(*(other.segments for other in left))
        drops.append(Drop(item, "trash", sum(sizes.get(name, 0) for name in item.segments - others)))
    return drops
