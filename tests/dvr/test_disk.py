"""Real disks that are full, read-only or failing: recordings yield, nothing else does, gaps are exact."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gatewayd.errors import GatewayError
from tests.dvr.home import Home, open_home
from tests.support.disks import SmallDisk, small_disk
from tests.support.fake_recorder import until
from tests.support.recorder import RecorderProcess
from tests.support.ts import PacedServer

SIZE = 24 << 20
RESERVE = 3 << 20
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path, SIZE) as disk:
        yield disk


@pytest.fixture
async def server() -> AsyncIterator[PacedServer]:
    async with PacedServer(bitrate=4_000_000) as server:
        yield server


@pytest.fixture
async def recorder(disk: SmallDisk) -> AsyncIterator[RecorderProcess]:
    async with RecorderProcess(disk.path, supervised=True) as recorder:
        yield recorder


async def begin(home: Home, server: PacedServer, seconds: float = 600) -> str:
    """A recording that has begun to flow; its id."""
    await home.call("storage.update", reserve=RESERVE)
    await home.call("sources.add", kind="http", url=server.url, name="One")
    item = str((await home.call("recordings.create", channel="one", duration=seconds))["id"])

    async def flows() -> bool:
        return int((await home.call("recordings.get", recording=item))["bytes"]) > 1_500_000

    await until(flows, 30)
    return item


async def error(home: Home) -> str | None:
    told = await home.call("storage.get")
    return None if told["error"] is None else str(told["error"])


async def until_error(home: Home, code: str | None) -> None:
    async def is_so() -> bool:
        return await error(home) == code

    await until(is_so, 30)


async def stopped(home: Home, item: str) -> dict[str, Any]:
    await home.call("recordings.stop", recording=item)

    async def is_over() -> bool:
        return await home.state(item) not in ("scheduled", "recording")

    await until(is_over, 30)
    return dict(await home.call("recordings.get", recording=item))


async def check(home: Home, recorder: RecorderProcess, server: PacedServer, found: dict[str, Any]) -> float:
    """Each slice is a piece of what was sent, and times that are not in the gaps have their bytes.

    Returns the seconds that are missing.
    """
    rows = await home.core.database.fetch_all(
        "SELECT * FROM dvr_slices WHERE recording = ? ORDER BY position", (found["id"],)
    )
    pieces = [
        (recorder.folder / f"{row['segment']}.ts").read_bytes()[row["from_byte"] : row["to_byte"]]
        for row in rows
    ]
    assert sum(map(len, pieces)) == found["bytes"] > 0
    for piece in pieces:
        assert any(piece in bytes(sent.data) for sent in server.sent)
    lost = sum(
        (datetime.fromisoformat(gap["to"]) - datetime.fromisoformat(gap["from"])).total_seconds()
        for gap in found["gaps"]
    )
    whole = datetime.fromisoformat(found["stop"]) - datetime.fromisoformat(found["start"])
    expected = (whole.total_seconds() - lost) * server.bitrate / 8
    assert abs(found["bytes"] - expected) <= server.bitrate / 8, "the gaps are right to the second"
    return lost


async def test_a_full_disk_stops_recordings_first_and_they_go_on_by_themselves(
    tmp_path: Path, disk: SmallDisk, recorder: RecorderProcess, server: PacedServer
) -> None:
    state = disk.path / "state"  # everything on one disk, as on a small box
    state.mkdir()
    async with open_home(state, recorder.socket) as home:
        item = await begin(home, server)
        disk.fill(leave=RESERVE - 500_000)
        await until_error(home, "dvr.disk_full")
        assert disk.free >= RESERVE - 500_000 - 400_000, "recordings leave the reserve to others"
        assert (await home.service.summary()).state == "degraded"
        assert "dvr.disk_full" in {alert.code for alert in await home.service.report.alerts()}
        later = await home.call("recordings.create", channel="one", start="2027-01-01T00:00:00Z", duration=60)
        disk.fill()  # not a byte is left to anybody
        with pytest.raises(GatewayError) as caught:
            for number in range(300):
                await home.call("recordings.update", recording=later["id"], title=f"{number}" * 40)
        assert caught.value.code == "store.full"
        assert await home.state(item) == "recording"
        await asyncio.sleep(2)
        disk.empty()
        await until_error(home, None)
        await home.call("recordings.update", recording=later["id"], title="Later")
        await asyncio.sleep(1)
        found = await stopped(home, item)
        assert found["state"] == "partial"
        assert found["reason"].startswith("The recording pauses")
        assert await check(home, recorder, server, found) > 1
    connection = sqlite3.connect(state / "state.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_what_may_go_goes_before_a_recording_stops(
    tmp_path: Path, disk: SmallDisk, recorder: RecorderProcess, server: PacedServer
) -> None:
    async with open_home(tmp_path, recorder.socket) as home:
        first = await begin(home, server)
        await stopped(home, first)
        disk.fill(leave=RESERVE + 800_000)
        await home.call("sources.add", kind="http", url=f"{server.url}?2", name="Two")
        # What lies close to a running recording of the same channel may be needed for it: another channel.
        second = await home.call("recordings.create", channel="two", duration=4)
        assert second["warning"] is None, "there is something to delete for it"

        async def is_done() -> bool:
            return await home.state(second["id"]) not in ("recording", "scheduled")

        await until(is_done, 30)
        found = await home.call("recordings.get", recording=second["id"])
        assert (found["state"], found["gaps"][1:]) == ("done", [])
        assert [row["id"] for row in (await home.call("recordings.list"))["items"]] == [second["id"]]


@pytest.mark.parametrize("way", ["abort", "lose_writes"])
async def test_a_failing_disk_and_what_is_left_of_it(
    tmp_path: Path, disk: SmallDisk, server: PacedServer, way: str
) -> None:
    """Read-only at once, or I/O errors of what was written; then it is mended, and the recording goes on."""
    async with open_home(tmp_path, disk.path / "control.sock") as home:
        async with RecorderProcess(disk.path):
            item = await begin(home, server)
            getattr(disk, way)()
            await until_error(home, "dvr.disk_failed")
            assert await home.state(item) == "recording"
            assert "dvr.disk_failed" in {alert.code for alert in await home.service.report.alerts()}
            await home.call("storage.update", pad_after=1)  # the state lies elsewhere and takes it
        disk.repair()
        async with RecorderProcess(disk.path) as recorder:
            await until_error(home, None)

            async def flows() -> bool:
                return server.flowing == 1

            await until(flows)
            await asyncio.sleep(1)
            found = await stopped(home, item)
            assert found["state"] == "partial"
            assert await check(home, recorder, server, found) > 1
