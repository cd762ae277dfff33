"""Exports from the operation to the file, with the real recorder; and a worker that a muxer aborts."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.dvr.exports import file_name
from gatewayd.dvr.library import moment
from gatewayd.dvr.media.messages import Gap, Slice
from gatewayd.dvr.thumbnails import ENOUGH, thumbnail_slice
from gatewayd.errors import GatewayError
from gatewayd.jobs import Job
from tests.dvr.home import Home, open_home
from tests.support.fake_recorder import until
from tests.support.recorder import RecorderProcess
from tests.support.ts import PacedServer


@pytest.fixture
async def server() -> AsyncIterator[PacedServer]:
    async with PacedServer() as server:
        yield server


@pytest.fixture
async def home(tmp_path: Path, server: PacedServer) -> AsyncIterator[Home]:
    async with RecorderProcess(tmp_path) as recorder, open_home(tmp_path, recorder.socket) as home:
        await home.call("sources.add", kind="http", url=server.url, name="One")
        yield home


async def recorded(home: Home, seconds: float = 2.5) -> dict[str, Any]:
    """A recording that is over."""
    item = (await home.call("recordings.create", channel="one", duration=seconds))["id"]

    async def is_over() -> bool:
        return await home.state(item) not in ("scheduled", "recording")

    await until(is_over, 40)
    return dict(await home.call("recordings.get", recording=item))


async def over(home: Home, job: str) -> Job:
    """A job that has ended."""

    async def has_ended() -> bool:
        return (await home.core.jobs.get(job)).state in ("done", "failed", "cancelled")

    await until(has_ended, 40)
    return await home.core.jobs.get(job)


async def test_a_recording_becomes_a_file(home: Home, tmp_path: Path) -> None:
    item = await recorded(home)
    for shape in ("ts", "mkv", "mp4"):
        started = (await home.call("recordings.export", recording=item["id"], format=shape))["job"]
        job = await over(home, started["id"])
        assert job.state == "done", job.error
        result = job.result
        assert result is not None
        file = Path(result["file"])
        assert file.parent == tmp_path / "media" / "exports"
        assert file.stat().st_size == result["bytes"]
        assert result["name"].startswith("One ")
        assert result["name"].endswith(f".{shape}")
        if shape == "ts":
            assert hashlib.sha256(file.read_bytes()).hexdigest() == item["digest"]
        else:
            with av.open(file) as container:
                assert {stream.type for stream in container.streams} == {"video", "audio"}


async def test_a_finished_recording_has_its_picture(home: Home, tmp_path: Path) -> None:
    item = await recorded(home)
    part = thumbnail_slice(await home.service._library.slices(item["id"]))
    assert part is not None
    with av.open(tmp_path / "media" / f"{part.segment}.jpg") as picture:
        [frame] = picture.decode(video=0)
        assert (frame.width, frame.height) == (320, 180)


async def test_what_holds_nothing_is_not_exported(home: Home) -> None:
    item = await recorded(home, 1.5)
    await home.call("recordings.delete", recording=item["id"])
    with pytest.raises(GatewayError) as caught:
        await home.call("recordings.export", recording=item["id"])
    assert caught.value.code == "dvr.recording_in_trash"
    with pytest.raises(GatewayError) as caught:
        await home.call("recordings.export", recording="01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert caught.value.code == "dvr.recording_not_found"


async def test_a_job_is_cancelled_and_nothing_is_left(home: Home, tmp_path: Path) -> None:
    item = await recorded(home)
    async with home.core.database.unit() as unit:  # as long as a film
        for position in range(1, 3000):
            unit.execute(
                "INSERT INTO dvr_slices (recording, position, segment, from_byte, to_byte) "
                "SELECT recording, ?, segment, from_byte, to_byte FROM dvr_slices "
                "WHERE recording = ? AND position = 0",
                (position, item["id"]),
            )
    started = (await home.call("recordings.export", recording=item["id"]))["job"]

    async def has_begun() -> bool:
        return (await home.core.jobs.get(started["id"])).progress > 0

    await until(has_begun, 50)
    job = await home.core.jobs.cancel(started["id"])
    assert job.state == "cancelled"
    assert list((tmp_path / "media" / "exports").iterdir()) == []


async def test_a_muxer_abort_ends_a_job_and_touches_no_recording(tmp_path: Path, server: PacedServer) -> None:
    careless = RecorderProcess(tmp_path, module="tests.support.careless_recorder")
    async with careless as recorder, open_home(tmp_path, recorder.socket) as home:
        await home.call("sources.add", kind="http", url=server.url, name="One")
        first = await recorded(home, 3)
        running = (await home.call("recordings.create", channel="one", duration=5))["id"]
        for _ in range(2):
            started = (await home.call("recordings.export", recording=first["id"], format="mp4"))["job"]
            job = await over(home, started["id"])
            assert job.state == "failed"
            assert job.error is not None
            assert job.error.code == "dvr.worker_died"
        assert list((tmp_path / "media" / "exports").iterdir()) == []
        assert await home.state(running) == "recording"

        async def is_over() -> bool:
            return await home.state(running) not in ("scheduled", "recording")

        await until(is_over, 40)
        second = await home.call("recordings.get", recording=running)
        assert second["state"] == "done"
        assert second["gaps"] == []
        assert second["errors"] == {"continuity": 0, "transport": 0, "sync": 0}
        assert await recorder.journal(Gap) == []
        parts = await home.service._library.slices(running)
        digest = hashlib.sha256(recorder.read(parts)).hexdigest()
        assert digest == second["digest"]


@settings(deadline=None)
@given(st.lists(st.integers(1, 10_000_000), max_size=5))
def test_the_picture_is_from_the_middle(lengths: list[int]) -> None:
    slices = [Slice(segment=str(n), from_byte=376, to_byte=376 + size) for n, size in enumerate(lengths)]
    part = thumbnail_slice(slices)
    if part is None:
        assert not slices
        return
    number = int(part.segment)
    assert sum(lengths[:number]) <= sum(lengths) // 2 < sum(lengths[: number + 1])
    assert 376 <= part.from_byte < part.to_byte == 376 + lengths[number]
    assert (part.from_byte - 376) % 188 == 0
    assert part.to_byte - part.from_byte >= min(ENOUGH, lengths[number])


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_file_name_is_one_everywhere(title: str) -> None:
    name = file_name(title, moment(1_800_000_000), "mkv")
    assert name.endswith(" 2027-01-15 0800.mkv")
    assert 0 < len(name) < 130
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert not name.startswith((".", " "))
