"""The recordings' disk: what is told of it, what goes when it is short, and what stays."""

from __future__ import annotations

import pytest

from gatewayd.dvr.forecast import AHEAD, GUESS
from gatewayd.dvr.media.messages import DeleteSegment, DiskLimits
from gatewayd.dvr.retention import DAY
from gatewayd.errors import GatewayError
from tests.dvr.home import Home
from tests.dvr.plan import NOW, at, passing, record, recorded
from tests.support.clock import FakeClock
from tests.support.fake_recorder import PACKET, FakeRecorder, until

COUNT = 6000
RATE = COUNT * PACKET / 60
"""Bytes per second of the channel, once it has been recorded."""


async def three(home: Home, recorder: FakeRecorder, clock: FakeClock) -> list[str]:
    """Three recordings of a minute, s1 to s3; none of them is wanted by anybody."""
    return [await recorded(home, recorder, clock, f"s{number}", COUNT) for number in (1, 2, 3)]


def room_for(recorder: FakeRecorder, seconds: float) -> int:
    """A quota that leaves room for so many seconds of the channel beside what is stored."""
    return recorder.used + round(seconds * RATE)


async def test_the_oldest_goes_when_the_quota_is_reached_and_it_is_told(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    first, second, third = await three(home, recorder, clock)
    await home.call("recordings.update", recording=first, locked=True)
    with home.core.bus.subscribe("dvr.recording_dropped") as events:
        await home.call("storage.update", quota=room_for(recorder, 30))
        assert recorder.used == 3 * COUNT * PACKET
        await record(home, duration=60)  # there is room for 30 seconds of it
        await until(lambda: "s2" not in recorder.stored)
        dropped = (await anext(events)).data
    assert (dropped.recording, dropped.reason, dropped.bytes) == (second, "space", COUNT * PACKET)  # type: ignore[attr-defined]
    await clock.advance(10)
    assert set(recorder.stored) == {"s1", "s3"}
    assert await home.state(third) == "done"


async def test_the_trash_goes_before_anything_else(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    _, second, third = await three(home, recorder, clock)
    for item in (third, second):
        await home.call("recordings.delete", recording=item)
        await clock.advance(1)
    await home.call("storage.update", quota=room_for(recorder, 0))
    await record(home, duration=60)
    await until(lambda: "s3" not in recorder.stored)
    await clock.advance(10)
    assert set(recorder.stored) == {"s1", "s2"}


async def test_the_reserve_counts_like_the_quota(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    await three(home, recorder, clock)
    recorder.free = 10**9 + recorder.used + round(30 * RATE)
    await home.call("storage.update", reserve=10**9)
    await until(lambda: recorder.limits == DiskLimits(reserve=10**9))
    await record(home, duration=60)
    await until(lambda: set(recorder.stored) == {"s2", "s3"})


async def test_a_segment_that_cannot_be_deleted_costs_no_more_recordings(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    await three(home, recorder, clock)
    recorder.refuse = {DeleteSegment: "dvr.disk_failed"}
    await home.call("storage.update", quota=room_for(recorder, 30))
    await record(home, duration=60)
    await until(lambda: any(isinstance(call, DeleteSegment) for call in recorder.calls))
    for _ in range(5):
        await clock.advance(10)
    items = (await home.call("recordings.list", state="done"))["items"]
    assert len(items) == 2, "what is on its way out counts as free"
    recorder.refuse = {}
    await passing(clock, lambda: set(recorder.stored) == {"s2", "s3"}, step=1)


async def test_it_tells_what_it_will_do_before_it_does_it(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    first, second, third = await three(home, recorder, clock)
    await home.call("storage.update", quota=room_for(recorder, 30))
    later = await record(home, start=at(2 * DAY), duration=60, title="Later")
    now = clock.now().timestamp() - NOW
    told = await home.call("storage.get")
    assert (told["used"], told["recordings"]) == (3 * COUNT * PACKET, 4)
    assert told["room"] == round(30 * RATE)
    forecast = told["forecast"]
    assert forecast["expected"] == COUNT * PACKET
    assert forecast["full"] == at(2 * DAY + 30 - AHEAD)
    assert forecast["recordings"] == [
        {"recording": later, "title": "Later", "start": at(2 * DAY), "bytes": COUNT * PACKET, "fits": True}
    ]
    (deletion,) = forecast["deletions"]
    assert (deletion["recording"], deletion["reason"], deletion["bytes"]) == (first, "space", COUNT * PACKET)
    assert "oldest" in deletion["sentence"]
    assert await home.service.report.alerts() == ()
    clock.step(2 * DAY - now - DAY / 2)
    (alert,) = await home.service.report.alerts()
    assert (alert.code, "One" in alert.sentence) == ("dvr.space_short", True)
    for item in (first, second, third):
        await home.call("recordings.update", recording=item, locked=True)
    (alert,) = await home.service.report.alerts()
    assert alert.code == "dvr.will_not_fit"


async def test_a_new_recording_is_warned_of_not_refused(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    await recorded(home, recorder, clock, "s1", COUNT)
    await home.call("storage.update", quota=room_for(recorder, 90))
    fits = await home.call("recordings.create", channel="one", start=at(1000), duration=60)
    assert fits["warning"] is None
    shared = await home.call("recordings.create", channel="one", start=at(1030), duration=60, keep="forever")
    assert shared["warning"] is None, "two recordings of one channel share what they have in common"
    large = await home.call("recordings.create", channel="one", start=at(5000), duration=600)
    assert "no space" in large["warning"]
    assert await home.state(large["id"]) == "scheduled"
    small = await home.call("recordings.update", recording=large["id"], stop=at(5060))
    assert small["warning"] is None
    unknown = await home.call("recordings.create", channel="testcard", start=at(9000), duration=60)
    assert "no space" in unknown["warning"]
    forecast = (await home.call("storage.get"))["forecast"]
    assert forecast["guessed"] == ["testcard"]
    assert forecast["recordings"][-1]["bytes"] == 60 * GUESS


async def test_a_full_disk_is_told_and_that_it_is_over(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    with home.core.bus.subscribe("dvr.storage_changed") as events:
        recorder.flow("one", 0, state="retrying", reason="dvr.disk_full")
        await record(home)
        assert (await anext(events)).data.error == "dvr.disk_full"  # type: ignore[attr-defined]
        assert (await home.call("storage.get"))["error"] == "dvr.disk_full"
        assert (await home.service.summary()).state == "degraded"
        assert [alert.code for alert in await home.service.report.alerts()] == ["dvr.disk_full"]
        recorder.flow("one", 1000)

        async def is_over() -> bool:
            return (await home.call("storage.get"))["error"] is None

        await passing(clock, is_over, step=1)
        assert (await anext(events)).data.error is None  # type: ignore[attr-defined]
    assert await home.service.report.alerts() == ()


async def test_settings_are_checked_and_a_share_is_of_the_disk(home: Home, recorder: FakeRecorder) -> None:
    for bad in (
        {"quota": 0},
        {"quota": -1},
        {"quota_percent": 101},
        {"reserve": -1},
        {"trash_days": 0},
        {"quota": 10, "quota_percent": 10},
    ):
        with pytest.raises(GatewayError) as caught:
            await home.call("storage.update", **bad)
        assert caught.value.field in bad
    await home.call("storage.update", quota=10**9)
    changed = await home.call("storage.update", quota_percent=50)
    assert (changed["quota"], changed["quota_percent"]) == (None, 50)
    await until(lambda: recorder.limits == DiskLimits(reserve=268_435_456, quota=recorder.free // 2))
    changed = await home.call("storage.update", quota_percent=None)
    assert (changed["quota"], changed["quota_percent"]) == (None, None)
    await until(lambda: recorder.limits == DiskLimits(reserve=268_435_456))
