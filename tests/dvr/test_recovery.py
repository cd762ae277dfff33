"""A disk that lost segments, a journal that lost entries, a state that is older than the recordings."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from gatewayd.dvr.media.messages import StoredSegment
from gatewayd.dvr.recovery import APART, together
from tests.dvr.home import open_home
from tests.dvr.plan import NOW, at, ended, packets, record, recorded
from tests.support.clock import FakeClock
from tests.support.fake_recorder import PACKET, FakeRecorder, Stored, until


async def test_what_the_disk_lost_is_a_gap(tmp_path: Path, recorder: FakeRecorder, clock: FakeClock) -> None:
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        item = await record(home)
        await until(lambda: item in recorder.ranges())
        await clock.advance(60)
        recorder.segment("s1", "one", NOW, NOW + 20, packets(200))
        recorder.segment("s2", "one", NOW + 20, NOW + 45, packets(250))
        recorder.segment("s3", "one", NOW + 45, NOW + 60, packets(150))
        recorder.done("one", item, NOW + 60)
        assert (await ended(home, item))["state"] == "done"
        whole = await recorded(home, recorder, clock, "s4", 60)
        await until(lambda: recorder.ranges() == {})
    del recorder.stored["s2"]
    async with open_home(tmp_path, recorder.path, clock=clock) as home:

        async def is_told() -> bool:
            return await home.state(item) == "partial"

        await until(is_told)
        found = await home.call("recordings.get", recording=item)
        assert (found["bytes"], found["digest"]) == (350 * PACKET, None)
        assert found["gaps"] == [{"from": at(20), "to": at(45)}]
        assert "lost" in found["reason"]
        assert await home.state(whole) == "done"
    del recorder.stored["s4"]
    async with open_home(tmp_path, recorder.path, clock=clock) as home:

        async def is_lost() -> bool:
            return await home.state(whole) == "failed"

        await until(is_lost)


async def test_a_segment_that_the_journal_forgot_is_removed_when_nobody_needs_it(
    tmp_path: Path, recorder: FakeRecorder, clock: FakeClock
) -> None:
    recorder.stored["s0"] = Stored("one", NOW - 500, NOW - 400, packets(10))
    async with open_home(tmp_path, recorder.path, clock=clock):
        await until(lambda: "s0" not in recorder.stored)


async def test_what_is_newer_than_the_state_is_found_again_and_not_deleted(
    tmp_path: Path, recorder: FakeRecorder, clock: FakeClock
) -> None:
    state, backup = tmp_path / "state.db", tmp_path / "backup.db"
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        old = await recorded(home, recorder, clock, "s1", 60)
        unfinished = await record(home, start=at(1000), title="Planned")
        await until(lambda: unfinished in recorder.ranges())
        await home.core.database.backup(backup)
        newer = await recorded(home, recorder, clock, "s2", 70)
        await clock.advance(1000)
        recorder.segment("s3", "one", NOW + 1000, NOW + 1060, packets(600))
        recorder.done("one", unfinished, NOW + 1060)
        await ended(home, unfinished)
    for leftover in tmp_path.glob("state.db*"):
        leftover.unlink()
    shutil.copy(backup, state)
    assert sqlite3.connect(state).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        assert (await ended(home, unfinished))["bytes"] == 600 * PACKET
        items = {row["id"]: row for row in (await home.call("recordings.list"))["items"]}
        assert newer not in items
        (found,) = [row for row in items.values() if row["id"] not in (old, unfinished)]
        assert (found["title"], found["state"], found["bytes"]) == ("One", "done", 70 * PACKET)
        assert "restored" in found["reason"]
        assert set(recorder.stored) == {"s1", "s2", "s3"}
    async with open_home(tmp_path, recorder.path, clock=clock) as home:  # and only once
        await clock.advance(60)
        assert len((await home.call("recordings.list"))["items"]) == 3


def test_segments_that_lie_close_were_one_recording() -> None:
    def segment(channel: str, first: float, last: float) -> StoredSegment:
        name = f"{channel}{first}"
        return StoredSegment(segment=name, channel=channel, first=first, last=last, bytes=1, open=False)

    rows = [
        segment("a", 0, 60),
        segment("a", 60, 100),
        segment("a", 100 + APART, 200),
        segment("a", 201 + APART, 300),
        segment("b", 300, 400),
    ]
    assert [len(group) for group in together(rows)] == [3, 1, 1]
