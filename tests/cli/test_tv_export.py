"""`gatewayctl tv export`: a recording as a file, where it is wanted."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatewayd.system.identity import new_id
from tests.cli.conftest import Gatewayctl
from tests.cli.test_tv_recordings import home, recorder
from tests.dvr.home import Home
from tests.support.fake_recorder import FakeRecorder

__all__ = ["home", "recorder"]

CONTENT = b"\x47" + bytes(187)


@pytest.fixture
async def item(home: Home, recorder: FakeRecorder) -> str:
    """A recording that runs, and has something."""
    start = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    row = await home.call(
        "recordings.create", channel="testcard", start=start, duration=3600, title="A/B: film"
    )
    recorder.segment(new_id(), "testcard", time.time() - 60, time.time() + 5, CONTENT * 1000)
    return str(row["id"])


async def test_the_file_is_named_and_copied(item: str, gatewayctl: Gatewayctl, tmp_path: Path) -> None:
    plain = await gatewayctl("tv", "export", item)
    assert plain.stderr == "", plain.stdout
    path, size = plain.stdout.splitlines()[0].split("  ")
    assert path.endswith(".mkv")
    assert size.endswith("kB")
    assert plain.stdout.splitlines()[1].startswith("Kept until ")
    target = tmp_path / "copy.mp4"
    copied = await gatewayctl("tv", "export", item, "--output", str(target))
    assert copied.stdout.splitlines()[0].startswith(f"{target}  ")
    assert copied.stdout.splitlines()[1] == "Left out, for mp4 cannot hold it: dvb_teletext."
    assert set(target.read_bytes()) == {0, 0x47}
    folder = tmp_path / "films"
    folder.mkdir()
    answer = await gatewayctl("--json", "tv", "export", item, "--format", "ts", "--output", str(folder))
    result = json.loads(answer.stdout)["job"]["result"]
    [file] = folder.iterdir()
    assert file.name == result["name"]
    assert file.name.startswith("A B film ")
    assert file.name.endswith(".ts")


async def test_what_is_refused_is_said(item: str, gatewayctl: Gatewayctl, tmp_path: Path) -> None:
    none = await gatewayctl("tv", "export", new_id())
    assert (none.exit_code, none.stderr.splitlines()[0]) == (1, "There is no such recording.")
    nowhere = await gatewayctl("tv", "export", item, "--output", str(tmp_path / "none" / "x.mkv"))
    assert nowhere.exit_code == 1
    assert "it cannot be copied: No such file or directory." in nowhere.stderr
    assert (await gatewayctl("tv", "export", item, "--format", "avi")).exit_code == 2
    started = await gatewayctl("tv", "export", item, "--no-wait")
    assert started.stdout.startswith("Started as job ")
