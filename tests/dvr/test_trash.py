"""Deleting and taking it back: nothing is gone before it is meant to be, and then all of it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatewayd.dvr.media.messages import DeleteSegment
from gatewayd.dvr.retention import DAY
from gatewayd.errors import GatewayError
from tests.dvr.home import Home, open_home
from tests.dvr.plan import NOW, at, ended, packets, passing, record, recorded
from tests.support.clock import FakeClock
from tests.support.fake_recorder import PACKET, FakeRecorder, until


async def refused(home: Home, name: str, /, **arguments: Any) -> str:
    with pytest.raises(GatewayError) as caught:
        await home.call(name, **arguments)
    return caught.value.code


async def test_deleted_is_in_the_trash_and_comes_back_whole(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await recorded(home, recorder, clock, "s1", 600)
    before = await home.call("recordings.get", recording=item)
    told = await home.call("recordings.delete", recording=item)
    assert (told["state"], told["trashed"]) == ("trash", at(120))
    assert (await home.call("recordings.list"))["items"] == []
    assert [row["id"] for row in (await home.call("recordings.list", state="trash"))["items"]] == [item]
    assert (await home.call("storage.get"))["trash"] == 600 * PACKET
    assert await refused(home, "recordings.update", recording=item, title="New") == "dvr.recording_in_trash"
    await home.call("recordings.delete", recording=item)  # again: nothing changes
    await clock.advance(60)
    assert "s1" in recorder.stored
    back = await home.call("recordings.restore", recording=item)
    assert {**back, "revision": 0} == {**before, "revision": 0}
    assert await refused(home, "recordings.restore", recording=item) == "dvr.not_in_trash"
    assert (await home.call("storage.get"))["trash"] == 0


async def test_for_good_is_for_good(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    item = await recorded(home, recorder, clock, "s1", 600)
    await home.call("recordings.delete", recording=item)
    await home.call("recordings.delete", recording=item, permanent=True)
    await until(lambda: "s1" not in recorder.stored)
    assert await refused(home, "recordings.restore", recording=item) == "dvr.recording_not_found"


async def test_a_locked_one_is_not_deleted(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    item = await recorded(home, recorder, clock, "s1", 6, locked=True)
    for permanent in (False, True):
        code = await refused(home, "recordings.delete", recording=item, permanent=permanent)
        assert code == "dvr.recording_locked"
    await home.call("recordings.update", recording=item, locked=False)
    await home.call("recordings.delete", recording=item)


async def test_what_waits_leaves_the_plan_and_comes_back(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home, start=at(100))
    await until(lambda: item in recorder.ranges())
    await home.call("recordings.delete", recording=item)
    await until(lambda: recorder.ranges() == {})
    await home.call("recordings.restore", recording=item)
    await until(lambda: recorder.ranges() == {item: (NOW + 100, NOW + 160)})
    await home.call("recordings.delete", recording=item)
    await until(lambda: recorder.ranges() == {})
    await clock.advance(200)
    assert recorder.ranges() == {}
    code = await refused(home, "recordings.restore", recording=item)
    assert code in ("dvr.recording_over", "dvr.recording_not_found")


async def test_a_running_one_ends_in_the_trash_and_goes_on_when_it_returns(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    await clock.advance(20)
    await home.call("recordings.delete", recording=item)
    await until(lambda: recorder.ranges().get(item) == (NOW, NOW + 20))
    recorder.segment("s1", "one", NOW, NOW + 20, packets(200))
    recorder.done("one", item, NOW + 20)
    await until(lambda: recorder.ranges() == {})
    await clock.advance(10)
    assert await home.state(item) == "trash"
    await home.call("recordings.restore", recording=item)
    await until(lambda: recorder.ranges().get(item) == (NOW, NOW + 60))
    recorder.gap("one", NOW + 20, NOW + 30)
    await clock.advance(30)
    recorder.segment("s2", "one", NOW + 30, NOW + 60, packets(300))
    recorder.done("one", item, NOW + 60)
    found = await ended(home, item)
    assert (found["state"], found["bytes"]) == ("partial", 500 * PACKET)
    assert found["gaps"] == [{"from": at(20), "to": at(30)}]


async def test_a_running_one_that_returns_too_late_is_what_it_was(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    await clock.advance(20)
    await home.call("recordings.delete", recording=item)
    recorder.segment("s1", "one", NOW, NOW + 20, packets(200))
    recorder.done("one", item, NOW + 20)
    await until(lambda: recorder.ranges() == {})
    await clock.advance(100)
    await home.call("recordings.restore", recording=item)
    found = await ended(home, item)
    assert (found["state"], found["stop"], found["bytes"]) == ("done", at(20), 200 * PACKET)


async def test_a_crash_between_the_row_and_the_bytes(
    tmp_path: Path, recorder: FakeRecorder, clock: FakeClock
) -> None:
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        item = await recorded(home, recorder, clock, "s1", 600)
        recorder.refuse = {DeleteSegment: "helper.unavailable"}
        await home.call("recordings.delete", recording=item, permanent=True)
        await until(lambda: any(isinstance(call, DeleteSegment) for call in recorder.calls))
    assert "s1" in recorder.stored
    recorder.refuse = {}
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        await until(lambda: "s1" not in recorder.stored)

        async def is_forgotten() -> bool:
            return not await home.core.database.fetch_all("SELECT * FROM dvr_segments")

        await until(is_forgotten)


async def test_a_crash_between_the_bytes_and_their_row(
    tmp_path: Path, recorder: FakeRecorder, clock: FakeClock
) -> None:
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        item = await recorded(home, recorder, clock, "s1", 600)
    del recorder.stored["s1"]  # it was removed, and then the power went
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        await home.call("recordings.delete", recording=item, permanent=True)

        async def is_forgotten() -> bool:
            return not await home.core.database.fetch_all("SELECT * FROM dvr_segments")

        await until(is_forgotten)


async def test_the_trash_is_emptied_after_its_days(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await recorded(home, recorder, clock, "s1", 600)
    other = await recorded(home, recorder, clock, "s2", 60, keep="days:3")
    await home.call("storage.update", trash_days=2)
    await home.call("recordings.delete", recording=item)
    with home.core.bus.subscribe("dvr.recording_dropped") as events:
        clock.step(2 * DAY + 60)
        await passing(clock, lambda: "s1" not in recorder.stored)
        dropped = (await anext(events)).data
    assert (dropped.recording, dropped.reason, dropped.bytes) == (item, "trash", 600 * PACKET)  # type: ignore[attr-defined]
    assert await home.state(other) == "done"
    clock.step(DAY)

    async def is_expired() -> bool:
        return await home.state(other) == "trash"

    await passing(clock, is_expired)
    assert "s2" in recorder.stored


async def test_days_do_not_pass_while_the_clock_is_not_trusted(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await recorded(home, recorder, clock, "s1", 600)
    await home.call("recordings.delete", recording=item)
    clock.trust = False
    clock.step(400 * DAY)
    await clock.advance(60)
    await clock.advance(60)
    assert await home.state(item) == "trash"
    clock.trust = True
    await passing(clock, lambda: "s1" not in recorder.stored)
