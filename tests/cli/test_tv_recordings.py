"""Recordings and their disk on the command line: the real operations behind the real socket."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gatewayd.access import AccessService, ensure_box_id
from gatewayd.api import ApiServer
from gatewayd.api.sockets import open_unix
from gatewayd.box.operations import job_operations
from tests.cli.conftest import Gatewayctl
from tests.dvr.home import Home, open_home
from tests.support.fake_recorder import FakeRecorder, until
from tests.support.trades import CannedInfo


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[FakeRecorder]:
    async with FakeRecorder(tmp_path / "media.sock") as recorder:
        yield recorder


@pytest.fixture
async def home(tmp_path: Path, recorder: FakeRecorder) -> AsyncIterator[Home]:
    """Television behind `api.sock`; its log does not get between the answers."""
    async with AsyncExitStack() as stack:
        stack.enter_context(capture_logs())
        home = await stack.enter_async_context(open_home(tmp_path, recorder.path))
        core = home.core
        access = AccessService(
            database=core.database,
            clock=core.clock,
            box_id=await ensure_box_id(core.database),
            fingerprint="",
            host=lambda: "",
            boot="boot",
        )
        await access.load()

        async def info() -> Any:
            return CannedInfo(id=access.box_id)

        core.registry.add(job_operations(core.jobs, core.registry))
        server = ApiServer(registry=core.registry, bus=core.bus, authenticator=access, box=info)
        await server.start(local=[open_unix(tmp_path / "api.sock")])
        stack.push_async_callback(server.close)
        yield home


async def one(gatewayctl: Gatewayctl, *words: str) -> dict[str, Any]:
    """The JSON answer of a command."""
    answer: dict[str, Any] = json.loads((await gatewayctl("--json", "tv", *words)).stdout)
    return answer


async def test_a_recordings_life(home: Home, recorder: FakeRecorder, gatewayctl: Gatewayctl) -> None:
    row = await one(
        gatewayctl, "record", "testcard", "--for", "1h", "--keep", "7d", "--after", "90s", "--lock"
    )
    assert (row["keep"], row["pad_after"], row["locked"]) == ("days:7", 90, True)
    item = row["id"]
    refused = await gatewayctl("tv", "delete", item)
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (
        1,
        "This recording is locked. Unlock it first.",
    )
    unlocked = await gatewayctl("tv", "unlock", item)
    assert unlocked.stdout.endswith("kept for 7 days\n")
    renamed = await gatewayctl("tv", "rename", item, "Film")
    assert renamed.stdout.startswith("Film: until ")
    assert (await gatewayctl("tv", "keep", item, "until-space")).stdout.endswith("its space is needed\n")
    before = (await one(gatewayctl, "recordings"))["items"][0]["stop"]
    await gatewayctl("tv", "prolong", item, "15m")
    after = (await one(gatewayctl, "recordings"))["items"][0]["stop"]
    assert before < after
    deleted = await gatewayctl("tv", "delete", item)
    assert deleted.stdout == f"In the trash: Film. To take it back: gatewayctl tv restore {item}\n"
    assert "Film" in (await gatewayctl("tv", "trash")).stdout
    assert (await gatewayctl("tv", "restore", item)).stdout == "Back: Film, recording\n"
    gone = await gatewayctl("tv", "delete", item, "--for-good")
    assert gone.stdout == "Deleted for good: Film\n"
    assert (await gatewayctl("tv", "trash")).stdout == "The trash is empty.\n"


async def test_the_disk(home: Home, recorder: FakeRecorder, gatewayctl: Gatewayctl) -> None:
    await until(lambda: home.service.report._view.free is not None)
    options = "--quota 0.5GB --reserve 1MB --before 2m --trash-days 9"
    changed = await gatewayctl("tv", "storage", "set", *options.split())
    lines = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in changed.stdout.splitlines())
    assert lines["quota"] == "500 MB"
    assert lines["padding"] == "2 min before, none after"
    assert lines["trash is kept"] == "9 days"
    warned = await gatewayctl("tv", "record", "testcard", "--for", "1h")
    assert "! This needs about 3.6 GB" in warned.stdout
    shown = (await gatewayctl("tv", "storage")).stdout
    assert "500 MB" in shown
    assert "no space for it" in shown
    share = await one(gatewayctl, "storage", "set", "--quota", "80%")
    assert (share["quota"], share["quota_percent"]) == (None, 80)
    nothing = await one(gatewayctl, "storage", "set", "--quota", "none")
    assert (nothing["quota"], nothing["quota_percent"]) == (None, None)


@pytest.mark.parametrize(
    "words",
    [
        ("storage", "set"),
        ("storage", "set", "--quota", "much"),
        ("keep", "r", "long"),
        ("prolong", "r", "soon"),
        ("record", "x", "--before", "-1"),
    ],
)
async def test_what_cannot_be_meant_is_wrong_usage(
    home: Home, gatewayctl: Gatewayctl, words: tuple[str, ...]
) -> None:
    assert (await gatewayctl("tv", *words)).exit_code == 2
