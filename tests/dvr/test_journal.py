"""The journal is taken in once, however often and from wherever it is replayed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from gatewayd.dvr.journal import JournalStore
from gatewayd.dvr.media.messages import (
    Entry,
    Gap,
    RangeDone,
    SegmentClosed,
    SegmentOpened,
    SourceFailed,
    StreamErrors,
)
from gatewayd.store.database import Database
from tests.support.store import open_database


def script(seed: int) -> list[Entry]:
    """A plausible life of two channels: segments opened and closed, gaps, faults, ranges done."""
    dice = random.Random(seed)
    entries: list[Entry] = []
    for step in range(30):
        time, seq = float(step * 10), len(entries) + 1
        channel = dice.choice(["a", "b"])
        match dice.randrange(4):
            case 0:
                name = f"s{step}"
                entries.append(SegmentOpened(seq=seq, time=time, channel=channel, segment=name))
                entries.append(
                    SegmentClosed(
                        seq=seq + 1,
                        time=time + 9,
                        channel=channel,
                        segment=name,
                        first=time,
                        last=time + 9,
                        bytes=1880,
                        errors=StreamErrors(),
                        digest="1",
                    )
                )
            case 1:
                reason = "dvr.source_stalled"
                entries.append(
                    Gap(seq=seq, time=time, channel=channel, start=time - 5, stop=time, reason=reason)
                )
            case 2:
                entries.append(
                    SourceFailed(seq=seq, time=time, channel=channel, code="dvr.source_ended", detail="x")
                )
            case _:
                entries.append(RangeDone(seq=seq, time=time, channel=channel, range=dice.choice("12")))
    return entries


async def prepared(database: Database) -> JournalStore:
    async with database.unit() as unit:
        for identifier, channel in (("1", "a"), ("2", "b"), ("3", "a")):
            unit.execute(
                "INSERT INTO dvr_recordings (id, channel, title, start, stop, state) "
                "VALUES (?, ?, 't', 0, 500, 'recording')",
                (identifier, channel),
            )
    return JournalStore(database)


async def state(database: Database) -> list[Any]:
    found: list[Any] = []
    for table in ("recordings", "segments", "gaps", "faults", "recorder"):
        rows = await database.fetch_all(f"SELECT * FROM dvr_{table} ORDER BY 1, 2")
        found += [tuple(row) for row in rows]
    return found


@pytest.mark.parametrize("seed", range(5))
async def test_a_replay_changes_nothing(tmp_path: Path, seed: int) -> None:
    entries = script(seed)
    async with open_database(tmp_path) as database:
        store = await prepared(database)
        for at in range(0, len(entries), 7):
            await store.apply(entries[at : at + 7])
        expected = await state(database)
        for after in (0, len(entries) // 2, len(entries) - 1):
            await store.apply(entries[after:])
            assert await state(database) == expected
        assert (await store.position()).journal == len(entries)


async def test_a_generation_never_goes_back(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        store = JournalStore(database)
        await store.set_generation(7)
        await store.set_generation(3)
        assert (await store.position()).generation == 7
