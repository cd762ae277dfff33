"""Tuners: who gets one, who waits and why, and that no source is ever asked for more than it has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.dvr.tuners import Want, admit
from gatewayd.system.clock import rfc3339
from tests.dvr.home import Home, open_home
from tests.support.clock import START, FakeClock
from tests.support.fake_recorder import FakeRecorder, until
from tests.support.hdhomerun import FakeTuner
from tests.support.recorder import RecorderProcess

NOW = START.timestamp()

times = st.integers(0, 12)


@st.composite
def wanted(draw: st.DrawFn, running: bool = False) -> list[Want]:
    found = []
    for number in range(draw(st.integers(0, 10))):
        start = draw(times)
        stop = start + draw(st.integers(1, 5))
        found.append(
            Want(
                id=f"{number:02}",
                pool=draw(st.sampled_from("pq")),
                channel=draw(st.sampled_from("abcd")),
                start=start,
                stop=stop,
                begins=start - draw(st.integers(0, 3)),
                ends=stop + draw(st.integers(0, 3)),
                running=running and draw(st.booleans()),
            )
        )
    return found


def held(wants: list[Want], spans: dict[str, tuple[float, float]], pool: str, moment: float) -> set[str]:
    """The channels of a pool that are wanted at a moment."""
    return {
        want.channel
        for want in wants
        if want.pool == pool and want.id in spans and spans[want.id][0] <= moment < spans[want.id][1]
    }


@given(wanted(), st.integers(1, 3), st.integers(1, 3))
def test_there_are_never_more_channels_than_tuners(wants: list[Want], p: int, q: int) -> None:
    sizes = {"p": p, "q": q}
    found = admit(wants, sizes)
    assert found.spans.keys() | found.blocked.keys() == {want.id for want in wants}
    assert found.spans.keys().isdisjoint(found.blocked)
    for pool, size in sizes.items():
        for hour in range(-4, 22):
            assert len(held(wants, found.spans, pool, hour + 0.5)) <= size
    for want in wants:
        if want.id in found.spans:
            first, last = found.spans[want.id]
            assert want.begins <= first <= want.start < want.stop <= last <= want.ends


@given(wanted(), st.integers(1, 3))
def test_who_is_refused_could_not_have_been_served(wants: list[Want], size: int) -> None:
    """At some moment of its own time, those asked for earlier hold every tuner, and not for its channel."""
    found = admit(wants, {"p": size, "q": size})
    core = {want.id: (want.start, want.stop) for want in wants if want.id in found.spans}
    for want in wants:
        if want.id not in found.blocked:
            continue
        earlier = {item: span for item, span in core.items() if item < want.id}
        full = [
            held(wants, earlier, want.pool, hour + 0.5) for hour in range(int(want.start), int(want.stop))
        ]
        assert any(len(channels) == size and want.channel not in channels for channels in full)
        assert all(blocker in earlier for blocker in found.blocked[want.id])


@given(wanted(running=True), st.integers(1, 2))
def test_what_runs_goes_on(wants: list[Want], size: int) -> None:
    running = {want.id for want in wants if want.running}
    sizes = {"p": size, "q": size}
    alone = admit([want for want in wants if want.running], sizes).blocked.keys()
    assert running & admit(wants, sizes).blocked.keys() == alone


def test_padding_is_given_up_before_a_recording() -> None:
    first = Want("1", "p", "a", 100, 200, 90, 230)
    second = Want("2", "p", "b", 200, 300, 170, 330)
    found = admit([first, second], {"p": 1})
    assert found.spans == {"1": (90, 200), "2": (200, 330)}
    assert found.prompt == {"2"}  # its channel is opened when the other is closed, not before
    assert admit([first, second._replace(channel="a")], {"p": 1}).spans == {"1": (90, 230), "2": (170, 330)}


def test_a_full_plan_is_made_quickly() -> None:
    """A thousand recordings of one source: what the operations allow at most."""
    wants = [
        Want(f"{at:04}", "p", f"c{at % 50}", at * 600, at * 600 + 7200, at * 600 - 60, at * 600 + 7800)
        for at in range(1000)
    ]
    began = time.process_time()
    found = admit(wants, {"p": 4})
    assert found.blocked
    assert time.process_time() - began < 5  # generous: quadratic in everything would take minutes


# --- in the household


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[FakeRecorder]:
    async with FakeRecorder(tmp_path / "media.sock") as recorder:
        yield recorder


@pytest.fixture
async def home(tmp_path: Path, recorder: FakeRecorder, clock: FakeClock) -> AsyncIterator[Home]:
    async with open_home(tmp_path, recorder.path, clock=clock) as home:
        yield home


def at(seconds: float) -> str:
    return rfc3339(START + timedelta(seconds=seconds))


async def record(home: Home, channel: str, start: float = 0, **arguments: Any) -> dict[str, Any]:
    given = {"channel": channel, "start": at(start), "duration": 60, "title": channel, **arguments}
    return dict(await home.call("recordings.create", **given))


async def test_the_later_one_waits_and_says_why(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    async with FakeTuner(tuners=1) as device:
        await home.call("sources.add", kind="hdhomerun", url=device.url, name="Attic")
    one = await record(home, "one-hd")
    same = await record(home, "one-hd", 30)
    two = await record(home, "two", 30)
    after = await record(home, "two", 120)
    assert [item["state"] for item in (one, same, two, after)] == [
        "recording",
        "scheduled",
        "conflict",
        "scheduled",
    ]
    assert two["reason"] == (
        "The only tuner of Attic is taken then, by one-hd, one-hd. It gets one when one becomes free."
    )
    await until(lambda: set(recorder.ranges()) == {one["id"], same["id"], after["id"]})
    with home.core.bus.subscribe("dvr.recording_changed") as events:
        await home.call("recordings.delete", recording=same["id"], permanent=True)
        await home.call("recordings.stop", recording=one["id"])
        while (event := await anext(events)).data.recording != two["id"]:  # type: ignore[attr-defined]
            pass
        assert event.data.state == "scheduled"  # type: ignore[attr-defined]
    again = await home.call("recordings.get", recording=two["id"])
    assert (again["state"], again["reason"]) == ("scheduled", None)
    await until(lambda: two["id"] in recorder.ranges())


async def test_one_that_never_got_a_tuner_has_failed(home: Home, clock: FakeClock) -> None:
    async with FakeTuner(tuners=1) as device:
        await home.call("sources.add", kind="hdhomerun", url=device.url)
    await record(home, "one-hd", duration=3600)
    two = (await record(home, "two"))["id"]
    await clock.advance(61)

    async def has_failed() -> bool:
        return await home.state(two) == "failed"

    await until(has_failed)
    assert "taken" in (await home.call("recordings.get", recording=two))["reason"]


async def test_it_begins_late_when_a_tuner_becomes_free(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    async with FakeTuner(tuners=1) as device:
        source = (await home.call("sources.add", kind="hdhomerun", url=device.url))["id"]
    await record(home, "one-hd", duration=3600)
    two = (await record(home, "two"))["id"]
    assert two not in recorder.ranges()
    await clock.advance(10)
    assert (await home.call("sources.update", source=source, tuners=2))["tuners"] == 2

    async def runs() -> bool:
        return await home.state(two) == "recording"

    await until(runs)
    await until(lambda: recorder.ranges().get(two) == (NOW, NOW + 60))  # what is missing is its gap


async def test_with_fewer_tuners_the_newest_pauses_and_keeps_what_it_has(
    home: Home, recorder: FakeRecorder
) -> None:
    async with FakeTuner(tuners=2) as device:
        source = (await home.call("sources.add", kind="hdhomerun", url=device.url, name="Attic"))["id"]
    one, two = [(await record(home, channel))["id"] for channel in ("one-hd", "two")]
    await until(lambda: set(recorder.ranges()) == {one, two})
    await home.call("sources.update", source=source, tuners=1)
    await until(lambda: set(recorder.ranges()) == {one})
    paused = await home.call("recordings.get", recording=two)
    assert paused["state"] == "recording"
    assert paused["reason"].startswith("The only tuner of Attic is taken then, by one-hd.")
    await home.call("sources.update", source=source, tuners=0)
    await until(lambda: recorder.ranges().get(two) == (NOW, NOW + 60))


async def test_without_a_limit_all_run_at_once(home: Home, recorder: FakeRecorder) -> None:
    items = []
    for number in range(5):
        await home.call("sources.add", kind="http", url=f"http://192.0.2.7/{number}", name=f"C{number}")
        items.append((await record(home, f"c{number}"))["id"])
    await until(lambda: set(recorder.ranges()) == set(items))


# --- with a real recorder and a device that counts


@pytest.mark.timeout(120)
async def test_a_device_is_never_asked_for_more_than_it_has(tmp_path: Path) -> None:
    async with (
        FakeTuner(tuners=2) as device,
        RecorderProcess(tmp_path) as recorder,
        open_home(tmp_path, recorder.socket) as home,
    ):
        source = (await home.call("sources.add", kind="hdhomerun", url=device.url))["id"]

        async def now(channel: str) -> str:
            return str((await home.call("recordings.create", channel=channel, duration=600))["id"])

        items = [await now("one-hd"), await now("one-hd"), await now("two"), await now("three")]
        assert await home.state(items[3]) == "conflict"
        await asyncio.sleep(2)

        async def grows(item: str) -> bool:
            return bool((await home.call("recordings.get", recording=item))["bytes"])

        await until(lambda: grows(items[2]), 30)
        told = await home.call("sources.get", source=source)
        assert (told["tuners_in_use"], told["summary"]) == (2, "3 channels, 2 of 2 tuners in use.")
        assert device.streams == 2
        await home.call("recordings.stop", recording=items[2])
        await until(lambda: grows(items[3]), 30)
        for item in (items[0], items[1], items[3]):
            await home.call("recordings.stop", recording=item)

        async def over() -> bool:
            return {await home.state(item) for item in items} <= {"done", "partial"}

        await until(over, 40)
        assert (device.streams, device.most_at_once) == (3, 2)
        assert device.refused <= 1  # the device may hear of the end later than of the beginning
        late = await home.call("recordings.get", recording=items[3])
        assert late["gaps"][0]["from"] == late["start"]  # what it waited


@pytest.mark.timeout(120)
async def test_tuners_that_others_use_are_named(tmp_path: Path) -> None:
    async with (
        FakeTuner(tuners=1, busy=1) as device,
        RecorderProcess(tmp_path) as recorder,
        open_home(tmp_path, recorder.socket) as home,
    ):
        await home.call("sources.add", kind="hdhomerun", url=device.url)
        item = (await home.call("recordings.create", channel="two", duration=600))["id"]

        async def named() -> bool:
            rows = (await home.call("channels.list"))["items"]
            return any((row["error"] or {}).get("code") == "dvr.no_tuner" for row in rows)

        async def is_down() -> bool:
            [_, source] = (await home.call("sources.list"))["items"]
            return (source["state"], source["tuners_in_use"]) == ("down", 0)

        await until(named, 30)
        await until(is_down, 30)
        assert device.refused > 0
        device.busy = 0  # they go to bed

        async def grows() -> bool:
            return bool((await home.call("recordings.get", recording=item))["bytes"])

        await until(grows, 30)
        assert device.streams == 1
