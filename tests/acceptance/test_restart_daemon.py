"""Restarting the daemon through its API: it answers first, comes back as another one, and records on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.daemon import Daemon, running, until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]


async def another(daemon: Daemon, before: str) -> dict[str, Any]:
    """Who the box is once another daemon answers than the one that started at `before`."""

    async def look() -> dict[str, Any] | None:
        try:
            info = await daemon.get("/info")
        except (aiohttp.ClientError, OSError):
            return None
        return dict(info) if info["started"] != before else None

    return await until(look, 60)


async def test_the_daemon_comes_back_and_the_recording_goes_on() -> None:
    with tempfile.TemporaryDirectory(prefix="gwt-") as folder:
        async with running(Path(folder)) as daemon:
            before = await daemon.get("/info")
            recorder = await daemon.recorder()
            body = {"channel": "testcard", "duration": 600}
            recording = (await daemon.post("/dvr/recordings", body))["id"]

            async def flows() -> bool | None:
                return (await daemon.get(f"/dvr/recordings/{recording}"))["bytes"] > 0 or None

            await until(flows, 30)
            status, answer = await daemon.call("POST", "/upkeep/restart", {"target": "daemon"})
            assert (status, answer["restart"]["state"]) == (202, "restarting")
            after = await another(daemon, before["started"])
            assert after == {**before, "started": after["started"]}
            assert await daemon.recorder() == recorder
            assert (await daemon.get(f"/dvr/recordings/{recording}"))["state"] == "recording"
            health = await daemon.get("/upkeep/health")
            assert health["started"] == after["started"]
