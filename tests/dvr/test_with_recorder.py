"""Television with the real recorder process: from the operation to the bytes on disk."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.dvr.home import Home, open_home
from tests.support.fake_recorder import until
from tests.support.recorder import RecorderProcess
from tests.support.ts import PacedServer


@pytest.fixture
async def server() -> AsyncIterator[PacedServer]:
    async with PacedServer() as server:
        yield server


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[RecorderProcess]:
    async with RecorderProcess(tmp_path, supervised=True) as recorder:
        yield recorder


@pytest.fixture
async def home(tmp_path: Path, recorder: RecorderProcess, server: PacedServer) -> AsyncIterator[Home]:
    async with open_home(tmp_path, recorder.socket) as home:
        await home.call("sources.add", kind="http", url=server.url, name="One")
        yield home


async def record(home: Home, seconds: float, channel: str = "one") -> str:
    return str((await home.call("recordings.create", channel=channel, duration=seconds))["id"])


async def ended(home: Home, item: str) -> dict[str, Any]:
    async def is_over() -> bool:
        return await home.state(item) not in ("scheduled", "recording")

    await until(is_over, 40)
    return dict(await home.call("recordings.get", recording=item))


async def grown(home: Home, item: str, least: int) -> None:
    async def has_grown() -> bool:
        return int((await home.call("recordings.get", recording=item))["bytes"]) >= least

    await until(has_grown, 20)


async def stored(home: Home, recorder: RecorderProcess, item: str) -> list[bytes]:
    """The bytes of each slice of a recording, from the files."""
    rows = await home.core.database.fetch_all(
        "SELECT * FROM dvr_slices WHERE recording = ? ORDER BY position", (item,)
    )
    return [
        (recorder.folder / f"{row['segment']}.ts").read_bytes()[row["from_byte"] : row["to_byte"]]
        for row in rows
    ]


async def whole(home: Home, recorder: RecorderProcess, server: PacedServer, found: dict[str, Any]) -> None:
    """The item is what the server sent, slice by slice, and says so itself."""
    slices = await stored(home, recorder, found["id"])
    assert all(any(piece in sent.data for sent in server.sent) for piece in slices)
    data = b"".join(slices)
    assert found["bytes"] == len(data) > 0
    assert found["digest"] == hashlib.sha256(data).hexdigest()
    assert {stream["codec"] for stream in found["streams"]} == {"h264", "aac"}


async def test_overlapping_recordings_use_one_connection(
    home: Home, recorder: RecorderProcess, server: PacedServer
) -> None:
    first = await record(home, 4)
    await grown(home, first, 1)
    second = await record(home, 4)
    for item in (first, second):
        found = await ended(home, item)
        assert (found["state"], found["errors"]["continuity"]) == ("done", 0)
        await whole(home, recorder, server, found)
    assert server.connections == 1
    for item in (first, second):
        await home.call("recordings.delete", recording=item, permanent=True)
    await until(lambda: not list(recorder.folder.glob("*.ts")))


async def test_gatewayd_gone_and_back(tmp_path: Path, recorder: RecorderProcess, server: PacedServer) -> None:
    async with open_home(tmp_path, recorder.socket) as before:
        await before.call("sources.add", kind="http", url=server.url, name="One")
        item = await record(before, 4)
        await grown(before, item, 1)
    await recorder.done(item)
    assert server.connections == 1
    async with open_home(tmp_path, recorder.socket) as after:
        found = await ended(after, item)
        assert (found["state"], found["gaps"][1:]) == ("done", [])
        await whole(after, recorder, server, found)


async def test_the_recorder_killed_is_one_item_with_its_gap(
    home: Home, recorder: RecorderProcess, server: PacedServer
) -> None:
    item = await record(home, 9)
    await grown(home, item, 300_000)
    recorder.kill()
    found = await ended(home, item)
    assert server.connections == 2
    assert found["state"] in ("done", "partial")  # by the length of the gap
    assert [gap for gap in found["gaps"] if gap["from"] > found["start"]] == found["gaps"][-1:]
    await whole(home, recorder, server, found)
    assert (await home.service.summary()).state == "ok"


async def test_stopped_early(home: Home, recorder: RecorderProcess, server: PacedServer) -> None:
    item = await record(home, 3600)
    await grown(home, item, 1)
    await home.call("recordings.stop", recording=item)
    found = await ended(home, item)
    assert found["state"] == "done"
    await whole(home, recorder, server, found)
    await until(lambda: server.flowing == 0)


async def test_a_page_instead_of_a_stream(home: Home, server: PacedServer) -> None:
    server.mood = "html"
    item = await record(home, 5)
    found = await ended(home, item)
    assert (found["state"], found["bytes"]) == ("failed", 0)
    assert "MPEG-TS" in found["reason"]
    channels = (await home.call("channels.list"))["items"]
    assert channels[0]["error"]["code"] == "dvr.not_a_transport_stream"


@pytest.mark.timeout(120)
async def test_the_test_card(home: Home, recorder: RecorderProcess) -> None:
    item = await record(home, 6, "testcard")
    found = await ended(home, item)
    assert found["state"] == "done"
    assert {stream["codec"] for stream in found["streams"]} == {"h264", "aac"}
    assert found["digest"] == hashlib.sha256(b"".join(await stored(home, recorder, item))).hexdigest()
