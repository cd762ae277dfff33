"""What is told of the streams that are read now: diagnostics puts the blame by where they come from."""

from __future__ import annotations

from gatewayd.household_view import TelevisionSignal
from tests.dvr.home import Home
from tests.dvr.plan import passing
from tests.support.clock import FakeClock
from tests.support.fake_recorder import FakeRecorder
from tests.support.hdhomerun import FakeTuner


async def test_each_stream_says_what_it_comes_from(
    home: Home, recorder: FakeRecorder, clock: FakeClock
) -> None:
    async with FakeTuner(tuners=1) as device:
        tuner = await home.call("sources.add", kind="hdhomerun", url=device.url, name="Attic")
    channels = (await home.call("channels.list", source=tuner["id"]))["items"]
    await home.call("sources.add", kind="http", url="http://192.0.2.7/one.ts", name="Far")
    await home.call("sources.add", kind="http", url="udp://@239.1.1.1:5000", name="Group")
    told = {item["name"]: item["id"] for item in (await home.call("channels.list"))["items"]}
    wanted = {channels[0]["id"]: "tuner", told["Far"]: "http", told["Group"]: "multicast", "testcard": None}
    for channel in wanted:
        recorder.flow(channel, 1000, state="stalled")
    television = TelevisionSignal(home.service)

    async def complete() -> bool:
        return len((await television.signal()).items) == len(wanted)

    await passing(clock, complete, step=1)
    assert {item.channel: item.source for item in (await television.signal()).items} == wanted
