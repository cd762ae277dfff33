"""What sources do to a recorder: drops, stalls, pages instead of television, forbidden addresses."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from gatewayd.dvr.media.messages import (
    ChannelStatus,
    DesiredChannel,
    Gap,
    Probe,
    Probed,
    Range,
    SegmentOpened,
    Source,
    SourceFailed,
)
from tests.support.recorder import RecorderProcess, http_channel, until
from tests.support.ts import Mood, PacedServer


def rss(pid: int) -> int:
    """Resident bytes of a process."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


async def channel_of(recorder: RecorderProcess) -> ChannelStatus:
    """The only channel."""
    [channel] = (await recorder.answers()).channels
    return channel


@pytest.mark.parametrize(
    ("mood", "code"),
    [
        ("html", "dvr.not_a_transport_stream"),
        ("noise", "dvr.not_a_transport_stream"),
        ("empty", "dvr.source_ended"),
        ("status", "dvr.source_http_status"),
        ("loop", "dvr.source_unreachable"),
    ],
)
async def test_what_is_no_television_is_named_and_not_stored(tmp_path: Path, mood: Mood, code: str) -> None:
    async with PacedServer(b"G" * 188) as server, RecorderProcess(tmp_path) as recorder:
        server.mood = mood
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 2.5)))
        [failed, *_] = await until(lambda: recorder.journal(SourceFailed))
        assert failed.code == code
        before = rss(recorder.pid)
        await recorder.done("a")
        assert server.connections > 1  # it tried again
        assert {entry.code for entry in await recorder.journal(SourceFailed)} == {code}
        assert len(await recorder.journal(SourceFailed)) == 1  # and told once
        [gap] = await recorder.journal(Gap)
        assert (gap.start, gap.stop, gap.reason) == (now, now + 2.5, code)
        assert not list(recorder.folder.glob("*.ts"))
        assert rss(recorder.pid) - before < 8_000_000


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_dropped_connection_is_opened_again_with_its_gap(tmp_path: Path, chunked: bool) -> None:
    async with PacedServer(chunked=chunked) as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 5)))
        await until(lambda: recorder.journal(SegmentOpened))
        await asyncio.sleep(1.5)
        dropped = time.time()
        server.drop()
        await recorder.done("a")
        first, second = server.sent
        located = await recorder.locate("one", now, now + 5)
        before, after = (recorder.read((piece,)) for piece in located.slices)
        assert first.by(dropped) - len(before) <= 0.5 * server.bitrate / 8
        assert before == bytes(first.data[: len(before)])
        assert after == bytes(second.data[: len(after)])
        [gap] = await recorder.journal(Gap)
        assert gap.reason == "dvr.source_ended"
        assert located.gaps == ((gap.start, gap.stop),)
        assert dropped - 0.5 <= gap.start < gap.stop < dropped + 2.5


async def test_a_source_that_falls_silent_is_stalled_and_loses_nothing_when_it_goes_on(
    tmp_path: Path,
) -> None:
    async with PacedServer() as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        await recorder.desire(http_channel("one", server.url, Range(id="a", start=now, stop=now + 6)))
        await until(lambda: recorder.journal(SegmentOpened))
        assert (await channel_of(recorder)).state == "flowing"
        server.hold()
        await until(lambda: _in_state(recorder, "stalled"))
        server.go_on()
        await until(lambda: _in_state(recorder, "flowing"))
        assert (await channel_of(recorder)).bitrate > 0
        await recorder.done("a")
        [sent] = server.sent
        stored = recorder.read((await recorder.locate("one", now, now + 6)).slices)
        assert stored == bytes(sent.data[: len(stored)])
        gaps = [gap for gap in await recorder.journal(Gap) if gap.reason != "dvr.started_late"]
        assert gaps == []


async def _in_state(recorder: RecorderProcess, state: str) -> bool:
    return (await channel_of(recorder)).state == state


async def test_sources_that_send_next_to_nothing_are_given_up(tmp_path: Path) -> None:
    async with PacedServer(b"G") as silent, PacedServer(b"G") as drip, RecorderProcess(tmp_path) as recorder:
        silent.mood, drip.mood = "silent", "drip"
        span = Range(id="a", start=time.time(), stop=time.time() + 60)
        channels = [http_channel(server.mood, server.url, span) for server in (silent, drip)]
        await recorder.desire(*channels)
        failures = await until(lambda: _both_failed(recorder))
        assert {(entry.channel, entry.code) for entry in failures} == {
            ("silent", "dvr.source_stalled"),
            ("drip", "dvr.source_stalled"),
        }
        assert not list(recorder.folder.glob("*.ts"))


async def _both_failed(recorder: RecorderProcess) -> list[SourceFailed] | None:
    failures = await recorder.journal(SourceFailed)
    return failures if len(failures) == 2 else None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_loopback_is_refused_unless_allowed(tmp_path: Path, host: str) -> None:
    async with PacedServer(b"G" * 188) as server, RecorderProcess(tmp_path) as recorder:
        now = time.time()
        channel = http_channel(
            "one",
            f"http://{host}:{server.port}/channel.ts",
            Range(id="a", start=now, stop=now + 60),
            allow_loopback=False,
        )
        await recorder.desire(channel)
        [failed, *_] = await until(lambda: recorder.journal(SourceFailed))
        assert failed.code == "dvr.forbidden_address"
        assert server.connections == 0


async def test_the_test_card_is_recorded_and_decoded(tmp_path: Path) -> None:
    async with RecorderProcess(tmp_path) as recorder:
        now = time.time()
        source = Source(kind="testcard", url="testcard:")
        span = Range(id="a", start=now, stop=now + 5)
        await recorder.desire(DesiredChannel(id="card", source=source, ranges=(span,)))
        await recorder.done("a")
        [opened] = await recorder.journal(SegmentOpened)
        probed = await recorder.client.call(Probe(segment=opened.segment), Probed, timeout=30)
        video, audio = probed.streams
        assert (video.codec, video.width, video.height) == ("h264", 1280, 720)
        assert (audio.codec, audio.channels) == ("aac", 2)
        assert probed.decoded_frames >= 25
        located = await recorder.locate("card", now, now + 5)
        assert located.errors.continuity == located.errors.sync == located.errors.transport == 0
        await until(lambda: _no_encoder(recorder.pid))


async def _no_encoder(pid: int) -> bool:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    for child in children:
        with open(f"/proc/{child}/cmdline") as file:
            if "worker_testcard" in file.read():
                return False
    return True
