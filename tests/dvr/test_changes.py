"""Padding, and what people may change of a recording, before it begins, while it runs and after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.model import Recording
from gatewayd.dvr.recordings import begins, cut, ends
from gatewayd.errors import GatewayError
from tests.dvr.home import Home
from tests.dvr.plan import NOW, at, ended, packets, record, recorded
from tests.support.clock import START, FakeClock
from tests.support.fake_recorder import PACKET, FakeRecorder, until


async def refused(home: Home, name: str, /, **arguments: Any) -> tuple[str, str | None]:
    with pytest.raises(GatewayError) as caught:
        await home.call(name, **arguments)
    return caught.value.code, caught.value.field


async def test_padding_is_recorded_besides_and_its_gaps_spoil_nothing(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    await home.call("storage.update", pad_before=30, pad_after=90)
    item = await record(home, start=at(100), duration=60)
    found = await home.call("recordings.get", recording=item)
    assert (found["start"], found["stop"]) == (at(100), at(160))
    assert found["padded"] == {"from": at(70), "to": at(250)}
    await until(lambda: recorder.ranges() == {item: (NOW + 70, NOW + 250)})
    await clock.advance(70)

    async def runs() -> bool:
        return await home.state(item) == "recording"

    await until(runs)
    await clock.advance(180)
    recorder.gap("one", NOW + 70, NOW + 99)
    recorder.gap("one", NOW + 170, NOW + 180)
    recorder.segment("s1", "one", NOW + 99, NOW + 250, packets(1510))
    recorder.done("one", item, NOW + 250)
    found = await ended(home, item)
    assert (found["state"], found["bytes"]) == ("done", 1510 * PACKET)
    assert found["gaps"] == [{"from": at(70), "to": at(99)}, {"from": at(170), "to": at(180)}]


async def test_a_recording_that_begins_now_has_no_padding_before(home: Home, recorder: FakeRecorder) -> None:
    await home.call("storage.update", pad_before=30)
    for start, padding in ((None, 0), (at(10), 10), (at(100), 30)):
        item = await record(home, start=start)
        assert (await home.call("recordings.get", recording=item))["pad_before"] == padding
    item = await record(home, start=at(100), pad_before=5, pad_after=0, keep="forever")
    found = await home.call("recordings.get", recording=item)
    assert (found["pad_before"], found["pad_after"], found["keep"]) == (5, 0, "forever")


async def test_prolonged_and_shortened_while_it_runs(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home, duration=60)
    await until(lambda: item in recorder.ranges())
    await clock.advance(30)
    await home.call("recordings.update", recording=item, stop=at(120), pad_after=10)
    await until(lambda: recorder.ranges() == {item: (NOW, NOW + 130)})
    await home.call("recordings.update", recording=item, stop=at(90), pad_after=0, title="Film")
    await until(lambda: recorder.ranges() == {item: (NOW, NOW + 90)})
    assert (await refused(home, "recordings.update", recording=item, start=at(5))) == (
        "dvr.recording_over",
        "start",
    )
    assert (await refused(home, "recordings.update", recording=item, stop=at(20)))[1] == "stop"
    await clock.advance(60)
    recorder.segment("s1", "one", NOW, NOW + 90, packets(900))
    recorder.done("one", item, NOW + 90)
    found = await ended(home, item)
    assert (found["state"], found["stop"], found["title"]) == ("done", at(90), "Film")
    assert found["bytes"] == 900 * PACKET


async def test_the_old_end_does_not_end_what_was_prolonged(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home, duration=60)
    await until(lambda: item in recorder.ranges())
    await clock.advance(59)
    await home.call("recordings.update", recording=item, stop=at(120))
    recorder.done("one", item, NOW + 60)  # it came to its old end before it heard of the new one
    await until(lambda: recorder.ranges() == {item: (NOW, NOW + 120)})
    await clock.advance(30)
    assert await home.state(item) == "recording"
    await clock.advance(31)
    recorder.segment("s1", "one", NOW, NOW + 120, packets(1200))
    recorder.done("one", item, NOW + 120)
    assert (await ended(home, item))["bytes"] == 1200 * PACKET


async def test_what_waits_can_be_moved_and_what_is_over_cannot(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    done = await recorded(home, recorder, clock, "s1", 60)
    for field, value in (("stop", at(900)), ("start", at(-5)), ("pad_after", 5), ("pad_before", 5)):
        refusal = await refused(home, "recordings.update", recording=done, **{field: value})
        assert refusal == ("dvr.recording_over", field)
    changed = await home.call(
        "recordings.update", recording=done, title=" The End ", keep="days:7", locked=True
    )
    assert (changed["title"], changed["keep"], changed["locked"]) == ("The End", "days:7", True)
    waits = await record(home, start=at(1000))
    await home.call("recordings.update", recording=waits, start=at(2000), stop=at(2060), pad_before=20)
    await until(lambda: recorder.ranges().get(waits) == (NOW + 1980, NOW + 2060))
    for bad in ("days:0", "days:", "days:12345", "for ever", "days:-1"):
        assert (await refused(home, "recordings.update", recording=waits, keep=bad))[1] == "keep"
    for bad_padding in (-1, 7201):
        assert (await refused(home, "recordings.update", recording=waits, pad_after=bad_padding))[
            1
        ] == "pad_after"


async def test_two_people_at_once(home: Home) -> None:
    item = await record(home, start=at(1000))
    seen = (await home.call("recordings.get", recording=item))["revision"]
    await home.call("recordings.update", recording=item, title="Hers", if_revision=seen)
    refusal = await refused(home, "recordings.update", recording=item, title="His", if_revision=seen)
    assert refusal == ("revision.lost_race", "if_revision")
    assert (await home.call("recordings.get", recording=item))["title"] == "Hers"
    revision = (await home.call("storage.get"))["settings"]["revision"]
    await home.call("storage.update", keep="forever", if_revision=revision)
    refusal = await refused(home, "storage.update", keep="until_space", if_revision=revision)
    assert refusal == ("revision.lost_race", "if_revision")


async def test_a_box_that_does_not_know_the_time_records_now_only(home: Home, clock: FakeClock) -> None:
    clock.trust = False
    item = await record(home, duration=60)
    assert await home.state(item) == "recording"
    for times in ({"start": at(100), "duration": 60}, {"stop": at(100)}):
        code, field = await refused(home, "recordings.create", channel="one", **times)
        assert (code, field) == ("dvr.clock_untrusted", next(iter(times)))


async def test_stopping_in_the_padding_keeps_what_there_is(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    item = await record(home, start=at(100), duration=60, pad_before=50, pad_after=50)
    await clock.advance(80)

    async def runs() -> bool:
        return await home.state(item) == "recording"

    await until(runs)
    await home.call("recordings.stop", recording=item)
    await until(lambda: recorder.ranges().get(item) == (NOW + 50, NOW + 80))


moments = st.integers(-200, 400).map(lambda seconds: START + timedelta(seconds=seconds))


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 200), moments)
def test_a_cut_recording_ends_there(before: int, after: int, seconds: int, at: Any) -> None:
    whole = Recording(
        id="a",
        title="a",
        channel="one",
        start=START,
        stop=START + timedelta(seconds=seconds),
        state="recording",
        pad_before=before,
        pad_after=after,
    )
    short = cut(whole, at)
    assert begins(short) == begins(whole)
    assert short.start < short.stop <= whole.stop
    assert short.pad_before >= 0
    assert short.pad_after >= 0
    if begins(whole) < at <= ends(whole):
        assert ends(short) == at
    elif at > ends(whole):
        assert ends(short) == ends(whole)
