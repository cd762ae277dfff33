"""Playbacks with the real recorder: what is in a playlist, and how long an address is good."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.callers import Caller
from gatewayd.dvr.playback import IDLE, MOST_EACH
from gatewayd.errors import GatewayError
from tests.dvr.home import Home, open_home
from tests.support.clock import FakeClock
from tests.support.fake_recorder import FakeRecorder, until
from tests.support.recorder import RecorderProcess
from tests.support.ts import PacedServer, broadcast


class Guests:
    """Viewers of whom the test says whether they may stay."""

    def __init__(self) -> None:
        self.gone: set[str] = set()

    def still_valid(self, caller: Caller) -> bool:
        return caller.id not in self.gone

    def viewer(self, caller: Caller) -> str:
        return caller.id


@pytest.fixture
async def server() -> AsyncIterator[PacedServer]:
    async with PacedServer() as server:
        yield server


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Home]:
    async with (
        RecorderProcess(tmp_path) as recorder,
        open_home(tmp_path, recorder.socket, media=recorder.folder) as home,
    ):
        yield home


async def flowing(home: Home, item: str, more_than: int) -> None:
    async def look() -> bool:
        return bool((await home.call("recordings.get", recording=item))["bytes"] > more_than)

    await until(look, 20)


async def over(home: Home, item: str) -> None:
    async def look() -> bool:
        return await home.state(item) not in ("scheduled", "recording")

    await until(look, 30)


async def whole(home: Home, play: dict[str, Any]) -> bytes:
    reel = await home.service.playbacks.stream(play["id"])
    return b"".join([piece async for piece in reel.read(0, reel.size)])


async def test_a_source_that_broke_off_is_a_discontinuity(real: Home, server: PacedServer) -> None:
    await real.call("sources.add", kind="http", url=server.url, name="One")
    item = (await real.call("recordings.create", channel="one", duration=9))["id"]
    await flowing(real, item, 700_000)
    server.drop()
    await over(real, item)
    play = await real.call("playback.open", recording=item)
    text = await real.service.playbacks.playlist(play["id"])
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    stream = await whole(real, play)
    assert len(stream) == (await real.call("recordings.get", recording=item))["bytes"]
    for start, stop in re.findall(r"part/(\d+)-(\d+)\.ts", text):
        part = await real.service.playbacks.part(play["id"], int(start), int(stop))
        content = b"".join([piece async for piece in part.read(0, part.size)])
        assert content.endswith(stream[int(start) : int(stop)])
        assert content[:3] == b"\x47\x40\x00"
        assert len(content) == part.size


async def test_what_no_browser_plays_is_said(real: Home) -> None:
    stream = broadcast("mpeg2video")
    async with PacedServer(stream, bitrate=len(stream) * 8 // 6) as server:
        await real.call("sources.add", kind="http", url=server.url, name="Old")
        item = (await real.call("recordings.create", channel="old", duration=3))["id"]
        await over(real, item)
    play = await real.call("playback.open", recording=item)
    with pytest.raises(GatewayError, match="codec_unsupported"):
        await real.service.playbacks.playlist(play["id"])
    assert await whole(real, play)


async def finished(home: Home, recorder: FakeRecorder, clock: FakeClock) -> str:
    """A recording of a scripted channel that is done."""
    await home.call("sources.add", kind="http", url="http://127.0.0.1:9/one.ts", name="One")
    item = str((await home.call("recordings.create", channel="one", duration=60, pad_after=0.0))["id"])
    await until(lambda: item in recorder.ranges())
    start, stop = recorder.ranges()[item]
    recorder.segment("01M84GCPDN2PJM9RXTKQV5DQV6", "one", start, stop, b"\x47" * 188 * 100)
    await clock.advance(61)
    recorder.done("one", item, stop)
    await over(home, item)
    return item


async def test_how_long_it_is_good(tmp_path: Path, recorder: FakeRecorder, clock: FakeClock) -> None:
    guests = Guests()
    async with open_home(tmp_path, recorder.path, clock=clock, viewers=guests) as home:
        item = await finished(home, recorder, clock)
        play = await home.call("playback.open", recording=item)
        playbacks = home.service.playbacks
        caller = playbacks.use(play["id"]).caller
        for _ in range(3):
            await clock.advance(IDLE - 1)
            playbacks.use(play["id"])
        await clock.advance(IDLE)
        with pytest.raises(GatewayError, match="playback_not_found"):
            playbacks.use(play["id"])

        one, *others = [
            (await home.call("playback.open", recording=item))["id"] for _ in range(MOST_EACH + 1)
        ]
        with pytest.raises(GatewayError, match="playback_not_found"):  # the oldest made room
            playbacks.use(one)
        guests.gone.add(caller.id)
        with pytest.raises(GatewayError, match="playback_not_found"):
            playbacks.use(others[-1])


async def test_refusals(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    for arguments, code in (
        ({"channel": "testcard"}, "dvr.live_unsupported"),
        ({}, "request.missing_field"),
        ({"recording": "nowhere"}, "dvr.recording_not_found"),
    ):
        with pytest.raises(GatewayError) as refused:
            await home.call("playback.open", **arguments)
        assert refused.value.code == code
    later = (await home.call("recordings.create", channel="testcard", start=_in(clock, 60), duration=60))[
        "id"
    ]
    with pytest.raises(GatewayError, match="nothing_to_play"):
        await home.call("playback.open", recording=later)
    item = await finished(home, recorder, clock)
    play = await home.call("playback.open", recording=item)
    await home.call("recordings.delete", recording=item, permanent=True)
    with pytest.raises(GatewayError, match="recording_not_found"):
        await home.service.playbacks.stream(play["id"])


def _in(clock: FakeClock, seconds: float) -> str:
    return (clock.now() + timedelta(seconds=seconds)).isoformat()


async def test_positions(home: Home, recorder: FakeRecorder, clock: FakeClock) -> None:
    item = await finished(home, recorder, clock)
    assert (await home.call("playback.open", recording=item))["position"] == 0.0
    await home.call("playback.position", recording=item, seconds=61.5)
    await home.call("playback.position", recording=item, seconds=62.5)
    assert (await home.call("playback.open", recording=item))["position"] == 62.5
    await home.call("playback.position", recording=item, seconds=0)
    assert (await home.call("playback.open", recording=item))["position"] == 0.0
    await home.call("playback.position", recording=item, seconds=5)
    await home.call("recordings.delete", recording=item, permanent=True)
    await asyncio.sleep(0)
    assert await home.core.database.fetch_all("SELECT * FROM dvr_positions") == []


async def test_an_account_that_goes_leaves_no_positions(
    tmp_path: Path, recorder: FakeRecorder, clock: FakeClock
) -> None:
    async with open_home(tmp_path, recorder.path, clock=clock, viewers=Guests()) as home:
        item = await finished(home, recorder, clock)
        await home.call("playback.position", recording=item, seconds=5)
        rows = await home.core.database.fetch_all("SELECT viewer FROM dvr_positions")
        assert len(rows) == 1
        async with home.core.database.unit() as unit:
            unit.execute(
                "INSERT INTO accounts (id, role, created) VALUES (?, 'member', 0)", (rows[0]["viewer"],)
            )
        async with home.core.database.unit() as unit:
            unit.execute("DELETE FROM accounts WHERE id = ?", (rows[0]["viewer"],))
        assert await home.core.database.fetch_all("SELECT * FROM dvr_positions") == []
