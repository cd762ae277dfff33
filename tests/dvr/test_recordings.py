"""Recordings from the plan to the library, with a fake recorder on a real socket and a clock we move."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from gatewayd.dvr.journal import JournalStore
from gatewayd.dvr.media.messages import DeleteSegment, Digest, Probe
from tests.dvr.home import Home, open_home
from tests.dvr.plan import NOW, URL, at, ended, packets, passing, record
from tests.support.clock import FakeClock
from tests.support.fake_recorder import PACKET, FakeRecorder, until


async def looked(recorder: FakeRecorder, clock: FakeClock, seconds: float) -> None:
    """Time passes until the recorder's status was asked for again."""
    before = recorder.looks
    await clock.advance(seconds)
    await passing(clock, lambda: recorder.looks > before, step=1)


async def test_a_recording_ends_with_bytes_digest_and_streams(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    with home.core.bus.subscribe("dvr.recording_changed") as events:
        item = await record(home, title="News")
        await until(lambda: recorder.ranges() == {item: (NOW, NOW + 60)})
        assert recorder.channels[0].source.url == URL
        await clock.advance(60)
        data = packets(600)
        recorder.segment("s1", "one", NOW, NOW + 60, data)
        recorder.done("one", item, NOW + 60)
        found = await ended(home, item)
        assert found["title"] == "News"
        assert (found["start"], found["stop"]) == (at(0), at(60))
        assert (found["state"], found["bytes"], found["gaps"]) == ("done", len(data), [])
        assert found["digest"] == hashlib.sha256(data).hexdigest()
        assert found["streams"][0]["codec"] == "h264"
        assert found["errors"] == {"continuity": 0, "transport": 0, "sync": 0}
        told = [(await anext(events)).data for _ in range(2)]
    assert [getattr(data, "state", None) for data in told] == ["recording", "done"]
    await until(lambda: recorder.ranges() == {})


async def test_overlapping_recordings_share_a_channel_and_its_segments(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    first = await record(home, duration=40)
    second = await record(home, start=at(20), duration=40)
    await until(lambda: set(recorder.ranges()) == {first, second})
    assert len(recorder.channels) == 1
    await clock.advance(60)
    data = packets(600)
    recorder.segment("s1", "one", NOW, NOW + 60, data)
    recorder.done("one", first, NOW + 40)
    recorder.done("one", second, NOW + 60)
    edges = {first: data[: 400 * PACKET], second: data[200 * PACKET :]}
    for item, expected in edges.items():
        found = await ended(home, item)
        assert (found["state"], found["bytes"]) == ("done", len(expected))
        assert found["digest"] == hashlib.sha256(expected).hexdigest()
    await home.call("recordings.delete", recording=first, permanent=True)
    await until(lambda: recorder.ranges() == {})
    assert "s1" in recorder.stored
    await home.call("recordings.delete", recording=second, permanent=True)
    await until(lambda: "s1" not in recorder.stored)
    assert (await home.call("storage.get"))["used"] == 0


async def test_gaps_are_exact_and_make_it_partial(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    await clock.advance(30)
    recorder.segment("s1", "one", NOW, NOW + 10, packets(100))
    recorder.gap("one", NOW + 10, NOW + 12.5)
    recorder.gap("one", NOW + 12.5, NOW + 13.25)

    async def is_told() -> bool:
        return bool((await home.call("recordings.get", recording=item))["gaps"])

    await until(is_told)
    expected = [{"from": at(10), "to": at(13.25)}]
    assert (await home.call("recordings.get", recording=item))["gaps"] == expected
    await clock.advance(30)
    recorder.segment("s2", "one", NOW + 13.25, NOW + 60, packets(400))
    recorder.done("one", item, NOW + 60)
    found = await ended(home, item)
    assert (found["state"], found["gaps"], found["bytes"]) == ("partial", expected, 500 * PACKET)
    assert found["reason"] == "The source ended the stream."


async def test_an_outage_is_told_while_it_lasts(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    recorder.flow("one", 0, state="retrying")
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    recorder.missing = (NOW + 1, NOW + 8)

    async def is_told() -> bool:
        found = await home.call("recordings.get", recording=item)
        return bool(found["gaps"] == [{"from": at(1), "to": at(8)}])

    await passing(clock, is_told, step=2)
    assert (await home.service.summary()).state == "degraded"


async def test_nothing_received_is_failed_and_says_why(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    with home.core.bus.subscribe("dvr.source_failed") as events:
        recorder.fail("one", "dvr.source_unreachable", "Connection refused.", NOW + 1)
        assert (await anext(events)).type == "dvr.source_failed"
    (channel,) = [c for c in (await home.call("channels.list"))["items"] if c["id"] == "one"]
    assert channel["error"]["code"] == "dvr.source_unreachable"
    await clock.advance(60)
    recorder.done("one", item, NOW + 60)
    found = await ended(home, item)
    assert (found["state"], found["bytes"], found["digest"]) == ("failed", 0, None)
    assert found["reason"] == "Connection refused."
    assert found["gaps"] == [{"from": at(0), "to": at(60)}]


async def test_a_scheduled_recording_begins_when_its_time_comes(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home, start=at(100), duration=60)
    assert await home.state(item) == "scheduled"
    await until(lambda: recorder.ranges() == {item: (NOW + 100, NOW + 160)})
    await clock.advance(99)
    assert await home.state(item) == "scheduled"
    await clock.advance(1)

    async def runs() -> bool:
        return await home.state(item) == "recording"

    await until(runs)


async def test_stopping_ends_the_range_now(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    await clock.advance(25)
    await home.call("recordings.stop", recording=item)
    await until(lambda: recorder.ranges().get(item) == (NOW, NOW + 25))
    recorder.segment("s1", "one", NOW, NOW + 25, packets(250))
    recorder.done("one", item, NOW + 25)
    found = await ended(home, item)
    assert (found["state"], found["stop"], found["bytes"]) == ("done", at(25), 250 * PACKET)


async def test_bytes_grow_while_it_records(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    recorder.flow("one", 1000)
    item = await record(home)

    async def has(size: int) -> bool:
        return bool((await home.call("recordings.get", recording=item))["bytes"] == size)

    await until(lambda: item in recorder.ranges())
    await looked(recorder, clock, 2)
    recorder.flow("one", 6000)
    await passing(clock, lambda: has(5000), step=1)
    recorder.flow("one", 700)  # opened again: its counter began anew
    await passing(clock, lambda: has(5700), step=1)


async def test_the_recorder_away_and_back(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    assert (await home.service.summary()).state == "ok"
    await recorder.stop()

    async def is_down() -> bool:
        return (await home.service.summary()).state == "down"

    await until(is_down)
    assert await home.state(item) == "recording"
    later = await record(home, start=at(600))
    recorder.segment("s1", "one", NOW, NOW + 60, packets(600))
    recorder.done("one", item, NOW + 60)
    await clock.advance(60)
    await recorder.start()
    assert (await ended(home, item))["state"] == "done"
    await until(lambda: set(recorder.ranges()) == {later})
    assert (await home.service.summary()).state == "ok"


async def test_a_new_gatewayd_adopts_what_went_on(
    tmp_path: Path, recorder: FakeRecorder, clock: FakeClock
) -> None:
    async with open_home(tmp_path, recorder.path, clock=clock) as before:
        item = await record(before)
        await until(lambda: item in recorder.ranges())
    generation = recorder.generation
    data = packets(600)
    recorder.segment("s1", "one", NOW, NOW + 60, data)
    recorder.done("one", item, NOW + 60)
    clock.step(61)
    async with open_home(tmp_path, recorder.path, clock=clock) as after:
        found = await ended(after, item)
        assert (found["state"], found["digest"]) == ("done", hashlib.sha256(data).hexdigest())
        await until(lambda: recorder.ranges() == {})
    assert recorder.generation > generation


async def test_a_recorder_that_knows_more_or_less_than_we_do(
    tmp_path: Path, recorder: FakeRecorder, clock: FakeClock
) -> None:
    recorder.generation = 1000  # our state came from a backup
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        item = await record(home)
        await until(lambda: item in recorder.ranges())
        assert recorder.generation > 1000
        for moment in range(5):
            recorder.gap("other", NOW + moment, NOW + moment + 1)

        async def is_read() -> bool:
            return (await JournalStore(home.core.database).position()).journal == 5

        await until(is_read)
    recorder.entries.clear()  # its folder was lost: a new journal, shorter than what we have read
    recorder.segment("s1", "one", NOW, NOW + 60, packets(600))
    recorder.done("one", item, NOW + 60)
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        assert (await ended(home, item))["state"] == "done"


async def test_a_range_that_is_never_reported_ends_after_a_while(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home)
    recorder.flow("one", 0)
    await until(lambda: item in recorder.ranges())
    for _ in range(3):
        await looked(recorder, clock, 50)
    assert await home.state(item) == "recording", "a busy channel is believed"
    recorder.flow("one", 0, state="idle")
    await clock.advance(5)
    assert (await ended(home, item))["state"] == "failed"


async def test_a_worker_that_fails_costs_its_answer_only(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    recorder.refuse = {Probe: "dvr.worker_died", Digest: "dvr.worker_died"}
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    await clock.advance(60)
    recorder.segment("s1", "one", NOW, NOW + 60, packets(600))
    recorder.done("one", item, NOW + 60)

    async def is_over() -> bool:
        await clock.advance(1)
        return await home.state(item) == "done"

    await until(is_over)
    found = await home.call("recordings.get", recording=item)
    assert (found["bytes"], found["digest"], found["streams"]) == (600 * PACKET, None, [])


async def test_deleting_a_running_recording_ends_it(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home)
    await until(lambda: item in recorder.ranges())
    await home.call("recordings.delete", recording=item, permanent=True)
    await until(lambda: recorder.ranges() == {})
    recorder.segment("s1", "one", NOW, NOW + 5, packets(50))
    await until(lambda: any(isinstance(call, DeleteSegment) for call in recorder.calls))
    assert (await home.call("recordings.list"))["items"] == []


async def test_the_test_card_is_a_channel_like_any_other(home: Home, recorder: FakeRecorder) -> None:
    item = await record(home, channel="testcard")
    await until(lambda: item in recorder.ranges())
    assert recorder.channels[0].source.kind == "testcard"


async def test_lists_come_in_pages_latest_first(home: Home) -> None:
    items = [await record(home, start=at(100 * number), duration=50) for number in range(5)]
    found: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await home.call("recordings.list", limit=2, **cursor)
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == items[::-1]
    running = await home.call("recordings.list", state="recording")
    assert [item["id"] for item in running["items"]] == items[:1]
